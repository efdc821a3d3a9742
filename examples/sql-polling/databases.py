"""The databases that the Data API may stand on: a PostgreSQL that is given, one that is started, or SQLite."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from postgres import Connection, DatabaseError, Result

#: `:name`, but neither `::type` nor what is in quotes.
_PARAMETER = re.compile(r"'[^']*'|::\w+|:(\w+)")
#: Where Debian's packages put a program that is not on the path.
_DEBIAN = "/usr/lib/postgresql"


class Session(Protocol):
    """One session. `pid` tells sessions apart; `execute` raises `DatabaseError`."""

    pid: int

    def execute(self, sql: str, parameters: Mapping[str, str]) -> Result: ...

    def close(self) -> None: ...


class Database(Protocol):
    name: str

    def session(self) -> Session: ...


class PostgresSession:
    def __init__(self, url: str) -> None:
        self._connection = Connection(url)
        self.pid = self._connection.pid

    def execute(self, sql: str, parameters: Mapping[str, str]) -> Result:
        """Named parameters become numbered ones."""
        names: list[str] = []

        def number(found: re.Match[str]) -> str:
            name = found[1]
            if name is None:
                return found[0]
            if name not in parameters:
                raise DatabaseError(f"ERROR: the parameter {name} has no value")
            if name not in names:
                names.append(name)
            return f"${names.index(name) + 1}"

        sql = _PARAMETER.sub(number, sql)
        return self._connection.execute(sql, [parameters[name] for name in names])

    def close(self) -> None:
        self._connection.close()


class Postgres:
    def __init__(self, url: str, name: str) -> None:
        self._url = url
        self.name = name

    def session(self) -> PostgresSession:
        return PostgresSession(self._url)


class SqliteSession:
    def __init__(self, file: Path, pid: int) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self.pid = pid

    def execute(self, sql: str, parameters: Mapping[str, str]) -> Result:
        try:
            cursor = self._connection.execute(sql, dict(parameters))
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise DatabaseError(f"ERROR: {error}") from None
        if cursor.description is None:
            return Result(None, [], max(cursor.rowcount, 0))
        kinds = [_kind(column, rows) for column in range(len(cursor.description))]
        columns = [(described[0], kind) for described, kind in zip(cursor.description, kinds, strict=True)]
        return Result(columns, [[None if value is None else str(value) for value in row] for row in rows], len(rows))

    def close(self) -> None:
        self._connection.close()


class Sqlite:
    def __init__(self, folder: Path) -> None:
        self._file = folder / "data.sqlite"
        self._sessions = 0
        self.name = "SQLite, since no PostgreSQL was found (install postgresql, or set DATABASE_URL)"

    def session(self) -> SqliteSession:
        self._sessions += 1
        return SqliteSession(self._file, self._sessions)


@contextmanager
def database(kind: str) -> Iterator[Database]:
    """`postgres`, `sqlite`, or `auto`: PostgreSQL if there is one, at `DATABASE_URL` or as a program."""
    url, programs = os.environ.get("DATABASE_URL"), postgres_programs()
    with tempfile.TemporaryDirectory(prefix="sql-polling-") as name:
        folder = Path(name)
        if kind == "sqlite" or (kind == "auto" and not url and programs is None):
            yield Sqlite(folder)
        elif url:
            yield Postgres(url, "the PostgreSQL at DATABASE_URL")
        elif programs is not None:
            with _started(programs, folder) as started:
                yield Postgres(started, f"a PostgreSQL started from {programs}")
        else:
            raise SystemExit("there is no PostgreSQL: install postgresql, or set DATABASE_URL")


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest if Debian has several; None if nothing can be started."""
    if os.geteuid() == 0 and (shutil.which("runuser") is None or not _has_user("postgres")):
        return None
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path(_DEBIAN).glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "pg_ctl").exists()), None)


def _has_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


@contextmanager
def _started(programs: Path, folder: Path) -> Iterator[str]:
    """A server with a new, empty database that listens at a Unix socket alone, as long as it is needed."""
    prefix: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        prefix = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
    data = folder / "data"
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"

    def do(program: str, *words: str) -> None:
        command = [*prefix, str(programs / program), "-D", str(data), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    do("initdb", "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--locale=C")
    do("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={folder}"
    finally:
        do("pg_ctl", "-w", "-m", "immediate", "stop")


def _kind(column: int, rows: list[tuple[object, ...]]) -> str:
    """The type of a column of SQLite, whose values have types and whose columns have none."""
    value = next((row[column] for row in rows if row[column] is not None), "")
    return {int: "int8", float: "float8"}.get(type(value), "varchar")
