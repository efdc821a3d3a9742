"""decide: an input to an execution, answered by the events it causes.

    input          | acts on                       | stale when
    ---------------|-------------------------------|------------------------------------------
    Start          | an execution without events   | never (a second one is our bug)
    Continue       | frames that wait for a step   | none waits
    Task*          | the attempt with its task id  | the attempt ended, timed out or was retried
    MapRunEnded    | the Map Run with its task id  | likewise
    Heartbeat      | the attempt with its task id  | likewise
    TimerFired     | every timer that is due       | no timer is due
    Redrive        | an execution that has ended   | it runs, or has succeeded
    Stop           | a running execution           | it has ended

A stale input gives no events. `decide` advances the ExecutionState it is given, event by event, through `evolve`; the
caller throws that state away if the events cannot be committed.
"""

from __future__ import annotations

from heapq import heappop
from typing import Final, assert_never

from newel.engine import events as e
from newel.engine import inputs as i
from newel.engine.errors import RUNTIME, HistoryFull
from newel.engine.program import CompiledState, Program
from newel.engine.state import ROOT, ExecutionState, Frame
from newel.engine.states import HANDLERS
from newel.engine.states import map_run as map_run_state
from newel.engine.states import task as task_state
from newel.engine.states.map_ import start_iterations
from newel.engine.turn import Turn


def decide(program: Program, execution: ExecutionState, given: i.Input, env: i.TurnEnv) -> list[e.AnyEvent]:
    """The events that `given` causes, with the execution advanced by them; an empty list if it is stale."""
    if (execution.status != "RUNNING") is not isinstance(given, i.Redrive) or execution.status == "SUCCEEDED":
        return []
    turn = Turn(program, execution, env, HANDLERS)
    try:
        _apply(turn, given)
        turn.run()
    except HistoryFull:
        limit = env.limits.history_events_max
        cause = f"The execution reached the maximum number of history events ({limit})."
        turn.close(e.ExecutionFailed(execution.event_id, RUNTIME, cause))
    return turn.events


def must_continue(execution: ExecutionState) -> bool:
    """Whether a frame waits for its next step: the last turn stopped at its limit."""
    return execution.status == "RUNNING" and any(
        frame.state is None and frame.next is not None for frame in execution.frames.values()
    )


def _apply(turn: Turn, given: i.Input) -> None:
    match given:
        case i.Start():
            _start(turn, given)
        case i.Continue():
            _continue(turn)
        case i.TaskSucceeded() | i.TaskFailed() | i.TaskStarted() | i.TaskSubmitted() | i.Heartbeat():
            _task(turn, given)
        case i.MapRunEnded():
            _map_run(turn, given)
        case i.TimerFired():
            _timers(turn)
        case i.Redrive():
            _redrive(turn, given)
        case i.Stop():
            _stop(turn, given)
        case _:
            assert_never(given)


def _start(turn: Turn, given: i.Start) -> None:
    assert turn.execution.event_id == 0, "an execution starts once"
    turn.emit(e.ExecutionStarted(given.input))
    turn.runnable.append(ROOT)


def _continue(turn: Turn) -> None:
    waiting = [f.id for f in turn.execution.frames.values() if f.state is None and f.next is not None]
    turn.runnable.extend(sorted(waiting, reverse=True))


def _task(turn: Turn, given: i.TaskSucceeded | i.TaskFailed | i.TaskStarted | i.TaskSubmitted | i.Heartbeat) -> None:
    frame_id = turn.execution.tasks.get(given.task_id)
    if frame_id is None:
        return
    frame = turn.execution.frames[frame_id]
    work = frame.work
    assert work is not None
    state = turn.state_of(frame)
    match given:
        case i.TaskStarted():
            if work.status == "SCHEDULED":
                beat = turn.now + work.heartbeat_s * 1000 if work.heartbeat_s else None
                turn.emit(e.TaskStarted(frame_id, frame.last, work.resource, given.worker, beat))
        case i.TaskSubmitted():
            if work.status == "STARTED":
                turn.emit(e.TaskSubmitted(frame_id, frame.last, work.resource, given.output, given.job))
        case i.TaskSucceeded():
            task_state.succeed(turn, frame, state, given.output)
        case i.TaskFailed():
            task_state.fail(turn, frame, state, given.error, given.cause, given.kind)
        case i.Heartbeat():
            if work.heartbeat_s:
                turn.emit(e.HeartbeatReceived(frame_id, turn.now + work.heartbeat_s * 1000))
        case _:
            assert_never(given)


