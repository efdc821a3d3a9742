"""Nested workflows: executions started, awaited and stopped by the tasks of others (`ports.executions`)."""

from __future__ import annotations

from typing import Any

from newel.ports.store import Execution
from newel.runtime.runtime import Runtime
from newel.service.core import Core
from newel.service.executions import begin


class NestedExecutions:
    """The executions of this server, for `states:startExecution`. `core` is set once the parts are assembled."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.core: Core | None = None

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
        """See `ports.executions.Executions`."""
        assert self.core is not None
        request: dict[str, Any] = {"stateMachineArn": state_machine_arn, "name": name, "input": input}
        if trace_header is not None:
            request["traceHeader"] = trace_header
        execution = await begin(self.core, request, parent=parent)
        return execution.arn, execution.start_ms

    async def wait(self, execution_arn: str) -> Execution:
        """The execution once it has ended."""
        return await self._runtime.wait(execution_arn)

    async def stop(self, execution_arn: str, error: str | None, cause: str | None) -> None:
        """Stop it; an ended one stays as it is."""
        await self._runtime.stop(execution_arn, error, cause)
