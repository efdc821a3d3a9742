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
    _forget_old_tokens(core)
    given_ms = core.redrive_tokens.get(execution.arn, {}).get(token) if token is not None else None
    if given_ms is not None:
        return {"redriveDate": seconds(given_ms)}
    await _check(core, execution)
    if not await core.runtime.redrive(execution.arn):
        raise _not_redrivable("Execution is RUNNING and cannot be redriven")
    again = await core.runtime.describe(execution.arn)
    assert again is not None
    assert again.redrive_ms is not None
    if token is not None:
        known = core.redrive_tokens.setdefault(execution.arn, {})
        known[token] = again.redrive_ms
        while len(known) > _TOKENS_MAX:
            del known[next(iter(known))]
    return {"redriveDate": seconds(again.redrive_ms)}


def _forget_old_tokens(core: Core) -> None:
    """Tokens are few: every redrive within 15 minutes has at most one."""
    oldest_ms = core.clock.now_ms() - _TOKEN_MS
    for arn, known in list(core.redrive_tokens.items()):
        for token in [token for token, given_ms in known.items() if given_ms <= oldest_ms]:
            del known[token]
        if not known:
            del core.redrive_tokens[arn]


async def _check(core: Core, execution: Execution) -> None:
    """Raises ExecutionNotRedrivable with AWS's reason."""
    if execution.map_run_arn is not None:
        raise _not_redrivable("Execution is a child workflow of a Map Run and is redriven with its parent")
    reason = await why_not_redrivable(core, execution)
    if reason is not None:
        raise _not_redrivable(reason)


def _not_redrivable(reason: str) -> ServiceError:
    return ServiceError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{reason}'")
