"""What the runtime asks of a task's target.

A target does the work of one Task attempt and says how it ended. It never touches the store or the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from newel.language.resource import Resource

#: The message of a cancellation (`task.cancel(DETACH)`) that leaves a `.sync` job running: the server stops, and the
#: job is picked up again by its id after the restart. Any other cancellation stops the job.
DETACH: Final = "newel: leave the job running"


class TaskRequest(msgspec.Struct, kw_only=True, frozen=True):
    """One attempt of a Task.

    `parameters` is JSON text: what TaskScheduled shows (for a bare Lambda ARN or an activity, the input itself).
    `idempotency_key` is the same when the attempt is issued again after a crash. `token` is given for
    `.waitForTaskToken` and activities. `job` is the id that a `.sync` attempt was submitted under, when it is being
    picked up again. `test_case` is the execution's, whose mocks then answer.
    """

    execution_arn: str
    execution_name: str
    machine_arn: str
    state_name: str
    task_id: int
    resource: Resource
    parameters: str
    region: str
    account: str
    role_arn: str
    idempotency_key: str
    token: str | None = None
    credentials_role_arn: str | None = None
    job: str | None = None
    timeout_ms: int | None = None
    test_case: str | None = None


class Succeeded(msgspec.Struct, frozen=True):
    """`output` is JSON text. `raw` marks output text that is passed on byte for byte."""

    output: str


class Failed(msgspec.Struct, frozen=True):
    """The error name and cause as AWS gives them. `kind` picks the history event:

    FAILED (TaskFailed, LambdaFunctionFailed), START_FAILED, SUBMIT_FAILED, SCHEDULE_FAILED, TIMED_OUT.
    """

    error: str
    cause: str | None = None
    kind: str = "FAILED"


Outcome = Succeeded | Failed


class TaskEvents(Protocol):
    """How a target reports progress; each call is committed before it returns."""

    async def submitted(self, output: str, job: str | None = None) -> None:
        """The job of a `.sync` task runs under `job`, or the request of a callback task was accepted."""
        ...


class TaskTarget(Protocol):
    """Performs tasks of one service."""

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        """Perform one attempt. None: the result comes by callback (`.waitForTaskToken`).

        For `.sync` it reports `submitted` once, then waits for the job; with `request.job` set it must not start a
        second job. Cancelled when the task is stopped or times out (a `.sync` job is then stopped too).
        """
        ...


TargetLookup = Callable[[Resource], "TaskTarget | None"]
