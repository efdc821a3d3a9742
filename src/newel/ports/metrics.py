"""What the runtime and the API report about themselves; the words are those of AWS's `AWS/States` metrics."""

from collections.abc import Mapping
from typing import Literal, Protocol

from newel.ports.store import ExecutionStatus

#: What carries out a Task: AWS counts activities, Lambda functions and service integrations apart.
TaskKind = Literal["activity", "lambda_function", "service_integration"]
TaskOutcome = Literal["succeeded", "failed", "timed_out", "heartbeat_timed_out"]


class Metrics(Protocol):
    """Cheap enough for the hot path: each call is a dictionary look-up and an addition."""

    def execution_started(self, machine_arn: str) -> None: ...

    def execution_ended(self, machine_arn: str, status: ExecutionStatus, duration_s: float) -> None: ...

    def executions_ran(self, machine_arn: str, ends: Mapping[ExecutionStatus, int]) -> None:
        """Executions of one machine that ended in the moment they were started: how many in each way."""
        ...

    def task_scheduled(self, kind: TaskKind, resource_arn: str) -> None: ...

    def task_started(self, kind: TaskKind, resource_arn: str, waited_s: float) -> None:
        """A worker or target took the task `waited_s` after it was scheduled."""
        ...

    def task_ended(self, kind: TaskKind, resource_arn: str, outcome: TaskOutcome, run_s: float, total_s: float) -> None:
        """`run_s` since it started, `total_s` since it was scheduled."""
        ...

    def api_request(self, operation: str, code: str) -> None:
        """One request to the API; `code` is `OK` or the error's code."""
        ...


class NoMetrics:
    """Counts nothing."""

    def execution_started(self, machine_arn: str) -> None:
        pass

    def execution_ended(self, machine_arn: str, status: ExecutionStatus, duration_s: float) -> None:
        pass

    def executions_ran(self, machine_arn: str, ends: Mapping[ExecutionStatus, int]) -> None:
        pass

    def task_scheduled(self, kind: TaskKind, resource_arn: str) -> None:
        pass

    def task_started(self, kind: TaskKind, resource_arn: str, waited_s: float) -> None:
        pass

    def task_ended(self, kind: TaskKind, resource_arn: str, outcome: TaskOutcome, run_s: float, total_s: float) -> None:
        pass

    def api_request(self, operation: str, code: str) -> None:
        pass
