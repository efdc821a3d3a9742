"""A store that lives as long as its process: for Express executions, tests and dry runs."""

from __future__ import annotations

from asyncio import Future
from collections.abc import AsyncIterator, Sequence

from newel.ports.store import (
    AlreadyExists,
    EndedTogether,
    Execution,
    ExecutionFilter,
    ExecutionSummary,
    JournalRow,
    Loaded,
    SequenceConflict,
    Turn,
)
from newel.store.memory_map_runs import MemoryMapRuns
from newel.store.records import after_turn, summary


class _Record:
    """One execution with everything that belongs to it."""

    __slots__ = ("execution", "owes", "rows", "snapshot", "snapshot_seq", "wake_ms")

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.rows: list[JournalRow] = []
        self.wake_ms: int | None = None
        self.owes = False
        self.snapshot: bytes | None = None
        self.snapshot_seq = 0

    @property
    def running(self) -> bool:
        return self.execution.stop_ms is None

    def stopped_before(self, moment_ms: int) -> bool:
        return self.execution.stop_ms is not None and self.execution.stop_ms < moment_ms

    def take(self, turn: Turn) -> None:
        self.rows.append(JournalRow(seq=turn.seq, at_ms=turn.at_ms, events=turn.events))
        if turn.end is not None or turn.redrive_ms is not None:
            self.execution = after_turn(self.execution, turn)
        running = self.running
        self.wake_ms = turn.wake_ms if running else None
        self.owes = turn.owes and running
        if turn.snapshot is not None:
            self.snapshot, self.snapshot_seq = turn.snapshot, turn.seq
        elif turn.end is not None:
            self.snapshot, self.snapshot_seq = None, 0


