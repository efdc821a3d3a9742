"""Stores the Express children of a Map Run that have ended: until then they live in memory alone."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import msgspec

from newel.ports.clock import Clock
from newel.ports.store import Execution, ExecutionStatus, SequenceConflict, Store
from newel.runtime.map_runs.records import UNSUCCESSFUL, ended_together, only_turn, ran_before
from newel.runtime.map_runs.shards import Place

#: Children that are stored in one go.
_TOGETHER: Final = 200


class Again(NamedTuple):
    """A child that a redrive runs again: how it had ended, and the number of its next turn if it is Express."""

    status: ExecutionStatus
    seq: int

    @classmethod
    def of(cls, record: Execution, redrive_ms: int | None) -> Again | None:
        """For a child with this record, if the redrive at `redrive_ms` runs it again and has not yet."""
        if record.status not in UNSUCCESSFUL or not ran_before(record, redrive_ms):
            return None
        return cls(record.status, record.redrive_count + 2)


_Waiting = tuple[Execution, Place, Again | None]


class Keeper:
    """Stores children all that are at hand at a time; what is stored is `counted`.

    `prefix` is what their ARNs begin with. A child that was stored before, by a process that ended, counts as it was
    stored then.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        prefix: str,
        counted: Callable[[Place, Execution], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._prefix = prefix
        self._counted = counted
        self._failed = failed
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def places(self) -> list[Place]:
        """The children that wait."""
        return [place for _, place, _ in self._waiting]

    def put(self, record: Execution, place: Place, again: Again | None) -> None:
        """Store an ended child soon; one that was run `again` has a record."""
        self._waiting.append((record, place, again))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def settle(self) -> None:
        """Until what waits is stored, or cannot be."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting[at] for at in range(min(_TOGETHER, len(self._waiting)))]
                before = await self._store_all(batch)
                for record, place, _ in batch:
                    self._waiting.popleft()
                    self._counted(place, before.get(record.arn, record))
        except Exception as error:  # the store failed: so does this attempt at the Map Run
            self._waiting.clear()
            self._failed(error)
        finally:
            self._task = None

    async def _store_all(self, batch: list[_Waiting]) -> dict[str, Execution]:
        """The records of those that were stored before, by ARN."""
        new = [record for record, _, again in batch if again is None]
        appends = [self._append(record, again) for record, _, again in batch if again is not None]
        taken, found = await asyncio.gather(self._create(new), asyncio.gather(*appends))
        stored = await self._store.executions_of([*taken, *(arn for arn in found if arn is not None)])
        return {arn: record for arn, record in stored.items() if record.stop_ms is not None}

    async def _create(self, records: Sequence[Execution]) -> frozenset[str]:
        if not records:
            return frozenset()
        return await self._store.create_ended(ended_together(self._prefix, records))

    async def _append(self, record: Execution, again: Again) -> str | None:
        """Store a child that has run again; its ARN if it was stored before."""
        turn = msgspec.structs.replace(only_turn(record), seq=again.seq, redrive_ms=self._clock.now_ms())
        try:
            await self._store.append(turn)
        except SequenceConflict:
            return record.arn
        return None
