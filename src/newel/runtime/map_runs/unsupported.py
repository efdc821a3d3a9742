"""Readers and writers of a runtime that was given none."""

from __future__ import annotations

from collections.abc import AsyncIterator

from newel.errors import StatesError
from newel.json import Json
from newel.ports.items import ChildResult, Items, ReaderSpec, WriterSpec


class _Refused:
    """Items that cannot be had."""

    def __init__(self, cause: str) -> None:
        self._cause = cause

    def __aiter__(self) -> AsyncIterator[Items]:
        return self

    async def __anext__(self) -> Items:
        raise StatesError("States.ItemReaderFailed", self._cause)


class NoReader:
    """Refuses every ItemReader."""

    def read(
        self, spec: ReaderSpec, *, account: str, region: str, role_arn: str | None, after: str | None
    ) -> AsyncIterator[Items]:
        return _Refused(f"No ItemReader for {spec.resource} is configured here.")


class NoWriter:
    """Refuses every export; results that become the state's output need no writer."""

    async def write(
        self,
        spec: WriterSpec,
        map_run_arn: str,
        results: AsyncIterator[ChildResult],
        *,
        account: str,
        region: str,
        role_arn: str | None,
    ) -> dict[str, Json]:
        raise StatesError("States.ResultWriterFailed", "No ResultWriter is configured here.")
