"""The children of a Map Run, made of its spec: their inputs, their program, and when too many have failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from newel.engine.context import with_map_item
from newel.engine.errors import data_limit
from newel.engine.inputs import TurnEnv
from newel.engine.program import CompiledState, Program
from newel.engine.state import ExecutionState, Frame, scope_of
from newel.engine.states import HANDLERS
from newel.engine.states.dataflow import effective_input
from newel.engine.states.distributed import Batcher
from newel.engine.turn import Turn
from newel.expr.env import Scope
from newel.json import Json, Payload, size_utf8


class Child(msgspec.Struct, frozen=True, gc=False):
    """A child workflow to start: its input, and how many items stand in it."""

    input: Payload
    items: int


class Children:
    """Makes children of items, one after the other, for the Map that `frame` of an execution is in."""

    def __init__(self, program: Program, execution: ExecutionState, frame: Frame, spec: Json, env: TurnEnv) -> None:
        turn = Turn(program, execution, env, HANDLERS)
        self._state: CompiledState = turn.state_of(frame)
        given = effective_input(turn, frame, self._state)
        self._given = given
        self._scope = turn.scope(frame, self._state, given.value)
        self._context = self._scope.context
        self._bytes_max = env.limits.payload_bytes_max
        batcher = spec.get("batcher")
        self._batcher = None
        if batcher is not None:
            self._batcher = Batcher(
                batcher.get("itemsMax", 0), batcher.get("inputBytesMax", 0), batcher.get("batchInput", msgspec.UNSET)
            )

    @property
    def own_items(self) -> Json:
        """The array or object to iterate where the spec has neither items nor a reader: the state's input."""
        return self._given.value

    def add(self, index: int, value: Json, key: str | None, source: str) -> list[Child]:
        """The children that are complete with one more item. Raises `StatesError`."""
        item = self._selected(index, value, key, source)
        if self._batcher is None:
            return [self._child(item, 1)]
        return [self._child(*batch) for batch in self._batcher.add(item)]

    def finish(self) -> list[Child]:
        """The last, incomplete batch."""
        return [] if self._batcher is None else [self._child(*batch) for batch in self._batcher.finish()]

    def _selected(self, index: int, value: Json, key: str | None, source: str) -> Payload:
        selector = self._state.item_selector
        if selector is None:
            return Payload.of(value if key is None else {"Key": key, "Value": value})
        base = self._scope
        context = with_map_item(self._context, index, value, key, source)
        states = None if base.states is None else {**base.states, "context": context}
        return Payload.of(selector(Scope(base.input, lambda: context, base.variables, base.env, states)))

    def _child(self, payload: Payload, items: int) -> Child:
        if size_utf8(payload.text) > self._bytes_max:
            raise data_limit(self._state.name, parameters=True)
        return Child(payload, items)


def child_program(program: Program, outer: str, state_name: str) -> Program:
    """The item processor of a Map in scope `outer`, as a program of its own."""
    prefix = scope_of(outer, state_name, 0)
    inner = {scope[len(prefix) :]: flow for scope, flow in program.workflows.items() if scope.startswith(prefix)}
    return Program(program.machine, inner, None)


def result_of(outputs: Sequence[str]) -> Payload:
    """A Map's result without a ResultWriter: the children's outputs in order, each with its text."""
    return Payload("[" + ",".join(outputs) + "]")


def tolerance(spec: Json) -> tuple[int | None, float | None]:
    """(failed items, percent of failed items) that a Map Run tolerates; None where the definition is silent."""
    count, percent = spec.get("toleratedFailureCount"), spec.get("toleratedFailurePercentage")
    return (0, None) if count is None and percent is None else (count, percent)
