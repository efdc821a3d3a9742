"""AWS's execution history, projected from the journal when it is read.

Every visible journal event is one HistoryEvent; ids count from 1 and `previousEventId` was decided with the event.
Payloads that an event does not repeat are taken from the ExecutionState, folded alongside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from newel.engine import events as e
from newel.engine.codec import decode_events
from newel.engine.evolve import evolve
from newel.engine.pending import resource_of
from newel.engine.state import ROOT, ExecutionState
from newel.json import Json, Payload, loads

HistoryEvent = dict[str, Any]

_UNCUT: Final = {"truncated": False}


def history(
    execution: ExecutionState,
    rows: Sequence[tuple[int, bytes]],
    started: dict[str, Json],
) -> Iterator[HistoryEvent]:
    """The history of an execution from its journal rows (time in ms, events).

    `execution` is the state before its first event; `started` are further members of executionStartedEventDetails
    (version and alias ARNs). Timestamps are epoch seconds.
    """
    for at_ms, row in rows:
        for event in decode_events(row):
            shown = project(execution, event, at_ms, started)
            if shown is not None:
                yield shown


def project(execution: ExecutionState, event: e.AnyEvent, at_ms: int, started: dict[str, Json]) -> HistoryEvent | None:
    """Apply one event and show it; None for an event that AWS's history does not have."""
    if not event.visible:
        evolve(execution, event, at_ms)
        return None
    evolve(execution, event, at_ms)
    name, member, details = _SHOW[type(event)](execution, event)
    result: HistoryEvent = {
        "timestamp": at_ms / 1000,
        "type": name,
        "id": execution.event_id,
        "previousEventId": getattr(event, "prev", 0),
    }
    if details is not None:
        if isinstance(event, e.ExecutionStarted):
            details.update(started)
        result[member] = details
    return result


Shown = tuple[str, str, dict[str, Json] | None]


def _input(payload: Payload) -> dict[str, Json]:
    return {"input": payload.text, "inputDetails": _UNCUT}


def _output(payload: Payload) -> dict[str, Json]:
    return {"output": payload.text, "outputDetails": _UNCUT}


def _error(error: str | None, cause: str | None) -> dict[str, Json]:
    details: dict[str, Json] = {}
    if error is not None:
        details["error"] = error
    if cause is not None:
        details["cause"] = cause
    return details


def _execution_started(x: ExecutionState, event: e.ExecutionStarted) -> Shown:
    details = {**_input(event.input), "roleArn": x.identity.role_arn}
    return "ExecutionStarted", "executionStartedEventDetails", details


def _state_entered(x: ExecutionState, event: e.StateEntered) -> Shown:
    details = {"name": event.name, **_input(x.frames[event.frame].data)}
    return f"{event.type}StateEntered", "stateEnteredEventDetails", details


def _state_exited(x: ExecutionState, event: e.StateExited) -> Shown:
    details: dict[str, Json] = {"name": event.name, **_output(x.frames[event.frame].data)}
    if event.assigned:
        details["assignedVariables"] = {name: value.text for name, value in event.assigned.items()}
        details["assignedVariablesDetails"] = _UNCUT
    return f"{event.type}StateExited", "stateExitedEventDetails", details


def _region(x: ExecutionState) -> str:
    return x.identity.machine_arn.split(":")[3]


def _timing(event: e.TaskScheduled) -> dict[str, Json]:
    details: dict[str, Json] = {}
    if event.timeout_s is not None:
        details["timeoutInSeconds"] = event.timeout_s
    if event.heartbeat_s is not None:
        details["heartbeatInSeconds"] = event.heartbeat_s
    return details


def _credentials(event: e.TaskScheduled) -> dict[str, Json]:
    if event.credentials is None:
        return {}
    return {"taskCredentials": {"roleArn": loads(event.credentials).get("RoleArn")}}


def _task_scheduled(x: ExecutionState, event: e.TaskScheduled) -> Shown:
    resource = resource_of(event.resource)
    parameters = event.parameters or x.frames[event.frame].data
    if resource.kind == "lambda":
        details = {"resource": event.resource, **_input(parameters), **_timing(event), **_credentials(event)}
        details.pop("heartbeatInSeconds", None)
        return "LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails", details
    if resource.kind == "activity":
        details = {"resource": event.resource, **_input(parameters), **_timing(event)}
        return "ActivityScheduled", "activityScheduledEventDetails", details
    details = {
        "resourceType": resource.resource_type,
        "resource": resource.resource_name,
        "region": _region(x),
        "parameters": parameters.text,
        **_timing(event),
        **_credentials(event),
    }
    return "TaskScheduled", "taskScheduledEventDetails", details


def _names(text: str) -> tuple[str, str, dict[str, Json]]:
    """(event name prefix, details member prefix, members that name the service) for a task's events."""
    resource = resource_of(text)
    if resource.kind == "lambda":
        return "LambdaFunction", "lambdaFunction", {}
    if resource.kind == "activity":
        return "Activity", "activity", {}
    return "Task", "task", {"resourceType": resource.resource_type, "resource": resource.resource_name}


def _task_started(_x: ExecutionState, event: e.TaskStarted) -> Shown:
    name, member, named = _names(event.resource)
    if name == "LambdaFunction":
        return "LambdaFunctionStarted", "", None
    if name == "Activity" and event.worker is not None:
        named = {"workerName": event.worker}
    return f"{name}Started", f"{member}StartedEventDetails", named


