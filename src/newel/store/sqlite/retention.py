"""Forgetting executions that ended long ago."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

from newel.store.sqlite.rows import Row
from newel.store.sqlite.statements import JOURNAL

PAGE: Final = 200  # executions a transaction
#: Map Runs are found through the execution's row, which therefore goes last.
_DELETIONS: Final = ("delete_map_shards", "delete_map_runs", "delete_turns", "delete_snapshot", "delete_execution")


def delete_some(group: Row, before_ms: int) -> Callable[[sqlite3.Connection], int]:
    """Delete up to `PAGE` executions of one (machine, Map Run, status); gives how many it found."""

    def run(connection: sqlite3.Connection) -> int:
        ended = connection.execute(JOURNAL["ended_before"], (*group, before_ms, PAGE)).fetchall()
        for name in _DELETIONS:
            connection.executemany(JOURNAL[name], ended)
        return len(ended)

    return run
