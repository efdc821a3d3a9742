"""The SQLite adapter of the Store port."""

from __future__ import annotations

import os
import sqlite3
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from newel.ports.store import (
    Activity,
    Alias,
    EndedTogether,
    Execution,
    ExecutionFilter,
    ExecutionSummary,
    JournalRow,
    Loaded,
    Machine,
    MapRun,
    MapShard,
    Revision,
    StoreUnavailable,
    Turn,
    Version,
)
from newel.store.sqlite import catalog, retention
from newel.store.sqlite.catalog import CatalogReader
from newel.store.sqlite.database import (
    DATABASE,
    Connect,
    connect,
    describe,
    lock_directory,
    open_reader,
    open_writer,
    sign_lock,
)
from newel.store.sqlite.journal_reader import JournalReader
from newel.store.sqlite.map_runs import MapRunReader
from newel.store.sqlite.operations import Append, Change, Create, CreateAll, CreateEnded, PutMapRun, SaveSnapshot, Write
from newel.store.sqlite.writer import Writer


class _Opened:
    """What an open store holds; `release` lets go of it in the right order."""

    def __init__(self, directory: Path, connect: Connect, loop: AbstractEventLoop) -> None:
        path = directory / DATABASE
        with ExitStack() as stack:
            lock = lock_directory(directory)
            stack.callback(os.close, lock)
            sign_lock(lock)
            writing = open_writer(path, connect)
            stack.callback(writing.close)
            reading = open_reader(path)
            stack.callback(reading.close)
            self.journal = JournalReader(reading)
            self.catalog = CatalogReader(reading)
            self.map_runs = MapRunReader(reading)
            self.writer = Writer(writing, path, loop)
            self.release = stack.pop_all().close


