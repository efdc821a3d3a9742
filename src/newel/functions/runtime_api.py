"""The Lambda Runtime API (2018-06-01) as one function process sees it: a small HTTP/1.1 server and a session behind it.

    GET  /2018-06-01/runtime/invocation/next             waits for work
    POST /2018-06-01/runtime/invocation/{id}/response    a result
    POST /2018-06-01/runtime/invocation/{id}/error       a function error
    POST /2018-06-01/runtime/init/error                  the runtime could not start

Each process has a listening socket of its own, so nothing it says can be mistaken for another's: a Unix socket in a
private folder for our bootstraps, a loopback port for any other runtime (`AWS_LAMBDA_RUNTIME_API`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

import httptools
import msgspec

from newel.functions.model import RESPONSE_BYTES_MAX
from newel.json import dumps

_PREFIX: Final = "/2018-06-01/runtime/"
#: Bytes of a request's body that are read before the connection is refused; over RESPONSE_BYTES_MAX by enough to
#: report a result's real size.
_BODY_BYTES_MAX: Final = 64 << 20
_HEADERS_MAX: Final = 100

Reply = Callable[[bytes], None]


class Invocation(msgspec.Struct, kw_only=True):
    """One request to a process. `deadline_ms` is epoch milliseconds."""

    request_id: str
    payload: bytes
    function_arn: str
    deadline_ms: int
    trace_id: str
    client_context: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """What the runtime said of an invocation; `error_type` is None for a result. `too_large` is a result's size."""

    payload: bytes
    error_type: str | None = None
    too_large: int | None = None


class InitError(msgspec.Struct, frozen=True):
    """The runtime's own error document, and its type."""

    payload: bytes
    error_type: str


_REASONS: Final = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 413: "Too Large"}


def _http(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _refusal(status: int, error_type: str, message: str) -> bytes:
    return _http(status, dumps({"errorMessage": message, "errorType": error_type}).encode())


#: Accepting, making the transport, telling the protocol.
_SETTLING_TURNS: Final = 3
_ACCEPTED: Final = _http(202, b'{"status":"OK"}\n')


class Session:
    """The protocol's state for one process: waiting for work, or working on one invocation."""

    def __init__(
        self,
        *,
        on_idle: Callable[[], None],
        on_answered: Callable[[], None],
        on_init_error: Callable[[InitError], None],
    ) -> None:
        self._on_idle = on_idle
        self._on_answered = on_answered
        self._on_init_error = on_init_error
        self._parked: Reply | None = None
        self._invocation: Invocation | None = None
        self._delivered = False
        self._answer: asyncio.Future[Answer] | None = None
        self.closed = False
        self.connections: set[Connection] = set()

    @property
    def idle(self) -> bool:
        """A `next` is waiting for work."""
        return self._parked is not None

    def submit(self, invocation: Invocation) -> asyncio.Future[Answer]:
        """Hand over work; the future is the runtime's answer."""
        assert self._invocation is None
        self._invocation, self._delivered = invocation, False
        self._answer = asyncio.get_running_loop().create_future()
        if self._parked is not None:
            self._deliver(self._parked)
        return self._answer

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes, reply: Reply) -> None:
        """Serve one request of the runtime."""
        if not path.startswith(_PREFIX):
            reply(_refusal(404, "InvalidPath", f"Newel serves no {path}; extensions are not supported"))
            return
        match method, path[len(_PREFIX) :].split("/"):
            case "GET", ["invocation", "next"]:
                self._next(reply)
            case "POST", ["invocation", identifier, "response"]:
                self._finish(identifier, _result(body), reply)
            case "POST", ["invocation", identifier, "error"]:
                self._finish(identifier, Answer(body, _error_type(headers, body)), reply)
            case "POST", ["init", "error"]:
                reply(_ACCEPTED)
                self._on_init_error(InitError(body, _error_type(headers, body)))
            case _:
                reply(_refusal(404, "InvalidPath", f"Newel serves no {method} {path}"))

    def abandon(self, reason: Exception) -> None:
        """The invocation in hand, if any, ends without the runtime's word."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(reason)

    def close(self) -> None:
        """Drop every connection, and those that are still being accepted."""
        self.closed = True
        for connection in list(self.connections):
            connection.close()

    def disconnected(self, reply: Reply) -> None:
        """A connection closed; a `next` that waited on it is no longer there."""
        if self._parked is reply:
            self._parked = None

    def _next(self, reply: Reply) -> None:
        if self._invocation is not None and not self._delivered:
            self._deliver(reply)
            return
        if self._invocation is not None:
            reply(_refusal(403, "InvalidStateTransition", "The invocation in hand has no response yet"))
            return
        self._parked = reply
        self._on_idle()

    def _deliver(self, reply: Reply) -> None:
        invocation = self._invocation
        assert invocation is not None
        self._parked, self._delivered = None, True
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
        }
        if invocation.client_context:
            headers["Lambda-Runtime-Client-Context"] = invocation.client_context
        reply(_http(200, invocation.payload, headers))

    def _finish(self, identifier: str, answer: Answer, reply: Reply) -> None:
        if self._invocation is None or identifier != self._invocation.request_id:
            reply(_refusal(400, "InvalidRequestID", "Invalid request ID"))
            return
        assert self._answer is not None
        if not self._answer.done():
            self._answer.set_result(answer)
        self._invocation = self._answer = None
        self._on_answered()
        if answer.too_large is not None:
            message = f"Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
            reply(_refusal(413, "RequestEntityTooLarge", message))
        else:
            reply(_ACCEPTED)


def _result(body: bytes) -> Answer:
    if len(body) > RESPONSE_BYTES_MAX:
        return Answer(b"", None, len(body))
    return Answer(body)


def _error_type(headers: Mapping[str, str], body: bytes) -> str:
    named = headers.get("lambda-runtime-function-error-type")
    if named:
        return named
    try:
        document = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "Runtime.Unknown"
    kind = document.get("errorType") if isinstance(document, dict) else None
    return kind if isinstance(kind, str) else "Runtime.Unknown"


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection of a runtime."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._reply: Reply = self._send

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._session.connections.add(self)
        if self._session.closed:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._session.disconnected(self._reply)
        self._session.connections.discard(self)
        self._transport = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise  # an error of ours
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._abort(_refusal(400, "InvalidRequest", "Malformed HTTP request"))

    # What httptools calls while it reads a request.

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._headers) < _HEADERS_MAX:
            self._headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > _BODY_BYTES_MAX:
            self._abort(_refusal(413, "RequestEntityTooLarge", "The request is too large"))
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("ascii")
        path = self._url.decode("latin-1").partition("?")[0]
        self._session.handle(method, path, self._headers, b"".join(self._body), self._reply)

    def _send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _abort(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
            self._transport.close()


async def listen_unix(session: Session, path: str) -> asyncio.AbstractServer:
    """Serve one process over a Unix socket."""
    return await asyncio.get_running_loop().create_unix_server(lambda: Connection(session), path)


async def listen_loopback(session: Session) -> tuple[asyncio.AbstractServer, str]:
    """Serve one process over a loopback port; also returns `host:port`."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(session), "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    return server, f"{host}:{port}"


def close_when_settled(server: asyncio.AbstractServer, turns: int = _SETTLING_TURNS) -> None:
    """Stop listening for a process that has ended, a few turns of the event loop later.

    By then every connection it made has its transport, so that the session can drop it; asyncio's server of Python 3.11
    leaves the socket open of one that it has accepted and not given a transport yet when it is closed.
    """
    if turns == 0:
        server.close()
    else:
        asyncio.get_running_loop().call_soon(close_when_settled, server, turns - 1)
