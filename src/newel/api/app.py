"""The one endpoint: a bare ASGI application that finds out which API a request is for.

Step Functions comes first and costs least. The other AWS APIs that a client of Step Functions needs stand behind it:
Lambda (REST), STS and IAM (Query protocol), CloudWatch Logs and EventBridge connections (JSON). A request signed for
any other service, or for another operation of EventBridge, goes to the companion, if there is one, and is refused by
name otherwise.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from newel.api import logs, query, states
from newel.api.bodies import GoneError, read_body, replayed
from newel.api.browsers import check_browser
from newel.api.credentials import Credentials, Identity
from newel.api.events_api import EventsApi
from newel.api.protocol import (
    JSON_1_0,
    JSON_1_1,
    AsgiApp,
    Receive,
    Reply,
    RequestIds,
    Scope,
    Send,
    error_reply,
)
from newel.errors import ServiceError
from newel.ports.metrics import Metrics, NoMetrics
from newel.ports.store import AlreadyExists, StoreUnavailable
from newel.service.core import Caller

logger = logging.getLogger(__name__)

#: A definition of 1 MiB in which every character is escaped fits.
JSON_BODY_BYTES_MAX: Final = 8 * 1_048_576
#: A function's zip of 50 MB in base64, with room.
REST_BODY_BYTES_MAX: Final = 100 * 1_048_576
_LAMBDA_PATH: Final = re.compile(r"/20\d\d-\d\d-\d\d/")
_QUERY_VERSIONS: Final = {"2011-06-15": "sts", "2010-05-08": "iam"}
_FORM: Final = b"application/x-www-form-urlencoded"
_TRACE_CHARS_MAX: Final = 256


class RestResponse(Protocol):
    """What a REST API answers."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def body(self) -> bytes: ...


class RestApi(Protocol):
    """An API of another module whose operations are told apart by method and path."""

    async def handle(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        account: str,
        region: str,
    ) -> RestResponse: ...


