"""One execution in this process, on a store that goes away with it: what `newel run` does."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from newel.cli.folder_functions import ACCOUNT, REGION, folder_functions
from newel.errors import ServiceError
from newel.integrations.mocks import MockedTargets, Script
from newel.integrations.registry import Unsupported, build_registry
from newel.ports.clock import Clock
from newel.ports.functions import FunctionInvoker
from newel.ports.store import Execution, Machine, MachineType, Revision
from newel.ports.tasks import TargetLookup
from newel.runtime.clock import SystemClock, VirtualClock
from newel.runtime.orders import StartOrder
from newel.runtime.runtime import Runtime
from newel.runtime.tokens import TaskTokens
from newel.store.memory import MemoryStore

_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/newel-run"
_MACHINE_ID: Final = "run"


class LocalOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What to run. `definition` and `input` are JSON text that was checked already."""

    definition: str
    input: str
    machine_name: str
    execution_name: str
    type: MachineType = "STANDARD"
    script: Script = msgspec.field(default_factory=dict)
    functions: Path | None = None
    virtual_time: bool = False


class LocalExecution:
    """The execution under way: its ARN and what can be asked of it."""

    def __init__(self, runtime: Runtime, store: MemoryStore, arn: str, now_ms: Callable[[], int]) -> None:
        self._runtime = runtime
        self._store = store
        self.arn = arn
        self.now_ms = now_ms

    async def history(self) -> list[dict[str, Any]]:
        """The history events so far."""
        return await self._runtime.history(self.arn)

    async def map_runs(self) -> list[dict[str, Any]]:
        """Its Map Runs with their counts, as far as DescribeMapRun would say the same."""
        views = [await self._runtime.map_runs.describe(run.arn) for run in await self._store.map_runs(self.arn)]
        return [
            {
                "mapRunArn": view.run.arn,
                "status": view.run.status,
                "itemCounts": view.items.as_api(),
                "executionCounts": view.executions.as_api(),
            }
            for view in views
            if view is not None
        ]

    def wait(self) -> Awaitable[Execution]:
        """The execution once it has ended."""
        return self._runtime.wait(self.arn)


class _OneMachine:
    """`Executions` of a process that has this one machine: there is nothing to start."""

    async def start(
        self,
        state_machine_arn: str,
        name: str,
        input: str,  # noqa: A002
        *,
        account: str,
        region: str,
        parent: str | None,
        trace_header: str | None = None,
    ) -> tuple[str, int]:
        raise ServiceError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{state_machine_arn}'")

    async def wait(self, execution_arn: str) -> Execution:
        raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")

    async def stop(self, execution_arn: str, error: str | None, cause: str | None) -> None:
        """Nothing was started."""


def local_targets(functions: FunctionInvoker, clock: Clock) -> TargetLookup:
    """What tasks can call without a server."""
    elsewhere = Unsupported("commands that need no server: give the state a mock, or use a server")
    return build_registry(functions, _OneMachine(), clock, unsupported=elsewhere)


@asynccontextmanager
async def started(order: LocalOrder) -> AsyncIterator[LocalExecution]:
    """Start the execution; leaving the context ends everything that belongs to it."""
    clock = VirtualClock(time.time_ns() // 1_000_000) if order.virtual_time else SystemClock()
    async with folder_functions(order.functions) as functions:
        targets = local_targets(functions, clock)
        if order.script:
            targets = MockedTargets(order.script, targets)
        store = MemoryStore()
        runtime = Runtime(
            store=store,
            express=store,
            clock=clock,
            targets=targets,
            tokens=TaskTokens(secrets.token_bytes(32)),
            skip_time=order.virtual_time,
        )
        if isinstance(clock, VirtualClock):
            clock.idle = lambda: runtime.idle
        await runtime.open()
        try:
            execution = await _start(runtime, store, order, clock.now_ms())
            yield LocalExecution(runtime, store, execution.arn, clock.now_ms)
        finally:
            await runtime.close()


async def _start(runtime: Runtime, store: MemoryStore, order: LocalOrder, now_ms: int) -> Execution:
    machine = Machine(
        arn=f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{order.machine_name}",
        id=_MACHINE_ID,
        name=order.machine_name,
        type=order.type,
        status="ACTIVE",
        created_ms=now_ms,
        updated_ms=now_ms,
        revision_id="INITIAL",
    )
    revision = Revision(
        machine_id=_MACHINE_ID,
        revision_id="INITIAL",
        definition=order.definition,
        role_arn=_ROLE,
        created_ms=now_ms,
    )
    await store.put_machine(machine, revision)
    kind = "execution" if order.type == "STANDARD" else "express"
    arn = f"arn:aws:states:{REGION}:{ACCOUNT}:{kind}:{order.machine_name}:{order.execution_name}"
    return await runtime.start(
        StartOrder(machine=machine, revision=revision, arn=arn, name=order.execution_name, input=order.input)
    )
