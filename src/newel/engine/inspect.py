"""One state by itself, as TestState runs it: the interpreter's own handlers and data flow, watched from outside.

A watch is put around the closures of the one compiled state under test, so what they give is seen once, where it is
made, and no other execution pays for it. A Map or Parallel does not run what is inside it: its result is given.

    test = StateTest(plan, env)
    test.enter()                     # up to the work; `command` or `wait_due_ms` say what the state waits for
    test.succeed(output)             # or fail(), resume(), expire()
    test.verdict()
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET

from newel.engine import events as e
from newel.engine import inputs as i
from newel.engine.context import with_map_item
from newel.engine.evolve import item_of
from newel.engine.pending import PerformTask, command_of
from newel.engine.program import CompiledDistribution, CompiledState, CompiledWorkflow, Eval, Merge, Program
from newel.engine.retry import retrier_index
from newel.engine.state import ROOT, ExecutionState, Frame, Identity
from newel.engine.states import HANDLERS
from newel.engine.states import task as task_state
from newel.engine.states.dataflow import arguments, effective_input, leave_with_result
from newel.engine.states.distributed import batches, percentage, threshold_exceeded, whole_number
from newel.engine.states.iterated import iterated, max_concurrency
from newel.engine.states.map_ import selected
from newel.engine.states.parallel import ParallelHandler
from newel.engine.turn import Handler, Turn
from newel.expr.env import Scope
from newel.json import Json, Payload

Status = Literal["SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR"]

#: What InspectionData shows of a state besides `input`, by type (Pass with a Result apart), as recorded.
_BEFORE: Final = ("afterInputPath", "afterParameters")
_AFTER: Final = ("afterResultSelector", "afterResultPath")
_MAP: Final = (
    "afterItemsPointer",
    "afterItemSelector",
    "afterItemBatcher",
    "maxConcurrency",
    "toleratedFailureCount",
    "toleratedFailurePercentage",
)
_SHOWN_JSONPATH: Final[dict[str, tuple[str, ...]]] = {
    "Task": (*_BEFORE, "result", *_AFTER),
    "Pass": (*_BEFORE, *_AFTER),
    "Parallel": _AFTER,
    "Map": ("afterInputPath", "afterItemsPath", *_MAP, *_AFTER),
}
_SHOWN_JSONATA: Final[dict[str, tuple[str, ...]]] = {"Task": ("afterArguments", "result"), "Map": _MAP}


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


class ErrorDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which handlers the error met; `retry` also when its attempts are used up, without a backoff then."""

    catch_index: int | None = None
    retry_index: int | None = None
    backoff_s: int | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How the state ended. `inspected` holds InspectionData's members from `input` on, numbers as they are."""

    status: Status
    output: Payload | None
    error: str | None
    cause: str | None
    next_state: str | None
    inspected: dict[str, Payload | float]
    variables: dict[str, Json]
    details: ErrorDetails | None


