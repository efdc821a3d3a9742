"""Inline Map: one iteration per item, at most MaxConcurrency at once; the results in order of item."""

from __future__ import annotations

from newel.engine import events as e
from newel.engine.context import with_map_item
from newel.engine.evolve import item_of
from newel.engine.program import CompiledState
from newel.engine.state import Frame, Join
from newel.engine.states import map_run
from newel.engine.states.dataflow import effective_input, leave_with_result
from newel.engine.states.iterated import iterated, max_concurrency
from newel.engine.turn import Handler, Turn
from newel.expr.env import Scope
from newel.json import Json, Payload


class MapHandler(Handler):
    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        if state.distributed:
            map_run.enter(turn, frame, state)
            return
        given = effective_input(turn, frame, state)
        scope = turn.scope(frame, state, given.value)
        items = iterated(state, scope, given)
        max_concurrency = _max_concurrency(turn, state, scope)
        value = items.value
        keys = list(value) if isinstance(value, dict) else None
        kept = None if items is frame.data else items
        turn.emit(e.MapStarted(frame.id, frame.last, len(value), max_concurrency, kept, keys))
        if value:
            start_iterations(turn, frame, state)
        else:
            _succeed(turn, frame, state)

    def child_ended(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        turn.emit(e.IterationSucceeded(child.id, child.last, child.index, state.name))
        join = frame.join
        assert join is not None
        if join.done == join.total:
            _succeed(turn, frame, state)
        else:
            start_iterations(turn, frame, state)

    def child_failed(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        turn.emit(e.IterationFailed(child.id, child.last, child.index, state.name))


def _succeed(turn: Turn, frame: Frame, state: CompiledState) -> None:
    turn.emit(e.MapSucceeded(frame.id, frame.last))
    leave_with_result(turn, frame, state)


def _max_concurrency(turn: Turn, state: CompiledState, scope: Scope) -> int:
    """How many iterations may run at once; zero in the definition means as many as the service allows."""
    ceiling = turn.env.limits.inline_map_concurrency_max
    wanted = max_concurrency(state, scope)
    return min(wanted, ceiling) if wanted else ceiling


def start_iterations(turn: Turn, frame: Frame, state: CompiledState) -> None:
    """Start iterations until MaxConcurrency are running or none is left."""
    join = frame.join
    assert join is not None
    started: list[int] = []
    while join.started < join.total and len(join.running) < join.max_concurrency:
        index = join.started
        data = selected(turn, frame, state, join, index) if state.item_selector is not None else None
        child_id = turn.execution.next_frame
        turn.emit(e.IterationStarted(child_id, join.pointer, frame.id, index, state.name, data))
        started.append(child_id)
    turn.runnable.extend(reversed(started))


def selected(turn: Turn, frame: Frame, state: CompiledState, join: Join, index: int) -> Payload:
    """An iteration's input made by ItemSelector, which sees the state's input and the item."""
    assert state.item_selector is not None
    item = item_of(frame, index).value
    key = join.keys[index] if join.keys is not None else None
    value: Json = item["Value"] if key is not None else item
    given = frame.data if state.jsonata else effective_input(turn, frame, state)
    base = turn.scope(frame, state, given.value)
    context = with_map_item(base.context, index, value, key)
    states = None if base.states is None else {**base.states, "context": context}
    return Payload.of(state.item_selector(Scope(given.value, lambda: context, base.variables, base.env, states)))
