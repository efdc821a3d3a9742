"""Executions whose turn could not be committed are woken again, later and later while the store cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

#: Seconds before waking: twice as many after each round that failed again, up to the second number.
_PAUSE_SECONDS: Final = (0.05, 5.0)
_TOGETHER: Final = 500


class Revival:
    """`wake` brings an execution back and gives it what it may have missed; one that fails again is added again."""

    def __init__(self, wake: Callable[[str], Awaitable[None]]) -> None:
        self._wake = wake
        self._arns: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def add(self, arn: str) -> None:
        """Wake an execution soon."""
        self._arns[arn] = None
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Wake nobody any more."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        shortest, longest = _PAUSE_SECONDS
        pause = shortest
        while self._arns:
            await asyncio.sleep(pause)
            arns = list(self._arns)
            self._arns.clear()
            for start in range(0, len(arns), _TOGETHER):
                await asyncio.gather(*(self._wake(arn) for arn in arns[start : start + _TOGETHER]))
            pause = min(pause * 2, longest)
        self._task = None
