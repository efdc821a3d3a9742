"""GetExecutionHistory: the events of a Standard execution, page by page."""

from typing import Any, Final

from newel.limits import PAGE_SIZE_DEFAULT
from newel.ports.store import Execution
from newel.service.core import Answer, Caller, Core, Request
from newel.service.executions import existing_execution
from newel.service.pages import page_size

#: Members of event details that hold payloads, left out when `includeExecutionData` is false.
_PAYLOADS: Final = frozenset({"input", "output", "parameters"})


async def get_execution_history(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """GetExecutionHistory: `reverseOrder`, `includeExecutionData`, pages of at most 1000 events."""
    execution = await existing_execution(core, request["executionArn"])
    after: int | None = core.tokens.read("GetExecutionHistory", request)
    events = await _history(core, execution)
    size = page_size(request)
    reverse = bool(request.get("reverseOrder"))
    if reverse:
        events = events[::-1]
    if after is not None:
        events = [event for event in events if (event["id"] < after if reverse else event["id"] > after)]
    page = events[:size]
    answer: Answer = {"events": page}
    if request.get("includeExecutionData") is False:
        answer["events"] = [_without_data(event) for event in page]
    if len(events) > size:
        answer["nextToken"] = core.tokens.issue("GetExecutionHistory", request, page[-1]["id"])
    return answer


async def _history(core: Core, execution: Execution) -> list[dict[str, Any]]:
    """All events. An ended execution's stay as they are until it is redriven."""
    if execution.stop_ms is None:
        return await core.runtime.history(execution.arn)
    key = (execution.arn, execution.redrive_count, execution.stop_ms)
    events = core.histories.get(key)
    if events is None:
        events = await core.runtime.history(execution.arn)
        if len(events) > PAGE_SIZE_DEFAULT:
            core.histories.put(key, events)
    return events


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: inner for name, inner in value.items() if name not in _PAYLOADS}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }
