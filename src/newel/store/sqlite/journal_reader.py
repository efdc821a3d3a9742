"""Reads of the journal: short, inline, on a connection that sees what is committed."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from newel.ports.store import Execution, ExecutionFilter, ExecutionSummary, JournalRow, Loaded
from newel.store.sqlite.packs import PackReader
from newel.store.sqlite.rows import SEQ_BITS, SEQ_MAX, STATUS_CODES, Row, read_execution, read_summary, split_arn
from newel.store.sqlite.statements import JOURNAL, RowsStatement
from newel.store.sqlite.words import Words

_OWING_PAGE = 500
_EXECUTIONS = RowsStatement(JOURNAL["executions"])


class JournalReader:
    """The read half of the Journal port."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words = Words(connection)
        self._packs = PackReader(connection, self._words)

    def execution(self, arn: str) -> Execution | None:
        with self._at_one_moment(arn):
            row = self._execution_row(arn)
            return self._packs.execution(arn) if row is None else read_execution(row[2:], arn, self._words)

    def executions_of(self, arns: Sequence[str]) -> dict[str, Execution]:
        wanted = {key: arn for arn in arns if (key := self._key(arn)) is not None}
        words = self._words
        with self._at_one_moment(*arns):
            rows = _EXECUTIONS.fetch(self._connection, list(wanted))
            found = {(arn := wanted[row[0], row[1]]): read_execution(row[2:], arn, words) for row in rows}
            packed = self._packs.executions_of([arn for arn in wanted.values() if arn not in found])
            return found | {execution.arn: execution for execution in packed}

    def load(self, arn: str) -> Loaded | None:
        self._connection.execute("BEGIN")  # its reads must not straddle a commit
        try:
            return self._load(arn)
        finally:
            self._connection.execute("COMMIT")

    def _load(self, arn: str) -> Loaded | None:
        row = self._execution_row(arn)
        if row is None:
            packed = self._packs.execution(arn)
            rows = self._packs.turns(arn)
            return None if packed is None else Loaded(execution=packed, snapshot=None, snapshot_seq=0, rows=rows)
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
        with self._at_one_moment(arn):
            row = self._connection.execute(JOURNAL["execution_id"], key).fetchone() if key else None
            return self._packs.turns(arn) if row is None else self._turns(row[0], 0)

    def executions(self, wanted: ExecutionFilter) -> Sequence[ExecutionSummary]:
        machine = self._words.find(wanted.machine_id)
        map_run = 0 if wanted.map_run_arn is None else self._words.find(wanted.map_run_arn)
        if machine is None or map_run is None:
            return []
        if not map_run:
            return self._summaries_of_rows(wanted, machine, map_run)
        with self._at_one_moment(":express:"):
            found = self._summaries_of_rows(wanted, machine, map_run)
            packed = self._packs.summaries(wanted, machine, map_run)
        if not packed:
            return found
        by_stop = wanted.status not in (None, "RUNNING")
        both = [*found, *packed]
        both.sort(key=lambda one: ((one.stop_ms or 0) if by_stop else one.start_ms, one.arn), reverse=True)
        return both[: wanted.limit]

    def _summaries_of_rows(self, wanted: ExecutionFilter, machine: int, map_run: int) -> list[ExecutionSummary]:
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

    @contextmanager
    def _at_one_moment(self, *arns: str) -> Iterator[None]:
        """Reads must not straddle a commit: an Express execution may be unpacked by it."""
        if not any(":express:" in arn for arn in arns):
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

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
