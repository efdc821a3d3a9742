"""AWS's Query protocol: form parameters in, XML out. STS and IAM speak it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from newel.api.credentials import Identity
from newel.api.protocol import Reply
from newel.errors import ServiceError

Parameters = dict[str, str]
#: One action: who asks and with which parameters, to the members of the `<…Result>`, or None where there is no result.
Action = Callable[[Identity, Parameters], Mapping[str, Any] | None]

XML: Final = b"text/xml"
_NOT_XML: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "?")


def parameters_of(body: bytes, query: bytes) -> Parameters:
    """The parameters of a request; those in the body win."""
    pairs = parse_qsl((query + b"&" + body).decode("utf-8", "replace"), keep_blank_values=True, errors="replace")
    return dict(pairs)


def need(parameters: Parameters, name: str) -> str:
    """A required parameter. Raises ValidationError."""
    value = parameters.get(name)
    if not value:
        path = name[:1].lower() + name[1:]
        message = (
            f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
        )
        raise ServiceError("ValidationError", message)
    return value


def members_of(parameters: Parameters, name: str) -> list[dict[str, str]]:
    """A list of structures such as `Tags.member.1.Key`."""
    found: list[dict[str, str]] = []
    while True:
        prefix = f"{name}.member.{len(found) + 1}."
        item = {key[len(prefix) :]: value for key, value in parameters.items() if key.startswith(prefix)}
        if not item:
            return found
        found.append(item)


def values_of(parameters: Parameters, name: str) -> list[str]:
    """A list of strings such as `TagKeys.member.1`."""
    found: list[str] = []
    while (value := parameters.get(f"{name}.member.{len(found) + 1}")) is not None:
        found.append(value)
    return found


class QueryApi:
    """One service of the Query protocol."""

    def __init__(self, name: str, namespace: str, actions: Mapping[str, Action]) -> None:
        self._name = name
        self._namespace = namespace
        self._actions = actions

    def performs(self, parameters: Parameters) -> bool:
        """Whether a request's action is one of those performed here."""
        return parameters.get("Action", "") in self._actions

    def call(self, identity: Identity, parameters: Parameters, request_id: str) -> Reply:
        """Answer one request; errors too become XML."""
        action = parameters.get("Action", "")
        try:
            result = self._actions.get(action, self._unsupported)(identity, parameters)
        except ServiceError as error:
            return error_reply(error, request_id, self._namespace)
        inner = "" if result is None else f"<{action}Result>{_xml(result)}</{action}Result>"
        text = (
            f'<{_text(action)}Response xmlns="{self._namespace}">{inner}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{_text(action)}Response>"
        )
        return Reply(200, text.encode("utf-8", "replace"), XML)

    def _unsupported(self, identity: Identity, parameters: Parameters) -> NoReturn:
        action = parameters.get("Action", "")
        message = f"The action {action} of {self._name} is not supported by this version of Newel."
        raise ServiceError("InvalidAction", message)


def error_reply(error: ServiceError, request_id: str, namespace: str) -> Reply:
    """An error of the Query protocol."""
    kind = "Sender" if error.status < 500 else "Receiver"
    text = (
        f'<ErrorResponse xmlns="{namespace}"><Error><Type>{kind}</Type><Code>{_text(error.code)}</Code>'
        f"<Message>{_text(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return Reply(error.status, text.encode("utf-8", "replace"), XML)


def _xml(value: Any) -> str:
    """Structures become elements, lists become `<member>` elements; None is left out."""
    if isinstance(value, Mapping):
        return "".join(f"<{key}>{_xml(item)}</{key}>" for key, item in value.items() if item is not None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return _text(str(value))


def _text(text: str) -> str:
    return escape(text.translate(_NOT_XML))
