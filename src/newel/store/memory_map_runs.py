"""Map Runs of the in-memory store."""

from __future__ import annotations

from asyncio import Future
from collections.abc import Sequence

from newel.ports.store import MapRun, MapShard
from newel.store.memory_catalog import MemoryCatalog


class MemoryMapRuns(MemoryCatalog):
    """Map Runs and their open shards on dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self._map_runs: dict[str, MapRun] = {}
        self._shards: dict[str, dict[int, MapShard]] = {}

    def put_map_run(self, run: MapRun, *, add: Sequence[MapShard] = (), drop: Sequence[int] = ()) -> Future[None]:
        return self._write(self._put_map_run, run, add, drop)

    def _put_map_run(self, run: MapRun, add: Sequence[MapShard], drop: Sequence[int]) -> None:
        self._map_runs[run.arn] = run
        shards = self._shards.setdefault(run.arn, {})
        for shard in add:
            shards[shard.number] = shard
        for number in drop:
            shards.pop(number, None)

    def _forget_map_runs(self, executions: frozenset[str]) -> None:
        """Map Runs go with their executions."""
        for arn in [arn for arn, run in self._map_runs.items() if run.execution_arn in executions]:
            del self._map_runs[arn]
            self._shards.pop(arn, None)

    async def map_run(self, arn: str) -> MapRun | None:
        return self._map_runs.get(arn)

    async def map_runs(self, execution_arn: str) -> Sequence[MapRun]:
        found = [run for run in self._map_runs.values() if run.execution_arn == execution_arn]
        return sorted(found, key=lambda run: (run.start_ms, run.arn))

    async def running_map_runs(self) -> Sequence[MapRun]:
        return [run for run in self._map_runs.values() if run.status == "RUNNING"]

    async def shards(self, map_run_arn: str) -> Sequence[MapShard]:
        return [shard for _, shard in sorted(self._shards.get(map_run_arn, {}).items())]
