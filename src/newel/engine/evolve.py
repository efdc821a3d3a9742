"""evolve: the one place that changes an ExecutionState. It evaluates nothing and decides nothing.

Folding a journal through `evolve` gives the state that decide had when it wrote the last event.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any, Final

from newel.engine import events as e
from newel.engine.state import ROOT, ExecutionState, Frame, Join, Work, scope_of
from newel.json import Payload

WORKLESS: frozenset[str] = frozenset({"Pass", "Choice", "Succeed", "Fail", "Wait"})


def evolve(execution: ExecutionState, event: e.AnyEvent, at_ms: int) -> None:
    """Apply one event that was committed in a turn at `at_ms`."""
    APPLY[type(event)](execution, event, at_ms)


def _number(execution: ExecutionState) -> int:
    execution.event_id += 1
    return execution.event_id


def _started(x: ExecutionState, event: e.ExecutionStarted, _at: int) -> None:
    x.event_id += 1
    x.input = event.input
    x.frames[ROOT] = Frame(ROOT, -1, 0, "", event.input, "")
    if x.timeout_due_ms is not None:
        heappush(x.timers, (x.timeout_due_ms, ROOT, "execution"))


def _entered(x: ExecutionState, event: e.StateEntered, at: int) -> None:
    frame = x.frames[event.frame]
    x.event_id += 1
    frame.before_entered = frame.last
    frame.last = frame.entered_id = x.event_id
    frame.entered_ms = at
    frame.state = event.name
    frame.next = None


def _exited(x: ExecutionState, event: e.StateExited, _at: int) -> None:
    frame = x.frames[event.frame]
    x.event_id += 1
    frame.last = x.event_id
    if event.output is not None:
        frame.data = event.output
    elif event.same_as_result:
        assert frame.result is not None
        frame.data = frame.result
    if event.assigned:
        _assign(x, frame, event.assigned)
    frame.state = None
    frame.next = event.next
    if event.type not in WORKLESS:
        frame.result = None
        frame.work = frame.join = frame.retry_due_ms = frame.failed_join = frame.failed_map_run = None
        frame.retry_count = 0
        if frame.attempts:
            frame.attempts = {}
    frame.wait_due_ms = None


def _assign(x: ExecutionState, frame: Frame, assigned: dict[str, Payload]) -> None:
    variables = dict(frame.variables or {})
    for name, value in assigned.items():
        if name in variables:
            x.variables_bytes -= len(Payload.of(variables[name]).text)
        variables[name] = value.value
        x.variables_bytes += len(value.text)
    frame.variables = variables


def _task_scheduled(x: ExecutionState, event: e.TaskScheduled, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.retry_due_ms = None
    frame.work = Work(
        task_id=event.task_id,
        resource=event.resource,
        parameters=event.parameters,
        timeout_due_ms=event.timeout_due_ms,
        heartbeat_due_ms=event.heartbeat_due_ms,
        heartbeat_s=event.heartbeat_s,
        timeout_s=event.timeout_s,
        credentials=event.credentials,
    )
    x.next_task = event.task_id + 1
    x.tasks[event.task_id] = event.frame
    if event.timeout_due_ms is not None:
        heappush(x.timers, (event.timeout_due_ms, event.frame, "timeout"))
    if event.heartbeat_due_ms is not None:
        heappush(x.timers, (event.heartbeat_due_ms, event.frame, "heartbeat"))


def _task_started(x: ExecutionState, event: e.TaskStarted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    assert frame.work is not None
    frame.work.status = "STARTED"
    if event.heartbeat_due_ms is not None:
        _beat(x, event.frame, event.heartbeat_due_ms)


def _task_submitted(x: ExecutionState, event: e.TaskSubmitted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    assert frame.work is not None
    frame.work.status = "SUBMITTED"
    frame.work.job = event.job


def _end_work(x: ExecutionState, frame: Frame) -> None:
    if frame.work is not None:
        x.tasks.pop(frame.work.task_id, None)
        frame.work = None


def _task_succeeded(x: ExecutionState, event: e.TaskSucceeded | e.MapRunSucceeded, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.result = event.output
    _end_work(x, frame)


def _task_failed(x: ExecutionState, event: e.TaskFailed, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    _end_work(x, frame)


def _retry_scheduled(x: ExecutionState, event: e.RetryScheduled, _at: int) -> None:
    frame = x.frames[event.frame]
    _end_work(x, frame)
    frame.join = frame.failed_join = frame.failed_map_run = None
    frame.result = None
    frame.attempts = {**frame.attempts, event.retrier: frame.attempts.get(event.retrier, 0) + 1}
    frame.retry_count += 1
    frame.retry_due_ms = event.due_ms
    heappush(x.timers, (event.due_ms, event.frame, "retry"))


def _wait_started(x: ExecutionState, event: e.WaitStarted, _at: int) -> None:
    x.frames[event.frame].wait_due_ms = event.due_ms
    heappush(x.timers, (event.due_ms, event.frame, "wait"))


def _beat(x: ExecutionState, frame_id: int, due_ms: int) -> None:
    work = x.frames[frame_id].work
    assert work is not None
    work.heartbeat_due_ms = due_ms
    heappush(x.timers, (due_ms, frame_id, "heartbeat"))


def _heartbeat(x: ExecutionState, event: e.HeartbeatReceived, _at: int) -> None:
    _beat(x, event.frame, event.due_ms)


def _map_started(x: ExecutionState, event: e.MapStarted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.retry_due_ms = None
    if event.distributed:
        return
    frame.join = Join(
        total=event.length,
        results=[None] * event.length,
        items=event.items,
        keys=event.keys,
        max_concurrency=event.max_concurrency,
        pointer=frame.last,
    )


def _add_child(x: ExecutionState, child: Frame) -> None:
    x.frames[child.id] = child
    x.next_frame = child.id + 1
    join = x.frames[child.parent].join
    assert join is not None
    join.running.add(child.id)
    join.started += 1


def item_of(frame: Frame, index: int) -> Payload:
    """The `index`-th item of the Map that `frame` is in, as an iteration's input."""
    join = frame.join
    assert join is not None
    source = (join.items or frame.data).value
    if join.keys is not None:
        key = join.keys[index]
        return Payload.of({"Key": key, "Value": source[key]})
    return Payload.of(source[index])


