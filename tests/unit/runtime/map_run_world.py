"""Map Runs on a store that dies at a chosen write, in as many lives as a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from newel.ports.store import Execution, MapRun, StoreUnavailable
from newel.ports.tasks import Failed, Outcome, Succeeded, TaskEvents, TaskRequest
from newel.store.memory import MemoryStore

from .world import World, task, until


class MortalStore(MemoryStore):
    """Lets `left` writes through; every later one is refused. `fault(write number)` refuses single ones."""

    def __init__(self) -> None:
        super().__init__()
        self.left: int | None = None
        self.writes = 0
        self.fault: Callable[[int], bool] = lambda number: False

    def _answered(self, change: Callable[[], Any]) -> asyncio.Future[Any]:
        self.writes += 1
        if self.fault(self.writes) or (self.left is not None and self.left <= 0):
            refused: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            refused.set_exception(StoreUnavailable("the disk is gone"))
            return refused
        if self.left is not None:
            self.left -= 1
        return super()._answered(change)


class MapRunWorld(World):
    """A runtime whose function fails for the numbers in `bad`."""

    def __init__(self, store: MortalStore) -> None:
        self.bad: set[int] = set()
        super().__init__()
        self.store = store  # type: ignore[assignment]
        self.express = MemoryStore(retain_ended=False)  # type: ignore[assignment]
        self.target.work = self.answer
        self.runtime = self._runtime()

    async def answer(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        await asyncio.sleep(0)
        number = json.loads(request.parameters)["n"]
        if number in self.bad:
            return Failed("Bad", None)
        return Succeeded(json.dumps(number * 10))

    async def die_and_live(self, left: int | None = None) -> None:
        """The process ends, whatever it was about to do; another starts on what was stored."""
        self.store.left = 0
        await self.runtime.close()
        self.store.left = left
        self.express = MemoryStore(retain_ended=False)  # type: ignore[assignment]
        self.runtime = self._runtime()
        await self.runtime.open()

    async def map_run(self, arn: str) -> MapRun | None:
        runs = await self.store.map_runs(arn)
        return runs[-1] if runs else None

    async def children(self, run: MapRun) -> list[Execution]:
        records = [record.execution for record in self.store._records.values()]
        return sorted((record for record in records if record.map_run_arn == run.arn), key=lambda record: record.arn)

    async def ended(self, arn: str) -> Execution:
        async def look() -> Execution | None:
            found = await self.store.execution(arn)
            return found if found is not None and found.status != "RUNNING" else None

        found = await until(look)
        assert isinstance(found, Execution)
        return found


def distributed(kind: str, **fields: Any) -> dict[str, Any]:
    """A machine of one Distributed Map whose children call a function with their item."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "T",
        "States": {"T": task(End=True)},
    }
    state = {
        "Type": "Map",
        "Label": "L",
        "ItemSelector": {"n.$": "$$.Map.Item.Value"},
        "ItemProcessor": processor,
        "End": True,
        **fields,
    }
    return {"StartAt": "M", "States": {"M": state}}
