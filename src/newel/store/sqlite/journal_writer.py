"""A batch's turns, gathered in memory and written in a few many-row statements inside the open transaction.

The lock on the data directory makes this the only writer, so what decides a race, an execution's last turn number, is
remembered here (`_Head`) and not asked of the database again. Creates are written before appends; a create that
follows an append to the same ARN closes the part before it, so the outcome is that of one write after the other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from newel.ports.store import EndedTogether, SequenceConflict, Turn
from newel.store.sqlite.operations import Append, Created, CreateEnded, SaveSnapshot
from newel.store.sqlite.packs import PackWriter, groups_alike, merged
from newel.store.sqlite.rows import SEQ_MAX, STATUS_CODES, Row, execution_row, first_turn_row, split_arn, turn_row
from newel.store.sqlite.statements import JOURNAL, RowsStatement
from newel.store.sqlite.words import Words

_HEADS_MAX: Final = 50_000

_INSERT_EXECUTION = RowsStatement(JOURNAL["insert_execution"])
_INSERT_TURN = RowsStatement(JOURNAL["insert_turn"])
_PROGRESS = RowsStatement(JOURNAL["progress"])
_TURN_OVER = RowsStatement(JOURNAL["turn_over"])
_PUT_SNAPSHOT = RowsStatement(JOURNAL["put_snapshot"])
_DROP_SNAPSHOT = RowsStatement(JOURNAL["drop_snapshot"])


class _Head:
    """An execution as the next turn finds it, and what the part being gathered changes in its row."""

    __slots__ = (
        "end_seq",
        "machine",
        "number",
        "owes",
        "redrive_ms",
        "redrives",
        "running",
        "seq",
        "status",
        "stop_ms",
        "turned_over",
        "wake_ms",
    )

    def __init__(self, number: int, seq: int, machine: int, running: bool) -> None:
        self.number = number
        self.seq = seq
        self.machine = machine
        self.running = running
        self.written()

    def written(self) -> None:
        """The row is as told here: nothing is gathered."""
        self.turned_over = False
        self.wake_ms: int | None = None
        self.owes = False
        self.status = 0
        self.stop_ms: int | None = None
        self.end_seq: int | None = None
        self.redrives = 0
        self.redrive_ms: int | None = None

    def take(self, turn: Turn) -> int:
        """Apply a turn; by how many the machine's running executions change."""
        before = self.running
        self.seq = turn.seq
        if turn.redrive_ms is not None:
            self._reopen(turn.redrive_ms)
        if turn.end is not None:
            self.turned_over, self.running = True, False
            self.status, self.stop_ms, self.end_seq = STATUS_CODES[turn.end.status], turn.end.stop_ms, turn.seq
        self.wake_ms = turn.wake_ms if self.running else None
        self.owes = turn.owes and self.running
        return self.running - before

    def _reopen(self, redrive_ms: int) -> None:
        self.turned_over = self.running = True
        self.status, self.stop_ms, self.end_seq = 0, None, None
        self.redrives += 1
        self.redrive_ms = redrive_ms

    def progress_row(self) -> Row:
        return (self.number, self.seq, self.wake_ms, self.owes)

    def turn_over_row(self) -> Row:
        return (*self.progress_row(), self.status, self.stop_ms, self.end_seq, self.redrives, self.redrive_ms)


