"""The shards of a Map Run that are open in this process, and the Express children that wait to be stored."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import msgspec

from newel.ports.clock import Clock
from newel.ports.store import AlreadyExists, Execution, ExecutionStatus, MapShard, SequenceConflict, Store
from newel.runtime.map_runs.progress import Counts
from newel.runtime.map_runs.records import only_turn

#: Children that are stored in one go.
_TOGETHER: Final = 100

#: A child's shard number and index.
Place = tuple[int, int]


class Again(NamedTuple):
    """A child that a redrive runs again: how it had ended, and the number of its next turn if it is Express."""

    status: ExecutionStatus
    seq: int


class OpenShard:
    """A shard, the children of it that have not ended (`left`), and how the others have."""

    __slots__ = ("children", "first", "inputs", "item_counts", "items", "left")

    def __init__(self, shard: MapShard) -> None:
        self.first = shard.first
        self.inputs: list[str | None] = list(shard.inputs)
        self.item_counts = shard.items
        self.left = set(range(shard.first, shard.first + len(shard.inputs)))
        self.children = Counts()
        self.items = Counts()

    def items_of(self, index: int) -> int:
        return self.item_counts[index - self.first]

    def take_input(self, index: int) -> str:
        """A child's input, which is not kept: the child has it now, and the store."""
        text = self.inputs[index - self.first]
        assert text is not None, "a child is started once"
        self.inputs[index - self.first] = None
        return text

    def count(self, index: int, status: ExecutionStatus) -> None:
        """A child has ended."""
        self.left.discard(index)
        self.children.add(status)
        self.items.add(status, self.items_of(index))


class Keeper:
    """Stores Express children that have ended, all that are at hand at a time; what is stored is `counted`.

    A child that was stored before, by a process that ended, counts as it was stored.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        counted: Callable[[Place, Execution], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._counted = counted
        self._failed = failed
        self._waiting: deque[tuple[Execution, Place, Again | None]] = deque()
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
                writes = [self._write(record, again) for record, _, again in batch]
                outcomes = await asyncio.gather(*writes, return_exceptions=True)
                counted = [
                    (place, await self._stored(record, outcome))
                    for (record, place, _), outcome in zip(batch, outcomes, strict=True)
                ]
                for place, record in counted:
                    self._waiting.popleft()
                    self._counted(place, record)
        except Exception as error:  # the store failed: so does this attempt at the Map Run
            self._waiting.clear()
            self._failed(error)
        finally:
            self._task = None

    def _write(self, record: Execution, again: Again | None) -> Awaitable[None]:
        if again is None:
            return self._store.create(record, only_turn(record))
        return self._store.append(
            msgspec.structs.replace(only_turn(record), seq=again.seq, redrive_ms=self._clock.now_ms())
        )

    async def _stored(self, record: Execution, outcome: BaseException | None) -> Execution:
        if outcome is None:
            return record
        if not isinstance(outcome, AlreadyExists | SequenceConflict):
            raise outcome
        stored = await self._store.execution(record.arn)
        return record if stored is None or stored.stop_ms is None else stored
