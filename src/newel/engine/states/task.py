"""Task: one attempt of work outside, with its time-out, heartbeat and callback token."""

from __future__ import annotations

from newel import limits
from newel.engine import events as e
from newel.engine.errors import EnteredEvaluationError, data_limit
from newel.engine.program import CompiledState, Eval
from newel.engine.state import Frame
from newel.engine.states.dataflow import arguments, integer, integer_by_path, leave_with_result
from newel.engine.turn import Handler, Turn
from newel.errors import RuntimeFailure, StatesError
from newel.expr.env import Scope
from newel.json import Json, Payload, dumps, size_utf8
from newel.language.http_parameters import check_http_parameters
from newel.language.parameters import PARAMETERS, check_parameters
from newel.language.resource import Resource


class TaskHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        resource = state.resource
        assert resource is not None
        if resource.kind == "activity" and not turn.env.activity_exists(resource.text):
            raise RuntimeFailure(f"The activity {resource.text} does not exist.")
        task_id = turn.execution.next_task
        token = None
        if resource.pattern == "WAIT_FOR_TASK_TOKEN":
            token = turn.env.token(turn.execution.identity.execution_arn, task_id)
        parameters, scope = arguments(turn, frame, state, token)
        timeout_s = _seconds(state.timeout, state.timeout_path, scope, state.model, "TimeoutSeconds")
        heartbeat_s = _seconds(state.heartbeat, state.heartbeat_path, scope, state.model, "HeartbeatSeconds")
        credentials = None
        if state.credentials is not None:
            credentials = dumps(state.credentials(scope))
        if size_utf8(parameters.text) > turn.env.limits.payload_bytes_max:
            raise data_limit(shown_name(resource), parameters=True)
        fields = PARAMETERS.get(f"{resource.service}:{resource.action}") if resource.kind == "service" else None
        if fields is not None:
            check_parameters(parameters.text, fields)
        elif resource.service == "http":
            check_http_parameters(parameters.text)
        turn.emit(
            e.TaskScheduled(
                frame.id,
                frame.last,
                task_id,
                resource.text,
                None if parameters is frame.data else parameters,
                timeout_s,
                heartbeat_s,
                turn.now + timeout_s * 1000 if timeout_s else None,
                turn.now + heartbeat_s * 1000 if heartbeat_s else None,
                credentials,
            )
        )
        if resource.kind != "activity":
            turn.emit(e.TaskStarted(frame.id, frame.last, resource.text))


def shown_name(resource: Resource) -> str:
    """How AWS names a task in a size error: the ARN of a function or activity, else the service."""
    return resource.service if resource.kind == "service" else resource.text


def succeed(turn: Turn, frame: Frame, state: CompiledState, output: Payload) -> None:
    """The attempt gave `output`; one over the size limit is a failure of the task."""
    resource = state.resource
    assert resource is not None
    if size_utf8(output.text) > turn.env.limits.payload_bytes_max:
        error = data_limit(shown_name(resource))
        turn.emit(e.TaskFailed(frame.id, frame.last, resource.text, error.error, error.cause))
        turn.resolve(frame, state, error.error, error.cause)
        return
    turn.emit(e.TaskSucceeded(frame.id, frame.last, resource.text, output))
    try:
        leave_with_result(turn, frame, state)
    except StatesError as error:
        turn.fail(frame, state, error)


def fail(
    turn: Turn,
    frame: Frame,
    state: CompiledState,
    error: str | None,
    cause: str | None,
    kind: str,
    *,
    also: str | None = None,
) -> None:
    """The attempt failed; see `Turn.resolve` for `also`."""
    resource = state.resource
    assert resource is not None
    turn.emit(e.TaskFailed(frame.id, frame.last, resource.text, error, cause, kind))
    turn.resolve(frame, state, error, cause, also=also)


def _seconds(value: Eval | None, path: Eval | None, scope: Scope, model: Json, field: str) -> int | None:
    """TimeoutSeconds or HeartbeatSeconds, literal, JSONata or by path."""
    if value is not None:
        number = integer(value(scope))
        if number is None or not 0 < number <= limits.SECONDS_MAX:
            raise EnteredEvaluationError(f"The {field} field must be a positive integer.", field)
        return number
    if path is None:
        return None
    found = path(scope)
    number = integer_by_path(found)
    if number is None or not 0 < number <= limits.SECONDS_MAX:
        text = model.timeout_seconds_path if field == "TimeoutSeconds" else model.heartbeat_seconds_path
        what = f"The {field}Path parameter does not reference a positive integer"
        raise RuntimeFailure(f"{what}: {text} == {dumps(found)}")
    return number
