"""Stores how far a Map Run has come, one transaction after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from newel.ports.store import MapRun, MapRuns, MapShard


class Saver:
    """What comes while a transaction is under way goes into the next, with the Map Run as it is then.

    One at a time, because a later one stands on all before it: once one has failed, all further ones do.
    """

    def __init__(self, store: MapRuns, current: Callable[[], MapRun]) -> None:
        self._store: Final = store
        self._current: Final = current
        self._add: list[MapShard] = []
        self._drop: list[int] = []
        self._next: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    def put(self, add: Iterable[MapShard] = (), drop: Iterable[int] = ()) -> Awaitable[None]:
        """Store the Map Run as it is now, with shards that open, and without those that close."""
        loop = asyncio.get_running_loop()
        self._add += add
        self._drop += drop
        if self._next is None:
            self._next = loop.create_future()
            self._next.add_done_callback(_look)
        if self._task is None:
            self._task = loop.create_task(self._run())
        return asyncio.shield(self._next)

    async def settle(self) -> None:
        """Until all that was put is stored, or cannot be."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        while (done := self._next) is not None:
            self._next = None
            add, self._add = self._add, []
            drop, self._drop = self._drop, []
            try:
                if self._error is None:
                    await self._store.put_map_run(self._current(), add=add, drop=drop)
            except Exception as error:  # told to whoever waits, now and later
                self._error = error
            if self._error is None:
                done.set_result(None)
            else:
                done.set_exception(self._error)
        self._task = None


def _look(done: asyncio.Future[None]) -> None:
    """Not everybody who puts something waits for it."""
    done.exception()