def _iteration_started(x: ExecutionState, event: e.IterationStarted, _at: int) -> None:
    parent = x.frames[event.parent]
    data = event.input if event.input is not None else item_of(parent, event.index)
    assert parent.state is not None
    scope = scope_of(parent.scope, parent.state, 0)
    child = Frame(id=event.frame, parent=event.parent, index=event.index, scope=scope, data=data, next="")
    child.last = _number(x)
    _add_child(x, child)


def _drop_child(x: ExecutionState, frame_id: int, *, failed: bool = True) -> tuple[Frame, Join]:
    """Take a child frame away; what did not succeed is kept for a redrive."""
    child = x.frames.pop(frame_id)
    _end_work(x, child)
    join = x.frames[child.parent].join
    assert join is not None
    join.running.discard(frame_id)
    if failed:
        join.dropped[child.index] = child
    return child, join


def _iteration_succeeded(x: ExecutionState, event: e.IterationSucceeded, _at: int) -> None:
    child, join = _drop_child(x, event.frame, failed=False)
    join.results[child.index] = child.data
    join.done += 1
    join.pointer = child.last
    x.frames[child.parent].last = _number(x)


def _iteration_failed(x: ExecutionState, event: e.IterationFailed, _at: int) -> None:
    _number(x)
    child, _ = _drop_child(x, event.frame)
    x.frames[child.parent].last = event.prev


def _iteration_aborted(x: ExecutionState, event: e.IterationAborted, _at: int) -> None:
    _number(x)
    _drop_child(x, event.frame)


def _frame_dropped(x: ExecutionState, event: e.FrameDropped, _at: int) -> None:
    child, _ = _drop_child(x, event.frame)
    if event.pointer is not None:
        x.frames[child.parent].last = event.pointer


def _join_succeeded(x: ExecutionState, event: e.MapSucceeded | e.ParallelSucceeded, _at: int) -> None:
    """`last` stays: StateExited follows the same event as this one does, as AWS shows it."""
    _number(x)
    frame = x.frames[event.frame]
    if frame.join is not None:  # a Map Run has left its result already
        frame.result = join_result(frame.join)
        frame.join = None


def join_result(join: Join) -> Payload:
    """The array of results, whose members keep their text."""
    return Payload("[" + ",".join([r.text for r in join.results if r is not None]) + "]")


