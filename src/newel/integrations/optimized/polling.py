"""Waiting for a job that can only be asked about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeVar

import msgspec

#: What a description says of a job. MISSING: the service does not know it (yet).
Verdict = Literal["RUNNING", "SUCCEEDED", "FAILED", "MISSING"]
Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")

#: How often in a row a job may be unknown to its service, which may be slow to learn of a job it has just started.
_MISSING_MAX: Final = 10


class Polling(msgspec.Struct, frozen=True, kw_only=True):
    """How often a job is asked about: soon at first, for emulators and short jobs, then ever more rarely.

    AWS asks EMR every 60 seconds, after ten minutes every 300 (Developer Guide, "Amazon EMR").
    """

    first_seconds: float = 0.5
    factor: float = 1.5
    longest_seconds: float = 60.0


DEFAULT_POLLING: Final = Polling()


async def until_ended(
    ask: Callable[[], Awaitable[tuple[Verdict, T | None]]], polling: Polling, sleep: Sleep
) -> tuple[Verdict, T | None]:
    """Ask until the job has ended or stays unknown; the verdict, and the last description there was."""
    pause, missing = polling.first_seconds, 0
    last: T | None = None
    while True:
        verdict, described = await ask()
        last = last if described is None else described
        missing = missing + 1 if verdict == "MISSING" else 0
        if verdict in ("SUCCEEDED", "FAILED") or missing > _MISSING_MAX:
            return verdict, last
        await sleep(pause)
        pause = min(pause * polling.factor, polling.longest_seconds)
