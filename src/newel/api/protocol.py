"""Replies, and errors as AWS's JSON protocols show them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from newel.errors import ServiceError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON_1_0: Final = b"application/x-amz-json-1.0"
JSON_1_1: Final = b"application/x-amz-json-1.1"

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder()
encode: Final = _encoder.encode


class Reply(msgspec.Struct, frozen=True):
    """An HTTP response with its whole body; `request_id` is given where the answerer has an id of its own."""

    status: int
    body: bytes
    content_type: bytes = JSON_1_0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    request_id: bytes | None = None


def decode(body: bytes) -> Any:
    """The JSON of a request; no body is an empty object. Raises SerializationException."""
    if not body:
        return {}
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ServiceError("SerializationException", f"The request body is not valid JSON: {error}") from None


def error_reply(error: ServiceError, content_type: bytes = JSON_1_0) -> Reply:
    """`{"__type": code, "message": …}` with the error's further members."""
    members = {"__type": error.code, "message": error.message, **error.extra}
    return Reply(error.status, encode_lenient(members), content_type)


def encode_lenient(value: Any) -> bytes:
    """Encode an answer; lone surrogates, which JSON can hold only as escapes, become question marks."""
    try:
        return encode(value)
    except UnicodeEncodeError:
        return encode(_without_surrogates(value))


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_surrogates(item) for item in value]
    return value


class RequestIds:
    """Ids for `x-amzn-RequestId`: a random start per process, then a count. Cheaper than a UUID each time."""

    def __init__(self) -> None:
        start = secrets.token_hex(8)
        self._prefix = f"{start[:8]}-{start[8:12]}-4{start[13:16]}-8{secrets.token_hex(2)[:3]}-"
        self._count = itertools.count(1)

    def next(self) -> bytes:
        return f"{self._prefix}{next(self._count):012x}".encode()
