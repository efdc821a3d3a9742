"""Pass: hand the input on, changed or not."""

from __future__ import annotations

from msgspec import UNSET

from newel.engine.program import CompiledState
from newel.engine.state import Frame
from newel.engine.states.dataflow import arguments, combine, leave_with_input, output_path
from newel.engine.turn import Handler, Turn
from newel.json import Payload


class PassHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        if state.jsonata:
            leave_with_input(turn, frame, state, state.next)
            return
        if state.result is not UNSET and state.parameters is None:
            result = Payload.of(state.result)
        else:
            result, _ = arguments(turn, frame, state)
            if state.result is not UNSET:
                result = Payload.of(state.result)
        assigned = None
        if state.assign is not None:
            assigned = turn.assign(state.assign, turn.scope(frame, state, result.value))
        output = output_path(turn, frame, state, combine(frame, state, result))
        turn.leave(frame, state, state.next, None if output is frame.data else output, assigned=assigned)
