"""The Step Functions API: `X-Amz-Target` to a checked request, an operation, an answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from newel.api.protocol import JSON_1_0, Reply, decode, encode, encode_lenient
from newel.api.shapes import checker
from newel.errors import ServiceError
from newel.service.core import Answer, Caller, Core
from newel.service.operations import OPERATIONS, Operation

PREFIX: Final = b"AWSStepFunctions."
#: Operations that may hold the request open for a minute or more, and end when nobody waits for the answer.
LONG_POLLS: Final = frozenset({b"AWSStepFunctions.GetActivityTask", b"AWSStepFunctions.TestState"})
_TRACED: Final = frozenset({"StartExecution", "StartSyncExecution"})

Check = Callable[[Any], Mapping[str, Any]]
Route = Callable[[Caller, bytes, str | None], Awaitable[Reply]]


class StatesApi:
    """Answers requests to the service. Errors leave as `ServiceError`."""

    def __init__(self, core: Core) -> None:
        self.routes: dict[bytes, Route] = {
            PREFIX + name.encode(): _route(core, name, operation) for name, operation in OPERATIONS.items()
        }

    async def call(self, target: bytes, caller: Caller, body: bytes, trace_header: str | None = None) -> Reply:
        """One request. `trace_header` is HTTP's `X-Amzn-Trace-Id`, which wins over the body's."""
        route = self.routes.get(target)
        if route is None:
            name = target.removeprefix(PREFIX).decode("latin-1")
            message = f"The operation {name} is not an operation of AWS Step Functions."
            raise ServiceError("UnknownOperationException", message)
        return await route(caller, body, trace_header)


def _route(core: Core, name: str, operation: Operation) -> Route:
    check: Check = checker(name)
    traced = name in _TRACED

    async def route(caller: Caller, body: bytes, trace_header: str | None) -> Reply:
        request = check(decode(body))
        if trace_header is not None and traced:
            request = check({**request, "traceHeader": trace_header})
        return Reply(200, _encoded(await operation(core, caller, request)))

    return route


def _encoded(answer: Answer) -> bytes:
    try:
        return encode(answer)
    except UnicodeEncodeError:
        return encode_lenient(answer)


__all__ = ["JSON_1_0", "LONG_POLLS", "PREFIX", "StatesApi"]