class MemoryStore(MemoryMapRuns):
    """The port's contract on Python objects.

    `retain_ended=False` forgets an execution in the turn that ends it: what an ended Express execution leaves is its
    log, not a record.
    """

    def __init__(self, *, retain_ended: bool = True) -> None:
        super().__init__()
        self._retain_ended = retain_ended
        self._records: dict[str, _Record] = {}  # in the order of creation
        self._open: dict[str, int] = {}  # machine id -> running executions

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    # -- writes ------------------------------------------------------------------------------------------------------

    def create(self, execution: Execution, turn: Turn) -> Future[None]:
        return self._write(self._create, execution, turn)

    def create_all(self, executions: Sequence[tuple[Execution, Turn]]) -> Future[frozenset[str]]:
        return self._answered(lambda: self._create_all(executions))

    def create_ended(self, ended: EndedTogether) -> Future[frozenset[str]]:
        return self.create_all([(ended.execution(one), ended.turn(one)) for one in ended.each])

    def append(self, turn: Turn) -> Future[None]:
        return self._write(self._append, turn)

    def save_snapshot(self, execution_arn: str, seq: int, snapshot: bytes) -> Future[None]:
        return self._write(self._save_snapshot, execution_arn, seq, snapshot)

    def _create(self, execution: Execution, turn: Turn) -> None:
        arn = execution.arn
        if arn in self._records:
            raise AlreadyExists(arn)
        if turn.end is not None and not self._retain_ended:
            return
        record = self._records[arn] = _Record(execution)
        if record.running:  # one that ended in its first turn may come with its end
            self._count(execution.machine_id, +1)
        self._take(record, turn)

    def _create_all(self, executions: Sequence[tuple[Execution, Turn]]) -> frozenset[str]:
        taken = frozenset(execution.arn for execution, _ in executions if execution.arn in self._records)
        for execution, turn in executions:
            if execution.arn not in taken:
                self._create(execution, turn)
        return taken

    def _append(self, turn: Turn) -> None:
        record = self._records.get(turn.execution_arn)
        if record is None or turn.seq != len(record.rows) + 1:
            raise SequenceConflict(turn.execution_arn, turn.seq)
        self._take(record, turn)

    def _take(self, record: _Record, turn: Turn) -> None:
        was_running = record.running
        record.take(turn)
        change = record.running - was_running
        if change:
            self._count(record.execution.machine_id, change)
        if not record.running and not self._retain_ended:
            del self._records[turn.execution_arn]

    def _count(self, machine_id: str, change: int) -> None:
        count = self._open.get(machine_id, 0) + change
        if count:
            self._open[machine_id] = count
        else:
            self._open.pop(machine_id, None)

    def _save_snapshot(self, arn: str, seq: int, snapshot: bytes) -> None:
        record = self._records.get(arn)
        if record is not None and record.running and record.snapshot_seq < seq <= len(record.rows):
            record.snapshot, record.snapshot_seq = snapshot, seq

    async def delete_ended_before(self, before_ms: int) -> int:
        old = [arn for arn, record in self._records.items() if record.stopped_before(before_ms)]
        await self._write(self._forget, old)
        return len(old)

    def _forget(self, arns: Sequence[str]) -> None:
        for arn in arns:
            del self._records[arn]
        self._forget_map_runs(frozenset(arns))

    # -- reads -------------------------------------------------------------------------------------------------------

    async def execution(self, arn: str) -> Execution | None:
        record = self._records.get(arn)
        return None if record is None else record.execution

    async def executions_of(self, arns: Sequence[str]) -> dict[str, Execution]:
        records = ((arn, self._records.get(arn)) for arn in arns)
        return {arn: record.execution for arn, record in records if record is not None}

    async def load(self, arn: str) -> Loaded | None:
        record = self._records.get(arn)
        if record is None:
            return None
        return Loaded(
            execution=record.execution,
            snapshot=record.snapshot,
            snapshot_seq=record.snapshot_seq,
            rows=record.rows[record.snapshot_seq :],
        )

    async def turns(self, arn: str) -> Sequence[JournalRow]:
        record = self._records.get(arn)
        return [] if record is None else list(record.rows)

    async def executions(self, wanted: ExecutionFilter) -> Sequence[ExecutionSummary]:
        key = _start_key if wanted.status in (None, "RUNNING") else _stop_key
        after = wanted.after
        found = [
            execution
            for execution in (record.execution for record in self._records.values())
            if _matches(execution, wanted) and (after is None or key(execution) < after)
        ]
        found.sort(key=key, reverse=True)
        return [summary(execution) for execution in found[: wanted.limit]]

    async def due(self, before_ms: int, limit: int) -> Sequence[tuple[int, str]]:
        found = [
            (record.wake_ms, arn)
            for arn, record in self._records.items()
            if record.wake_ms is not None and record.wake_ms < before_ms
        ]
        found.sort(key=lambda pair: pair[0])  # stable: equal times stay in the order of creation
        return found[:limit]

    async def owing(self) -> AsyncIterator[str]:
        for arn in [arn for arn, record in self._records.items() if record.owes]:
            yield arn

    async def open_count(self, machine_id: str | None = None) -> int:
        return sum(self._open.values()) if machine_id is None else self._open.get(machine_id, 0)

    async def running(self, machine_id: str) -> Sequence[str]:
        found = [
            (record.execution.start_ms, arn)
            for arn, record in self._records.items()
            if record.running and record.execution.machine_id == machine_id
        ]
        return [arn for _, arn in sorted(found)]


def _start_key(execution: Execution) -> tuple[int, str]:
    return execution.start_ms, execution.arn


def _stop_key(execution: Execution) -> tuple[int, str]:
    return execution.stop_ms or 0, execution.arn


def _matches(execution: Execution, wanted: ExecutionFilter) -> bool:
    return (
        execution.machine_id == wanted.machine_id
        and execution.map_run_arn == wanted.map_run_arn
        and wanted.status in (None, execution.status)
        and wanted.version in (None, execution.version)
        and wanted.alias in (None, execution.alias)
    )
