"""The SQL of the store, kept in .sql files: `-- name: x` opens a statement, other comment lines are dropped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from importlib.resources import files
from itertools import chain
from typing import Any, Final

SQL = files("newel.store") / "sql"


def read_statements(file: str) -> dict[str, str]:
    """The statements of one file by name."""
    statements: dict[str, list[str]] = {}
    for line in (SQL / file).read_text("utf-8").splitlines():
        if line.startswith("-- name: "):
            lines = statements.setdefault(line.removeprefix("-- name: "), [])
        elif line and not line.startswith("--"):
            lines.append(line)
    return {name: "\n".join(lines) for name, lines in statements.items()}


JOURNAL: Final = read_statements("journal.sql")
CATALOG: Final = read_statements("catalog.sql")

#: Any number up to the first, then multiples of the step: two statements write up to 128 rows.
_ROWS_EXACT, _ROWS_STEP, _ROWS_MAX = 16, 8, 128


class RowsStatement:
    """A statement that takes any number of rows, for `{rows}` in its text, and runs in as few steps as possible.

    Each step of SQLite gives up the GIL and must win it back, up to 5 ms from a busy event loop. `executemany` steps
    once a row; many rows in one VALUES list are one step. Lists come in few lengths, so that their prepared
    statements are reused.
    """

    __slots__ = ("_template", "_texts")

    def __init__(self, template: str) -> None:
        self._template = template
        self._texts: dict[int, str] = {}

    def run(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> int:
        """Run on all rows; how many were changed, for an INSERT."""
        return sum(cursor.rowcount for cursor in self._cursors(connection, rows))

    def fetch(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """What a SELECT finds for all rows."""
        return [found for cursor in self._cursors(connection, rows) for found in cursor.fetchall()]

    def _cursors(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> Iterator[sqlite3.Cursor]:
        start = 0
        while start < len(rows):
            size = _portion(len(rows) - start)
            part = rows[start : start + size]
            text = self._texts.get(size) or self._text(size, len(part[0]))
            yield connection.execute(text, tuple(chain.from_iterable(part)))
            start += size

    def _text(self, size: int, width: int) -> str:
        row = "(" + ", ".join("?" * width) + ")"
        text = self._texts[size] = self._template.replace("{rows}", ", ".join([row] * size))
        return text


def _portion(count: int) -> int:
    """How many of `count` rows the next statement takes."""
    return count if count <= _ROWS_EXACT else min(count - count % _ROWS_STEP, _ROWS_MAX)
