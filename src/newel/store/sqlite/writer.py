"""The writer thread: everything queued while a commit runs goes into the next one."""

from __future__ import annotations

import sqlite3
from asyncio import AbstractEventLoop, Future, shield
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeGuard

from newel.ports.store import StoreUnavailable
from newel.store.sqlite.database import describe, rollback
from newel.store.sqlite.journal_writer import JournalWriter
from newel.store.sqlite.map_runs import MapRunWriter
from newel.store.sqlite.operations import Append, Change, Create, CreateAll, CreateEnded, PutMapRun, SaveSnapshot, Write

_BATCH_OPERATIONS_MAX: Final = 1_024
_BATCH_BYTES_MAX: Final = 16_777_216
_SETTLED_TOGETHER: Final = 64


class Writer:
    """Owns the writing connection. `put` on the event loop; futures are settled there, a whole batch in one call."""

    def __init__(self, connection: sqlite3.Connection, path: Path, loop: AbstractEventLoop) -> None:
        self._connection = connection
        self._path = path
        self._loop = loop
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self.put = self._queue.put
        self.journal = JournalWriter(connection)
        self._map_runs = MapRunWriter(connection)
        self._ended: Future[None] = loop.create_future()
        self._settling: deque[Write] = deque()
        self._thread = Thread(target=self._run, name="newel-store-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """Write what is queued, then end the thread, also when cancelled. Nothing may be put afterwards."""
        self._queue.put(None)
        try:
            await shield(self._ended)
        finally:
            self._thread.join()

    def _run(self) -> None:
        while True:
            batch, last = self._next_batch()
            if batch:
                self._commit(batch)
                self._tell(self._settle, batch)
            if last:
                self._tell(self._end, None)
                return

    def _next_batch(self) -> tuple[list[Write], bool]:
        """What is queued, at least one; whether it is the last."""
        queue, batch, size = self._queue, [], 0
        operation = queue.get()
        while operation is not None:
            batch.append(operation)
            size += operation.size
            if len(batch) == _BATCH_OPERATIONS_MAX or size > _BATCH_BYTES_MAX:
                return batch, False
            try:
                operation = queue.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _tell(self, call: Callable[[Any], object], what: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(call, what)

    def _settle(self, batch: Sequence[Write]) -> None:
        """Tell the callers, in order."""
        under_way = bool(self._settling)
        self._settling.extend(batch)
        if not under_way:
            self._settle_some()

    def _end(self, _nothing: None) -> None:
        """The thread has ended; the callers come first."""
        if self._settling:
            self._loop.call_soon(self._end, None)
        else:
            self._ended.set_result(None)

    def _settle_some(self) -> None:
        """Some at a time: each caller has something to do now, and others must have their turns too."""
        settling = self._settling
        for _ in range(min(_SETTLED_TOGETHER, len(settling))):
            settling.popleft().settle()
        if settling:
            self._loop.call_soon(self._settle_some)

    # -- transactions ------------------------------------------------------------------------------------------------

    def _commit(self, batch: Sequence[Write]) -> None:
        """Write a batch in one transaction. If one operation breaks it, each is tried in its own."""
        try:
            self._transact(batch)
        except Exception as error:
            self._undo()
            if _is_of_the_disk(error):
                reason = describe(error, self._path)
                for operation in batch:
                    operation.error = StoreUnavailable(reason)
            elif len(batch) == 1:
                batch[0].error = error
            else:
                for operation in batch:
                    operation.error = None
                    self._commit([operation])

    def _transact(self, batch: Sequence[Write]) -> None:
        connection, journal, map_runs = self._connection, self.journal, self._map_runs
        rollback(connection)  # what a failed rollback may have left
        connection.execute("BEGIN IMMEDIATE")
        for operation in batch:
            if isinstance(operation, Create):
                journal.create(operation.created)
            elif isinstance(operation, CreateAll):
                for created in operation.created:
                    journal.create(created)
            elif isinstance(operation, CreateEnded):
                journal.create_ended(operation)
            elif isinstance(operation, Append):
                journal.append(operation)
            elif isinstance(operation, SaveSnapshot):
                journal.save_snapshot(operation)
            elif isinstance(operation, PutMapRun):
                map_runs.put(operation.run, operation.add, operation.drop)
            else:
                self._change(operation)
        journal.flush()
        map_runs.flush()
        connection.execute("COMMIT")
        journal.committed()

    def _change(self, operation: Change) -> None:
        self.journal.flush()
        self._map_runs.flush()
        self._connection.execute("SAVEPOINT change")
        try:
            operation.result = operation.run(self._connection)
        except sqlite3.Error:
            raise
        except Exception as error:
            operation.error = error
            self._connection.execute("ROLLBACK TO change")
        self._connection.execute("RELEASE change")
        if operation.forgets:
            self.journal.forget_heads()

    def _undo(self) -> None:
        with suppress(sqlite3.Error):  # the disk again; tried once more before the next transaction
            rollback(self._connection)
        self.journal.forget()
        self._map_runs.forget()


def _is_of_the_disk(error: Exception) -> TypeGuard[sqlite3.Error]:
    """Whether the store as a whole failed, and not one operation's values."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
