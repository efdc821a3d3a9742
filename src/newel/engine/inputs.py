"""What can happen to an execution: the inputs of decide."""

from __future__ import annotations

from typing import Protocol

import msgspec

from newel.expr.env import Environment
from newel.json import Payload
from newel.limits import Limits


class TurnEnv(Environment, Protocol):
    """Time, chance, task tokens and limits for one turn."""

    @property
    def limits(self) -> Limits: ...

    def token(self, execution_arn: str, task_id: int) -> str:
        """The callback token of a task: opaque, unguessable, the same whenever it is asked for."""
        ...

    def activity_exists(self, arn: str) -> bool:
        """Whether an activity is registered as this turn begins."""
        ...


class Start(msgspec.Struct, frozen=True, gc=False):
    """The first input of an execution."""

    input: Payload


class Continue(msgspec.Struct, frozen=True):
    """Go on after a turn that stopped at `transitions_per_turn_max`."""


class TaskStarted(msgspec.Struct, frozen=True, gc=False):
    """The target began to work on the task (an activity worker took it)."""

    task_id: int
    worker: str | None = None


class TaskSubmitted(msgspec.Struct, frozen=True, gc=False):
    """A `.sync` job runs under `job`, or a callback request was accepted."""

    task_id: int
    output: Payload
    job: str | None = None


class TaskSucceeded(msgspec.Struct, frozen=True, gc=False):
    task_id: int
    output: Payload


class TaskFailed(msgspec.Struct, frozen=True, gc=False):
    """`kind`: FAILED, START_FAILED, SUBMIT_FAILED, SCHEDULE_FAILED or TIMED_OUT."""

    task_id: int
    error: str | None
    cause: str | None
    kind: str = "FAILED"


class MapRunEnded(msgspec.Struct, frozen=True, gc=False):
    """A Map Run is over: `output` is its result, or `error` and `cause` say why it failed."""

    task_id: int
    output: Payload | None = None
    error: str | None = None
    cause: str | None = None


class Heartbeat(msgspec.Struct, frozen=True, gc=False):
    task_id: int


class TimerFired(msgspec.Struct, frozen=True):
    """The clock has reached the execution's wake time; decide acts on every timer that is due."""


class Redrive(msgspec.Struct, frozen=True):
    """Go on after the end, from where it failed, timed out or was aborted. `timeout_s` is the machine's, if any."""

    timeout_s: int | None


class Stop(msgspec.Struct, frozen=True):
    error: str | None
    cause: str | None


Input = (
    Start
    | Continue
    | TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | MapRunEnded
    | Heartbeat
    | TimerFired
    | Redrive
    | Stop
)
