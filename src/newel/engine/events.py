"""Journal events: what happened, with every evaluated value, in the order it happened.

`frame` is the place in the frame tree (0 is the top). `prev` is the id of the event before it in AWS's history. A
payload field that is None repeats one the reader already has; each class says which. Events are encoded as arrays
with an integer tag, so a field may be added at an end but never moved.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from newel.json import Payload


class Event(msgspec.Struct, array_like=True, gc=False, tag_field="t"):
    """A journal event. `visible` ones are one event of AWS's history each."""

    visible: ClassVar[bool] = True


class ExecutionStarted(Event, tag=1):
    input: Payload


class StateEntered(Event, tag=2):
    """The state's input is the frame's data as it stands."""

    frame: int
    prev: int
    name: str
    type: str


class StateExited(Event, tag=3):
    """`output` None: the state's input, or with `same_as_result` its work's result. `next` None: the frame ends."""

    frame: int
    prev: int
    name: str
    type: str
    next: str | None
    output: Payload | None = None
    same_as_result: bool = False
    assigned: dict[str, Payload] | None = None


class TaskScheduled(Event, tag=4):
    """`parameters` None: the state's input. `…_s` are as history shows them, `…_due_ms` absolute times."""

    frame: int
    prev: int
    task_id: int
    resource: str
    parameters: Payload | None
    timeout_s: int | None = None
    heartbeat_s: int | None = None
    timeout_due_ms: int | None = None
    heartbeat_due_ms: int | None = None
    credentials: str | None = None


class TaskStarted(Event, tag=5):
    frame: int
    prev: int
    resource: str
    worker: str | None = None
    heartbeat_due_ms: int | None = None


class TaskSubmitted(Event, tag=6):
    frame: int
    prev: int
    resource: str
    output: Payload
    job: str | None = None


class TaskSucceeded(Event, tag=7):
    frame: int
    prev: int
    resource: str
    output: Payload


class TaskFailed(Event, tag=8):
    frame: int
    prev: int
    resource: str
    error: str | None
    cause: str | None
    kind: str = "FAILED"


class RetryScheduled(Event, tag=9):
    """The `retrier`-th retrier answered; the work is done again at `due_ms`."""

    visible = False
    frame: int
    retrier: int
    due_ms: int


class WaitStarted(Event, tag=10):
    visible = False
    frame: int
    due_ms: int


class HeartbeatReceived(Event, tag=11):
    visible = False
    frame: int
    due_ms: int


class MapStarted(Event, tag=12):
    """`items` None: the state's input is the array. `keys` are given when an object is iterated."""

    frame: int
    prev: int
    length: int
    max_concurrency: int
    items: Payload | None = None
    keys: list[str] | None = None
    distributed: bool = False  # its iterations are child workflows of a Map Run


class IterationStarted(Event, tag=13):
    """A new frame for item `index` of the Map in `parent`; `input` None: the item itself."""

    frame: int
    prev: int
    parent: int
    index: int
    name: str
    input: Payload | None = None


class IterationSucceeded(Event, tag=14):
    frame: int
    prev: int
    index: int
    name: str


class IterationFailed(Event, tag=15):
    frame: int
    prev: int
    index: int
    name: str


class IterationAborted(Event, tag=16):
    frame: int
    prev: int
    index: int
    name: str


class MapSucceeded(Event, tag=17):
    frame: int
    prev: int


class MapFailed(Event, tag=18):
    frame: int
    prev: int


class ParallelStarted(Event, tag=19):
    """`input` is what every branch gets; None: the state's input."""

    frame: int
    prev: int
    branches: int
    input: Payload | None = None


class BranchStarted(Event, tag=20):
    visible = False
    frame: int
    parent: int
    index: int


class BranchSucceeded(Event, tag=21):
    visible = False
    frame: int


class ParallelSucceeded(Event, tag=22):
    frame: int
    prev: int


class ParallelFailed(Event, tag=23):
    frame: int
    prev: int


class StateAborted(Event, tag=24):
    """TaskStateAborted, WaitStateAborted, MapStateAborted or ParallelStateAborted by `type`."""

    frame: int
    prev: int
    type: str


class FrameDropped(Event, tag=25):
    """A branch ended without success; its frame is gone. `pointer` is what its parent's next event follows."""

    visible = False
    frame: int
    pointer: int | None = None


class EvaluationFailed(Event, tag=26):
    frame: int
    prev: int
    state: str
    error: str
    cause: str | None
    location: str | None = None


class ExecutionSucceeded(Event, tag=27):
    """`output` None: the top frame's data."""

    prev: int


class ExecutionFailed(Event, tag=28):
    prev: int
    error: str | None
    cause: str | None


class ExecutionTimedOut(Event, tag=29):
    prev: int
    error: str | None
    cause: str | None


class ExecutionAborted(Event, tag=30):
    prev: int
    error: str | None
    cause: str | None


class MapRunStarted(Event, tag=31):
    """A Map Run is owed; `spec` is all that was evaluated for it (see `engine.map_run`)."""

    frame: int
    prev: int
    task_id: int
    arn: str
    spec: Payload


class MapRunSucceeded(Event, tag=32):
    """`output` is the Map's result. AWS shows the event without it."""

    frame: int
    prev: int
    output: Payload


class MapRunFailed(Event, tag=33):
    frame: int
    prev: int
    error: str | None
    cause: str | None


class MapRunAborted(Event, tag=34):
    frame: int
    prev: int


class ExecutionRedriven(Event, tag=35):
    """The execution goes on from where it ended; its time-out starts anew."""

    prev: int
    count: int
    timeout_due_ms: int | None


class JoinReopened(Event, tag=36):
    """A redriven Parallel or Map takes up again the branches or iterations that had not succeeded."""

    visible = False
    frame: int


class MapRunRedriven(Event, tag=37):
    """The same Map Run goes on."""

    frame: int
    prev: int
    task_id: int
    arn: str
    spec: Payload
    count: int


AnyEvent = (
    ExecutionStarted
    | StateEntered
    | StateExited
    | TaskScheduled
    | TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | RetryScheduled
    | WaitStarted
    | HeartbeatReceived
    | MapStarted
    | IterationStarted
    | IterationSucceeded
    | IterationFailed
    | IterationAborted
    | MapSucceeded
    | MapFailed
    | ParallelStarted
    | BranchStarted
    | BranchSucceeded
    | ParallelSucceeded
    | ParallelFailed
    | StateAborted
    | FrameDropped
    | EvaluationFailed
    | ExecutionSucceeded
    | ExecutionFailed
    | ExecutionTimedOut
    | ExecutionAborted
    | MapRunStarted
    | MapRunSucceeded
    | MapRunFailed
    | MapRunAborted
    | ExecutionRedriven
    | JoinReopened
    | MapRunRedriven
)
