"""How data moves through a state: InputPath -> Parameters -> work -> ResultSelector -> ResultPath -> OutputPath, or
Arguments -> work -> Output. A step that is absent costs nothing, and a payload that no step touches keeps its text.
"""

from __future__ import annotations

import re
from typing import Final

from newel.engine.program import CompiledState
from newel.engine.state import Frame
from newel.engine.turn import Turn
from newel.expr.env import Scope
from newel.json import Json, Payload

_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)


def effective_input(turn: Turn, frame: Frame, state: CompiledState) -> Payload:
    """The state's input after InputPath."""
    if state.input_path is None:
        return frame.data
    return Payload.of(state.input_path(turn.scope(frame, state, frame.data.value)))


def arguments(turn: Turn, frame: Frame, state: CompiledState, token: str | None = None) -> tuple[Payload, Scope]:
    """(what the work is given, the scope it was evaluated in): Parameters, Arguments, or the effective input."""
    given = effective_input(turn, frame, state)
    scope = turn.scope(frame, state, given.value, token)
    if state.parameters is None:
        return given, scope
    return Payload.of(state.parameters(scope)), scope


def leave_with_input(turn: Turn, frame: Frame, state: CompiledState, next_state: str | None) -> None:
    """Exit a state that does no work (Wait, Succeed): its output is its input, after the paths or Output."""
    if state.jsonata:
        output, assigned = _jsonata_output(turn, state, turn.scope(frame, state, None))
        turn.leave(frame, state, next_state, output, assigned)
        return
    given = effective_input(turn, frame, state)
    assigned = None
    if state.assign is not None:
        assigned = turn.assign(state.assign, turn.scope(frame, state, given.value))
    output = output_path(turn, frame, state, given)
    turn.leave(frame, state, next_state, None if output is frame.data else output, assigned)


def output_path(turn: Turn, frame: Frame, state: CompiledState, payload: Payload) -> Payload:
    """What OutputPath keeps."""
    if state.output_path is None:
        return payload
    return Payload.of(state.output_path(turn.scope(frame, state, payload.value)))


def _jsonata_output(turn: Turn, state: CompiledState, scope: Scope) -> tuple[Payload | None, dict[str, Payload] | None]:
    """(output, assigned) of a JSONata state; output None means there is no Output field."""
    assigned = turn.assign(state.assign, scope) if state.assign is not None else None
    return (Payload.of(state.output(scope)) if state.output is not None else None), assigned


def leave_with_result(turn: Turn, frame: Frame, state: CompiledState) -> None:
    """Exit Task, Map or Parallel with the result of its work in `frame.result`."""
    result = frame.result
    assert result is not None
    if state.jsonata:
        value = result.value if state.output is not None or state.assign is not None else None
        output, assigned = _jsonata_output(turn, state, turn.scope(frame, state, None, None, {"result": value}))
        turn.leave(frame, state, state.next, output, assigned, output is None)
        return
    assigned = None
    if state.assign is not None:
        assigned = turn.assign(state.assign, turn.scope(frame, state, result.value))
    selected = result
    if state.selector is not None:
        selected = Payload.of(state.selector(turn.scope(frame, state, result.value)))
    output = output_path(turn, frame, state, combine(frame, state, selected))
    if output is result:
        turn.leave(frame, state, state.next, None, assigned, True)
    else:
        turn.leave(frame, state, state.next, None if output is frame.data else output, assigned)


def combine(frame: Frame, state: CompiledState, result: Payload) -> Payload:
    """ResultPath: put the result into the state's raw input, replace it, or drop the result."""
    if state.discard_result:
        return frame.data
    if state.merge is None:
        return result
    return Payload.of(state.merge(frame.data.value, result.value))


def integer(value: Json) -> int | None:
    """A JSON number that is a whole number; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def integer_by_path(value: Json) -> int | None:
    """A whole number that a `…Path` field refers to; AWS reads one from a string too."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    return integer(value)
