"""The one state under test, watched: what its steps give is noted, and a Map or Parallel stops short of its inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import UNSET

from newel.engine import events as e
from newel.engine import inputs as i
from newel.engine.context import with_map_item
from newel.engine.evolve import item_of
from newel.engine.program import CompiledDistribution, CompiledState, Eval, Merge, Program
from newel.engine.state import ExecutionState, Frame, Identity
from newel.engine.states import HANDLERS
from newel.engine.states.dataflow import arguments, effective_input
from newel.engine.states.distributed import batches, percentage, whole_number
from newel.engine.states.iterated import iterated, max_concurrency
from newel.engine.states.map_ import selected
from newel.engine.states.parallel import ParallelHandler
from newel.engine.turn import Handler, Turn
from newel.expr.env import Scope
from newel.json import Json, Payload


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to test: the state `state` of the workflow `scope` of a program, and what is around it.

    `context` replaces the context object. `iteration` puts the state into a Map's iteration over `input`. `retries` is
    how often the matching retrier has answered already. `read` gives the items of a Map's ItemReader from its evaluated
    ReaderConfig (it raises `StatesError`); `failures` is how many iterations of a Map failed.
    """

    program: Program
    scope: str
    state: str
    identity: Identity
    input: Payload
    variables: dict[str, Json] = {}
    context: dict[str, Json] | None = None
    iteration: bool = False
    retries: int = 0
    read: Callable[[dict[str, Json]], Json] | None = None
    failures: int = 0


class WatchedTurn(Turn):
    """A turn that notes what happens to the one state, and in which the context object may be given."""

    __slots__ = ("caught", "error", "iterations", "plan", "resolved", "seen")

    def __init__(self, plan: Plan, execution: ExecutionState, env: i.TurnEnv) -> None:
        super().__init__(plan.program, execution, env, _HANDLERS)
        self.plan = plan
        self.seen: dict[str, Any] = {}
        self.iterations: int | None = None
        self.error: tuple[str | None, str | None] = (None, None)
        self.resolved: tuple[str | None, str | None] | None = None
        self.caught: int | None = None

    def step(self, frame: Frame) -> None:
        """Enter the frame's next state."""
        self._step(frame)

    def scope(
        self,
        frame: Frame,
        state: CompiledState,
        value: Json,
        token: str | None = None,
        states: dict[str, Json] | None = None,
    ) -> Scope:
        base = super().scope(frame, state, value, token, states)
        given = self.plan.context
        if given is not None:
            return Scope(value, lambda: given, base.variables, base.env, base.states)
        return Scope(value, partial(self._context, base), base.variables, base.env, base.states)

    def _context(self, base: Scope) -> dict[str, Json]:
        context = base.context
        without = ("RedriveCount",) if self.plan.identity.role_arn else ("RedriveCount", "RoleArn")
        execution = {key: item for key, item in context["Execution"].items() if key not in without}
        context = {**context, "Execution": execution}
        return with_map_item(context, 0, self.plan.input.value, None) if self.plan.iteration else context

    def resolve(
        self,
        frame: Frame,
        state: CompiledState,
        error: str | None,
        cause: str | None,
        *,
        also: str | None = None,
        shows_failure: bool = False,
    ) -> None:
        self.error, self.resolved = (error, cause), (error, also)
        super().resolve(frame, state, error, cause, also=also, shows_failure=shows_failure)

    def _catch(self, frame: Frame, state: CompiledState, index: int, error_output: Json) -> None:
        super()._catch(frame, state, index, error_output)
        self.caught = index


