"""Starts the children of a Map Run, no more at a time than may run, and hears how they end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from newel.ports.executor import Starting
from newel.ports.store import AlreadyExists, EndedTogether, Execution, MapShard
from newel.runtime.map_runs.children import ChildNames, ParentTexts
from newel.runtime.map_runs.keeper import Again, Keeper
from newel.runtime.map_runs.setting import Order, Parent, Setting
from newel.runtime.map_runs.shards import Place, Shards

#: Children that wait in memory to be started, and shards of them.
_QUEUE_MAX: Final = 1_000
_QUEUE_SHARDS_MAX: Final = 16
#: Children that are started in one go; and how many such portions may be under way.
_TOGETHER: Final = 100
_STARTING_MAX: Final = 4
#: Children that are stopped in one go.
_STOPPED_TOGETHER: Final = 500
#: Express children that have ended and wait to be stored.
_KEPT_MAX: Final = 1_000


class Of(NamedTuple):
    """The Map Run whose children they are."""

    arn: str
    names: ChildNames
    express: bool
    parent: Parent


class Starter:
    """The children of open shards: those that wait, those that run, those that end.

    An end is counted in `shards` once it is stored, and `ended` is told of it. `changed` is called when there may be
    something to do, `failed` with what the Map Run cannot go on after.
    """

    def __init__(
        self,
        setting: Setting,
        of: Of,
        shards: Shards,
        changed: Callable[[], None],
        failed: Callable[[BaseException], None],
        ended: Callable[[int, str | None], None],
    ) -> None:
        self._setting = setting
        self._of = of
        self._shards = shards
        self._changed = changed
        self._failed = failed
        self._ended = ended
        self._parents = ParentTexts(of.arn, of.parent.scope, of.parent.state_name)
        self._queue: deque[Place] = deque()
        self._running: dict[str, Place] = {}
        self._over: set[str] = set()  # of those that run: they succeeded at once, and are being stored
        self._again: dict[str, Again] = {}  # until they begin
        self._starting: set[asyncio.Task[None]] = set()
        self._keeper = Keeper(setting.store, setting.clock, of.names.prefix, self._count, failed)

    # -- what there is to do

    def has_room(self, coming: Collection[MapShard]) -> bool:
        """Whether more shards should be opened, when those are about to be."""
        children = len(self._queue) + sum(len(shard.inputs) for shard in coming)
        shards = len({number for number, _ in self._queue}) + len(coming)
        return children < _QUEUE_MAX and shards < _QUEUE_SHARDS_MAX

    def add(self, places: Iterable[Place]) -> None:
        """Children to start."""
        self._queue.extend(places)

    async def take_up(self, places: list[Place], redrive_ms: int | None) -> None:
        """Children of a shard that was open when the process ended: they have ended, go on, or were never started."""
        arns = {self._of.names.arn(place[1]): place for place in places}
        self._running.update(arns)  # before looking: one may end meanwhile, and is reported then
        records = await self._setting.world.children(list(arns))
        for arn, place in arns.items():
            record = records.get(arn)
            if arn not in self._running or (record is not None and record.status == "RUNNING"):
                continue
            if record is None:
                del self._running[arn]
                self._queue.append(place)
            elif again := Again.of(record, redrive_ms):
                del self._running[arn]
                self._again[arn] = again
                self._queue.append(place)
            else:
                self._stored(record)

    def take_all(self) -> None:
        """Act as if all children ran that wait: those of a former process that has not stored them may."""
        self._running.update({self._of.names.arn(place[1]): place for place in self._queue})

    # -- starting

    def start(self, limit: int) -> None:
        """Start what may run, a portion at a time."""
        while self._queue and len(self._starting) < _STARTING_MAX and len(self._keeper) < _KEPT_MAX:
            room = min(limit - len(self._running) + len(self._over), _TOGETHER)
            if room <= 0:
                return
            fresh, again = self._portion(room)
            if fresh:
                self._spawn(self._start(self._order(fresh, again=False)))
            if again:
                self._spawn(self._start_again(self._order(again, again=True)))

    def _portion(self, room: int) -> tuple[list[Place], list[Place]]:
        """Children to start now, and those that have run before."""
        places = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
        if not self._again:
            return places, []
        again = {place for place in places if self._of.names.arn(place[1]) in self._again}
        return [place for place in places if place not in again], sorted(again)

    def _order(self, places: Sequence[Place], *, again: bool) -> Order:
        """The children of these places, which run from now on."""
        of, running = self._of, self._running
        children: list[Starting] = []
        parents: list[str] = []
        for place in places:
            index, shard = place[1], self._shards.of(place)
            name = of.names.name(index)
            arn = of.names.arn_of(name)
            running[arn] = place
            children.append(Starting(arn, name, shard.take_input(index)))
            parents.append(self._parents.text(index, shard.items_of(index)))
        return Order(
            map_run_arn=of.arn,
            machine_arn=of.names.machine_arn,
            express=of.express,
            scope=of.parent.scope,
            state_name=of.parent.state_name,
            prefix=of.names.prefix,
            children=children,
            parents=parents,
            again=again,
        )

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
        self._changed()

    async def _start(self, order: Order) -> None:
        parent = self._of.parent.active
        assert parent is not None
        world = self._setting.world
        begun = await world.begin_children(order, parent)
        if not order.again:
            # Whoever has succeeded makes room for others; one that has failed may have been the last that is tolerated.
            self._over.update(begun.succeeded())
            self._changed()
        taken, others = await world.commit_children(begun)
        self._stored_together(begun.ended, taken)
        for arn, outcome in others.items():
            if isinstance(outcome, Execution):
                self._stored(outcome)
            elif isinstance(outcome, AlreadyExists) and not order.again:
                await self._look_at(arn)  # it was started by a process that ended
        for arn in taken:
            await self._look_at(arn)

    async def _start_again(self, order: Order) -> None:
        """A redrive: Standard children go on, Express ones run anew in memory; what is stored is how they had ended."""
        if self._of.express:
            await self._start(order)
            return
        for child in order.children:
            del self._again[child.arn]
            await self._setting.world.redrive_child(child.arn)
            await self._look_at(child.arn)

    # -- ends

    def child_ended(self, record: Execution) -> None:
        """A child has ended. Express children are stored first: nothing else of them is."""
        if record.type != "EXPRESS":
            self._stored(record)
            return
        place = self._running.pop(record.arn, None)
        self._over.discard(record.arn)
        if place is not None:
            self._keeper.put(record, place, self._again.pop(record.arn, None))

    async def _look_at(self, arn: str) -> None:
        """Take from the store how a child has ended that may not be reported any more."""
        record = await self._setting.world.child(arn)
        if record is not None and record.status != "RUNNING":
            self._stored(record)

    def _stored_together(self, ended: EndedTogether, taken: frozenset[str]) -> None:
        for child in ended.each:
            arn = ended.prefix + child.tail
            if arn in taken:
                continue
            place = self._running.pop(arn, None)
            self._over.discard(arn)
            if place is not None and self._shards.count(place, child.status):
                self._ended(place[1], child.output)
        self._changed()

    def _stored(self, record: Execution) -> None:
        place = self._running.pop(record.arn, None)
        self._over.discard(record.arn)
        self._again.pop(record.arn, None)
        if place is not None:
            self._count(place, record)

    def _count(self, place: Place, record: Execution) -> None:
        if self._shards.count(place, record.status):
            self._ended(place[1], record.output)
            self._changed()

    async def stop(self) -> None:
        """Stop what runs; it has stopped when nothing is `busy`."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        running = list(self._running)
        for start in range(0, len(running), _STOPPED_TOGETHER):
            await asyncio.gather(*(self._stop_child(arn) for arn in running[start : start + _STOPPED_TOGETHER]))

    async def _stop_child(self, arn: str) -> None:
        if await self._setting.world.stop_child(arn) or arn not in self._running:
            return
        if await self._setting.world.child(arn) is None:
            del self._running[arn]  # it has not begun
        await self._look_at(arn)

    @property
    def busy(self) -> bool:
        """Whether a child runs or is about to be stored."""
        return bool(self._running) or bool(self._keeper)

    async def settle(self) -> None:
        """Until nothing that was begun here is under way, but for the children."""
        await asyncio.gather(*self._starting, return_exceptions=True)
        await self._keeper.settle()

    # -- counts

    def running(self) -> Iterator[Place]:
        """The children that run or are about to be stored."""
        yield from self._running.values()
        yield from self._keeper.places()

    def waiting_again(self) -> dict[str, Place]:
        """By ARN, those that a redrive is about to run again."""
        places = ((self._of.names.arn(place[1]), place) for place in self._queue)
        return {arn: place for arn, place in places if arn in self._again}

    def forget_waiting(self) -> dict[str, Again]:
        """Drop what waits to be started; of it, what has run before."""
        again, self._again = self._again, {}
        self._queue.clear()
        return again
