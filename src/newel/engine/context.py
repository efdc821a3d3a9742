"""The context object (`$$`, `$states.context`), in AWS's order of members."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from newel.engine.state import ExecutionState, Frame
from newel.json import Json

#: State types whose context shows how often the state was retried.
_RETRYABLE: Final = frozenset({"Task", "Parallel", "Map"})


def iso_time(epoch_ms: int) -> str:
    """ISO 8601 in UTC; the fraction has three digits, or none when it is zero (as AWS drops zero groups)."""
    seconds, ms = divmod(epoch_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{ms:03d}Z" if ms else f"{text}Z"


def context_object(execution: ExecutionState, frame: Frame, state_type: str, token: str | None) -> dict[str, Json]:
    """What a state of `frame` sees; `token` is given for tasks that wait for a callback."""
    who = execution.identity
    state: dict[str, Json] = {"Name": frame.state, "EnteredTime": iso_time(frame.entered_ms)}
    if state_type in _RETRYABLE:
        state["RetryCount"] = frame.retry_count
    context: dict[str, Json] = {
        "Execution": {
            "Id": who.execution_arn,
            "Input": execution.input.value,
            "StartTime": iso_time(who.start_ms),
            "Name": who.execution_name,
            "RoleArn": who.role_arn,
            "RedriveCount": execution.redrive_count,
            **({} if execution.redrive_ms is None else {"RedriveTime": iso_time(execution.redrive_ms)}),
        },
        "StateMachine": {"Id": who.machine_arn, "Name": who.machine_name},
        "State": state,
    }
    if token is not None:
        context["Task"] = {"Token": token}
    return context


def with_map_item(
    context: dict[str, Json], index: int, value: Json, key: str | None, source: str = "STATE_DATA"
) -> dict[str, Json]:
    """The context object an ItemSelector sees for one item; `source` says where the item was read."""
    item: dict[str, Json] = {"Index": index, "Value": value}
    if key is not None:
        item["Key"] = key
    item["Source"] = source
    return {**context, "Map": {"Item": item}}
