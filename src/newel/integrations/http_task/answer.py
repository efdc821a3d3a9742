"""From a response to the task's result or error."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from newel.errors import RuntimeFailure, StatesError
from newel.integrations.http_task.messages import HttpResponse
from newel.json import InvalidJson, Json, dumps, loads

STATUS_ERROR: Final = "States.Http.StatusCode."
_BINARY_TYPES: Final = ("image/", "video/", "audio/")


def task_result(response: HttpResponse) -> str:
    """`{Headers, ResponseBody, StatusCode, StatusText}` as JSON text.

    Raises `StatesError` `States.Http.StatusCode.<nnn>` unless the status is 2xx; the cause is the status text, as
    observed on AWS, which drops the body. Raises `RuntimeFailure` for a body that is not text.
    """
    if not 200 <= response.status < 300:
        raise StatesError(f"{STATUS_ERROR}{response.status}", status_text(response))
    headers: dict[str, list[str]] = {}
    for name, value in response.headers:
        headers.setdefault(name, []).append(_clean(value))
    result = {
        "Headers": headers,
        "ResponseBody": _body(response),
        "StatusCode": response.status,
        "StatusText": status_text(response),
    }
    return dumps(result)


def status_text(response: HttpResponse) -> str:
    """The reason phrase, or the standard one where the server gave none."""
    if response.reason:
        return _clean(response.reason)
    try:
        return HTTPStatus(response.status).phrase
    except ValueError:
        return ""


def body_text(response: HttpResponse) -> str:
    """The body as text. Raises `RuntimeFailure` for a binary content type and for bytes that are no text."""
    media_type, charset = _content_type(response)
    if media_type == "application/octet-stream" or media_type.startswith(_BINARY_TYPES):
        raise RuntimeFailure(f"The content type of the response is not supported: {_clean(media_type)}")
    try:
        return response.body.decode(charset)
    except (UnicodeDecodeError, LookupError):
        raise RuntimeFailure("The body of the response could not be read as a string") from None


def _body(response: HttpResponse) -> Json:
    """JSON is decoded where the content type says so; whatever else is text, like JSON that is broken."""
    text = body_text(response)
    media_type, _ = _content_type(response)
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return loads(text)
        except InvalidJson:
            return text
    return text


def _content_type(response: HttpResponse) -> tuple[str, str]:
    """The media type and the charset, both in lower case; UTF-8 where none is named."""
    media_type, *parameters = (response.header("content-type") or "").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return media_type.strip(), value.strip().strip("\"'")
    return media_type.strip(), "utf-8"


def _clean(text: str) -> str:
    """Header bytes that are no UTF-8 reach us as lone surrogates, which JSON does not have."""
    return text.encode("utf-8", "replace").decode()
