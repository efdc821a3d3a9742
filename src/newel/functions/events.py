"""Asynchronous invocations: accepted durably, run at least once, retried as Lambda does.

A function error is tried again twice, after a minute and after two more; throttling and our own failures are tried
again with growing pauses until the event is too old (Lambda Developer Guide, "How Lambda handles errors and retries").
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec

from newel.errors import ServiceError
from newel.functions.catalog import write_durably

_AGE_SECONDS_MAX: Final = 21_600

logger = logging.getLogger(__name__)


class Event(msgspec.Struct, kw_only=True):
    """One accepted invocation. `created` is epoch seconds; `attempts` counts runs that ended in a function error."""

    request_id: str
    account: str
    region: str
    name: str
    qualifier: str | None
    payload: bytes
    client_context: str | None
    created: float
    attempts: int = 0


#: Runs an event once; True if the function succeeded. Raises `ServiceError` for throttling and the like.
RunEvent = Callable[[Event], Awaitable[bool]]


class EventQueue:
    """The accepted events, one file each in `folder` until they are done."""

    def __init__(
        self, folder: Path, run: RunEvent, *, retry_seconds: tuple[float, ...], backoff_seconds_max: float
    ) -> None:
        self._folder = folder
        self._run = run
        self._retry_seconds = retry_seconds
        self._backoff_seconds_max = backoff_seconds_max
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up what an earlier run of the server accepted."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.json")):
            self._begin(msgspec.json.decode(path.read_bytes(), type=Event))

    async def accept(self, event: Event) -> None:
        """Durable when this returns."""
        await self._save(event)
        self._begin(event)

    async def close(self) -> None:
        """Stop; unfinished events are taken up by the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, event: Event) -> None:
        task = asyncio.get_running_loop().create_task(self._work(event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _path(self, event: Event) -> Path:
        return self._folder / f"{event.request_id}.json"

    async def _save(self, event: Event) -> None:
        await asyncio.to_thread(write_durably, self._path(event), msgspec.json.encode(event))

    async def _work(self, event: Event) -> None:
        backoff = 1.0
        while time.time() < event.created + _AGE_SECONDS_MAX:
            try:
                if await self._run(event):
                    break
            except ServiceError as error:
                if error.status < 500 and error.status != 429:
                    logger.warning("asynchronous invocation %s of %s dropped: %s", event.request_id, event.name, error)
                    break
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, self._backoff_seconds_max)
                continue
            if event.attempts >= len(self._retry_seconds):
                logger.warning("asynchronous invocation %s of %s failed for good", event.request_id, event.name)
                break
            pause = self._retry_seconds[event.attempts]
            event.attempts += 1
            await self._save(event)
            await asyncio.sleep(pause)
        self._path(event).unlink(missing_ok=True)
