"""One Map Run under way: reads items, gives them out in shards of children, and counts how these end.

Durable before it acts: a shard's inputs are stored before its children start, a child's end before it is counted, and
a shard is closed in the transaction that moves the counts. Nothing here grows with the number of items.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, Literal

import msgspec

from newel.engine.inputs import MapRunEnded
from newel.engine.map_run import Child, Children, tolerance
from newel.engine.states.distributed import threshold_exceeded
from newel.errors import StatesError
from newel.json import Json, Payload
from newel.ports.items import Item
from newel.ports.store import (
    AlreadyExists,
    Execution,
    ExecutionStatus,
    MapRun,
    MapShard,
    SequenceConflict,
    StoreUnavailable,
)
from newel.runtime.map_runs.children import ChildNames, ChildParent, parse_parent
from newel.runtime.map_runs.progress import Counts, Progress, Recount, Shown, decode_progress, encode_progress
from newel.runtime.map_runs.reading import read_items
from newel.runtime.map_runs.records import UNSUCCESSFUL, ran_before
from newel.runtime.map_runs.results import Results
from newel.runtime.map_runs.setting import ChildOrder, Parent, Setting
from newel.runtime.map_runs.shards import Again, Keeper, OpenShard, Place

_log = logging.getLogger(__name__)

#: A shard is full with so many children, or so many characters of their inputs.
SHARD_CHILDREN: Final = 200
_SHARD_CHARACTERS: Final = 1 << 20
#: Children that wait in memory to be started, and shards of them.
_QUEUE_MAX: Final = 600
_QUEUE_SHARDS_MAX: Final = 16
#: Children that are started, or stored, in one go; and how many such portions may be under way.
_TOGETHER: Final = 100
_STARTING_MAX: Final = 4
#: Children that are stopped in one go.
_STOPPED_TOGETHER: Final = 500
#: Express children that have ended and wait to be stored.
_KEPT_MAX: Final = 1_000
_REDRIVES_MAX: Final = 1_000
_THRESHOLD: Final = "The specified tolerated failure threshold was exceeded"


class Coordinator:
    """One attempt at a Map Run: `run` gives what its execution is told, `abort` ends what a former attempt began.

    Both raise `StoreUnavailable` or `SequenceConflict` when something could not be stored. Another attempt then goes
    on from the store.
    """

    def __init__(
        self,
        setting: Setting,
        parent: Parent,
        map_run_arn: str,
        spec: Json,
        children: Callable[[], Children],
        redrive_count: int = 0,
    ) -> None:
        self._setting = setting
        self._parent = parent
        self.arn = map_run_arn
        self._spec = spec
        self._make_children = children
        self._redrive_count = redrive_count
        self._again: dict[str, Again] = {}  # by ARN, while they have not begun
        self._express: bool = spec["executionType"] == "EXPRESS"
        self._tolerated = tolerance(spec)
        self._shards: dict[int, OpenShard] = {}
        self._queue: deque[Place] = deque()
        self._running: dict[str, Place] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._closed: list[int] = []
        self._keeper = Keeper(setting.store, setting.clock, self._count, self._fail)
        self._names = ChildNames(map_run_arn, express=self._express)
        self._results = Results(setting, parent, map_run_arn, self._names, spec.get("writer"))
        self._exported = False
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._read: tuple[int, str | None] = (0, None)  # items read in this process's count, position of the last
        self.opened = asyncio.Event()
        self.run_record: MapRun | None = None
        self.progress = Progress()

    # -- the story

    async def run(self) -> MapRunEnded:
        """The Map Run from where it stands to its end."""
        record = await self._open()
        if record.status in ("FAILED", "ABORTED"):
            return MapRunEnded(0, error=self.progress.error, cause=self.progress.cause)
        try:
            if record.status == "RUNNING":
                await self._work()
            output = await self._gather()
        except StatesError as error:
            return await self._failed(error.error, error.cause)
        except (StoreUnavailable, SequenceConflict):
            raise
        except Exception:  # a bug in a reader or writer, or here, must not leave the execution waiting for ever
            _log.exception("the Map Run %s failed", self.arn)
            cause = "The Map Run failed because of a bug of Newel; see its log."
            return await self._failed("Newel.InternalError", cause)
        await self._end("SUCCEEDED")
        return MapRunEnded(0, output=output)

    async def _failed(self, error: str, cause: str | None) -> MapRunEnded:
        self._failure = None
        await self._stop_children()
        await self._export_the_rest(error)
        self.progress.error, self.progress.cause = error, cause
        await self._end("FAILED")
        return MapRunEnded(0, error=error, cause=cause)

    async def abort(self) -> None:
        """Stop the children, wherever the Map Run stands, and end it; one that has ended stays as it is."""
        record = await self._open()
        if record.status != "RUNNING":
            return
        if self._express:  # those in memory are in no record yet
            self._running.update({self._names.arn(place[1]): place for place in self._queue})
        await self._stop_children()
        await self._end("ABORTED")

    async def settle(self) -> None:
        """Until nothing that this attempt began is under way, but for its children."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        await self._keeper.settle()

    async def _open(self) -> MapRun:
        """The Map Run's record, made or found; open shards of a running one are taken up again."""
        try:
            self.run_record = await self._found_or_made()
            if self._redrive_count > self.run_record.redrive_count:
                await self._redrive(self.run_record)
            if self.run_record.status == "RUNNING":
                for shard in await self._setting.store.shards(self.arn):
                    await self._take_up(shard)
            return self.run_record
        finally:
            self.opened.set()

    async def _found_or_made(self) -> MapRun:
        found = await self._setting.store.map_run(self.arn)
        if found is not None:
            self.progress = decode_progress(found.progress)
            self._tolerated = _stored_tolerance(found, self._tolerated)
            return found
        self.run_record = self._new_record()
        self.progress.express = self._express
        await self._put()
        return self.run_record

    def _new_record(self) -> MapRun:
        count, percent = self._tolerated
        return MapRun(
            arn=self.arn,
            execution_arn=self._parent.execution_arn,
            machine_arn=self._names.machine_arn,
            status="RUNNING",
            start_ms=self._setting.clock.now_ms(),
            max_concurrency=self._spec["maxConcurrency"],
            redrive_count=self._redrive_count,
            tolerated_count=count or 0,
            tolerated_percentage=percent or 0.0,
        )

    async def _redrive(self, found: MapRun) -> None:
        """Open an ended Map Run again: children that did not succeed run again, those never started start.

        The counts begin at nothing. Children of closed shards are counted again one after the other, as they are
        looked at; how far that has come is stored with the counts.
        """
        shards = await self._setting.store.shards(self.arn)
        progress = self.progress
        progress.children, progress.items, progress.error, progress.cause = Counts(), Counts(), None, None
        progress.results_written = 0
        progress.recount = Recount(0, tuple((shard.first, len(shard.inputs)) for shard in shards))
        # Later than whatever its children did before, also where the clock has not moved.
        redrive_ms = max(self._setting.clock.now_ms(), (found.stop_ms or 0) + 1)
        self.run_record = msgspec.structs.replace(
            found, status="RUNNING", stop_ms=None, redrive_count=self._redrive_count, redrive_ms=redrive_ms
        )
        await self._put()

    async def _recount(self) -> None:
        """Look at some children of closed shards: they count again, or get a shard to run again."""
        progress = self.progress
        recount = progress.recount
        assert recount is not None
        unsuccessful: list[Execution] = []
        end = min(recount.next + SHARD_CHILDREN, progress.next_child)
        while recount.next < end:
            arn = self._names.arn(recount.next)
            record = None if recount.covers(recount.next) else await self._setting.world.child(arn)
            if record is not None and record.status in UNSUCCESSFUL:
                unsuccessful.append(record)
            elif unsuccessful:
                break  # a shard's children stand side by side
            elif record is not None:
                progress.children.add(record.status)
                progress.items.add(record.status, _items_of(record))
            recount.next += 1
        first = recount.next - len(unsuccessful)
        if recount.next >= progress.next_child:
            progress.recount = None
        await self._run_again(first, unsuccessful)

    async def _run_again(self, first: int, records: list[Execution]) -> None:
        if not records:
            await self._put()
            return
        shard = MapShard(
            map_run_arn=self.arn,
            number=self.progress.next_shard,
            first=first,
            inputs=tuple(record.input for record in records),
            items=tuple(_items_of(record) for record in records),
        )
        self.progress.next_shard += 1
        await self._put(add=shard)
        await self._take_up(shard)

    async def _take_up(self, shard: MapShard) -> None:
        """A shard that was open when the process ended: its children have ended, go on, or were never started."""
        assert self.run_record is not None
        opened = self._shards[shard.number] = OpenShard(shard)
        for index in sorted(opened.left):
            arn, place = self._names.arn(index), (shard.number, index)
            self._running[arn] = place  # before looking: it may end meanwhile, and is reported then
            record = await self._setting.world.child(arn)
            if arn not in self._running or (record is not None and record.status == "RUNNING"):
                continue
            del self._running[arn]
            if record is None:
                self._queue.append(place)
            elif record.status in UNSUCCESSFUL and ran_before(record, self.run_record.redrive_ms):
                self._again[arn] = Again(record.status, record.redrive_count + 2)
                self._queue.append(place)
            else:
                self._count(place, record)

    async def _work(self) -> None:
        """Until every child has ended. Raises `StatesError` where the Map Run fails."""
        if self._redrive_count > _REDRIVES_MAX:
            raise StatesError("States.Runtime", f"A Map Run can be redriven {_REDRIVES_MAX} times.")
        children = self._make_children()
        items = read_items(self._setting, self._parent, self._spec, children.own_items, self.progress.position)
        self._read = (self.progress.items_made, self.progress.position)
        while True:
            self._check()
            self._start_some()
            if self._closed:
                await self._close_shards()
            elif self._has_room() and self.progress.recount is not None:
                await self._recount()
            elif self._has_room() and not self.progress.read_all:
                await self._open_shard(children, items)
            elif self.progress.read_all and not self._shards:
                return
            else:
                await self._change()

    def _has_room(self) -> bool:
        return len(self._queue) < _QUEUE_MAX and len({number for number, _ in self._queue}) < _QUEUE_SHARDS_MAX

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._changed.set()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        ended = self._live_items()
        count, percent = self._tolerated
        progress = self.progress
        total = progress.items_made if progress.read_all and progress.recount is None else 0
        if threshold_exceeded(ended.failures, total, count, percent):
            raise StatesError("States.ExceedToleratedFailureThreshold", _THRESHOLD)

    # -- reading

    async def _open_shard(self, children: Children, items: AsyncIterator[Item]) -> None:
        """Read until a shard is full or nothing is left, and store it with the reader's position."""
        made: list[Child] = []
        position = self.progress.position
        batched = self._spec.get("batcher") is not None
        room = _SHARD_CHARACTERS
        while len(made) < SHARD_CHILDREN and room > 0:
            index, before = self._read
            item = await anext(items, None)
            if item is None:
                made += children.finish()
                self.progress.read_all = True
                position = None
                break
            self._read = (index + 1, item.position)
            complete = children.add(index, item.value, item.key, item.source)
            if complete:
                made += complete
                room -= sum(len(child.input.text) for child in complete)
                # An item that completes a batch stands in the next one, which is not given out yet.
                position = before if batched else item.position
        await self._give_out(made, position)

    async def _give_out(self, made: list[Child], position: str | None) -> None:
        progress = self.progress
        shard = None
        if made:
            shard = MapShard(
                map_run_arn=self.arn,
                number=progress.next_shard,
                first=progress.next_child,
                inputs=tuple(child.input.text for child in made),
                items=tuple(child.items for child in made),
            )
            progress.next_shard += 1
            progress.next_child += len(made)
            progress.items_made += sum(shard.items)
        progress.position = position
        await self._put(add=shard)
        if shard is not None:
            opened = self._shards[shard.number] = OpenShard(shard)
            self._queue.extend((shard.number, index) for index in sorted(opened.left))

    # -- children

    def _limit(self) -> int:
        assert self.run_record is not None
        ceiling = self._setting.limits.map_run_concurrency_max
        wanted = self.run_record.max_concurrency
        return min(wanted, ceiling) if wanted else ceiling

    def _start_some(self) -> None:
        """Start what may run, a portion at a time."""
        room = min(self._limit() - len(self._running), _TOGETHER)
        while self._queue and room > 0 and len(self._starting) < _STARTING_MAX and len(self._keeper) < _KEPT_MAX:
            portion = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
            orders = [self._order(number, index) for number, index in portion]
            task = asyncio.get_running_loop().create_task(self._start(orders))
            self._starting.add(task)
            task.add_done_callback(self._started)
            room = min(self._limit() - len(self._running), _TOGETHER)

    def _order(self, number: int, index: int) -> ChildOrder:
        shard = self._shards[number]
        arn = self._names.arn(index)
        self._running[arn] = (number, index)
        parent = self._parent
        return ChildOrder(
            arn=arn,
            name=self._names.name(index),
            machine_arn=self._names.machine_arn,
            map_run_arn=self.arn,
            input=shard.take_input(index),
            express=self._express,
            parent=ChildParent(self.arn, index, shard.items_of(index), parent.scope, parent.state_name),
        )

    async def _start(self, orders: list[ChildOrder]) -> None:
        parent = self._parent.active
        assert parent is not None
        results = await self._setting.world.start_children(orders, parent)
        for order, problem in zip(orders, results, strict=True):
            if isinstance(problem, AlreadyExists):
                await self._started_before(order.arn)
            elif problem is not None:
                self._running.pop(order.arn, None)
                self._fail(problem)

    async def _started_before(self, arn: str) -> None:
        """A child that was started already: by a process that ended, or before a redrive."""
        if arn in self._again:
            if self._express:
                return  # it runs in memory, and what is stored is how it had ended before
            del self._again[arn]
            await self._setting.world.redrive_child(arn)
        await self._look_at(arn)

    async def _look_at(self, arn: str) -> None:
        """Take from the store how a child has ended that may not be reported any more."""
        record = await self._setting.world.child(arn)
        if record is not None and record.status != "RUNNING":
            self._child_stored(record)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        self._changed.set()

    def child_ended(self, record: Execution) -> None:
        """A child has ended. Express children are stored first: nothing else of them is."""
        if record.type != "EXPRESS":
            self._child_stored(record)
            return
        place = self._running.pop(record.arn, None)
        if place is not None:
            self._keeper.put(record, place, self._again.pop(record.arn, None))

    def _child_stored(self, record: Execution) -> None:
        place = self._running.pop(record.arn, None)
        self._again.pop(record.arn, None)
        if place is not None:
            self._count(place, record)

    def _count(self, place: Place, record: Execution) -> None:
        number, index = place
        shard = self._shards.get(number)
        if shard is None or index not in shard.left:
            return
        shard.count(index, record.status)
        if not shard.left:
            self._closed.append(number)
        self._changed.set()

    async def _close_shards(self) -> None:
        """Move the counts of the shards whose children have all ended, and drop them."""
        closed, self._closed = self._closed, []
        for number in closed:
            shard = self._shards.pop(number)
            self.progress.children = self.progress.children.plus(shard.children)
            self.progress.items = self.progress.items.plus(shard.items)
        await self._put(drop=closed)

    # -- the end

    async def _gather(self) -> Payload:
        output = await self._results.output(self.progress.next_child)
        self._exported = self._results.exported
        return output

    async def _stop_children(self) -> None:
        """Stop what runs and wait until it has stopped."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        running = list(self._running)
        for start in range(0, len(running), _STOPPED_TOGETHER):
            await asyncio.gather(*(self._stop_child(arn) for arn in running[start : start + _STOPPED_TOGETHER]))
        while self._running or self._keeper:
            if self._failure is not None:
                raise self._failure
            await self._change()
        if self._failure is not None:
            raise self._failure

    async def _stop_child(self, arn: str) -> None:
        if await self._setting.world.stop_child(arn) or arn not in self._running:
            return
        if await self._setting.world.child(arn) is None:
            del self._running[arn]  # it has not begun
        await self._look_at(arn)

    async def _export_the_rest(self, error: str) -> None:
        """The result files of a Map Run that failed: what has ended until then."""
        if not self._results.exported or error == "States.ResultWriterFailed":
            return
        try:
            await self._gather()
        except StatesError as problem:
            _log.warning("the results of %s were not written: %s", self.arn, problem)

    async def _end(self, status: Literal["SUCCEEDED", "FAILED", "ABORTED"]) -> None:
        assert self.run_record is not None
        if self._closed:
            await self._close_shards()
        if status != "SUCCEEDED":
            await self._settle_counts()
        if self._exported:
            self.progress.results_written = self.progress.children.ended
        stop_ms = self.run_record.stop_ms or self._setting.clock.now_ms()
        self.run_record = msgspec.structs.replace(self.run_record, status=status, stop_ms=stop_ms)
        await self._put()

    async def _settle_counts(self) -> None:
        """What open shards have counted counts for good, and so do children that wait to run again.

        A redrive counts anew.
        """
        progress = self.progress
        for arn, again in self._again.items():
            await self._settle_child(arn, again.status)
        self._again.clear()
        for shard in self._shards.values():
            progress.children = progress.children.plus(shard.children)
            progress.items = progress.items.plus(shard.items)
        self._shards.clear()
        self._queue.clear()
        recount, progress.recount = progress.recount, None
        for index in () if recount is None else range(recount.next, progress.next_child):
            if recount is None or recount.covers(index):
                continue
            record = await self._setting.world.child(self._names.arn(index))
            if record is not None and record.stop_ms is not None:
                progress.children.add(record.status)
                progress.items.add(record.status, _items_of(record))

    async def _settle_child(self, arn: str, status: ExecutionStatus) -> None:
        record = await self._setting.world.child(arn)
        if record is not None:
            self.progress.children.add(status)
            self.progress.items.add(status, _items_of(record))

    def _put(self, add: MapShard | None = None, drop: list[int] | None = None) -> Awaitable[None]:
        assert self.run_record is not None
        self.run_record = msgspec.structs.replace(self.run_record, progress=encode_progress(self.progress))
        return self._setting.store.put_map_run(self.run_record, add=add, drop=drop or ())

    # -- the API

    async def update(self, changes: dict[str, Any]) -> None:
        """UpdateMapRun: concurrency and tolerances of a running Map Run."""
        assert self.run_record is not None
        self.run_record = msgspec.structs.replace(self.run_record, **changes)
        if "tolerated_count" in changes or "tolerated_percentage" in changes:
            self._tolerated = (
                changes.get("tolerated_count", self._tolerated[0]),
                changes.get("tolerated_percentage", self._tolerated[1]),
            )
        await self._put()
        self._changed.set()

    def _live_items(self) -> Counts:
        counts = self.progress.items
        for shard in self._shards.values():
            counts = counts.plus(shard.items)
        return counts

    def counts(self) -> tuple[Shown, Shown]:
        """(items, executions) as they stand."""
        children = self.progress.children
        for shard in self._shards.values():
            children = children.plus(shard.children)
        items = self._live_items()
        progress = self.progress
        running = [*self._running.values(), *self._keeper.places()]
        again = [place for place in self._queue if self._names.arn(place[1]) in self._again]
        running_items, again_items = self._items_at(running), self._items_at(again)
        return (
            Shown(
                pending=progress.items_made - items.ended - running_items - again_items,
                running=running_items,
                ended=items,
                total=progress.items_made,
                results_written=items.ended if progress.results_written else 0,
                pending_redrive=again_items,
            ),
            Shown(
                pending=progress.next_child - children.ended - len(running) - len(again),
                running=len(running),
                ended=children,
                total=progress.next_child,
                results_written=progress.results_written,
                pending_redrive=len(again),
            ),
        )

    def _items_at(self, places: list[Place]) -> int:
        return sum(self._shards[number].items_of(index) for number, index in places)

    def pending_redrive(self) -> list[str]:
        """ARNs of the children that a redrive is about to run again."""
        return [arn for _, index in self._queue if (arn := self._names.arn(index)) in self._again]


def _items_of(record: Execution) -> int:
    parent = parse_parent(record.parent)
    return 1 if parent is None else parent.items


def _stored_tolerance(run: MapRun, evaluated: tuple[int | None, float | None]) -> tuple[int | None, float | None]:
    """The tolerances in force: UpdateMapRun may have changed what the definition said."""
    count, percent = evaluated
    return (
        run.tolerated_count if count is not None or run.tolerated_count else None,
        run.tolerated_percentage if percent is not None or run.tolerated_percentage else None,
    )