class _MapTest(Handler):
    """A Map, inline or distributed, up to the inputs of its iterations."""

    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        assert isinstance(turn, WatchedTurn)
        given = effective_input(turn, frame, state)
        scope = turn.scope(frame, state, given.value)
        distribution = state.distribution or _NOTHING
        items = self._items(turn, state, scope, given)
        turn.seen["maxConcurrency"] = concurrency = max_concurrency(state, scope)
        if distribution.tolerated_count is not None:
            turn.seen["toleratedFailureCount"] = whole_number(distribution.tolerated_count, scope)
        if distribution.tolerated_percentage is not None:
            turn.seen["toleratedFailurePercentage"] = percentage(distribution.tolerated_percentage, scope)
        if distribution.writer is not None and distribution.writer.arguments is not None:
            distribution.writer.arguments(scope)
        value = items.value
        keys = list(value) if isinstance(value, dict) else None
        turn.emit(e.MapStarted(frame.id, frame.last, len(value), concurrency, items, keys))
        turn.iterations = len(value)
        self._inputs(turn, frame, state, scope)

    def _items(self, turn: WatchedTurn, state: CompiledState, scope: Scope, given: Payload) -> Payload:
        reader = state.distribution.reader if state.distribution is not None else None
        if reader is None:
            items = iterated(state, scope, given)
            turn.seen["afterItemsPath"] = given if items is given else _spaced(items.value)
            return items
        if reader.arguments is not None:
            reader.arguments(scope)
        config = {name: value(scope) for name, value in reader.config.items()}
        assert turn.plan.read is not None
        items = Payload.of(turn.plan.read(config))
        if "ItemsPointer" in config:
            turn.seen["afterItemsPointer"] = _spaced(items.value)
        return items

    def _inputs(self, turn: WatchedTurn, frame: Frame, state: CompiledState, scope: Scope) -> None:
        """What ItemSelector and ItemBatcher make of the items."""
        join = frame.join
        assert join is not None
        if state.item_selector is not None:
            inputs = [selected(turn, frame, state, join, index) for index in range(join.total)]
            turn.seen["afterItemSelector"] = _spaced([item.value for item in inputs])
        else:
            inputs = [item_of(frame, index) for index in range(join.total)]
        batcher = state.distribution.batcher if state.distribution is not None else None
        if batcher is not None:
            groups = batches(batcher, scope, inputs)
            turn.seen["afterItemBatcher"] = _spaced([group.value for group in groups])
            turn.iterations = len(groups)


class _ParallelTest(ParallelHandler):
    """A Parallel up to the input of its branches."""

    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        given, _ = arguments(turn, frame, state)
        turn.emit(e.ParallelStarted(frame.id, frame.last, 0, given))


_NOTHING: Final = CompiledDistribution(None, None, None, None)
_HANDLERS: Final[dict[str, Handler]] = {**HANDLERS, "Map": _MapTest(), "Parallel": _ParallelTest()}


def _spaced(value: Json) -> Payload:
    """What AWS shows of a Map's items has blanks after commas and colons (recorded for afterItemsPath)."""
    return Payload(json.dumps(value, ensure_ascii=False), value)


def watched(state: CompiledState, seen: dict[str, Any]) -> CompiledState:
    """A copy of a compiled state that notes what its steps give."""
    copied = copy(state)
    copied.input_path = _watch(state.input_path, "afterInputPath", seen)
    copied.parameters = _watch(state.parameters, "afterArguments" if state.jsonata else "afterParameters", seen)
    copied.selector = _watch(state.selector, "afterResultSelector", seen)
    merge = state.merge
    if merge is not None:
        copied.merge = _watch_merge(merge, seen)
    return copied


def _watch(evaluate: Eval | None, name: str, seen: dict[str, Any]) -> Eval | None:
    if evaluate is None:
        return None

    def run(scope: Scope) -> Json:
        value = evaluate(scope)
        seen[name] = Payload.of(value)
        return value

    return run


def _watch_merge(merge: Merge, seen: dict[str, Any]) -> Merge:
    def run(document: Json, result: Json) -> Json:
        value = merge(document, result)
        seen["afterResultPath"] = Payload.of(value)
        return value

    return run


def fill_absent(state: CompiledState, given: Payload, seen: dict[str, Any]) -> None:
    """A step that the state does not have passes on what the step before it gave, if that was reached."""
    if state.jsonata:
        if state.parameters is None:
            seen.setdefault("afterArguments", given)
        return
    if state.input_path is None:
        seen.setdefault("afterInputPath", given)
    if state.parameters is None and "afterInputPath" in seen:
        seen.setdefault("afterParameters", seen["afterInputPath"])
    if state.type == "Pass" and "afterParameters" in seen:
        seen.setdefault("result", seen["afterParameters"] if state.result is UNSET else Payload.of(state.result))
    if state.selector is None and "result" in seen:
        seen.setdefault("afterResultSelector", seen["result"])
    if "afterResultSelector" in seen:
        if state.discard_result:
            seen["afterResultPath"] = given
        elif state.merge is None:
            seen["afterResultPath"] = seen["afterResultSelector"]
