"""Execution logs: the records CloudWatch Logs gets on AWS, by the machine's logging configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from newel.engine.events import AnyEvent
from newel.engine.history import HistoryEvent, project
from newel.engine.state import ExecutionState
from newel.json import Json, dumps, size_utf8
from newel.ports.logs import ExecutionLogs

_FATAL: Final = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
_ERROR_SUFFIXES: Final = ("Failed", "TimedOut", "Aborted")
#: What a record keeps of the details when execution data is not included.
_METADATA: Final = frozenset({"name", "roleArn", "index", "length", "resource", "resourceType", "region"})
_PAYLOAD_BYTES_MAX: Final = 248 * 1024


def wanted(event_type: str, level: str) -> bool:
    """Whether a log level includes an event type (Developer Guide, log levels)."""
    if level == "ALL":
        return True
    if event_type in _FATAL:
        return level in ("FATAL", "ERROR")
    return level == "ERROR" and (event_type.endswith(_ERROR_SUFFIXES) or event_type == "FailStateEntered")


def write_turn(
    logs: ExecutionLogs,
    shadow: ExecutionState,
    events: Sequence[AnyEvent],
    at_ms: int,
    configuration: Json,
    started: dict[str, Json],
) -> None:
    """Log what a turn did. `shadow` is the state before it and is advanced over it."""
    shown = [event for event in (project(shadow, event, at_ms, started) for event in events) if event is not None]
    level, with_data = configuration.get("level", "OFF"), bool(configuration.get("includeExecutionData"))
    records = [
        (at_ms, record(event, shadow.identity.execution_arn, with_data=with_data))
        for event in shown
        if wanted(event["type"], level)
    ]
    if not records:
        return
    for destination in configuration.get("destinations", ()):
        group = destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn")
        if group:
            logs.write(group, stream_name(shadow), records)


def stream_name(execution: ExecutionState) -> str:
    """One stream per machine and execution."""
    return f"states/{execution.identity.machine_name}/{execution.identity.execution_name}"


def record(event: HistoryEvent, execution_arn: str, *, with_data: bool) -> dict[str, Any]:
    """One log record; every scalar is a string, as AWS writes them."""
    details: dict[str, Any] = next((dict(v) for k, v in event.items() if k.endswith("EventDetails")), {})
    if not with_data:
        details = {key: value for key, value in details.items() if key in _METADATA}
    details = {key: _shown(key, value, details) for key, value in details.items()}
    return {
        "id": str(event["id"]),
        "type": event["type"],
        "details": details,
        "previous_event_id": str(event["previousEventId"]),
        "event_timestamp": str(round(event["timestamp"] * 1000)),
        "execution_arn": execution_arn,
        "redrive_count": "0",
    }


def _shown(name: str, value: Any, details: dict[str, Any]) -> Any:
    """A member of the details; a payload that is too long is cut, and the member beside it says so."""
    if isinstance(value, str):
        return _cut(value)
    if name.endswith("Details") and _is_long(details.get(name.removesuffix("Details"))):
        return {**value, "truncated": True}
    return value if isinstance(value, (bool, dict, list)) else dumps(value)


def _is_long(payload: Any) -> bool:
    return isinstance(payload, str) and size_utf8(payload) > _PAYLOAD_BYTES_MAX


def _cut(text: str) -> str:
    if not _is_long(text):
        return text
    return text.encode("utf-8", "surrogatepass")[:_PAYLOAD_BYTES_MAX].decode("utf-8", "ignore")
