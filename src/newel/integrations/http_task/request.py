"""From a task's parameters and what its connection adds to the request that is sent.

Where both say something, the connection wins (Developer Guide, "Merging EventBridge connection and HTTP Task definition
data").
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from yarl import URL

from newel.errors import RuntimeFailure
from newel.integrations.http_task.encoding import Pair, form_encode, query_encode, query_pairs, scalar_text
from newel.integrations.http_task.messages import FORM_TYPE, JSON_TYPE, RANGE, HttpRequest
from newel.json import InvalidJson, Json, dumps
from newel.ports.connections import ApiKey, BasicAuth, Connection, HttpParameters, Parameter

MASK: Final = "****"
#: Set by the service or the transport, whatever the definition and the connection say.
_OURS: Final = frozenset(
    {"user-agent", "range", "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"}
)


def additions(connection: Connection, token: str | None) -> HttpParameters:
    """All that a connection adds: its credentials as a header, and its parameters. `token` is OAuth's header value."""
    credentials = connection.credentials
    if isinstance(credentials, BasicAuth):
        pair = f"{credentials.username}:{credentials.password}".encode()
        proof = Parameter("Authorization", f"Basic {b64encode(pair).decode()}", secret=True)
    elif isinstance(credentials, ApiKey):
        proof = Parameter(credentials.name.strip(), credentials.value, secret=True)
    else:
        assert token is not None
        proof = Parameter("Authorization", token, secret=True)
    own = connection.parameters
    others = (one for one in own.headers if one.key.lower() != proof.key.lower())
    return HttpParameters((proof, *others), own.query, own.body)


def hidden(added: HttpParameters) -> HttpParameters:
    """The same with every value masked: all that a connection adds counts as secret (API reference of TestState)."""

    def mask(parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
        return tuple(msgspec.structs.replace(parameter, value=MASK) for parameter in parameters)

    return HttpParameters(mask(added.headers), mask(added.query), mask(added.body))


def endpoint(text: str) -> URL:
    """The endpoint of a request, its escapes as they were given.

    Raises `RuntimeFailure` for what is no URL of HTTP, or holds a user's name.
    """
    try:
        parts = urlsplit(text.strip())
        origin = URL(f"{parts.scheme}://{parts.netloc}")
        usable = origin.scheme in ("http", "https") and bool(origin.host) and bool(origin.port) and origin.user is None
    except (ValueError, UnicodeError):
        usable = False
    if not usable:
        raise RuntimeFailure("The value of the field 'ApiEndpoint' has an invalid format")
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    return URL(f"{origin.origin()}{_escaped(parts.path) or '/'}{query}", encoded=True)


def _escaped(text: str) -> str:
    """Characters that may not stand in a URL as escapes; escapes that are there stay."""
    return quote(text.encode("utf-8", "replace"), safe="%/:?#[]@!$&'()*+,;=-._~")


def build_request(given: dict[str, Json], added: HttpParameters, region: str) -> HttpRequest:
    """The request for checked parameters. Raises `RuntimeFailure` for what cannot be merged or encoded."""
    try:
        headers = _headers(given.get("Headers", {}), added.headers)
        content_type = next((value for name, value in headers if name.lower() == "content-type"), None)
        body, form = _body(given, added.body, content_type)
        url = _url(endpoint(given["ApiEndpoint"]), query_pairs(given.get("QueryParameters")), added.query)
    except (InvalidJson, RecursionError):
        raise RuntimeFailure("The request could not be encoded") from None
    return HttpRequest(
        method=given["Method"],
        url=url,
        headers=(*headers, ("User-Agent", f"Amazon|StepFunctions|HttpInvoke|{region}"), ("Range", RANGE)),
        body=body,
        implied=(("Content-Type", JSON_TYPE),) if body is not None and content_type is None else (),
        chunked=form,
    )


def _headers(given: dict[str, Any], added: tuple[Parameter, ...]) -> list[tuple[str, str]]:
    won = {parameter.key.lower() for parameter in added} | _OURS
    own = [
        (name, scalar_text(item))
        for name, value in given.items()
        for item in (value if isinstance(value, list) else [value])
        if name.lower() not in won
    ]
    return own + [(one.key, one.value.strip()) for one in added if one.key.lower() not in _OURS]


def _url(url: URL, own: list[Pair], added: tuple[Parameter, ...]) -> str:
    won = {parameter.key for parameter in added}
    pairs = [pair for pair in own if pair[0] not in won] + [(one.key, one.value) for one in added]
    if not pairs:
        return str(url)
    text = str(url)
    joint = "" if text.endswith(("?", "&")) else "&" if url.raw_query_string else "?"
    return f"{text}{joint}{query_encode(pairs)}"


def _body(given: dict[str, Json], added: tuple[Parameter, ...], content_type: str | None) -> tuple[bytes | None, bool]:
    """The body, and whether it is a form."""
    body = _merged_body(given.get("RequestBody"), added)
    transform = given.get("Transform", {})
    if transform.get("RequestBodyEncoding") == "URL_ENCODED":
        if (content_type or "").partition(";")[0].strip().lower() != FORM_TYPE:
            raise RuntimeFailure(f"The content-type header must be {FORM_TYPE} if RequestBodyEncoding is URL_ENCODED")
        options = transform.get("RequestEncodingOptions") or {}
        return _form(body, options.get("ArrayFormat") or "INDICES"), True
    if body is None:
        return None, False
    text = body if isinstance(body, str) else dumps(body)
    return text.encode("utf-8", "replace"), False


def _merged_body(body: Json, added: tuple[Parameter, ...]) -> Json:
    if not added:
        return body
    if not isinstance(body, dict | None):
        raise RuntimeFailure(
            "The request body cannot be merged with the body parameters of the connection, because it is not an object"
        )
    return {**(body or {}), **{parameter.key: parameter.value for parameter in added}}


def _form(body: Json, array_format: Any) -> bytes | None:
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    if not isinstance(body, dict):
        raise RuntimeFailure("The request body must be an object if RequestBodyEncoding is URL_ENCODED")
    return form_encode(body, array_format).encode()