def _map_run(turn: Turn, given: i.MapRunEnded) -> None:
    frame_id = turn.execution.tasks.get(given.task_id)
    if frame_id is not None:
        frame = turn.execution.frames[frame_id]
        map_run_state.end(turn, frame, turn.state_of(frame), given)


def _timers(turn: Turn) -> None:
    """Act on every due timer, earliest first."""
    timers = turn.execution.timers
    while timers and timers[0][0] <= turn.now and turn.execution.status == "RUNNING":
        due_ms, frame_id, kind = heappop(timers)
        if kind == "execution":
            _time_out(turn)
            return
        frame = turn.execution.frames.get(frame_id)
        if frame is not None and _due(frame, kind) == due_ms:
            _fire(turn, frame, kind)


def _due(frame: Frame, kind: str) -> int | None:
    """When a frame's timer of this kind is due now; an older entry of the heap is void."""
    if kind == "wait":
        return frame.wait_due_ms
    if kind == "retry":
        return frame.retry_due_ms
    if frame.work is None:
        return None
    return frame.work.timeout_due_ms if kind == "timeout" else frame.work.heartbeat_due_ms


_HEARTBEAT_ERROR: Final = "States.HeartbeatTimeout"


def _fire(turn: Turn, frame: Frame, kind: str) -> None:
    state = turn.state_of(frame)
    if kind == "wait":
        turn.resume(frame, state)
    elif kind == "retry":
        turn.work(frame, state)
    else:
        also = _HEARTBEAT_ERROR if kind == "heartbeat" else None
        task_state.fail(turn, frame, state, "States.Timeout", None, "TIMED_OUT", also=also)


def _abort_open(turn: Turn) -> None:
    """Abort what runs inside the top frame's Map or Parallel, and that state itself."""
    root = turn.execution.frames[ROOT]
    if root.join is not None or (root.work is not None and root.work.map_run is not None):
        turn.abort_children(root)
        turn.emit(e.StateAborted(ROOT, root.last, turn.state_of(root).type))


def _time_out(turn: Turn) -> None:
    _abort_open(turn)
    turn.close(e.ExecutionTimedOut(turn.execution.frames[ROOT].last, "States.Timeout", None))


def _stop(turn: Turn, given: i.Stop) -> None:
    _abort_open(turn)
    turn.close(e.ExecutionAborted(turn.execution.frames[ROOT].last, given.error, given.cause))


def _redrive(turn: Turn, given: i.Redrive) -> None:
    execution = turn.execution
    due_ms = None if given.timeout_s is None else turn.now + given.timeout_s * 1000
    turn.emit(e.ExecutionRedriven(execution.event_id, execution.redrive_count + 1, due_ms))
    _take_up(turn, execution.frames[ROOT])


def _take_up(turn: Turn, frame: Frame) -> None:
    """Go on with a frame of a redriven execution: do the work of its state again, with all retries."""
    if frame.state is None:
        turn.runnable.append(frame.id)
        return
    state = turn.state_of(frame)
    if frame.failed_map_run is not None:
        map_run_state.take_up(turn, frame)
    elif frame.failed_join is not None:
        turn.emit(e.JoinReopened(frame.id))
        _take_up_children(turn, frame, state)
    else:
        turn.work(frame, state)


def _take_up_children(turn: Turn, frame: Frame, state: CompiledState) -> None:
    """Go on with each branch or iteration, until one fails the state again."""
    join = frame.join
    assert join is not None
    for child_id in sorted(join.running, reverse=True):
        if frame.join is join and child_id in join.running:
            _take_up(turn, turn.execution.frames[child_id])
    if state.type == "Map" and frame.join is join:
        start_iterations(turn, frame, state)


def next_wake_ms(execution: ExecutionState) -> int | None:
    """When the earliest valid timer is due; void entries at the head of the heap are dropped."""
    timers = execution.timers
    while timers:
        due_ms, frame_id, kind = timers[0]
        if kind == "execution":
            return due_ms
        frame = execution.frames.get(frame_id)
        if frame is not None and _due(frame, kind) == due_ms:
            return due_ms
        heappop(timers)
    return None