def _join_failed(x: ExecutionState, event: e.MapFailed | e.ParallelFailed, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.failed_join, frame.join = frame.join, None


def _parallel_started(x: ExecutionState, event: e.ParallelStarted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.retry_due_ms = None
    frame.join = Join(total=event.branches, results=[None] * event.branches, input=event.input, pointer=frame.last)


def _branch_started(x: ExecutionState, event: e.BranchStarted, _at: int) -> None:
    parent = x.frames[event.parent]
    assert parent.join is not None
    data = parent.join.input or parent.data
    assert parent.state is not None
    scope = scope_of(parent.scope, parent.state, event.index)
    child = Frame(id=event.frame, parent=event.parent, index=event.index, scope=scope, data=data, next="")
    child.last = parent.join.pointer
    _add_child(x, child)


def _branch_succeeded(x: ExecutionState, event: e.BranchSucceeded, _at: int) -> None:
    child, join = _drop_child(x, event.frame, failed=False)
    join.results[child.index] = child.data
    join.done += 1
    x.frames[child.parent].last = child.last


def _map_run_started(x: ExecutionState, event: e.MapRunStarted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.work = Work(task_id=event.task_id, resource="", parameters=event.spec, status="STARTED", map_run=event.arn)
    x.next_task = event.task_id + 1
    x.tasks[event.task_id] = event.frame


def _map_run_ended(x: ExecutionState, event: e.MapRunAborted | e.MapRunFailed, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    frame.failed_map_run = frame.work
    _end_work(x, frame)


def _map_run_redriven(x: ExecutionState, event: e.MapRunRedriven, at: int) -> None:
    _map_run_started(x, e.MapRunStarted(event.frame, event.prev, event.task_id, event.arn, event.spec), at)
    frame = x.frames[event.frame]
    assert frame.work is not None
    frame.work.redrive_count = event.count
    frame.failed_map_run = None


def _redriven(x: ExecutionState, event: e.ExecutionRedriven, at: int) -> None:
    root = x.frames[ROOT]
    root.last = _number(x)
    _forget_retries(root)
    x.status = "RUNNING"
    x.error = x.cause = None
    x.redrive_count, x.redrive_ms = event.count, at
    x.timeout_due_ms = event.timeout_due_ms
    if event.timeout_due_ms is not None:
        heappush(x.timers, (event.timeout_due_ms, ROOT, "execution"))


def _forget_retries(frame: Frame) -> None:
    frame.attempts = {}
    frame.retry_count = 0


def _join_reopened(x: ExecutionState, event: e.JoinReopened, _at: int) -> None:
    frame = x.frames[event.frame]
    join = frame.failed_join
    assert join is not None
    frame.join, frame.failed_join = join, None
    for _, child in sorted(join.dropped.items()):
        x.frames[child.id] = child
        join.running.add(child.id)
        _forget_retries(child)
    join.dropped = {}


def _state_aborted(x: ExecutionState, event: e.StateAborted, _at: int) -> None:
    frame = x.frames[event.frame]
    frame.last = _number(x)
    _end_work(x, frame)
    frame.failed_join, frame.join = frame.join, None
    frame.wait_due_ms = frame.retry_due_ms = None


def _evaluation_failed(x: ExecutionState, event: e.EvaluationFailed, _at: int) -> None:
    x.frames[event.frame].last = _number(x)


def _close(x: ExecutionState) -> None:
    _number(x)
    x.timers = []
    x.tasks = {}


def _succeeded(x: ExecutionState, _event: e.ExecutionSucceeded, _at: int) -> None:
    _close(x)
    x.status = "SUCCEEDED"
    x.output = x.frames[ROOT].data


def _failed(x: ExecutionState, event: e.ExecutionFailed, _at: int) -> None:
    _close(x)
    x.status, x.error, x.cause = "FAILED", event.error, event.cause


def _timed_out(x: ExecutionState, event: e.ExecutionTimedOut, _at: int) -> None:
    _close(x)
    x.status, x.error, x.cause = "TIMED_OUT", event.error, event.cause


def _aborted(x: ExecutionState, event: e.ExecutionAborted, _at: int) -> None:
    _close(x)
    x.status, x.error, x.cause = "ABORTED", event.error, event.cause


#: How each event changes an execution.
APPLY: Final[dict[type, Callable[[ExecutionState, Any, int], None]]] = {
    e.ExecutionStarted: _started,
    e.StateEntered: _entered,
    e.StateExited: _exited,
    e.TaskScheduled: _task_scheduled,
    e.TaskStarted: _task_started,
    e.TaskSubmitted: _task_submitted,
    e.TaskSucceeded: _task_succeeded,
    e.TaskFailed: _task_failed,
    e.RetryScheduled: _retry_scheduled,
    e.WaitStarted: _wait_started,
    e.HeartbeatReceived: _heartbeat,
    e.MapStarted: _map_started,
    e.IterationStarted: _iteration_started,
    e.IterationSucceeded: _iteration_succeeded,
    e.IterationFailed: _iteration_failed,
    e.IterationAborted: _iteration_aborted,
    e.MapSucceeded: _join_succeeded,
    e.MapFailed: _join_failed,
    e.ParallelStarted: _parallel_started,
    e.BranchStarted: _branch_started,
    e.BranchSucceeded: _branch_succeeded,
    e.ParallelSucceeded: _join_succeeded,
    e.ParallelFailed: _join_failed,
    e.StateAborted: _state_aborted,
    e.FrameDropped: _frame_dropped,
    e.EvaluationFailed: _evaluation_failed,
    e.ExecutionSucceeded: _succeeded,
    e.ExecutionFailed: _failed,
    e.ExecutionTimedOut: _timed_out,
    e.ExecutionAborted: _aborted,
    e.MapRunStarted: _map_run_started,
    e.MapRunSucceeded: _task_succeeded,
    e.MapRunFailed: _map_run_ended,
    e.MapRunAborted: _map_run_ended,
    e.ExecutionRedriven: _redriven,
    e.JoinReopened: _join_reopened,
    e.MapRunRedriven: _map_run_redriven,
}
