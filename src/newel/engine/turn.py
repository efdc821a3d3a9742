"""One turn: the tools that state handlers share while decide runs an execution to quiescence."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from newel.engine import events as e
from newel.engine.context import context_object
from newel.engine.errors import EnteredEvaluationError, HistoryFull, data_limit, variable_limit, with_prefix
from newel.engine.evolve import APPLY, evolve
from newel.engine.inputs import TurnEnv
from newel.engine.program import CompiledState, Program
from newel.engine.retry import catch_index, retry_after
from newel.engine.state import ROOT, ExecutionState, Frame, visible_variables
from newel.errors import QueryEvaluationError, StatesError
from newel.expr.env import Scope
from newel.json import Json, Payload, size_utf8

_JOINING: Final = frozenset({"Map", "Parallel"})


class Handler:
    """How a state type works."""

    def enter(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        """Begin the state's work, or begin it again on a retry."""
        raise NotImplementedError

    def resume(self, turn: Turn, frame: Frame, state: CompiledState) -> None:
        """The state's timer fired (Wait)."""
        raise AssertionError(f"{state.type} has no timer")

    def child_ended(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        """A branch or iteration of the state that `frame` is in has ended well (Map, Parallel)."""
        raise AssertionError(f"{state.type} has no children")

    def child_failed(self, turn: Turn, frame: Frame, state: CompiledState, child: Frame) -> None:
        """A branch or iteration has failed; its frame goes (Map, Parallel)."""
        raise AssertionError(f"{state.type} has no children")


class Turn:
    """The turn under way: its events so far, and the frames that can go on."""

    __slots__ = ("_event_limit", "_handlers", "env", "events", "execution", "now", "program", "runnable", "transitions")

    def __init__(self, program: Program, execution: ExecutionState, env: TurnEnv, handlers: dict[str, Handler]) -> None:
        self.program = program
        self.execution = execution
        self.env = env
        self.now = env.now_ms
        self.events: list[e.AnyEvent] = []
        self.runnable: list[int] = []
        self.transitions = 0
        self._handlers = handlers
        unlimited = execution.identity.express
        self._event_limit = 1 << 60 if unlimited else env.limits.history_events_max - 1

    # -- events

    def emit(self, event: e.AnyEvent) -> None:
        """Record an event and apply it. Raises `HistoryFull` when only the closing event still fits."""
        execution = self.execution
        if execution.event_id >= self._event_limit and event.visible:
            raise HistoryFull
        self.events.append(event)
        APPLY[type(event)](execution, event, self.now)  # as evolve does

    def close(self, event: e.ExecutionSucceeded | e.ExecutionFailed | e.ExecutionTimedOut | e.ExecutionAborted) -> None:
        """Record the execution's last event."""
        self.events.append(event)
        evolve(self.execution, event, self.now)
        self.runnable.clear()

    # -- running

    def run(self) -> None:
        """Step every frame that can go on until none can, or the turn has done its share."""
        transitions_max = self.env.limits.transitions_per_turn_max
        frames = self.execution.frames
        runnable = self.runnable
        while runnable:
            frame = frames.get(runnable.pop())
            if frame is None or frame.next is None or frame.state is not None:
                continue
            if self.transitions >= transitions_max:
                runnable.append(frame.id)
                return
            self.transitions += 1
            self._step(frame)

    def _step(self, frame: Frame) -> None:
        workflow = self.program.workflows[frame.scope]
        name = frame.next or workflow.start_at
        state = workflow.states[name]
        self.emit(e.StateEntered(frame.id, frame.last, name, state.type))
        self.work(frame, state)

    def work(self, frame: Frame, state: CompiledState) -> None:
        """Let the state's type do its work; an error of the language goes to Retry and Catch."""
        try:
            self._handlers[state.type].enter(self, frame, state)
        except StatesError as error:
            self.fail(frame, state, error)

    def resume(self, frame: Frame, state: CompiledState) -> None:
        """The timer of a waiting state fired."""
        self.guard(frame, state, partial(self._handlers[state.type].resume, self, frame, state))

    def guard(self, frame: Frame, state: CompiledState, action: Callable[[], None]) -> None:
        """Run `action` for a state; what it raises fails the state."""
        try:
            action()
        except StatesError as error:
            self.fail(frame, state, error)

    def state_of(self, frame: Frame) -> CompiledState:
        """The compiled state that `frame` is in."""
        assert frame.state is not None
        return self.program.workflows[frame.scope].states[frame.state]

    # -- scopes

    def scope(
        self,
        frame: Frame,
        state: CompiledState,
        value: Json,
        token: str | None = None,
        states: dict[str, Json] | None = None,
    ) -> Scope:
        """What the state's expressions see: `value` is `$`; `states` adds `result` or `errorOutput` to `$states`."""
        make_context = partial(context_object, self.execution, frame, state.type, token)
        variables = (frame.variables or {}) if frame.id == ROOT else visible_variables(self.execution, frame)
        if not state.jsonata:
            return Scope(value, make_context, variables, self.env)
        given = frame.data.value
        return Scope(
            value, make_context, variables, self.env, {**states, "input": given} if states else {"input": given}
        )

    # -- ends

    def leave(
        self,
        frame: Frame,
        state: CompiledState,
        next_state: str | None,
        output: Payload | None,
        assigned: dict[str, Payload] | None = None,
        same_as_result: bool = False,
    ) -> None:
        """Exit a state with its output (None: its input unchanged, or its result) and go on."""
        new = frame.result if same_as_result else output
        if new is not None:
            self.check_size(new, state.name)
        self.emit(
            e.StateExited(frame.id, frame.last, state.name, state.type, next_state, output, same_as_result, assigned)
        )
        if next_state is not None:
            self.runnable.append(frame.id)
        else:
            self.end_frame(frame)

    def check_size(self, payload: Payload, who: str) -> None:
        """Refuse a payload over the limit, in UTF-8 bytes."""
        limit = self.env.limits.payload_bytes_max
        text = payload.text
        if len(text) * 4 > limit and size_utf8(text) > limit:
            raise data_limit(who)

    def end_frame(self, frame: Frame) -> None:
        """The frame's last state has ended well."""
        if frame.id == ROOT:
            self.close(e.ExecutionSucceeded(frame.last))
            return
        parent = self.execution.frames[frame.parent]
        state = self.state_of(parent)
        action = partial(self._handlers[state.type].child_ended, self, parent, state, frame)
        self.guard(parent, state, action)

    def fail(self, frame: Frame, state: CompiledState, error: StatesError) -> None:
        """A state's own error: say where, then retry, catch or fail the frame."""
        cause = with_prefix(error, state.name, frame.entered_id)
        shows_failure = False
        if isinstance(error, QueryEvaluationError):
            shows_failure = True
            self.emit(
                e.EvaluationFailed(
                    frame.id, _evaluation_pointer(frame, error), state.name, error.error, cause, error.location
                )
            )
        self.resolve(frame, state, error.error, cause, shows_failure=shows_failure)

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
        """Answer an error by the first matching retrier, else catcher, else fail the frame.

        `also` is a second name that the error answers to (`States.HeartbeatTimeout`). `shows_failure` makes a Map or
        Parallel show its own Failed event.
        """
        names = (error, also)
        retrier = retry_after(state.retry, frame.attempts, names, self.env)
        if retrier is not None:
            index, delay_ms = retrier
            self.emit(e.RetryScheduled(frame.id, index, self.now + delay_ms))
            return
        if shows_failure and state.type in _JOINING:
            failed = e.MapFailed if state.type == "Map" else e.ParallelFailed
            self.emit(failed(frame.id, frame.last))
        caught = catch_index(state.catch, names)
        if caught is None:
            self.fail_frame(frame, error, cause)
            return
        try:
            self._catch(frame, state, caught, {"Error": error, "Cause": cause})
        except StatesError as again:
            self._fail_uncaught(frame, state, again)

    def _catch(self, frame: Frame, state: CompiledState, index: int, error_output: Json) -> None:
        catcher = state.catch[index]
        scope = self.scope(frame, state, error_output, None, {"errorOutput": error_output})
        assigned = self.assign(catcher.assign, scope) if catcher.assign else None
        if catcher.output is not None:
            output = Payload.of(catcher.output(scope))
        elif catcher.merge is not None:
            output = Payload.of(catcher.merge(frame.data.value, error_output))
        else:
            output = Payload.of(error_output)
        self.leave(frame, state, catcher.next, output, assigned)

    def _fail_uncaught(self, frame: Frame, state: CompiledState, error: StatesError) -> None:
        cause = with_prefix(error, state.name, frame.entered_id)
        if isinstance(error, QueryEvaluationError):
            self.emit(e.EvaluationFailed(frame.id, frame.last, state.name, error.error, cause, error.location))
        self.fail_frame(frame, error.error, cause)

    def fail_frame(self, frame: Frame, error: str | None, cause: str | None) -> None:
        """An error that nothing in the frame caught."""
        if frame.id == ROOT:
            self.close(e.ExecutionFailed(frame.last, error, cause))
            return
        parent = self.execution.frames[frame.parent]
        state = self.state_of(parent)
        self._handlers[state.type].child_failed(self, parent, state, frame)
        self.abort_children(parent)
        self.resolve(parent, state, error, cause, shows_failure=True)

    def abort_children(self, frame: Frame) -> None:
        """Abort what still runs inside a Map or Parallel."""
        if frame.work is not None and frame.work.map_run is not None:
            self.emit(e.MapRunAborted(frame.id, frame.last))
        if frame.join is None:
            return
        for child_id in sorted(frame.join.running):
            child = self.execution.frames[child_id]
            self.abort_children(child)
            state = self.state_of(child) if child.state is not None else None
            if state is not None and state.type in _ABORTABLE:
                self.emit(e.StateAborted(child_id, child.last, state.type))
            parent_state = self.state_of(frame)
            if parent_state.type == "Map":
                self.emit(e.IterationAborted(child_id, child.last, child.index, parent_state.name))
            else:
                self.emit(e.FrameDropped(child_id))

    # -- variables

    def assign(self, template: Callable[[Scope], Json], scope: Scope) -> dict[str, Payload]:
        """Evaluate Assign with the values at the state's entry; sizes are checked."""
        values = {name: Payload.of(value) for name, value in template(scope).items()}
        limits = self.env.limits
        total = 0
        for name, payload in values.items():
            size = size_utf8(payload.text)
            total += size
            if size > limits.variable_bytes_max:
                raise variable_limit(f"The variable '{name}' exceeds")
        if total > limits.variable_bytes_max:
            raise variable_limit("The variables assigned by a state exceed")
        if self.execution.variables_bytes + total > limits.variables_bytes_max:
            raise variable_limit("The variables of the execution exceed")
        return values


_ABORTABLE: Final = frozenset({"Task", "Wait", "Map", "Parallel"})


def _evaluation_pointer(frame: Frame, error: QueryEvaluationError) -> int:
    """What EvaluationFailed follows: what evaluation on entry failed in does not count as entered yet."""
    if frame.last == frame.entered_id and not isinstance(error, EnteredEvaluationError):
        return frame.before_entered
    return frame.last
