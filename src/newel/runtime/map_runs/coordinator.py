"""One Map Run under way: reads items, gives them out in shards of children, and counts how these end.

Durable before it acts: a shard's inputs are stored before its children start, a child's end before it is counted, and
a shard is closed in the transaction that moves the counts. Nothing here grows with the number of items.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Final, Literal

import msgspec

from newel.engine.inputs import MapRunEnded
from newel.engine.map_run import Child, Children, tolerance
from newel.engine.states.distributed import threshold_exceeded
from newel.errors import StatesError
from newel.json import Json, Payload
from newel.ports.store import Execution, ExecutionStatus, MapRun, MapShard, SequenceConflict, StoreUnavailable
from newel.runtime.map_runs.children import ChildNames
from newel.runtime.map_runs.progress import Counts, Progress, Recount, Shown, decode_progress, encode_progress
from newel.runtime.map_runs.reading import Cursor, read_items
from newel.runtime.map_runs.records import UNSUCCESSFUL, items_of
from newel.runtime.map_runs.results import Results, stored_children
from newel.runtime.map_runs.saver import Saver
from newel.runtime.map_runs.setting import Parent, Setting
from newel.runtime.map_runs.shards import Place, Shards
from newel.runtime.map_runs.starter import Of, Starter
from newel.runtime.map_runs.told import bar, counts_line, name_of

_log = logging.getLogger(__name__)
_progress_log = logging.getLogger("newel.map_runs")

#: A shard is full with so many children, or so many characters of their inputs.
SHARD_CHILDREN: Final = 200
_SHARD_CHARACTERS: Final = 1 << 20
#: How often the log is told of a Map Run that goes on.
_TOLD_EVERY_MS: Final = 10_000
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
        self._express: bool = spec["executionType"] == "EXPRESS"
        self._tolerated = tolerance(spec)
        self._names = ChildNames(map_run_arn, express=self._express)
        self._shards = Shards()
        of = Of(map_run_arn, self._names, self._express, parent)
        self._results = Results(setting, parent, map_run_arn, self._names, spec.get("writer"))
        self._starter = Starter(setting, of, self._shards, self._wake, self._fail, self._results.child_ended)
        self._exported = False
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None
        self._reading: asyncio.Task[None] | None = None
        self._unsaved: list[MapShard] = []
        self._saver = Saver(setting.store, self._current)
        self.child_ended = self._starter.child_ended
        self._told_ms = setting.clock.now_ms()
        self._told = False
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
            self._starter.take_all()
        await self._stop_children()
        await self._end("ABORTED")

    async def settle(self) -> None:
        """Until nothing that this attempt began is under way, but for its children."""
        await self._stop_reading()
        await self._starter.settle()
        await self._saver.settle()

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
        await self._saver.put()
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

    async def _take_up(self, shard: MapShard) -> None:
        assert self.run_record is not None
        await self._starter.take_up(self._shards.open(shard), self.run_record.redrive_ms)

    async def _work(self) -> None:
        """Until every child has ended. Raises `StatesError` where the Map Run fails."""
        if self._redrive_count > _REDRIVES_MAX:
            raise StatesError("States.Runtime", f"A Map Run can be redriven {_REDRIVES_MAX} times.")
        children = self._make_children()
        after = self.progress.position
        batches = read_items(self._setting, self._parent, self._spec, children.own_items, after)
        items = Cursor(batches, after, self.progress.items_made)
        async with aclosing(batches):
            try:
                await self._until_done(children, items)
            finally:
                await self._stop_reading()

    async def _until_done(self, children: Children, items: Cursor) -> None:
        while True:
            self._changed.clear()
            self._tell(_TOLD_EVERY_MS)
            self._check()
            self._starter.start(self._limit())
            if self._shards.full:
                self._close_shards()
            if self._reading is None:
                if self.progress.read_all and self.progress.recount is None:
                    if not self._shards and not self._unsaved:
                        return
                elif self._starter.has_room(self._unsaved):
                    self._read_on(children, items)
            await self._changed.wait()

    def _read_on(self, children: Children, items: Cursor) -> None:
        """Let the next shard be opened while the children of others run."""
        opening = self._open_shard(children, items) if self.progress.recount is None else self._recount()
        self._reading = asyncio.get_running_loop().create_task(opening)
        self._reading.add_done_callback(self._has_read)

    def _has_read(self, task: asyncio.Task[None]) -> None:
        self._reading = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        self._wake()

    async def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _wake(self) -> None:
        self._changed.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self._wake()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        ended = self._shards.with_items(self.progress.items)
        count, percent = self._tolerated
        progress = self.progress
        total = progress.items_made if progress.read_all and progress.recount is None else 0
        if threshold_exceeded(ended.failures, total, count, percent):
            raise StatesError("States.ExceedToleratedFailureThreshold", _THRESHOLD)

    def _tell(self, after_ms: int) -> None:
        """Let the log know how far it has come, if that was not told for so long."""
        now_ms = self._setting.clock.now_ms()
        if now_ms - self._told_ms < after_ms or self.run_record is None:
            return
        self._told_ms, self._told = now_ms, True
        items, executions = self.counts()
        shown = {"itemCounts": items.as_api(), "executionCounts": executions.as_api()}
        status = self.run_record.status
        _progress_log.info("Map Run %s %s %s %s", name_of(self.arn), status, bar(shown), counts_line(shown))

    def _limit(self) -> int:
        assert self.run_record is not None
        ceiling = self._setting.limits.map_run_concurrency_max
        wanted = self.run_record.max_concurrency
        return min(wanted, ceiling) if wanted else ceiling

    # -- shards

    async def _open_shard(self, children: Children, items: Cursor) -> None:
        """Read until a shard is full or nothing is left, and store it with the reader's position."""
        made: list[Child] = []
        batched = self._spec.get("batcher") is not None
        given_out = None  # the last item that stands in a child
        room = _SHARD_CHARACTERS
        read_all = False
        while len(made) < SHARD_CHILDREN and room > 0:
            if not items.at_hand and not await items.more():
                made += children.finish()
                read_all = True
                break
            index, before = items.count, items.last
            complete = children.add(index, *items.take())
            if complete:
                made += complete
                for child in complete:
                    room -= len(child.input.text)
                # An item that completes a batch stands in the next one, which is not given out yet.
                given_out = before if batched else items.last
        position = None if read_all else items.position(given_out)
        inputs, sizes = tuple(child.input.text for child in made), tuple(child.items for child in made)
        progress = self.progress
        shard = self._new_shard(progress.next_child, inputs, sizes)
        progress.read_all, progress.position = read_all, position
        progress.next_child += len(made)
        progress.items_made += sum(sizes)
        self._unsaved += shard
        asyncio.ensure_future(self._saver.put(add=shard)).add_done_callback(partial(self._saved, shard))

    def _saved(self, opened: list[MapShard], saved: asyncio.Future[None]) -> None:
        """A shard that was read is stored, and its children can start."""
        if saved.cancelled():
            return
        if (error := saved.exception()) is not None:
            self._fail(error)
            return
        for shard in opened:
            self._unsaved.remove(shard)
            self._starter.add(self._shards.open(shard))
        self._wake()

    def _new_shard(self, first: int, inputs: tuple[str, ...], sizes: tuple[int, ...]) -> list[MapShard]:
        """The next shard, if it has children. What is changed in `progress` until the next `await` goes with it."""
        if not inputs:
            return []
        number = self.progress.next_shard
        self.progress.next_shard += 1
        return [MapShard(map_run_arn=self.arn, number=number, first=first, inputs=inputs, items=sizes)]

    def _close_shards(self) -> None:
        """Move the counts of the shards whose children have all ended, and drop them."""
        progress = self.progress
        closed, progress.children, progress.items = self._shards.close_full(progress.children, progress.items)
        asyncio.ensure_future(self._saver.put(drop=closed)).add_done_callback(self._closed)

    def _closed(self, saved: asyncio.Future[None]) -> None:
        if not saved.cancelled() and (error := saved.exception()) is not None:
            self._fail(error)

    # -- redrives

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
        await self._saver.put()

    async def _recount(self) -> None:
        """Look at some children of closed shards: they count again, or get a shard to run again."""
        progress = self.progress
        recount = progress.recount
        assert recount is not None
        end = min(recount.next + SHARD_CHILDREN, progress.next_child)
        wanted = {index: self._names.arn(index) for index in range(recount.next, end) if not recount.covers(index)}
        records = await self._setting.world.children(list(wanted.values()))
        unsuccessful: list[Execution] = []
        while recount.next < end:
            record = records.get(wanted.get(recount.next, ""))
            if record is not None and record.status in UNSUCCESSFUL:
                unsuccessful.append(record)
            elif unsuccessful:
                break  # a shard's children stand side by side
            elif record is not None:
                progress.children.add(record.status)
                progress.items.add(record.status, items_of(record))
            recount.next += 1
        first = recount.next - len(unsuccessful)
        if recount.next >= progress.next_child:
            progress.recount = None
        inputs, sizes = tuple(record.input for record in unsuccessful), tuple(map(items_of, unsuccessful))
        shard = self._new_shard(first, inputs, sizes)
        await self._saver.put(add=shard)
        for opened in shard:
            await self._take_up(opened)

    # -- the end

    async def _gather(self) -> Payload:
        output = await self._results.output(self.progress.next_child)
        self._exported = self._results.exported
        return output

    async def _stop_children(self) -> None:
        """Stop what runs and wait until it has stopped."""
        await self._starter.stop()
        while self._starter.busy:
            self._changed.clear()
            if self._failure is not None:
                raise self._failure
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure

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
        if self._shards.full:
            self._close_shards()
        if status != "SUCCEEDED":
            await self._settle_counts()
        if self._exported:
            self.progress.results_written = self.progress.children.ended
        stop_ms = self.run_record.stop_ms or self._setting.clock.now_ms()
        self.run_record = msgspec.structs.replace(self.run_record, status=status, stop_ms=stop_ms)
        await self._saver.put()
        if self._told:
            self._tell(0)

    async def _settle_counts(self) -> None:
        """What open shards have counted counts for good, and so do children that wait to run again.

        A redrive counts anew.
        """
        progress = self.progress
        for arn, again in self._starter.forget_waiting().items():
            await self._settle_child(arn, again.status)
        progress.children, progress.items = self._shards.close_all(progress.children, progress.items)
        recount, progress.recount = progress.recount, None
        if recount is None:
            return
        left = (index for index in range(recount.next, progress.next_child) if not recount.covers(index))
        async for record in stored_children(self._setting.world, self._names, left):
            if record.stop_ms is not None:
                progress.children.add(record.status)
                progress.items.add(record.status, items_of(record))

    async def _settle_child(self, arn: str, status: ExecutionStatus) -> None:
        record = await self._setting.world.child(arn)
        if record is not None:
            self.progress.children.add(status)
            self.progress.items.add(status, items_of(record))

    def _current(self) -> MapRun:
        """The Map Run's record as it is now."""
        assert self.run_record is not None
        self.run_record = msgspec.structs.replace(self.run_record, progress=encode_progress(self.progress))
        return self.run_record

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
        await self._saver.put()
        self._wake()

    def counts(self) -> tuple[Shown, Shown]:
        """(items, executions) as they stand."""
        progress = self.progress
        items, children = self._shards.with_items(progress.items), self._shards.with_children(progress.children)
        running, again = list(self._starter.running()), list(self._starter.waiting_again().values())
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
        return sum(self._shards.of(place).items_of(place[1]) for place in places)

    def pending_redrive(self) -> list[str]:
        """ARNs of the children that a redrive is about to run again."""
        return list(self._starter.waiting_again())


def _stored_tolerance(run: MapRun, evaluated: tuple[int | None, float | None]) -> tuple[int | None, float | None]:
    """The tolerances in force: UpdateMapRun may have changed what the definition said."""
    count, percent = evaluated
    return (
        run.tolerated_count if count is not None or run.tolerated_count else None,
        run.tolerated_percentage if percent is not None or run.tolerated_percentage else None,
    )
