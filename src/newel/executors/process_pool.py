"""An executor that computes in processes beside the server's: for children that are heavy on the processor."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, get_context, parent_process
from typing import Final

import msgspec

from newel.errors import StatesError
from newel.executors.work import compute, decode_computed, encode_work
from newel.limits import Limits
from newel.ports.executor import Computed, Shard, Starting
from newel.ports.store import StoreUnavailable

_log = logging.getLogger(__name__)

#: How often a shard is computed again whose process died.
_ATTEMPTS: Final = 3


class ProcessPool:
    """`workers` processes, started when there is something for them; one that dies is replaced."""

    def __init__(self, workers: int, limits: Limits) -> None:
        self._workers = workers
        self._limits = limits
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    async def first_turns(self, shard: Shard) -> list[Computed]:
        """Each worker takes a part. Raises `StatesError` where the workers die of it again and again.

        Raises `StoreUnavailable` when the server is stopping.
        """
        size = -(-len(shard.children) // self._workers)
        parts = [shard.children[start : start + size] for start in range(0, len(shard.children), size)]
        computed = await asyncio.gather(*(self._compute(shard, part) for part in parts))
        return [turn for part in computed for turn in part]

    async def _compute(self, shard: Shard, children: Sequence[Starting]) -> list[Computed]:
        work = encode_work(msgspec.structs.replace(shard, children=children), self._limits)
        for _ in range(_ATTEMPTS):
            if self._closed:
                raise StoreUnavailable("the server is stopping")
            pool = self._running()
            try:
                return decode_computed(await asyncio.wrap_future(pool.submit(compute, work)))
            except BrokenProcessPool:
                if not self._closed:
                    _log.warning("a process that computes children of %s died", shard.state_name)
                    self._discard(pool)
        raise StatesError(
            "States.Runtime", f"The processes that compute the children of '{shard.state_name}' die of it."
        )

    def _running(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Spawned: a copy of the server would share its threads' locks and its sockets.
            self._pool = ProcessPoolExecutor(self._workers, mp_context=get_context("spawn"), initializer=_begin)
        return self._pool

    def _discard(self, pool: ProcessPoolExecutor) -> None:
        """Forget a broken pool: the next shard starts another."""
        if self._pool is pool:
            self._pool = None
        pool.shutdown(wait=False)

    async def close(self) -> None:
        """End the workers, whatever they compute: it is computed again after the next start."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool is not None:
            for worker in active_children():  # the server starts no other processes in this way
                worker.kill()
            await asyncio.to_thread(pool.shutdown)


def _begin() -> None:
    """In a new worker: Ctrl-C is the server's business, and a server that was killed takes its workers along."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_server, name="newel-parent-watch", daemon=True).start()


def _end_with_server() -> None:
    server = parent_process()
    assert server is not None
    server.join()
    os._exit(1)
