"""One state by itself, as TestState runs it: the interpreter's own handlers and data flow, watched from outside.

A watch is put around the closures of the one compiled state under test, so what they give is seen once, where it is
made, and no other execution pays for it. A Map or Parallel does not run what is inside it: its result is given.

    test = StateTest(plan, env)
    test.enter()                     # up to the work; `command` or `wait_due_ms` say what the state waits for
    test.succeed(output)             # or fail(), resume(), expire()
    test.verdict()
"""

from __future__ import annotations

from functools import partial
from typing import Final, Literal

import msgspec
from msgspec import UNSET

from newel.engine import events as e
from newel.engine import inputs as i
from newel.engine.pending import PerformTask, command_of
from newel.engine.program import CompiledWorkflow, Program
from newel.engine.retry import retrier_index
from newel.engine.state import ROOT, ExecutionState, Frame
from newel.engine.states import task as task_state
from newel.engine.states.dataflow import leave_with_result
from newel.engine.states.distributed import threshold_exceeded
from newel.engine.watched import Plan, WatchedTurn, fill_absent, watched
from newel.json import Json, Payload

__all__ = ["ErrorDetails", "Plan", "StateTest", "Status", "Verdict"]

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
        self._turn = WatchedTurn(plan, execution, env)
        self.state = watched(state, self._turn.seen)
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
        fill_absent(state, self._plan.input, seen)
        shown = (_SHOWN_JSONATA if state.jsonata else _SHOWN_JSONPATH).get(state.type, ())
        if not state.jsonata:
            shown = shown or ("afterInputPath",)
            if state.result is not UNSET:
                shown = ("result", *_AFTER)
        return {"input": self._plan.input, **{name: seen[name] for name in shown if name in seen}}
