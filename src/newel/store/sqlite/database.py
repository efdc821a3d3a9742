"""The database file: its lock, its connections, its schema."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from newel.ports.store import StoreUnavailable
from newel.store.sqlite.statements import SQL

DATABASE: Final = "newel.db"
LOCK: Final = "newel.lock"
APPLICATION_ID: Final = 0x4E65776C  # "Newl", in the file's header
_SQLITE_MIN: Final = (3, 37, 0)

#: Pages of 8 KiB hold a few turns each; smaller ones spill them, larger ones cost more WAL per index entry.
_PAGE_BYTES: Final = 8_192
#: 16 MB: an index page that many commits change is copied into the file once; longer logs make longer pauses.
_WAL_PAGES: Final = 2_000
_CACHE_KIB: Final = 32_768
_STATEMENTS: Final = 256

Connect = Callable[[Path], sqlite3.Connection]


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made if missing. Transactions are explicit."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=_STATEMENTS)


def lock_directory(directory: Path) -> int:
    """Make the directory and take its lock; the descriptor to close when done. Raises `StoreUnavailable`."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(f"cannot use the data directory {directory}: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreUnavailable(f"the data directory {directory} is used by another process (pid {holder})") from None
    return descriptor


def sign_lock(descriptor: int) -> None:
    """Write our process id into the lock file, for the message of whoever comes second."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)


def open_writer(path: Path, connect: Connect = connect) -> sqlite3.Connection:
    """The writing connection on a file brought to the current schema. Raises `StoreUnavailable`."""
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        raise StoreUnavailable(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or later is needed")
    path.touch(mode=0o600)  # payloads are nobody else's business; SQLite gives its other files the same mode
    connection = connect(path)
    try:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        _check_owner(connection, path)
        _use_wal(connection, path)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_PAGES * _PAGE_BYTES}")
        _tune(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    _tune(connection)
    return connection


def _use_wal(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreUnavailable(f"{path}: this file system cannot hold a SQLite WAL (shared memory is needed)")


def _tune(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA temp_store = MEMORY")


def migrations() -> list[str]:
    """The scripts of `migrations/NNNN_*.sql` in order; the n-th leads to schema version n."""
    scripts = sorted((entry for entry in (SQL / "migrations").iterdir()), key=lambda entry: entry.name)
    scripts = [entry for entry in scripts if entry.name.endswith(".sql")]
    for number, entry in enumerate(scripts, 1):
        assert entry.name.startswith(f"{number:04}_"), f"{entry.name} is not migration {number}"
    return [entry.read_text("utf-8") for entry in scripts]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each migration in one transaction."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    for number, script in enumerate(migrations(), 1):
        if number > version:
            try:
                connection.executescript(
                    f"BEGIN IMMEDIATE;\n{script};\nPRAGMA application_id = {APPLICATION_ID};\n"
                    f"PRAGMA user_version = {number};\nCOMMIT;"
                )
            except BaseException:
                rollback(connection)
                raise


def rollback(connection: sqlite3.Connection) -> None:
    """End the open transaction, if SQLite has not done so itself."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _check_owner(connection: sqlite3.Connection, path: Path) -> None:
    with closing(connection.execute("SELECT count(*) FROM sqlite_master")) as cursor:
        tables = cursor.fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    known = len(migrations())
    if version > known:
        raise StoreUnavailable(
            f"{path} was written by a later Newel (schema version {version}; this one knows up to {known})"
        )
    if tables and owner != APPLICATION_ID:
        raise StoreUnavailable(f"{path} is not a Newel database")


def describe(error: sqlite3.Error, path: Path) -> str:
    """Why SQLite failed, in plain words."""
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    for prefix, words in _WORDS.items():
        if name.startswith(prefix):
            return f"{path}: {words} ({error})"
    return f"{path}: {error} ({name})"


_WORDS: Final = {
    "SQLITE_FULL": "the disk is full",
    "SQLITE_READONLY": "the database is read-only",
    "SQLITE_IOERR": "the disk failed or is full",
    "SQLITE_CANTOPEN": "the database cannot be opened",
    "SQLITE_NOTADB": "the file is not a database",
    "SQLITE_CORRUPT": "the database is damaged",
    "SQLITE_BUSY": "the database is locked by another process",
}
