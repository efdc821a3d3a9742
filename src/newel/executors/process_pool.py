"""An executor that computes in processes beside the server's."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, cast

import msgspec

from newel.errors import StatesError
from newel.executors.work import decode_computed, encode_work
from newel.executors.worker import LENGTH_BYTES, frame
from newel.limits import Limits
from newel.ports.executor import Computed, Shard
from newel.ports.store import StoreUnavailable

_log = logging.getLogger(__name__)

#: How often a shard is computed again whose process died.
_ATTEMPTS: Final = 3
#: Shards that a process has before it, so that it need not wait for the next.
_AHEAD: Final = 2
_COMMAND: Final = (sys.executable, "-m", "newel.executors.worker")


class ProcessPool:
    """`workers` processes, started when there is something for them; one that dies is replaced."""

    def __init__(self, workers: int, limits: Limits, command: Sequence[str] = _COMMAND) -> None:
        self._size = workers
        self._limits = limits
        self._command = command
        self._workers: list[_Worker] = []
        self._leaving: list[_Worker] = []  # lost, but perhaps still there
        self._closed = False

    def prepare(self) -> None:
        """Start the processes, if they do not run."""
        known = self._leaving + self._workers
        self._workers = [worker for worker in known if not worker.lost]
        self._leaving = [worker for worker in known if worker.lost and not worker.gone]
        while len(self._workers) < self._size:
            self._workers.append(_Worker(self._command))

    @property
    def idle(self) -> bool:
        """Whether a process is ready that has little to do."""
        return any(worker.ready and worker.owed < _AHEAD for worker in self._workers)

    async def first_turns(self, shard: Shard) -> list[Computed]:
        """Each process takes a part. Raises `StatesError` where the processes die of it again and again.

        Raises `StoreUnavailable` when the server is stopping.
        """
        size = -(-len(shard.children) // self._size)
        starts = range(0, len(shard.children), size)
        parts = [msgspec.structs.replace(shard, children=shard.children[at : at + size]) for at in starts]
        computed = await asyncio.gather(*map(self.by_one, parts))
        return [turn for part in computed for turn in part]

    async def by_one(self, shard: Shard) -> list[Computed]:
        """The same, all by one process: the one that has the least to do."""
        work = encode_work(shard, self._limits)
        for _ in range(_ATTEMPTS):
            if self._closed:
                break
            self.prepare()
            worker = min(self._workers, key=lambda worker: worker.owed)
            try:
                return decode_computed(await worker.ask(work))
            except _Lost:
                if not self._closed:
                    _log.warning("a process that computes children of %s died", shard.state_name)
        if self._closed:
            raise StoreUnavailable("the server is stopping")
        raise StatesError(
            "States.Runtime", f"The processes that compute the children of '{shard.state_name}' die of it."
        )

    async def close(self) -> None:
        """End the processes, whatever they compute: it is computed again after the next start."""
        self._closed = True
        await asyncio.gather(*(worker.end() for worker in self._leaving + self._workers))
        self._leaving.clear()
        self._workers.clear()


class _Lost(Exception):  # noqa: N818
    """The process has ended, or could not be started."""


class _Worker(asyncio.SubprocessProtocol):
    """One process, which answers in the order it was asked."""

    def __init__(self, command: Sequence[str]) -> None:
        self.ready = False
        self.lost = False
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[asyncio.Future[bytes]] = deque([self._loop.create_future()])  # the first: it is ready
        self._waiting[0].add_done_callback(self._is_ready)
        self._came = bytearray()
        self._ended = self._loop.create_future()
        self._transport: asyncio.SubprocessTransport | None = None
        self._starting = self._loop.create_task(self._start(command))

    @property
    def owed(self) -> int:
        """Answers that it owes."""
        return len(self._waiting)

    async def _start(self, command: Sequence[str]) -> None:
        try:
            await self._loop.subprocess_exec(lambda: self, *command, str(os.getpid()), stderr=None)
        except OSError as error:
            _log.warning("%s: %s", command[0], error)
            self._lose()

    async def ask(self, work: bytes) -> bytes:
        """What it makes of some work. Raises `_Lost`."""
        await asyncio.shield(self._starting)
        if self.lost or self._transport is None:
            raise _Lost
        answer: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting.append(answer)
        cast("asyncio.WriteTransport", self._transport.get_pipe_transport(0)).write(frame(work))
        return await answer

    async def end(self) -> None:
        """Kill it; it has ended."""
        await asyncio.wait([self._starting])
        if self._transport is not None:
            self._kill()
            await self._ended

    @property
    def gone(self) -> bool:
        """Whether nothing is left of it."""
        return self._ended.done() or (self._starting.done() and self._transport is None)

    # -- the protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)  # uvloop's is of no such class

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        came = self._came
        came += data
        while len(came) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(came[:LENGTH_BYTES], "big")
            if len(came) < end:
                return
            answer = bytes(came[LENGTH_BYTES:end])
            del came[:end]
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_result(answer)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._lose()
        self._kill()

    def process_exited(self) -> None:
        self._lose()
        assert self._transport is not None
        self._transport.close()
        if not self._ended.done():
            self._ended.set_result(None)

    def _kill(self) -> None:
        assert self._transport is not None
        with suppress(ProcessLookupError):  # it has ended
            self._transport.kill()

    def _is_ready(self, hello: asyncio.Future[bytes]) -> None:
        self.ready = not hello.cancelled() and hello.exception() is None

    def _lose(self) -> None:
        self.lost, self.ready = True, False
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(_Lost())
