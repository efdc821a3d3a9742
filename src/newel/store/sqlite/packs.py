"""Many executions in one row: those that ended as they started and have nothing else to keep.

Express children of Map Runs are so: a row and four index entries for each would cost more than running them. One that
something happens to again (a redrive) is unpacked first, with the others of its pack.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from heapq import nlargest
from typing import Final

import msgspec

from newel.ports.store import End, Execution, ExecutionFilter, ExecutionSummary, JournalRow, MachineType, Turn
from newel.store.records import summary
from newel.store.sqlite.operations import Created
from newel.store.sqlite.rows import STATUS_CODES, STATUSES, Row, name_in, split_arn
from newel.store.sqlite.statements import read_statements
from newel.store.sqlite.words import Words

_STATEMENTS: Final = read_statements("packs.sql")
_PACK_MIN: Final = 2
_ANY_STATUS: Final = (1 << len(STATUSES)) - 1
_LATEST_MS: Final = 1 << 62


class _Shared(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What all executions of a pack have alike."""

    machine_arn: str
    machine_id: str
    revision_id: str
    type: MachineType
    version: int | None
    alias: str | None
    trace_header: str | None
    map_run_arn: str | None
    redrive_count: int
    redrive_ms: int | None
    test_case: str | None
    events: bytes