def _task_submitted(_x: ExecutionState, event: e.TaskSubmitted) -> Shown:
    name, member, named = _names(event.resource)
    return f"{name}Submitted", f"{member}SubmittedEventDetails", {**named, **_output(event.output)}


def _task_succeeded(_x: ExecutionState, event: e.TaskSucceeded) -> Shown:
    name, member, named = _names(event.resource)
    return f"{name}Succeeded", f"{member}SucceededEventDetails", {**named, **_output(event.output)}


_FAILURES: Final = {
    "FAILED": "Failed",
    "TIMED_OUT": "TimedOut",
    "START_FAILED": "StartFailed",
    "SUBMIT_FAILED": "SubmitFailed",
    "SCHEDULE_FAILED": "ScheduleFailed",
}


def _task_failed(_x: ExecutionState, event: e.TaskFailed) -> Shown:
    name, member, named = _names(event.resource)
    kind = _FAILURES[event.kind]
    return f"{name}{kind}", f"{member}{kind}EventDetails", {**named, **_error(event.error, event.cause)}


def _map_started(_x: ExecutionState, event: e.MapStarted) -> Shown:
    return "MapStateStarted", "mapStateStartedEventDetails", {"length": event.length}


def _map_run_started(_x: ExecutionState, event: e.MapRunStarted) -> Shown:
    return "MapRunStarted", "mapRunStartedEventDetails", {"mapRunArn": event.arn}


def _redriven(_x: ExecutionState, event: e.ExecutionRedriven) -> Shown:
    return "ExecutionRedriven", "executionRedrivenEventDetails", {"redriveCount": event.count}


def _map_run_redriven(_x: ExecutionState, event: e.MapRunRedriven) -> Shown:
    details = {"mapRunArn": event.arn, "redriveCount": event.count}
    return "MapRunRedriven", "mapRunRedrivenEventDetails", details


def _map_run_failed(_x: ExecutionState, event: e.MapRunFailed) -> Shown:
    return "MapRunFailed", "mapRunFailedEventDetails", _error(event.error, event.cause)


def _iteration(kind: str) -> Callable[[ExecutionState, Any], Shown]:
    def show(_x: ExecutionState, event: Any) -> Shown:
        details = {"name": event.name, "index": event.index}
        return f"MapIteration{kind}", f"mapIteration{kind}EventDetails", details

    return show


def _plain(name: str) -> Callable[[ExecutionState, Any], Shown]:
    return lambda _x, _event: (name, "", None)


def _state_aborted(_x: ExecutionState, event: e.StateAborted) -> Shown:
    return f"{event.type}StateAborted", "", None


def _evaluation_failed(_x: ExecutionState, event: e.EvaluationFailed) -> Shown:
    details: dict[str, Json] = {**_error(event.error, event.cause), "state": event.state}
    if event.location is not None:
        details["location"] = event.location
    return "EvaluationFailed", "evaluationFailedEventDetails", details


def _succeeded(x: ExecutionState, _event: e.ExecutionSucceeded) -> Shown:
    return "ExecutionSucceeded", "executionSucceededEventDetails", _output(x.frames[ROOT].data)


def _ended(name: str, member: str) -> Callable[[ExecutionState, Any], Shown]:
    return lambda _x, event: (name, member, _error(event.error, event.cause))


_SHOW: Final[dict[type, Callable[[ExecutionState, Any], Shown]]] = {
    e.ExecutionStarted: _execution_started,
    e.StateEntered: _state_entered,
    e.StateExited: _state_exited,
    e.TaskScheduled: _task_scheduled,
    e.TaskStarted: _task_started,
    e.TaskSubmitted: _task_submitted,
    e.TaskSucceeded: _task_succeeded,
    e.TaskFailed: _task_failed,
    e.MapStarted: _map_started,
    e.IterationStarted: _iteration("Started"),
    e.IterationSucceeded: _iteration("Succeeded"),
    e.IterationFailed: _iteration("Failed"),
    e.IterationAborted: _iteration("Aborted"),
    e.ExecutionRedriven: _redriven,
    e.MapRunRedriven: _map_run_redriven,
    e.MapRunStarted: _map_run_started,
    e.MapRunSucceeded: _plain("MapRunSucceeded"),
    e.MapRunFailed: _map_run_failed,
    e.MapRunAborted: _plain("MapRunAborted"),
    e.MapSucceeded: _plain("MapStateSucceeded"),
    e.MapFailed: _plain("MapStateFailed"),
    e.ParallelStarted: _plain("ParallelStateStarted"),
    e.ParallelSucceeded: _plain("ParallelStateSucceeded"),
    e.ParallelFailed: _plain("ParallelStateFailed"),
    e.StateAborted: _state_aborted,
    e.EvaluationFailed: _evaluation_failed,
    e.ExecutionSucceeded: _succeeded,
    e.ExecutionFailed: _ended("ExecutionFailed", "executionFailedEventDetails"),
    e.ExecutionTimedOut: _ended("ExecutionTimedOut", "executionTimedOutEventDetails"),
    e.ExecutionAborted: _ended("ExecutionAborted", "executionAbortedEventDetails"),
}