class StateTest:
    """A test under way."""

    def __init__(self, plan: Plan, env: i.TurnEnv) -> None:
        self._plan = plan
        execution = ExecutionState(identity=plan.identity, input=plan.input)
        state = plan.program.workflows[plan.scope].states[plan.state]
        self._turn = _WatchedTurn(plan, execution, env)
        self.state = _watched(state, self._turn.seen)
        workflow = plan.program.workflows[plan.scope]
        self._turn.program = Program(
            plan.program.machine,
            {plan.scope: CompiledWorkflow(plan.state, {**workflow.states, plan.state: self.state})},
            None,
        )

    @property
    def _frame(self) -> Frame:
        return self._turn.execution.frames[ROOT]

    @property
    def ended(self) -> bool:
        """Whether the state was left, has failed, or is to be retried."""
        return self._turn.execution.status != "RUNNING" or self._frame.state is None or self._retry() is not None

    @property
    def command(self) -> PerformTask | None:
        """What a Task wants done."""
        command = None if self._frame.work is None else command_of(self._frame)
        return command if isinstance(command, PerformTask) else None

    @property
    def wait_due_ms(self) -> int | None:
        """When a Wait state ends."""
        return self._frame.wait_due_ms

    @property
    def iterations(self) -> int | None:
        """How many iterations a Map has; None if its items are unknown."""
        return self._turn.iterations

    def enter(self) -> None:
        """Enter the state and work up to what the world around must do."""
        turn = self._turn
        turn.emit(e.ExecutionStarted(self._plan.input))
        frame = self._frame
        frame.scope, frame.next, frame.variables = self._plan.scope, self._plan.state, dict(self._plan.variables)
        frame.attempts = dict.fromkeys(range(len(self.state.retry)), self._plan.retries)
        frame.retry_count = self._plan.retries
        turn.runnable.append(ROOT)
        turn.step(frame)

    def at(self, env: i.TurnEnv) -> None:
        """Go on with a later turn's environment."""
        self._turn.env, self._turn.now = env, env.now_ms

    def resume(self) -> None:
        """The time of a Wait state has come."""
        self._turn.resume(self._frame, self.state)

    def succeed(self, output: Payload) -> None:
        """The state's work gave `output`."""
        if self.state.type == "Task":
            self._turn.seen["result"] = output
            task_state.succeed(self._turn, self._frame, self.state, output)
            return
        if self._threshold_exceeded():
            cause = "The specified tolerated failure threshold was exceeded"
            self.fail("States.ExceedToleratedFailureThreshold", cause)
            return
        self._turn.seen["result"] = output
        self._turn.guard(self._frame, self.state, partial(self._join, output))

    def _join(self, output: Payload) -> None:
        frame = self._frame
        joined = e.MapSucceeded if self.state.type == "Map" else e.ParallelSucceeded
        self._turn.emit(joined(ROOT, frame.last))
        frame.result = output  # in the place of what the iterations or branches would have given
        leave_with_result(self._turn, frame, self.state)

    def fail(self, error: str | None, cause: str | None, kind: str = "FAILED") -> None:
        """The state's work failed; see `inputs.TaskFailed` for `kind`."""
        if self.state.type == "Task":
            task_state.fail(self._turn, self._frame, self.state, error, cause, kind)
        else:
            self._turn.resolve(self._frame, self.state, error, cause)

    def expire(self) -> None:
        """The test took longer than a test may."""
        self._turn.close(e.ExecutionFailed(self._frame.last, "States.Timeout", None))

    def verdict(self) -> Verdict:
        """How it ended."""
        turn, frame = self._turn, self._frame
        retry = self._retry()
        output, next_state = None, None
        error, cause = turn.error
        status: Status = "FAILED"
        if retry is not None:
            status = "RETRIABLE"
        elif turn.execution.status == "FAILED":
            error, cause = turn.execution.error, turn.execution.cause
        else:
            status = "SUCCEEDED" if turn.caught is None else "CAUGHT_ERROR"
            output, next_state = frame.data, frame.next
        return Verdict(
            status=status,
            output=output,
            error=error,
            cause=cause,
            next_state=next_state,
            inspected=self._inspected(),
            variables=frame.variables or {},
            details=self._details(retry),
        )

    def _retry(self) -> e.RetryScheduled | None:
        last = self._turn.events[-1] if self._turn.events else None
        return last if isinstance(last, e.RetryScheduled) else None

    def _threshold_exceeded(self) -> bool:
        seen, total = self._turn.seen, self._turn.iterations or 0
        count, percent = seen.get("toleratedFailureCount"), seen.get("toleratedFailurePercentage")
        return threshold_exceeded(self._plan.failures, total, count, percent)

    def _details(self, retry: e.RetryScheduled | None) -> ErrorDetails | None:
        turn = self._turn
        if retry is not None:
            return ErrorDetails(None, retry.retrier, round((retry.due_ms - turn.now) / 1000))
        if turn.resolved is None:
            return None
        used_up = retrier_index(self.state.retry, turn.resolved)
        if used_up is None and turn.caught is None:
            return None
        return ErrorDetails(turn.caught, used_up)

    def _inspected(self) -> dict[str, Payload | float]:
        seen, state = self._turn.seen, self.state
        _fill_absent(state, self._plan.input, seen)
        shown = (_SHOWN_JSONATA if state.jsonata else _SHOWN_JSONPATH).get(state.type, ())
        if not state.jsonata:
            shown = shown or ("afterInputPath",)
            if state.result is not UNSET:
                shown = ("result", *_AFTER)
        return {"input": self._plan.input, **{name: seen[name] for name in shown if name in seen}}


def _fill_absent(state: CompiledState, given: Payload, seen: dict[str, Any]) -> None:
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


class _WatchedTurn(Turn):
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
        self, frame: Frame, state: CompiledState, value: Json, *, token: str | None = None, **states: Json
    ) -> Scope:
        base = super().scope(frame, state, value, token=token, **states)
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
        assert isinstance(turn, _WatchedTurn)
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

    def _items(self, turn: _WatchedTurn, state: CompiledState, scope: Scope, given: Payload) -> Payload:
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

    def _inputs(self, turn: _WatchedTurn, frame: Frame, state: CompiledState, scope: Scope) -> None:
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


def _watched(state: CompiledState, seen: dict[str, Any]) -> CompiledState:
    """A copy of a compiled state that notes what its steps give."""
    watched = copy(state)
    watched.input_path = _watch(state.input_path, "afterInputPath", seen)
    watched.parameters = _watch(state.parameters, "afterArguments" if state.jsonata else "afterParameters", seen)
    watched.selector = _watch(state.selector, "afterResultSelector", seen)
    merge = state.merge
    if merge is not None:
        watched.merge = _watch_merge(merge, seen)
    return watched


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
