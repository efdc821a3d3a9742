"""What the services ask of the runtime."""

from typing import Any, Protocol

from newel.ports.store import Execution
from newel.runtime.map_runs.manager import MapRunManager
from newel.runtime.orders import StartOrder


class RuntimeFace(Protocol):
    """The runtime as the services see it."""

    @property
    def map_runs(self) -> MapRunManager:
        """The Map Runs under way."""
        ...

    async def start(self, order: StartOrder) -> Execution:
        """Commit the first turn. Raises `ports.store.AlreadyExists` if the ARN is taken."""
        ...

    async def start_sync(self, order: StartOrder) -> Execution:
        """Run an Express execution to its end and return it."""
        ...

    async def stop(self, arn: str, error: str | None, cause: str | None) -> int:
        """Stop an execution; the answer is its stop time (ms), also if it had ended. Raises ExecutionDoesNotExist."""
        ...

    async def redrive(self, arn: str) -> bool:
        """Go on with an execution that ended without success; False if there was nothing to redrive."""
        ...

    async def describe(self, arn: str) -> Execution | None: ...

    async def history(self, arn: str) -> list[dict[str, Any]]:
        """All history events as AWS shows them, by id."""
        ...

    async def history_is_full(self, arn: str) -> bool:
        """Whether an execution has too many events to be redriven."""
        ...

    async def send_task_success(self, token: str, output: str) -> None: ...

    async def send_task_failure(self, token: str, error: str | None, cause: str | None) -> None: ...

    async def send_task_heartbeat(self, token: str) -> None: ...

    async def get_activity_task(self, activity_arn: str, worker_name: str | None) -> tuple[str, str] | None:
        """(token, input) of a scheduled task, or None when the long poll ends."""
        ...

    async def terminate_machine(self, machine_id: str) -> None:
        """Abort the running executions of a machine that is being deleted."""
        ...
