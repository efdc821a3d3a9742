"""Clocks: the system's, and a virtual one that jumps to the next timer when nothing else is going on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


class SystemClock:
    """Wall-clock time."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep_until(self, due_ms: int) -> None:
        while (left_ms := due_ms - self.now_ms()) > 0:  # noqa: ASYNC110  (a clock is what it waits for)
            await asyncio.sleep(left_ms / 1000)


class VirtualClock:
    """Time that stands still while work is under way and jumps when all that is left is waiting.

    `idle` says whether nothing but timers could make progress; the runtime sets it.
    """

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms
        self.idle: Callable[[], bool] = lambda: True

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, due_ms: int) -> None:
        while True:
            # A few rounds of the loop, so that what is ready to run can say that it is not idle.
            for _ in range(5):
                await asyncio.sleep(0)
            if self.idle():
                break
            await asyncio.sleep(0.001)  # idleness is asked for, nobody announces it
        self._now_ms = max(self._now_ms, due_ms)
