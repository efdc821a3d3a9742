"""Succeed and Fail: the ends of a machine, branch or iteration."""

from __future__ import annotations

from newel.engine.program import CompiledState, Eval
from newel.engine.state import Frame
from newel.engine.states.dataflow import leave_with_input
from newel.engine.turn import Handler, Turn
from newel.errors import RuntimeFailure
from newel.expr.env import Scope


class SucceedHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        leave_with_input(turn, frame, state, None)


class FailHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        scope = turn.scope(frame, state, frame.data.value)
        error = _text(state.error, scope, "ErrorPath")
        cause = _text(state.cause, scope, "CausePath")
        turn.fail_frame(frame, error, cause)


def _text(value: Eval | None, scope: Scope, field: str) -> str | None:
    if value is None:
        return None
    text = value(scope)
    if not isinstance(text, str):
        raise RuntimeFailure(f"The {field} parameter does not reference a string value")
    return text