class SqliteStore:
    """One data directory, used by one process. Open, use and close it on one event loop.

    A write returns a future that is done when the write is on disk. Reads see every write that is done.
    `connect` opens the writing connection; fault injection passes its own.
    """

    def __init__(self, directory: Path, *, connect: Connect = connect) -> None:
        self._directory = directory
        self._connect = connect
        self._opened: _Opened | None = None
        self._loop: AbstractEventLoop | None = None

    async def open(self) -> None:
        assert self._opened is None, "the store is open"
        self._loop = get_running_loop()
        try:
            self._opened = _Opened(self._directory, self._connect, self._loop)
        except (sqlite3.Error, OSError) as error:
            reason = describe(error, self._directory / DATABASE) if isinstance(error, sqlite3.Error) else str(error)
            raise StoreUnavailable(reason) from error
        self._opened.writer.start()

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            try:
                await opened.writer.stop()
            finally:
                opened.release()

    def _open(self) -> _Opened:
        if self._opened is None:
            raise StoreUnavailable(f"the store in {self._directory} is not open")
        return self._opened

    def _put(self, operation: Write) -> Future[Any]:
        if self._opened is None:
            operation.error = StoreUnavailable(f"the store in {self._directory} is not open")
            operation.settle()
        else:
            self._opened.writer.put(operation)
        return operation.future

    def _future(self) -> Future[Any]:
        return (self._loop or get_running_loop()).create_future()

    def _change(self, run: Callable[[sqlite3.Connection], Any]) -> Future[Any]:
        opened, future = self._opened, self._future()
        if opened is not None:  # the first callback: it runs before anybody who waits for the change
            future.add_done_callback(lambda _future: opened.catalog.forget())
        return self._put(Change(future, run))

    # -- journal: writes ---------------------------------------------------------------------------------------------

    def create(self, execution: Execution, turn: Turn) -> Future[None]:
        return self._put(Create(self._future(), execution, turn))

    def create_all(self, executions: Sequence[tuple[Execution, Turn]]) -> Future[frozenset[str]]:
        return self._put(CreateAll(self._future(), executions))

    def create_ended(self, ended: EndedTogether) -> Future[frozenset[str]]:
        return self._put(CreateEnded(self._future(), ended))

    def append(self, turn: Turn) -> Future[None]:
        return self._put(Append(self._future(), turn))

    def save_snapshot(self, execution_arn: str, seq: int, snapshot: bytes) -> Future[None]:
        return self._put(SaveSnapshot(self._future(), execution_arn, seq, snapshot))

    async def delete_ended_before(self, before_ms: int) -> int:
        """In small transactions, so that other writes are not held up."""
        deleted = await self._delete_old_packs(before_ms)
        for group in self._open().journal.ended_groups():
            more = True
            while more:
                run = retention.delete_some(group, before_ms)
                count = await self._put(Change(self._future(), run, forgets=True))
                deleted += count
                more = count == retention.PAGE
        return deleted

    async def _delete_old_packs(self, before_ms: int) -> int:
        journal = self._open().writer.journal
        deleted, packs = 0, retention.PAGE
        while packs == retention.PAGE:
            change = Change(self._future(), lambda _: journal.delete_old_packs(before_ms, retention.PAGE), forgets=True)
            packs, count = await self._put(change)
            deleted += count
        return deleted

    # -- journal: reads ----------------------------------------------------------------------------------------------

    async def execution(self, arn: str) -> Execution | None:
        return self._open().journal.execution(arn)

    async def executions_of(self, arns: Sequence[str]) -> dict[str, Execution]:
        return self._open().journal.executions_of(arns)

    async def load(self, arn: str) -> Loaded | None:
        return self._open().journal.load(arn)

    async def turns(self, arn: str) -> Sequence[JournalRow]:
        return self._open().journal.turns(arn)

    async def executions(self, wanted: ExecutionFilter) -> Sequence[ExecutionSummary]:
        return self._open().journal.executions(wanted)

    async def due(self, before_ms: int, limit: int) -> Sequence[tuple[int, str]]:
        return self._open().journal.due(before_ms, limit)

    def owing(self) -> AsyncIterator[str]:
        return self._open().journal.owing()

    async def open_count(self, machine_id: str | None = None) -> int:
        opened = self._open()
        running = opened.writer.journal.running
        if machine_id is None:
            return sum(running.copy().values())
        word = opened.journal.machine_word(machine_id)
        return 0 if word is None else running.get(word, 0)

    async def running(self, machine_id: str) -> Sequence[str]:
        return self._open().journal.running(machine_id)

    # -- catalog -----------------------------------------------------------------------------------------------------

    def put_machine(
        self, machine: Machine, revision: Revision | None = None, version: Version | None = None
    ) -> Future[None]:
        return self._change(catalog.put_machine(machine, revision, version))

    def delete_machine(self, arn: str) -> Future[None]:
        return self._change(catalog.delete_machine(arn))

    async def machine(self, arn: str) -> Machine | None:
        return self._open().catalog.machine(arn)

    async def machines(self, prefix: str, after: str | None, limit: int) -> Sequence[Machine]:
        return self._open().catalog.machines(prefix, after, limit)

    async def revision(self, machine_id: str, revision_id: str) -> Revision | None:
        return self._open().catalog.revision(machine_id, revision_id)

    async def version(self, machine_id: str, number: int) -> Version | None:
        return self._open().catalog.version(machine_id, number)

    async def versions(self, machine_id: str, before: int | None, limit: int) -> Sequence[Version]:
        return self._open().catalog.versions(machine_id, before, limit)

    def delete_version(self, machine_id: str, number: int) -> Future[None]:
        return self._change(catalog.statements(("delete_version", (machine_id, number))))

    def put_alias(self, alias: Alias) -> Future[None]:
        return self._change(catalog.put_alias(alias))

    def delete_alias(self, machine_id: str, name: str) -> Future[None]:
        return self._change(catalog.statements(("delete_alias", (machine_id, name))))

    async def alias(self, machine_id: str, name: str) -> Alias | None:
        return self._open().catalog.alias(machine_id, name)

    async def aliases(self, machine_id: str, after: str | None, limit: int) -> Sequence[Alias]:
        return self._open().catalog.aliases(machine_id, after, limit)

    def put_activity(self, activity: Activity) -> Future[None]:
        return self._change(catalog.put_activity(activity))

    def delete_activity(self, arn: str) -> Future[None]:
        return self._change(catalog.delete_activity(arn))

    async def activity(self, arn: str) -> Activity | None:
        return self._open().catalog.activity(arn)

    async def activities(self, prefix: str, after: str | None, limit: int) -> Sequence[Activity]:
        return self._open().catalog.activities(prefix, after, limit)

    def put_tags(self, resource_arn: str, tags: dict[str, str]) -> Future[None]:
        return self._change(catalog.put_tags(resource_arn, tags))

    async def tags(self, resource_arn: str) -> dict[str, str]:
        return self._open().catalog.tags(resource_arn)

    # -- Map Runs ----------------------------------------------------------------------------------------------------

    def put_map_run(self, run: MapRun, *, add: Sequence[MapShard] = (), drop: Sequence[int] = ()) -> Future[None]:
        return self._put(PutMapRun(self._future(), run, add, drop))

    async def map_run(self, arn: str) -> MapRun | None:
        return self._open().map_runs.map_run(arn)

    async def map_runs(self, execution_arn: str) -> Sequence[MapRun]:
        return self._open().map_runs.map_runs(execution_arn)

    async def running_map_runs(self) -> Sequence[MapRun]:
        return self._open().map_runs.running()

    async def shards(self, map_run_arn: str) -> Sequence[MapShard]:
        return self._open().map_runs.shards(map_run_arn)
