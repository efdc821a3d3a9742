"""Reads of the journal: short, inline, on a connection that sees what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence

from newel.ports.store import Execution, ExecutionFilter, ExecutionSummary, JournalRow, Loaded
from newel.store.sqlite.rows import SEQ_BITS, SEQ_MAX, STATUS_CODES, Row, read_execution, read_summary, split_arn
from newel.store.sqlite.statements import JOURNAL, RowsStatement
from newel.store.sqlite.words import Words

_OWING_PAGE = 500
_EXECUTIONS = RowsStatement("executions")


class JournalReader:
    """The read half of the Journal port."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words = Words(connection)

    def execution(self, arn: str) -> Execution | None:
        row = self._execution_row(arn)
        return None if row is None else read_execution(row[2:], arn, self._words)

    def executions_of(self, arns: Sequence[str]) -> dict[str, Execution]:
        wanted = {key: arn for arn in arns if (key := self._key(arn)) is not None}
        words = self._words
        rows = _EXECUTIONS.fetch(self._connection, list(wanted))
        return {(arn := wanted[row[0], row[1]]): read_execution(row[2:], arn, words) for row in rows}

    def load(self, arn: str) -> Loaded | None:
        self._connection.execute("BEGIN")  # its reads must not straddle a commit
        try:
            return self._load(arn)
        finally:
            self._connection.execute("COMMIT")

    def _load(self, arn: str) -> Loaded | None:
        row = self._execution_row(arn)
        if row is None:
            return None
        number = row[0]
        seq, snapshot = self._connection.execute(JOURNAL["snapshot"], (number,)).fetchone() or (0, None)
        return Loaded(
            execution=read_execution(row[2:], arn, self._words),
            snapshot=snapshot,
            snapshot_seq=seq,
            rows=self._turns(number, seq),
        )

    def turns(self, arn: str) -> Sequence[JournalRow]:
        key = self._key(arn)
        row = self._connection.execute(JOURNAL["execution_id"], key).fetchone() if key else None
        return [] if row is None else self._turns(row[0], 0)

    def executions(self, wanted: ExecutionFilter) -> Sequence[ExecutionSummary]:
        machine = self._words.find(wanted.machine_id)
        map_run = 0 if wanted.map_run_arn is None else self._words.find(wanted.map_run_arn)
        if machine is None or map_run is None:
            return []
        text, values = _summaries(wanted, machine, map_run)
        words = self._words
        return [read_summary(row, words) for row in self._connection.execute(text, values).fetchall()]

    def due(self, before_ms: int, limit: int) -> Sequence[tuple[int, str]]:
        return self._connection.execute(JOURNAL["due"], (before_ms, limit)).fetchall()

    async def owing(self) -> AsyncIterator[str]:
        last = 0
        while page := self._connection.execute(JOURNAL["owing"], (last, _OWING_PAGE)).fetchall():
            for last, arn in page:  # noqa: B007  (the last one is where the next page begins)
                yield arn

    def running(self, machine_id: str) -> Sequence[str]:
        machine = self._words.find(machine_id)
        return [arn for (arn,) in self._connection.execute(JOURNAL["running"], (machine,)).fetchall()]

    def machine_word(self, machine_id: str) -> int | None:
        return self._words.find(machine_id)

    def ended_groups(self) -> Sequence[Row]:
        """The (machine, Map Run, status) combinations that have ended executions."""
        return self._connection.execute(JOURNAL["ended_groups"]).fetchall()

    def _key(self, arn: str) -> tuple[int, str] | None:
        prefix, tail = split_arn(arn)
        word = self._words.find(prefix)
        return None if word is None else (word, tail)

    def _execution_row(self, arn: str) -> Row | None:
        key = self._key(arn)
        if key is None:
            return None
        row: Row | None = self._connection.execute(JOURNAL["execution"], key).fetchone()
        return row

    def _turns(self, number: int, after: int) -> list[JournalRow]:
        base = number << SEQ_BITS
        rows = self._connection.execute(JOURNAL["turns"], (base + after, base + SEQ_MAX)).fetchall()
        return [JournalRow(seq=seq, at_ms=at_ms, events=events) for seq, at_ms, events in rows]


def _summaries(wanted: ExecutionFilter, machine: int, map_run: int) -> tuple[str, list[object]]:
    """The `summaries` query of a filter, on the index that gives its order."""
    index, sort = "execution_started", "e.start_ms"
    conditions, values = ["e.machine = ?", "e.map_run = ?"], [machine, map_run]
    rest: list[object] = []
    if wanted.version is not None:
        index = "execution_version"
        conditions.append("e.version = ?")
        rest.append(wanted.version)
    if wanted.alias is not None:
        index = "execution_alias"
        conditions.append("e.alias = ?")
        rest.append(wanted.alias)
    if wanted.status == "RUNNING":
        conditions.append("e.stop_ms IS NULL")
        index = "execution_running" if index == "execution_started" else index
    elif wanted.status is not None:
        index, sort = "execution_stopped", "e.stop_ms"
        conditions.append("e.stop_ms IS NOT NULL AND e.status = ?")
        rest.append(STATUS_CODES[wanted.status])
    if wanted.after is not None:
        conditions.append(f"({sort} < ? OR ({sort} = ? AND w.text || e.tail < ?))")
        rest += [wanted.after[0], *wanted.after]
    text = JOURNAL["summaries"].format(index=index, sort=sort, conditions=" AND ".join(conditions))
    return text, [*values, *rest, wanted.limit]