class Companion(Protocol):
    """Takes requests to services that are not ours. `claims` says whether one that is not signed is such a request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    def claims(self, scope: Scope) -> bool: ...


class Apis(msgspec.Struct, frozen=True, kw_only=True):
    """What the endpoint serves.

    `pages` answers `GET` paths of our own (`/metrics`, …) with (content type, body). `companion` takes requests signed
    for services that are not ours, and actions of IAM and STS that are not performed here; `console` takes everything
    that is not a request to an AWS API.
    """

    states: states.StatesApi
    logs: logs.LogsApi
    query: Mapping[str, query.QueryApi]
    lambda_: RestApi | None = None
    events: EventsApi | None = None
    pages: Mapping[str, Callable[[], tuple[str, bytes]]] = {}
    companion: Companion | None = None
    console: AsgiApp | None = None


class _Head:
    """The headers that matter, from one walk over the raw list."""

    __slots__ = ("authorization", "browser", "content_type", "host", "origin", "target", "trace")

    def __init__(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.target = self.authorization = self.content_type = self.host = self.origin = b""
        self.browser = False
        self.trace: str | None = None
        for name, value in headers:
            if name == b"x-amz-target":
                self.target = value
            elif name == b"authorization":
                self.authorization = value
            elif name == b"content-type":
                self.content_type = value
            elif name == b"x-amzn-trace-id" and len(value) <= _TRACE_CHARS_MAX and value.isascii():
                self.trace = value.decode("ascii")
            elif name == b"host":
                self.host = value
            elif name == b"origin":
                self.origin = value
                self.browser = True
            elif name == b"sec-fetch-site":
                self.browser = True


class _Elsewhere(Exception):  # noqa: N818  (nothing failed: the body showed that the companion is meant)
    def __init__(self, body: bytes) -> None:
        super().__init__()
        self.body = body


class App:
    """The ASGI application."""

    def __init__(
        self,
        apis: Apis,
        credentials: Credentials,
        metrics: Metrics | None = None,
        browser_hosts: Collection[str] = (),
    ) -> None:
        """`browser_hosts` are host names, besides loopback's, under which browsers may use the endpoint."""
        self._apis = apis
        self._credentials = credentials
        self._metrics = metrics or NoMetrics()
        self._browser_hosts = frozenset(browser_hosts)
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "http":
            await self._http(scope, receive, send)
        elif kind == "lifespan":
            await _lifespan(receive, send)
        else:
            await self._websocket(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """WebSockets are the console's alone."""
        head = _Head(scope["headers"])
        try:
            check_browser(head.origin, head.host, self._browser_hosts)
        except ServiceError:
            console = None
        else:
            console = self._apis.console
        if console is None:
            await send({"type": "websocket.close"})
        else:
            await console(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = _Head(scope["headers"])
        request_id = self._ids.next()
        try:
            if head.browser:
                check_browser(head.origin, head.host, self._browser_hosts)
            if head.target.startswith(states.PREFIX) and scope["method"] == "POST":
                reply = await self._states(head, scope, receive)
            else:
                other = self._elsewhere(head, scope)
                if other is not None:
                    await other(scope, receive, send)
                    return
                reply = await self._guarded(self._other(head, scope, receive, request_id), scope["path"])
            await _send(send, reply, request_id)
        except GoneError:
            return
        except _Elsewhere as meant:
            assert self._apis.companion is not None
            await self._apis.companion(scope, replayed(meant.body, receive), send)
        except ServiceError as error:
            await _send(send, error_reply(error), request_id)

    async def _states(self, head: _Head, scope: Scope, receive: Receive) -> Reply:
        """A request to Step Functions, counted."""
        content_type = JSON_1_1 if b"json-1.1" in head.content_type else JSON_1_0
        caller = self._credentials.of(head.authorization, scope["query_string"]).caller
        target = head.target
        code = "OK"
        try:
            call = self._apis.states.call(target, caller, await read_body(receive, JSON_BODY_BYTES_MAX), head.trace)
            reply = await (_until_gone(call, receive) if target in states.LONG_POLLS else call)
        except GoneError:
            raise
        except Exception as error:
            refusal = _as_service_error(error, target.decode("latin-1"))
            code, reply = refusal.code, error_reply(refusal, content_type)
        else:
            if content_type is JSON_1_1:
                reply = msgspec.structs.replace(reply, content_type=JSON_1_1)
        name = target[len(states.PREFIX) :].decode("latin-1") if target in self._apis.states.routes else "unknown"
        self._metrics.api_request(name, code)
        return reply

    async def _guarded(self, call: Awaitable[Reply], what: str) -> Reply:
        try:
            return await call
        except (GoneError, _Elsewhere):
            raise
        except Exception as error:
            return error_reply(_as_service_error(error, what))

    def _elsewhere(self, head: _Head, scope: Scope) -> AsgiApp | None:
        """The application that takes the request as it is, before its body is read."""
        identity = self._credentials.of(head.authorization, scope["query_string"])
        if head.target.startswith((states.PREFIX, logs.PREFIX)) or identity.service in ("lambda", *self._apis.query):
            return None
        if self._events(head) is not None:
            return None
        if identity.service not in ("", "states", "logs") or head.target:
            return self._apis.companion
        path: str = scope["path"]
        ours = path in self._apis.pages or path == "/health" or _LAMBDA_PATH.match(path)
        if ours:
            return None
        companion = self._apis.companion
        if companion is not None and not identity.service and companion.claims(scope):
            return companion
        if scope["method"] == "POST" and head.content_type.startswith(_FORM):
            return None
        return self._apis.console

    def _events(self, head: _Head) -> EventsApi | None:
        """EventBridge, if the operation is one of those performed here."""
        events = self._apis.events
        return events if events is not None and head.target in events.targets else None

    async def _other(self, head: _Head, scope: Scope, receive: Receive, request_id: bytes) -> Reply:
        """Every API but Step Functions, and our own pages."""
        identity = self._credentials.of(head.authorization, scope["query_string"])
        method, path = scope["method"], scope["path"]
        if head.target.startswith(logs.PREFIX) and method == "POST":
            body = await read_body(receive, JSON_BODY_BYTES_MAX)
            # In a thread, because reading a large group's file takes a while.
            return await asyncio.to_thread(self._apis.logs.call, head.target, identity.caller, body)
        events = self._events(head)
        if events is not None and method == "POST":
            return events.call(head.target, identity.caller, await read_body(receive, JSON_BODY_BYTES_MAX))
        if identity.service in self._apis.query or head.content_type.startswith(_FORM):
            return await self._query(identity, scope, receive, request_id)
        if identity.service == "lambda" or _LAMBDA_PATH.match(path):
            return await self._lambda(identity.caller, scope, receive)
        if method in ("GET", "HEAD") and path == "/health":
            return Reply(200, b'{"status":"ok"}', b"application/json")
        if method in ("GET", "HEAD") and path in self._apis.pages:
            content_type, page = self._apis.pages[path]()
            return Reply(200, page, content_type.encode())
        raise _not_served(head, identity, method, path)

    async def _query(self, identity: Identity, scope: Scope, receive: Receive, request_id: bytes) -> Reply:
        body = await read_body(receive, JSON_BODY_BYTES_MAX)
        parameters = query.parameters_of(body, scope["query_string"])
        service = identity.service or _QUERY_VERSIONS.get(parameters.get("Version", ""), "")
        api = self._apis.query.get(service)
        if self._apis.companion is not None and (api is None or not api.performs(parameters)):
            raise _Elsewhere(body)
        if api is None:
            refusal = _unsupported_service(service or f"of version {parameters.get('Version', '')}")
            return query.error_reply(refusal, request_id.decode(), "")
        return api.call(identity, parameters, request_id.decode())

    async def _lambda(self, caller: Caller, scope: Scope, receive: Receive) -> Reply:
        if self._apis.lambda_ is None:
            raise _unsupported_service("lambda")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        response = await self._apis.lambda_.handle(
            scope["method"],
            scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"],
            scope["query_string"].decode("latin-1"),
            headers,
            await read_body(receive, REST_BODY_BYTES_MAX),
            account=caller.account,
            region=caller.region,
        )
        given = {name.lower(): value for name, value in response.headers.items()}
        content_type = given.pop("content-type", "application/json").encode("latin-1")
        given.pop("content-length", None)
        request_id = given.pop("x-amzn-requestid", "").encode("latin-1") or None
        more = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in given.items())
        return Reply(response.status, response.body, content_type, more, request_id)


def _as_service_error(error: Exception, what: str) -> ServiceError:
    """What the client is told; the log gets what we need to know."""
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, AlreadyExists):
        return ServiceError("ConflictException", "Another request changed the same resource at the same time.")
    if isinstance(error, StoreUnavailable):
        logger.error("%s: the store cannot write: %s", what, error)
        return ServiceError("ServiceUnavailable", f"The store is not available: {error}", status=503)
    logger.error("%s failed", what, exc_info=error)
    if isinstance(error, OSError):
        return ServiceError("ServiceUnavailable", f"The data directory: {error.strerror}", status=503)
    return ServiceError("InternalFailure", "The request processing has failed because of an unknown error.", status=500)


