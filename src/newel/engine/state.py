"""ExecutionState: where an execution stands, as plain data.

A frame is one run of a `States` object: the machine's own (frame 0), a Parallel branch or a Map iteration. Frames
form a tree by `parent`. Say "state" for a state of ASL and "ExecutionState" in full for this.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from newel.json import Json, Payload

ROOT: Final = 0

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]


class Work(msgspec.Struct, gc=False):
    """A Task attempt in flight. `parameters` None: the state's input."""

    task_id: int
    resource: str
    parameters: Payload | None
    status: Literal["SCHEDULED", "STARTED", "SUBMITTED"] = "SCHEDULED"
    timeout_due_ms: int | None = None
    heartbeat_due_ms: int | None = None
    heartbeat_s: int | None = None
    timeout_s: int | None = None
    job: str | None = None
    credentials: str | None = None
    map_run: str | None = None  # the ARN, where the work is a Map Run; `parameters` is its spec then
    redrive_count: int = 0  # of the Map Run


class Join(msgspec.Struct, gc=False):
    """What a Map or Parallel state waits for. `results` are in order of index; None while not there."""

    total: int
    results: list[Payload | None]
    items: Payload | None = None  # Map: the array or object iterated; None: the state's input
    keys: list[str] | None = None
    max_concurrency: int = 0  # 0: all at once
    started: int = 0
    done: int = 0
    running: set[int] = msgspec.field(default_factory=set)
    input: Payload | None = None  # Parallel: what each branch gets; None: the state's input
    pointer: int = 0  # the event that a further iteration follows
    dropped: dict[int, Frame] = msgspec.field(default_factory=dict)  # by index: failed or aborted, for a redrive


class Frame(msgspec.Struct, gc=False):
    """One run of a `States` object.

    `scope` names the workflow in the Program (see `scope_of`). `state` is
    the state being executed; between states it is None and `next` says which comes. `data` is the input of the state
    while in it, its output after it.
    """

    id: int
    parent: int
    index: int
    scope: str
    data: Payload
    next: str | None
    last: int = 0  # id of the frame's newest history event
    state: str | None = None
    entered_id: int = 0
    entered_ms: int = 0
    before_entered: int = 0  # what `last` was before the state was entered
    result: Payload | None = None
    attempts: dict[int, int] = msgspec.field(default_factory=dict)  # retrier index -> retries so far
    retry_count: int = 0
    retry_due_ms: int | None = None
    wait_due_ms: int | None = None
    work: Work | None = None
    join: Join | None = None
    variables: dict[str, Json] | None = None  # those assigned in this frame
    failed_join: Join | None = None  # what a redrive takes up again
    failed_map_run: Work | None = None  # likewise


class Identity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the context object says of an execution, and its end by time-out."""

    execution_arn: str
    execution_name: str
    machine_arn: str
    machine_name: str
    role_arn: str
    start_ms: int
    express: bool = False


class ExecutionState(msgspec.Struct, gc=False):
    """The whole position of one execution; changed by `evolve` alone."""

    identity: Identity
    input: Payload
    status: Status = "RUNNING"
    event_id: int = 0  # of the newest history event
    frames: dict[int, Frame] = msgspec.field(default_factory=dict)
    next_frame: int = 1
    next_task: int = 1
    timeout_due_ms: int | None = None
    output: Payload | None = None
    error: str | None = None
    cause: str | None = None
    timers: list[tuple[int, int, str]] = msgspec.field(default_factory=list)  # heap of (due ms, frame, kind)
    tasks: dict[int, int] = msgspec.field(default_factory=dict)  # task id -> frame, for tasks in flight
    variables_bytes: int = 0
    redrive_count: int = 0
    redrive_ms: int | None = None


def scope_of(outer: str, state: str, index: int) -> str:
    """The scope of branch `index` (a Map's processor: 0) of a state in scope `outer`; the machine's own is empty.

    The whole path, because states of different branches may have the same name.
    """
    return f"{outer}\x1f{state}\x1f{index}"


def visible_variables(execution: ExecutionState, frame: Frame) -> dict[str, Json]:
    """The variables a state of this frame can read: its own over those of the frames around it."""
    own = frame.variables
    if frame.id == ROOT:
        return own or {}
    outer = visible_variables(execution, execution.frames[frame.parent])
    return {**outer, **own} if own else outer
