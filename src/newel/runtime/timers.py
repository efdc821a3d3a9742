"""Timers: each execution has one wake time, the earliest of its timers; when it comes the execution is told.

Wake times are rows of the store. Only those within the horizon are held in memory, so an execution that waits for a
day costs nothing but its row.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from newel.ports.clock import Clock
from newel.ports.store import Journal

HORIZON_MS: Final = 60_000
_SCAN_ROWS: Final = 10_000
_PAUSE_SECONDS: Final = 1.0
_TOGETHER: Final = 20

_log = logging.getLogger(__name__)


class Timers:
    """Calls `fire(execution_arn)` when an execution's wake time has come. Early or double calls are harmless."""

    def __init__(self, clock: Clock, fire: Callable[[str], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[int, str]] = []
        self._wakes: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._journals: list[Journal] = []
        self._task: asyncio.Task[None] | None = None

    def start(self, *journals: Journal) -> None:
        """Run; wake times already due in `journals` are found by scanning them."""
        self._journals = list(journals)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="timers")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def set(self, arn: str, wake_ms: int | None) -> None:
        """Say when `arn` wants to wake next (None: never). A wake time past the horizon is left to the scan."""
        known = self._wakes.get(arn)
        if wake_ms is None or (self._journals and wake_ms > self._clock.now_ms() + HORIZON_MS):
            if known is not None:
                del self._wakes[arn]
        elif known != wake_ms:
            self._wakes[arn] = wake_ms
            heappush(self._heap, (wake_ms, arn))
            if self._heap[0][0] == wake_ms:
                self._changed.set()

    async def _run(self) -> None:
        scanned_ms = 0
        while True:
            now_ms = self._clock.now_ms()
            try:
                if self._journals and now_ms >= scanned_ms - HORIZON_MS // 2:
                    scanned_ms = await self._scan(now_ms)
                await self._fire_due(now_ms)
            except Exception:  # time goes on whatever a store or an execution has
                _log.exception("looking for due timers failed")
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                await self._sleep(scanned_ms)

    async def _scan(self, now_ms: int) -> int:
        """Take in the wake times up to the horizon; the moment up to which they are known."""
        until_ms = now_ms + HORIZON_MS
        for journal in self._journals:
            rows = await journal.due(until_ms, _SCAN_ROWS)
            for wake_ms, arn in rows:
                self.set(arn, wake_ms)
            if len(rows) == _SCAN_ROWS:
                until_ms = min(until_ms, rows[-1][0])
        return until_ms

    async def _fire_due(self, now_ms: int) -> None:
        heap = self._heap
        fired = 0
        while heap and heap[0][0] <= now_ms:
            wake_ms, arn = heappop(heap)
            if self._wakes.get(arn) == wake_ms:
                del self._wakes[arn]
                self._fire(arn)
                fired += 1
                if fired % _TOGETHER == 0:
                    await asyncio.sleep(0)  # thousands may be due at one moment, and requests must be answered

    async def _sleep(self, scanned_ms: int) -> None:
        """Sleep until the next wake time, the next scan, or an earlier wake time."""
        self._changed.clear()
        moments = [self._heap[0][0]] if self._heap else []
        if self._journals:
            moments.append(max(scanned_ms - HORIZON_MS // 2, self._clock.now_ms() + 100))
        changed = asyncio.ensure_future(self._changed.wait())
        waits: set[asyncio.Future[object]] = {changed}  # type: ignore[arg-type]
        if moments:
            waits.add(asyncio.ensure_future(self._clock.sleep_until(min(moments))))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
