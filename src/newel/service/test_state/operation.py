"""TestState: the answer as the API spells it."""

from __future__ import annotations

from newel.engine.inspect import ErrorDetails, Verdict
from newel.json import Json, Payload, dumps
from newel.service.core import Answer, Caller, Core, Request
from newel.service.test_state.request import Checked, check
from newel.service.test_state.run import Tested, Tools, run_test


async def test_state(core: Core, caller: Caller, request: Request) -> Answer:
    """TestState."""
    tools = Tools(clock=core.clock, entropy=core.entropy, limits=core.limits, targets=core.test_targets)
    return await answer_of(request, tools, caller)


async def answer_of(request: Request, tools: Tools, caller: Caller) -> Answer:
    """Check a request, run it and word the answer: also what `newel test-state` does. Raises TestState's errors."""
    checked = await check(request)
    tested = await run_test(checked, tools, partition=caller.partition, account=caller.account, region=caller.region)
    return _answer(checked, tested)


def _answer(checked: Checked, tested: Tested) -> Answer:
    verdict = tested.verdict
    answer: Answer = {"status": verdict.status}
    if verdict.output is not None:
        answer["output"] = verdict.output.text
    for member, value in (("error", verdict.error), ("cause", verdict.cause), ("nextState", verdict.next_state)):
        if value is not None:
            answer[member] = value
    if checked.level != "INFO":
        data = _inspection_data(verdict)
        if checked.level == "TRACE":
            data.update(tested.exchange)
        answer["inspectionData"] = data
    return answer


def _inspection_data(verdict: Verdict) -> dict[str, Json]:
    data: dict[str, Json] = {
        name: value.text if isinstance(value, Payload) else value for name, value in verdict.inspected.items()
    }
    if verdict.variables:
        data["variables"] = dumps(verdict.variables)
    if verdict.details is not None:
        data["errorDetails"] = _error_details(verdict.details)
    return data


def _error_details(details: ErrorDetails) -> dict[str, int]:
    members = {
        "catchIndex": details.catch_index,
        "retryIndex": details.retry_index,
        "retryBackoffIntervalSeconds": details.backoff_s,
    }
    return {name: value for name, value in members.items() if value is not None}