class _Packed(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One execution of a pack."""

    tail: str
    status: int
    start_ms: int
    stop_ms: int
    at_ms: int
    input: str
    output: str | None
    error: str | None
    cause: str | None
    parent: str | None


class _Contents(msgspec.Struct, frozen=True, array_like=True, gc=False):
    shared: _Shared
    executions: list[_Packed]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Contents)


class Pack:
    """The executions of a row, by tail."""

    def __init__(self, prefix: str, executions: bytes) -> None:
        self._prefix = prefix
        contents = _decoder.decode(executions)
        self._shared = contents.shared
        self._packed = {packed.tail: packed for packed in contents.executions}

    def __contains__(self, tail: str) -> bool:
        return tail in self._packed

    def execution(self, tail: str) -> Execution | None:
        packed = self._packed.get(tail)
        return None if packed is None else self._unpacked(packed)

    def executions(self) -> Iterator[Execution]:
        return map(self._unpacked, self._packed.values())

    def turn(self, tail: str) -> JournalRow:
        """The only turn of an execution."""
        return JournalRow(seq=1, at_ms=self._packed[tail].at_ms, events=self._shared.events)

    def created(self) -> list[Created]:
        """The executions as they were created."""
        return [Created(self._unpacked(packed), self._first_turn(packed)) for packed in self._packed.values()]

    def _first_turn(self, packed: _Packed) -> Turn:
        end = End(
            status=STATUSES[packed.status],
            stop_ms=packed.stop_ms,
            output=packed.output,
            error=packed.error,
            cause=packed.cause,
        )
        arn = self._prefix + packed.tail
        return Turn(execution_arn=arn, seq=1, at_ms=packed.at_ms, events=self._shared.events, end=end)

    def _unpacked(self, packed: _Packed) -> Execution:
        shared = self._shared
        return Execution(
            arn=self._prefix + packed.tail,
            machine_arn=shared.machine_arn,
            machine_id=shared.machine_id,
            revision_id=shared.revision_id,
            name=name_in(packed.tail),
            status=STATUSES[packed.status],
            start_ms=packed.start_ms,
            input=packed.input,
            type=shared.type,
            stop_ms=packed.stop_ms,
            output=packed.output,
            error=packed.error,
            cause=packed.cause,
            version=shared.version,
            alias=shared.alias,
            trace_header=shared.trace_header,
            map_run_arn=shared.map_run_arn,
            redrive_count=shared.redrive_count,
            redrive_ms=shared.redrive_ms,
            parent=packed.parent,
            test_case=shared.test_case,
        )


def is_packable(created: Sequence[Created]) -> bool:
    """Whether it is worth a try."""
    return len(created) >= _PACK_MIN and created[0].execution.type == "EXPRESS" and created[0].turn.end is not None


def _pack(created: Sequence[Created]) -> tuple[str, _Contents] | None:
    """(prefix, contents) of executions that can be packed; None if they cannot."""
    shared = _shared(created[0])
    prefix, before = split_arn(created[0].execution.arn)[0], ""
    packed: list[_Packed] = []
    for one in created:
        this, tail = split_arn(one.execution.arn)
        end = one.turn.end
        # In the order of their ARNs, with one prefix, and alike.
        if this != prefix or tail <= before or end is None or _shared(one) != shared or not _is_plain(one, tail):
            return None
        before = tail
        packed.append(_packed(one, tail, end))
    return prefix, _Contents(shared, packed)


def _is_plain(created: Created, tail: str) -> bool:
    execution = created.execution
    return execution.map_run_arn is not None and execution.name == name_in(tail)


def _shared(created: Created) -> _Shared:
    execution = created.execution
    return _Shared(
        execution.machine_arn,
        execution.machine_id,
        execution.revision_id,
        execution.type,
        execution.version,
        execution.alias,
        execution.trace_header,
        execution.map_run_arn,
        execution.redrive_count,
        execution.redrive_ms,
        execution.test_case,
        created.turn.events,
    )


def _packed(created: Created, tail: str, end: End) -> _Packed:
    execution = created.execution
    return _Packed(
        tail,
        STATUS_CODES[end.status],
        execution.start_ms,
        end.stop_ms,
        created.turn.at_ms,
        execution.input,
        end.output,
        end.error,
        end.cause,
        execution.parent,
    )


class PackReader:
    """Packs seen through one connection."""

    def __init__(self, connection: sqlite3.Connection, words: Words) -> None:
        self._connection = connection
        self._words = words

    def find(self, arn: str) -> tuple[int, Pack] | None:
        """(id, pack) that holds an execution."""
        if ":express:" not in arn:
            return None
        prefix, tail = split_arn(arn)
        word = self._words.find(prefix)
        row = None if word is None else self._connection.execute(_STATEMENTS["pack_before"], (word, tail)).fetchone()
        if row is None or row[1] < tail:
            return None
        pack = self.read(row[0])
        return (row[0], pack) if tail in pack else None

    def read(self, number: int) -> Pack:
        prefix, executions = self._connection.execute(_STATEMENTS["pack"], (number,)).fetchone()
        return Pack(self._words.text(prefix), executions)

    def execution(self, arn: str) -> Execution | None:
        found = self.find(arn)
        return None if found is None else found[1].execution(split_arn(arn)[1])

    def turns(self, arn: str) -> list[JournalRow]:
        found = self.find(arn)
        return [] if found is None else [found[1].turn(split_arn(arn)[1])]

    def executions_of(self, arns: Sequence[str]) -> Iterator[Execution]:
        """Those of these that are packed."""
        last: tuple[str, Pack] | None = None
        for arn in arns:
            prefix, tail = split_arn(arn)
            if last is None or last[0] != prefix or tail not in last[1]:
                found = self.find(arn)
                if found is None:
                    continue
                last = prefix, found[1]
            execution = last[1].execution(tail)
            if execution is not None:
                yield execution

    def summaries(self, wanted: ExecutionFilter, machine: int, map_run: int) -> list[ExecutionSummary]:
        """The first of those that are packed and wanted."""
        if wanted.status == "RUNNING":
            return []
        by_stop = wanted.status is not None
        sort, index = ("stop", "pack_stopped") if by_stop else ("start", "pack_started")
        statuses = _ANY_STATUS if wanted.status is None else 1 << STATUS_CODES[wanted.status]
        latest_ms = _LATEST_MS if wanted.after is None else wanted.after[0]
        text = _STATEMENTS["packs"].format(index=index, sort=sort)
        found: list[tuple[int, str, Execution]] = []
        for number, last_ms in self._connection.execute(text, (machine, map_run, statuses, latest_ms)).fetchall():
            if len(found) == wanted.limit and last_ms < found[-1][0]:
                break  # packs come by their last time
            executions = (execution for execution in self.read(number).executions() if _matches(execution, wanted))
            timed = ((_time(execution, by_stop), execution.arn, execution) for execution in executions)
            later = [one for one in timed if wanted.after is None or one[:2] < wanted.after]
            found = nlargest(wanted.limit, [*found, *later], key=lambda one: one[:2])
        return [summary(execution) for _, _, execution in found]


def _matches(execution: Execution, wanted: ExecutionFilter) -> bool:
    return (
        wanted.status in (None, execution.status)
        and wanted.version in (None, execution.version)
        and wanted.alias in (None, execution.alias)
    )


def _time(execution: Execution, by_stop: bool) -> int:
    return (execution.stop_ms or 0) if by_stop else execution.start_ms


class PackWriter(PackReader):
    """Packs on the writing connection."""

    def put(self, first_id: int, created: Sequence[Created]) -> bool:
        """Write executions as one pack; False, and nothing is written, if they cannot be one.

        They keep the ids from `first_id` on, in their order, for when they are unpacked.
        """
        made = _pack(created)
        if made is None:
            return False
        prefix, contents = made
        packed = contents.executions
        word, first, last = self._words.number(prefix), packed[0].tail, packed[-1].tail
        before = self._connection.execute(_STATEMENTS["pack_before"], (word, last)).fetchone()
        if before is not None and before[1] >= first:
            return False
        if self._connection.execute(_STATEMENTS["row_between"], (word, first, last)).fetchone() is not None:
            return False
        self._connection.execute(_STATEMENTS["insert_pack"], self._row(first_id, word, contents))
        return True

    def _row(self, first_id: int, prefix: int, contents: _Contents) -> Row:
        packed, shared = contents.executions, contents.shared
        starts, stops = [one.start_ms for one in packed], [one.stop_ms for one in packed]
        statuses = 0
        for one in packed:
            statuses |= 1 << one.status
        machine, map_run = self._words.numbers((shared.machine_id, shared.map_run_arn))
        ids = first_id, first_id + len(packed) - 1
        tails = packed[0].tail, packed[-1].tail
        times = min(starts), max(starts), min(stops), max(stops)
        return (*ids, prefix, *tails, machine, map_run, statuses, *times, _encoder.encode(contents))

    def take(self, number: int, pack: Pack) -> list[Created]:
        """Remove a pack; its executions, to be written one by one."""
        self._connection.execute(_STATEMENTS["delete_pack"], (number,))
        return pack.created()

    def delete_old(self, before_ms: int, limit: int) -> tuple[int, int, list[tuple[int, list[Created]]]]:
        """Delete packs some of whose executions stopped before: (how many packs, how many executions are gone, others).

        The others, of packs where not all had stopped before, are to be written one by one from their first id on.
        """
        deleted, left = 0, list[tuple[int, list[Created]]]()
        packs = self._connection.execute(_STATEMENTS["old_packs"], (before_ms, limit)).fetchall()
        for number, last_ms in packs:
            created = self.take(number, self.read(number))
            if last_ms < before_ms:
                deleted += len(created)
            else:
                left.append((number, created))
        return len(packs), deleted, left
