"""Tells when anything in a folder has changed, by looking again and again: works on every file system."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from newel.dev.project import stamp_of

INTERVAL_SECONDS: Final = 0.4
#: A folder that takes long to look through is looked at less often: looking takes at most this share of the time.
_SHARE: Final = 0.1


async def changes(folder: Path, seen: int, interval_seconds: float = INTERVAL_SECONDS) -> AsyncIterator[None]:
    """Yields after every change, once it is over: when two looks in a row have found the same.

    `seen` is the folder's `stamp_of` from before it was read, so that nothing is missed in between.
    """
    last = seen
    while True:
        began = time.monotonic()
        now = await asyncio.to_thread(stamp_of, folder)
        took = time.monotonic() - began
        if now == last and now != seen:
            seen = now
            yield
        last = now
        await asyncio.sleep(max(interval_seconds, took / _SHARE))