def _unsupported_service(service: str) -> ServiceError:
    message = f"The AWS service {service} is not served by this endpoint."
    return ServiceError("UnsupportedService", message, status=501)


def _not_served(head: _Head, identity: Identity, method: str, path: str) -> ServiceError:
    if head.target:
        name = head.target.decode("latin-1")
        if method != "POST":
            return ServiceError("UnknownOperationException", f"{name} must be requested by POST.")
        return ServiceError("UnknownOperationException", f"The operation {name} is not served by this endpoint.")
    if identity.service in ("", "states"):
        message = f"There is nothing at {method} {path}; a request to Step Functions needs an X-Amz-Target header."
        return ServiceError("UnknownOperationException", message, status=404)
    return _unsupported_service(identity.service)


async def _until_gone(call: Awaitable[Reply], receive: Receive) -> Reply:
    """The reply of a long poll, which is cancelled when its client goes away so that nobody else's task is lost."""
    poll = asyncio.ensure_future(call)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((poll, gone), return_when=asyncio.FIRST_COMPLETED)
        if poll.done():
            return poll.result()
        raise GoneError
    finally:
        for task in (poll, gone):
            task.cancel()
        await asyncio.gather(poll, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, reply: Reply, request_id: bytes) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type),
                (b"content-length", b"%d" % len(reply.body)),
                (b"x-amzn-requestid", reply.request_id or request_id),
                *reply.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message: Any = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
