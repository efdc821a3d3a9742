"""One Map Run under way: reads items, gives them out in shards of children, and counts how these end.

Durable before it acts: a shard's inputs are stored before its children start, a child's end before it is counted, and
a shard is closed in the transaction that moves the counts. Nothing here grows with the number of items.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

import msgspec

from newel.engine.inputs import MapRunEnded
from newel.engine.map_run import Child, Children, result_of, tolerance
from newel.engine.states.distributed import threshold_exceeded
from newel.errors import StatesError
from newel.json import Json, Payload
from newel.ports.items import ChildResult, Item, ReaderSpec
from newel.ports.store import AlreadyExists, Execution, MapRun, MapShard
from newel.ports.tasks import DETACH
from newel.runtime.map_runs.children import ChildNames, ChildParent, parse_parent
from newel.runtime.map_runs.progress import Counts, Progress, Shown, decode_progress, encode_progress
from newel.runtime.map_runs.records import UNSUCCESSFUL, child_result, inline_items, only_turn, writer_spec
from newel.runtime.map_runs.setting import ChildOrder, Parent, Setting

SHARD_CHILDREN: Final = 200
#: Children that wait in memory to be started.
_QUEUE_MAX: Final = 600
#: Children that are started, or stored, in one go; and how many such portions may be under way.
_TOGETHER: Final = 100
_STARTING_MAX: Final = 4
#: Express children that have ended and wait to be stored.
_KEPT_MAX: Final = 1_000
_THRESHOLD: Final = "The specified tolerated failure threshold was exceeded"


class _Shard:
    __slots__ = ("children", "items", "left", "shard")

    def __init__(self, shard: MapShard) -> None:
        self.shard = shard
        self.left = set(range(shard.first, shard.first + len(shard.inputs)))
        self.children = Counts()
        self.items = Counts()

    def items_of(self, index: int) -> int:
        return self.shard.items[index - self.shard.first]

    def input_of(self, index: int) -> str:
        return self.shard.inputs[index - self.shard.first]


class Coordinator:
    """Runs one Map Run to its end; `run` gives what its execution is told."""

    def __init__(
        self,
        setting: Setting,
        parent: Parent,
        map_run_arn: str,
        spec: Json,
        children: Callable[[], Children],
        over: Callable[[str], None],
        redrive_count: int = 0,
    ) -> None:
        """`over` is told when no child can report to this Map Run any more."""
        self._setting = setting
        self._parent = parent
        self.arn = map_run_arn
        self._spec = spec
        self._make_children = children
        self._over = over
        self._redrive_count = redrive_count
        self._again: set[str] = set()  # ARNs of children that a redrive runs again
        self._express = spec["executionType"] == "EXPRESS"
        self._tolerated = tolerance(spec)
        self._shards: dict[int, _Shard] = {}
        self._queue: deque[tuple[int, int]] = deque()  # (shard number, child index)
        self._running: dict[str, tuple[int, int]] = {}
        self._starting: set[asyncio.Task[None]] = set()
        self._closed: list[int] = []
        self._kept: list[tuple[Execution, tuple[int, int]]] = []  # Express children that are being stored
        self._storing: list[Awaitable[None]] = []
        self._keeping: asyncio.Task[None] | None = None
        self._names = ChildNames(map_run_arn, express=self._express)
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._read: tuple[int, str | None] = (0, None)  # items read in this process's count, position of the last
        self._stopping = self._aborting = False
        self.run_record: MapRun | None = None
        self.progress = Progress()

    # -- the story

    async def run(self) -> MapRunEnded | None:
        """The Map Run from where it stands to its end. None: it was aborted."""
        try:
            record = await self._open()
            if record.status in ("FAILED", "ABORTED"):
                return MapRunEnded(0, error=self.progress.error, cause=self.progress.cause)
            if record.status == "RUNNING":
                await self._work()
            output = await self._gather()
            await self._end("SUCCEEDED")
        except StatesError as error:
            await self._stop_children()
            self.progress.error, self.progress.cause = error.error, error.cause
            await self._end("FAILED")
            return MapRunEnded(0, error=error.error, cause=error.cause)
        except asyncio.CancelledError as cancelled:
            if DETACH not in cancelled.args:
                self._aborting = True
                self._setting.world.spawn(self._abort())
            raise
        finally:
            if not self._aborting:
                self._over(self.arn)
        return MapRunEnded(0, output=output)

    async def _open(self) -> MapRun:
        """The Map Run's record, made or found; open shards are taken up again."""
        found = await self._setting.store.map_run(self.arn)
        if found is None:
            count, percent = self._tolerated
            found = MapRun(
                arn=self.arn,
                execution_arn=self._parent.active.record.arn,
                machine_arn=self._names.machine_arn,
                status="RUNNING",
                start_ms=self._setting.clock.now_ms(),
                max_concurrency=self._spec["maxConcurrency"],
                tolerated_count=count or 0,
                tolerated_percentage=percent or 0.0,
            )
            self.run_record = found
            await self._put()
        else:
            self.run_record = found
            self.progress = decode_progress(found.progress)
            self._tolerated = _stored_tolerance(found, self._tolerated)
            if self._redrive_count > found.redrive_count:
                return await self._redrive()
            for shard in await self._setting.store.shards(self.arn):
                await self._take_up(shard)
        return found

    async def _redrive(self) -> MapRun:
        """Open an ended Map Run again: children that did not succeed run again, those never started start."""
        assert self.run_record is not None
        progress = self.progress
        progress.children, progress.items, progress.error, progress.cause = Counts(), Counts(), None, None
        now_ms = self._setting.clock.now_ms()
        self.run_record = msgspec.structs.replace(
            self.run_record, status="RUNNING", stop_ms=None, redrive_count=self._redrive_count, redrive_ms=now_ms
        )
        opened = await self._setting.store.shards(self.arn)
        covered = {index for shard in opened for index in range(shard.first, shard.first + len(shard.inputs))}
        for index in range(progress.next_child):
            if index not in covered:
                await self._recount(index)
        await self._put()
        for shard in opened:
            await self._take_up(shard)
        return self.run_record

    async def _recount(self, index: int) -> None:
        """A child of a closed shard: it counts again, or gets a shard of its own to run again."""
        record = await self._setting.world.child(self._names.arn(index))
        parent = None if record is None else parse_parent(record.parent)
        if record is None or parent is None:
            return
        if record.status not in UNSUCCESSFUL:
            self.progress.children.add(record.status)
            self.progress.items.add(record.status, parent.items)
            return
        shard = MapShard(
            map_run_arn=self.arn,
            number=self.progress.next_shard,
            first=index,
            inputs=(record.input,),
            items=(parent.items,),
        )
        self.progress.next_shard += 1
        await self._put(add=shard)
        await self._take_up(shard)

    async def _take_up(self, shard: MapShard) -> None:
        """A shard that was open when the process ended: its children have ended, go on, or were never started."""
        opened = self._shards[shard.number] = _Shard(shard)
        for index in sorted(opened.left):
            arn = self._names.arn(index)
            record = await self._setting.world.child(arn)
            if record is None:
                self._queue.append((shard.number, index))
            elif record.status == "RUNNING":
                self._running[arn] = (shard.number, index)
            elif record.status in UNSUCCESSFUL and record.redrive_count < self._redrive_count:
                self._again.add(arn)
                self._queue.append((shard.number, index))
            else:
                self._count(shard.number, index, record)

    async def _work(self) -> None:
        """Until every child has ended. Raises `StatesError` where the Map Run fails."""
        children = self._make_children()
        items = self._items(children)
        self._read = (self.progress.items_made, self.progress.position)
        while True:
            self._check()
            self._start_some()
            if self._closed:
                await self._close_shards()
            elif not self.progress.read_all and len(self._queue) < _QUEUE_MAX:
                await self._open_shard(children, items)
            elif self.progress.read_all and not self._shards:
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        ended = self._live_items()
        count, percent = self._tolerated
        total = self.progress.items_made if self.progress.read_all else 0
        if threshold_exceeded(ended.failures, total, count, percent):
            raise StatesError("States.ExceedToleratedFailureThreshold", _THRESHOLD)

    # -- reading

    async def _items(self, children: Children) -> AsyncIterator[Item]:
        """Items after the stored position."""
        after = self.progress.position
        reader = self._spec.get("reader")
        if reader is None:
            for item in inline_items(self._spec.get("items", children.own_items), after):
                yield item
            return
        spec = ReaderSpec(resource=reader["resource"], arguments=reader["arguments"], config=reader["config"])
        parent = self._parent
        stream = self._setting.reader.read(
            spec, account=parent.account, region=parent.region, role_arn=parent.role_arn, after=after
        )
        async for item in stream:
            yield item

    async def _open_shard(self, children: Children, items: AsyncIterator[Item]) -> None:
        """Read until a shard is full or nothing is left, and store it with the reader's position."""
        made: list[Child] = []
        position = self.progress.position
        batched = self._spec.get("batcher") is not None
        while len(made) < SHARD_CHILDREN:
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
            opened = self._shards[shard.number] = _Shard(shard)
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
        while self._queue and room > 0 and len(self._starting) < _STARTING_MAX and len(self._kept) < _KEPT_MAX:
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
            input=shard.input_of(index),
            express=self._express,
            parent=ChildParent(self.arn, index, shard.items_of(index), parent.scope, parent.state_name),
        )

    async def _start(self, orders: list[ChildOrder]) -> None:
        results = await self._setting.world.start_children(orders, self._parent.active)
        for order, problem in zip(orders, results, strict=True):
            if isinstance(problem, AlreadyExists):
                await self._started_before(order.arn)
            elif problem is not None:
                raise problem

    async def _started_before(self, arn: str) -> None:
        """A child that was started already: by a process that ended, or before a redrive."""
        if arn in self._again:
            self._again.discard(arn)
            await self._setting.world.redrive_child(arn)
            return
        record = await self._setting.world.child(arn)
        if record is not None and record.status != "RUNNING":
            self._child_stored(record)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and task.exception() is not None and not self._stopping:
            self._failure = task.exception()
        self._changed.set()

    def child_ended(self, record: Execution) -> None:
        """A child has ended. Express children are stored first: nothing else of them is."""
        if record.type != "EXPRESS":
            self._child_stored(record)
            return
        place = self._running.pop(record.arn, None)
        if place is not None:
            self._kept.append((record, place))
            if self._keeping is None:
                self._keeping = asyncio.get_running_loop().create_task(self._keep())

    def _child_stored(self, record: Execution) -> None:
        place = self._running.pop(record.arn, None)
        if place is not None:
            self._count(*place, record)

    async def _keep(self) -> None:
        """Store Express children that have ended, all that are at hand at a time; then they count."""
        try:
            while self._kept:
                batch = self._kept[:_TOGETHER]
                for record, _ in batch:
                    self._storing.append(self._store_child(record))
                for storing in self._storing:
                    with suppress(AlreadyExists):
                        await storing
                self._storing.clear()
                del self._kept[: len(batch)]
                for record, place in batch:
                    self._count(*place, record)
        except Exception as error:  # the store failed: so does this attempt at the Map Run
            self._failure = error
            self._changed.set()
        finally:
            self._keeping = None

    def _store_child(self, record: Execution) -> Awaitable[None]:
        if record.arn not in self._again:
            return self._setting.store.create(record, only_turn(record))
        self._again.discard(record.arn)
        now_ms = self._setting.clock.now_ms()
        again = msgspec.structs.replace(only_turn(record), seq=self._redrive_count + 1, redrive_ms=now_ms)
        return self._setting.store.append(again)

    def _count(self, number: int, index: int, record: Execution) -> None:
        shard = self._shards[number]
        if index not in shard.left:
            return
        shard.left.discard(index)
        shard.children.add(record.status)
        shard.items.add(record.status, shard.items_of(index))
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
        """The state's output: what the writer says of its files, or the children's outputs."""
        writer = self._spec.get("writer")
        if writer is not None:
            spec = writer_spec(writer)
            parent = self._parent
            output = await self._setting.writer.write(
                spec,
                self.arn,
                self._results(),
                account=parent.account,
                region=parent.region,
                role_arn=parent.role_arn,
            )
            self.progress.results_written = self.progress.next_child
            if spec.bucket is not None:
                return Payload.of(output)
            return Payload.of(output["Results"])
        outputs: list[str] = []
        size = 0
        async for result in self._results():
            if result.status == "SUCCEEDED" and result.output is not None:
                outputs.append(result.output)
                size += len(result.output)
                if size > self._setting.limits.payload_bytes_max:
                    break  # too large already; the interpreter says so
        return result_of(outputs)

    async def _results(self) -> AsyncIterator[ChildResult]:
        """All children in order, from the store."""
        for index in range(self.progress.next_child):
            record = await self._setting.world.child(self._names.arn(index))
            if record is not None:
                yield child_result(record)

    async def _stop_children(self) -> None:
        """Stop what runs and wait until it has stopped."""
        self._stopping = True
        self._queue.clear()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(self._setting.world.stop_child(arn) for arn in list(self._running)))
        while (self._running or self._kept) and self._failure is None:
            self._changed.clear()
            await self._changed.wait()

    async def _abort(self) -> None:
        try:
            await self._stop_children()
            await self._end("ABORTED")
        finally:
            self._over(self.arn)

    async def _end(self, status: str) -> None:
        assert self.run_record is not None
        if self._closed:
            await self._close_shards()
        if status != "SUCCEEDED":
            self._settle_counts()
        stop_ms = self.run_record.stop_ms or self._setting.clock.now_ms()
        self.run_record = msgspec.structs.replace(self.run_record, status=status, stop_ms=stop_ms)
        await self._put()

    def _settle_counts(self) -> None:
        """What open shards have counted counts for good; a redrive counts anew."""
        for shard in self._shards.values():
            self.progress.children = self.progress.children.plus(shard.children)
            self.progress.items = self.progress.items.plus(shard.items)
        self._shards.clear()

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
        running_items = sum(self._shards[number].items_of(index) for number, index in self._running.values())
        progress = self.progress
        return (
            Shown(
                pending=progress.items_made - items.ended - running_items,
                running=running_items,
                ended=items,
                total=progress.items_made,
                results_written=progress.results_written,
            ),
            Shown(
                pending=progress.next_child - children.ended - len(self._running),
                running=len(self._running),
                ended=children,
                total=progress.next_child,
                results_written=progress.results_written,
            ),
        )


def _stored_tolerance(run: MapRun, evaluated: tuple[int | None, float | None]) -> tuple[int | None, float | None]:
    """The tolerances in force: UpdateMapRun may have changed what the definition said."""
    count, percent = evaluated
    return (
        run.tolerated_count if count is not None or run.tolerated_count else None,
        run.tolerated_percentage if percent is not None or run.tolerated_percentage else None,
    )