class JournalWriter:
    """Used by the writer thread alone: `create` / `append` / `save_snapshot`, `flush`, then `committed` or `forget`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._words = Words(connection)
        self._packs = PackWriter(connection, self._words)
        self._last_number: int = connection.execute(JOURNAL["last_execution_id"]).fetchone()[0]
        #: Running executions by machine (as a word), as of the last commit.
        self.running: dict[int, int] = dict(connection.execute(JOURNAL["running_counts"]).fetchall())
        self._running_changes: dict[int, int] = {}
        self._heads: dict[str, _Head] = {}
        self._reset()

    def _reset(self) -> None:
        self._ended: list[CreateEnded] = []
        self._creates: dict[str, Created] = {}
        self._later: list[Append | SaveSnapshot] = []
        self._touched: set[str] = set()
        self._turns: list[Row] = []
        self._changed: dict[str, _Head] = {}
        self._snapshots: dict[int, Row] = {}
        self._drops: list[Row] = []  # of snapshots; done before new ones are put

    # -- gathering ---------------------------------------------------------------------------------------------------

    def create(self, created: Created) -> None:
        arn = created.execution.arn
        if self._ended:
            self._write_ended()
        if arn in self._touched:
            self.flush()
        # The first of two takes the ARN, or finds it taken.
        created.taken = arn in self._creates or self._packs.find(arn) is not None
        if not created.taken:
            self._creates[arn] = created

    def create_ended(self, operation: CreateEnded) -> None:
        """Gather executions that are over: they go into packs, together with others that are like them."""
        if self._creates or self._later:
            self.flush()
        self._ended.append(operation)

    def append(self, operation: Append) -> None:
        if self._ended:
            self._write_ended()
        self._touched.add(operation.turn.execution_arn)
        self._later.append(operation)

    def save_snapshot(self, operation: SaveSnapshot) -> None:
        if self._ended:
            self._write_ended()
        self._touched.add(operation.arn)
        self._later.append(operation)

    # -- writing -----------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what was gathered."""
        if self._ended:
            self._write_ended()
        if self._creates:
            self._write_creates()
        for operation in self._later:
            if type(operation) is Append:
                self._take(operation)
            elif type(operation) is SaveSnapshot:
                self._take_snapshot(operation)
        self._write_later()
        self._reset()

    def _write_ended(self) -> None:
        operations, self._ended = self._ended, []
        for alike in groups_alike(operations):
            if len(alike) == 1 or not self._put(merged([operation.ended for operation in alike])):
                for operation in alike:
                    self._write_one_by_one(operation)

    def _write_one_by_one(self, operation: CreateEnded) -> None:
        ended = operation.ended
        if self._put(ended):
            operation.created = ()
            return
        operation.created = [Created(ended.execution(one), ended.turn(one)) for one in ended.each]
        for one in operation.created:
            self.create(one)

    def _put(self, ended: EndedTogether) -> bool:
        if self._creates:
            self.flush()  # a pack sees only what is written
        put = self._packs.put(self._last_number + 1, ended)
        if put:
            self._last_number += len(ended.each)
        return put

    def _write_creates(self) -> None:
        words = self._words
        first = number = self._last_number + 1
        rows = []
        for created in self._creates.values():
            rows.append(execution_row(number, created.execution, created.turn, words))
            number += 1
        self._last_number = number - 1
        written = _INSERT_EXECUTION.run(self._connection, rows)
        inserted = None if written == len(rows) else self._inserted(first)
        for row, created in zip(rows, self._creates.values(), strict=True):
            created.taken = inserted is not None and row[0] not in inserted
            if not created.taken:
                self._created(row, created)

    def _write_unpacked(self, first: int, created: Sequence[Created]) -> None:
        """Write executions that were in a pack, with a row for each, under the ids kept for them."""
        rows = [execution_row(at, one.execution, one.turn, self._words) for at, one in enumerate(created, first)]
        turns = [first_turn_row(at, one.execution, one.turn) for at, one in enumerate(created, first)]
        _INSERT_EXECUTION.run(self._connection, rows)
        _INSERT_TURN.run(self._connection, turns)

    def delete_old_packs(self, before_ms: int, limit: int) -> tuple[int, int]:
        """Delete packs that are old, and unpack those that are in part: (packs, executions deleted)."""
        packs, deleted, left = self._packs.delete_old(before_ms, limit)
        for first, created in left:
            self._write_unpacked(first, created)
        return packs, deleted

    def _inserted(self, first: int) -> set[int]:
        return {number for (number,) in self._connection.execute(JOURNAL["inserted_executions"], (first,))}

    def _created(self, row: Row, created: Created) -> None:
        number, machine, stop_ms = row[0], row[5], row[16]
        self._turns.append(first_turn_row(number, created.execution, created.turn))
        if created.turn.snapshot is not None:
            self._snapshots[number] = (number, 1, created.turn.snapshot)
        if stop_ms is None:
            self._heads[created.execution.arn] = _Head(number, 1, machine, running=True)
            self._running_changes[machine] = self._running_changes.get(machine, 0) + 1

    def _take(self, operation: Append) -> None:
        turn = operation.turn
        arn = turn.execution_arn
        head = self._heads.get(arn) or self._find(arn)
        if head is None or turn.seq != head.seq + 1 or turn.seq > SEQ_MAX:
            operation.error = SequenceConflict(arn, turn.seq)
            return
        change = head.take(turn)
        if change:
            self._running_changes[head.machine] = self._running_changes.get(head.machine, 0) + change
        self._turns.append(turn_row(head.number, turn))
        self._changed[arn] = head
        if turn.snapshot is not None:
            self._snapshots[head.number] = (head.number, turn.seq, turn.snapshot)
        elif turn.end is not None:
            self._snapshots.pop(head.number, None)
            self._drops.append((head.number,))

    def _take_snapshot(self, operation: SaveSnapshot) -> None:
        head = self._heads.get(operation.arn) or self._find(operation.arn)
        if head is None or not head.running or operation.seq > head.seq:
            return
        gathered = self._snapshots.get(head.number)
        if gathered is None or gathered[1] < operation.seq:
            self._snapshots[head.number] = (head.number, operation.seq, operation.snapshot)

    def _find(self, arn: str) -> _Head | None:
        prefix, tail = split_arn(arn)
        word = self._words.find(prefix)
        row = self._connection.execute(JOURNAL["head"], (word, tail)).fetchone()
        if row is None and (packed := self._packs.find(arn)) is not None:
            self._write_unpacked(packed[0], self._packs.take(*packed))
            row = self._connection.execute(JOURNAL["head"], (word, tail)).fetchone()
        if row is None:
            return None
        head = self._heads[arn] = _Head(row[0], row[1], row[2], bool(row[3]))
        return head

    def _write_later(self) -> None:
        connection = self._connection
        _INSERT_TURN.run(connection, self._turns)
        heads = self._changed.values()
        _PROGRESS.run(connection, [head.progress_row() for head in heads if not head.turned_over])
        _TURN_OVER.run(connection, [head.turn_over_row() for head in heads if head.turned_over])
        _DROP_SNAPSHOT.run(connection, self._drops)
        _PUT_SNAPSHOT.run(connection, list(self._snapshots.values()))
        for arn, head in self._changed.items():
            head.written()
            if not head.running:
                self._heads.pop(arn, None)

    # -- after the transaction ---------------------------------------------------------------------------------------

    def committed(self) -> None:
        """The transaction stands."""
        for machine, change in self._running_changes.items():
            self.running[machine] = self.running.get(machine, 0) + change
        self._running_changes = {}
        while len(self._heads) > _HEADS_MAX:
            self._heads.pop(next(iter(self._heads)))

    def forget_heads(self) -> None:
        """Executions were removed: remember none."""
        self._heads.clear()

    def forget(self) -> None:
        """The transaction was rolled back: nothing gathered or remembered holds."""
        self._heads.clear()
        self._words.forget()
        self._running_changes = {}
        self._reset()
