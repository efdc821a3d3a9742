"""Which process serves which invocation: a warm pool per function version, a bound on all processes, fair waiting.

An invocation waits in its version's queue. It gets the first process of its version that is free: a warm one, or one
that was started for the queue. Starts are paced, so a burst of short invocations is served by few processes, and none
is started while a process has answered and is about to ask for more. When all places are taken, an idle process of
another version gives up its place; when none is idle, whoever frees a place gives it to a version whose oldest
invocation has waited notably longer.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from newel.functions.model import Configuration, Function
from newel.functions.worker import Worker

#: A freed process stays with its version unless another version has waited this much longer.
_PATIENCE_SECONDS: Final = 0.1
#: How long a process that has answered may take to ask for more work before another is started.
_RETURN_SECONDS: Final = 0.05

Key = tuple[str, str, str, str, str]


class Target(msgspec.Struct, frozen=True):
    """A version to run. Its key changes with every update of `$LATEST`."""

    function: Function
    configuration: Configuration

    @property
    def key(self) -> Key:
        return (*self.function.key, self.configuration.version, self.configuration.revision_id)


class _Group:
    """The processes and the queue of one version."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.idle: list[Worker] = []
        self.waiting: deque[tuple[float, asyncio.Future[Worker]]] = deque()
        self.returning: set[Worker] = set()
        self.starting = 0
        self.size = 0
        self.retired = False

    @property
    def uncovered(self) -> float | None:
        """Since when the oldest invocation waits that no starting or returning process will serve."""
        while self.waiting and self.waiting[0][1].done():
            self.waiting.popleft()
        covered = self.starting + len(self.returning)
        return self.waiting[covered][0] if len(self.waiting) > covered else None

    def next_waiter(self) -> asyncio.Future[Worker] | None:
        while self.waiting:
            _, future = self.waiting.popleft()
            if not future.done():
                return future
        return None


class Pool:
    """`launch` starts a process for a target and returns when its init phase is over."""

    def __init__(self, launch: Callable[[Target], Awaitable[Worker]], workers_max: int, starting_max: int) -> None:
        self._launch = launch
        self._workers_max = workers_max
        self._starting_max = starting_max
        self._groups: dict[Key, _Group] = {}
        self._home: dict[Worker, _Group] = {}
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def acquire(self, target: Target) -> Worker:
        """A process that is the caller's until it asks its Runtime API for more work."""
        group = self._groups.get(target.key)
        if group is None:
            group = self._groups[target.key] = _Group(target)
        if group.idle:
            return group.idle.pop()
        future: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
        group.waiting.append((time.monotonic(), future))
        self._start_more()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.idle(future.result())
            raise

    def workers(self) -> list[Worker]:
        """All processes that finished their init phase, idle or busy."""
        return list(self._home)

    def codes(self, function: tuple[str, str, str]) -> frozenset[str]:
        """Digests of the code that a function's processes run."""
        return frozenset(
            group.target.configuration.code.sha256 for key, group in self._groups.items() if key[:3] == function
        )

    def answered(self, worker: Worker) -> None:
        """A process has answered and will ask for work in a moment."""
        group = self._home.get(worker)
        if group is not None:
            group.returning.add(worker)
            asyncio.get_running_loop().call_later(_RETURN_SECONDS, self._late, group, worker)

    def _late(self, group: _Group, worker: Worker) -> None:
        if worker in group.returning:
            group.returning.discard(worker)
            self._start_more()

    def idle(self, worker: Worker) -> None:
        """A process asks for work."""
        group = self._home.get(worker)
        if group is None or worker.dead:
            return
        group.returning.discard(worker)
        if self._closed or group.retired or self._must_yield(group):
            self._drop(worker)
        else:
            self._offer(group, worker)
        self._start_more()

    def exited(self, worker: Worker) -> None:
        """A process ended, for whatever reason."""
        self._drop(worker)
        if not self._closed:
            self._start_more()

    def retire(self, function: tuple[str, str, str], keep: frozenset[Key] = frozenset()) -> None:
        """The versions of a function that are not in `keep` take no new process's place; busy ones finish first."""
        for key, group in list(self._groups.items()):
            if key[:3] == function and key not in keep:
                group.retired = True
                for worker in list(group.idle):
                    self._drop(worker)
                self._forget(group)

    def reap(self, before: float) -> None:
        """End processes that are idle since before that time (monotonic seconds)."""
        for group in list(self._groups.values()):
            for worker in [item for item in group.idle if item.idle_since < before]:
                self._drop(worker)
            self._forget(group)

    async def close(self) -> None:
        """End everything; whoever still waits is cancelled."""
        self._closed = True
        for group in list(self._groups.values()):
            for _, future in group.waiting:
                future.cancel()
            group.waiting.clear()
        for worker in list(self._home):
            self._drop(worker)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _offer(self, group: _Group, worker: Worker) -> None:
        waiter = group.next_waiter()
        if waiter is not None:
            waiter.set_result(worker)
        else:
            worker.idle_since = time.monotonic()
            group.idle.append(worker)

    def _must_yield(self, group: _Group) -> bool:
        """Whether a version that waits longer should get this process's place."""
        if self._total() < self._workers_max:
            return False
        hungry = self._hungriest()
        if hungry is None or hungry is group:
            return False
        if not group.waiting:
            return True
        since = hungry.uncovered
        assert since is not None
        return since + _PATIENCE_SECONDS < group.waiting[0][0]

    def _hungriest(self) -> _Group | None:
        hungry = [group for group in self._groups.values() if group.uncovered is not None]
        return min(hungry, key=lambda group: group.uncovered or 0.0, default=None)

    def _total(self) -> int:
        return len(self._home) + self._starting

    def _start_more(self) -> None:
        while not self._closed and self._starting < self._starting_max:
            group = self._hungriest()
            if group is None or not (self._total() < self._workers_max or self._evict()):
                return
            group.starting += 1
            self._starting += 1
            task = asyncio.get_running_loop().create_task(self._start(group))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _evict(self) -> bool:
        """End the longest idle process."""
        idle = [worker for group in self._groups.values() for worker in group.idle]
        if not idle:
            return False
        self._drop(min(idle, key=lambda worker: worker.idle_since))
        return True

    async def _start(self, group: _Group) -> None:
        try:
            worker = await self._launch(group.target)
        except Exception as error:
            waiter = group.next_waiter()
            if waiter is not None:
                waiter.set_exception(error)
            return
        finally:
            group.starting -= 1
            self._starting -= 1
            self._forget(group)
        self._home[worker] = group
        group.size += 1
        if worker.failed:  # its failure is the outcome of the invocation that waited longest
            waiter = group.next_waiter()
            self._drop(worker)
            if waiter is not None:
                waiter.set_result(worker)
        else:
            self._offer(group, worker)
        self._start_more()

    def _drop(self, worker: Worker) -> None:
        group = self._home.pop(worker, None)
        if group is None:
            return
        group.size -= 1
        group.returning.discard(worker)
        if worker in group.idle:
            group.idle.remove(worker)
        worker.kill()
        self._forget(group)

    def _forget(self, group: _Group) -> None:
        if not (group.size or group.starting or group.waiting):
            self._groups.pop(group.target.key, None)
