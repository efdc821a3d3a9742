"""Reading and sending whole bodies."""

from __future__ import annotations

from typing import Final

from newel.api.protocol import Message, Receive, Send
from newel.errors import ServiceError

_PIECE: Final = 262_144


class GoneError(Exception):
    """Nothing failed: the client left."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """The whole body of a request. Raises RequestEntityTooLargeException, `GoneError`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise GoneError
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= limit:
        return body
    return await _long_body(receive, message, limit)


async def _long_body(receive: Receive, message: Message, limit: int) -> bytes:
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            text = f"The request body is larger than {limit} bytes."
            raise ServiceError("RequestEntityTooLargeException", text, status=413)
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


async def send_body(send: Send, body: bytes) -> None:
    """Send the whole body of a response, a large one in pieces, so that a slow client holds back the sender."""
    view, at = memoryview(body), 0
    while len(view) - at > _PIECE:
        await send({"type": "http.response.body", "body": bytes(view[at : at + _PIECE]), "more_body": True})
        at += _PIECE
    await send({"type": "http.response.body", "body": bytes(view[at:]) if at else body})


def replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives a body that was read already, and then what else comes."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
