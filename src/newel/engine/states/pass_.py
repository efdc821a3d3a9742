"""Pass: hand the input on, changed or not."""

from __future__ import annotations

from msgspec import UNSET

from newel.engine.program import CompiledState
from newel.engine.state import Frame
from newel.engine.states.dataflow import arguments, combine, effective_input, leave_with_input, output_path
from newel.engine.turn import Handler, Turn
from newel.json import Payload


class PassHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        if state.jsonata:
            leave_with_input(turn, frame, state, state.next)
            return
        result = _result(turn, frame, state)
        assigned = None
        if state.assign is not None:
            assigned = turn.assign(state.assign, turn.scope(frame, state, result.value))
        output = output_path(turn, frame, state, combine(frame, state, result))
        turn.leave(frame, state, state.next, None if output is frame.data else output, assigned)


def _result(turn: Turn, frame: Frame, state: CompiledState) -> Payload:
    """Result, else what Parameters make of the input; they are evaluated, and may fail, where there are both."""
    fixed = None if state.result is UNSET else Payload.of(state.result)
    if state.parameters is not None:
        made, _ = arguments(turn, frame, state)
        return fixed or made
    return fixed or effective_input(turn, frame, state)
