"""Wait: a timer, in absolute time from the moment the state was entered."""

from __future__ import annotations

from typing import Final

from newel.engine import events as e
from newel.engine.errors import EnteredEvaluationError
from newel.engine.program import CompiledState
from newel.engine.state import Frame
from newel.engine.states.dataflow import effective_input, integer, integer_by_path, leave_with_input
from newel.engine.turn import Handler, Turn
from newel.errors import RuntimeFailure
from newel.expr.env import Scope
from newel.expr.jsonpath import PathNotFound
from newel.expr.timestamps import parse_timestamp_ms
from newel.json import Json, dumps

#: The longest delay AWS accepts, in seconds (recorded: 24,856 days ahead is refused, 24,855 is not).
DELAY_SECONDS_MAX: Final = 2_147_483_647


class WaitHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        due_ms = _due_ms(turn, frame, state)
        if due_ms - turn.now > DELAY_SECONDS_MAX * 1000:
            raise RuntimeFailure("Wait state delay is too long.")
        if due_ms <= turn.now:
            self.resume(turn, frame, state)
        else:
            turn.emit(e.WaitStarted(frame.id, due_ms))

    def resume(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        leave_with_input(turn, frame, state, state.next)


def _due_ms(turn: Turn, frame: Frame, state: CompiledState) -> int:
    scope = turn.scope(frame, state, effective_input(turn, frame, state).value)
    if state.seconds is not None:
        return turn.now + _seconds(state.seconds(scope)) * 1000
    if state.seconds_path is not None:
        return turn.now + _seconds_path(state, scope) * 1000
    if state.timestamp is not None:
        return _timestamp(state.timestamp(scope))
    return _timestamp_path(state, scope)


def _seconds(value: Json) -> int:
    number = integer(value)
    if number is None and isinstance(value, float):
        number = int(value)
    if number is None or number < 0:
        what = "The Seconds field must be a non-negative integer, but was"
        raise EnteredEvaluationError(f"{what}: {dumps(value)}", "Seconds")
    return number


def _seconds_path(state: CompiledState, scope: Scope) -> int:
    path = state.model.seconds_path
    assert state.seconds_path is not None
    try:
        value = state.seconds_path(scope)
    except PathNotFound:
        raise RuntimeFailure(f"The SecondsPath parameter does not reference an input value: {path}") from None
    number = integer_by_path(value)
    if number is None:
        raise RuntimeFailure(f"The SecondsPath parameter cannot be parsed as a long value: {path} == {_shown(value)}")
    if number < 0:
        raise RuntimeFailure(f"The SecondsPath parameter references a negative value: {path} == {number}")
    return number


def _timestamp(text: Json) -> int:
    due_ms = parse_timestamp_ms(text) if isinstance(text, str) else None
    if due_ms is None:
        raise EnteredEvaluationError(
            f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {text}",
            "Timestamp",
        )
    return due_ms


def _timestamp_path(state: CompiledState, scope: Scope) -> int:
    path = state.model.timestamp_path
    assert state.timestamp_path is not None
    try:
        value = state.timestamp_path(scope)
    except PathNotFound:
        raise RuntimeFailure(f"The TimestampPath parameter does not reference an input value: {path}") from None
    due_ms = parse_timestamp_ms(value) if isinstance(value, str) else None
    if due_ms is None:
        raise RuntimeFailure(
            "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
            f"string: {path} == {_shown(value)}"
        )
    return due_ms


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)
