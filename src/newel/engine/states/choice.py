"""Choice: the first rule that holds decides."""

from __future__ import annotations

from newel.engine.program import CompiledState, Eval
from newel.engine.state import Frame
from newel.engine.states.dataflow import effective_input, output_path
from newel.engine.turn import Handler, Turn
from newel.errors import StatesError
from newel.json import Payload


class ChoiceHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        given = frame.data if state.jsonata else effective_input(turn, frame, state)
        scope = turn.scope(frame, state, given.value)
        next_state, assign, output = state.default, state.assign, state.output
        for choice in state.choices:
            if choice.test(scope):
                next_state, assign, output = choice.next, choice.assign, choice.output
                break
        if next_state is None:
            raise StatesError(
                "States.NoChoiceMatched",
                "Failed to transition out of the state. The state does not point to a next state.",
            )
        assigned = turn.assign(assign, scope) if assign is not None else None
        turn.leave(frame, state, next_state, _output(turn, frame, state, given, output), assigned)


def _output(turn: Turn, frame: Frame, state: CompiledState, given: Payload, output: Eval | None) -> Payload | None:
    if state.jsonata:
        return None if output is None else Payload.of(output(turn.scope(frame, state, None)))
    kept = output_path(turn, frame, state, given)
    return None if kept is frame.data else kept
