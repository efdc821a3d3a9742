"""What task targets ask of the executions of this server: nested workflows."""

from __future__ import annotations

from typing import Protocol

from newel.ports.store import Execution


class Executions(Protocol):
    """Starts, awaits and stops executions as the API does."""

    async def start(
        self,
        state_machine_arn: str,
        name: str,
        input: str,  # noqa: A002  (the API's word)
        *,
        account: str,
        region: str,
        parent: str | None,
        trace_header: str | None = None,
    ) -> tuple[str, int]:
        """Start an execution as StartExecution does; returns its ARN and start time in epoch milliseconds.

        `state_machine_arn` may name a version or an alias; `input` is JSON text. `parent` names the attempt that
        starts it: where the name is taken by a Standard execution with the same parent, that execution is the answer
        whatever its status, so that an attempt issued again after a crash finds its child. Any other clash raises
        `ServiceError` `ExecutionAlreadyExists`; so do StartExecution's other refusals, with its codes and messages.
        """
        ...

    async def wait(self, execution_arn: str) -> Execution:
        """Return the execution once it has ended. Raises `ServiceError` `ExecutionDoesNotExist`."""
        ...

    async def stop(self, execution_arn: str, error: str | None, cause: str | None) -> None:
        """Stop a running execution; nothing happens to an ended one."""
        ...
