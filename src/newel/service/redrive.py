"""RedriveExecution."""

from __future__ import annotations

from typing import Final

from newel.errors import ServiceError
from newel.ports.store import Execution
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.executions import existing_execution, why_not_redrivable

#: How long a clientToken is known, and how many of an execution's.
_TOKEN_MS: Final = 15 * 60_000
_TOKENS_MAX: Final = 10


async def redrive_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """RedriveExecution. A clientToken seen in the last 15 minutes gives the answer it gave then."""
    execution = await existing_execution(core, request["executionArn"])
    token = request.get("clientToken")
    known = core.redrive_tokens.setdefault(execution.arn, {})
    if token is not None and token in known and core.clock.now_ms() - known[token] < _TOKEN_MS:
        return {"redriveDate": seconds(known[token])}
    await _check(core, execution)
    if not await core.runtime.redrive(execution.arn):
        raise _not_redrivable("Execution is RUNNING and cannot be redriven")
    again = await core.runtime.describe(execution.arn)
    assert again is not None
    assert again.redrive_ms is not None
    if token is not None:
        known[token] = again.redrive_ms
        while len(known) > _TOKENS_MAX:
            del known[next(iter(known))]
    if not known:
        del core.redrive_tokens[execution.arn]
    return {"redriveDate": seconds(again.redrive_ms)}


async def _check(core: Core, execution: Execution) -> None:
    """Raises ExecutionNotRedrivable with AWS's reason."""
    if execution.map_run_arn is not None:
        raise _not_redrivable("Execution is a child workflow of a Map Run and is redriven with its parent")
    reason = await why_not_redrivable(core, execution)
    if reason is not None:
        raise _not_redrivable(reason)


def _not_redrivable(reason: str) -> ServiceError:
    return ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{reason}'")
