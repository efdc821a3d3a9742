"""Many executions in one row: Express children of Map Runs that are over.

A row and four index entries for each would cost more than running them. One that something happens to again (a
redrive) is unpacked first, with the others of its pack.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from heapq import nlargest
from operator import lt
from typing import Any, Final

import msgspec

from newel.ports.store import (
    Ended,
    EndedTogether,
    Execution,
    ExecutionFilter,
    ExecutionSummary,
    JournalRow,
    MachineType,
)
from newel.store.records import summary
from newel.store.sqlite.operations import Created, CreateEnded
from newel.store.sqlite.rows import STATUS_CODES, STATUSES, Row, split_arn
from newel.store.sqlite.statements import read_statements
from newel.store.sqlite.words import Words

_STATEMENTS: Final = read_statements("packs.sql")
#: A row is not worth it for fewer; to look one up, all are decoded.
_PACK_MIN: Final = 2
_PACK_MAX: Final = 500
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


class _Contents(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a pack is written of."""

    shared: _Shared
    executions: Sequence[Ended]


class _Found(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is read: one execution is wanted of hundreds, so each stays as it lies until it is."""

    shared: _Shared
    executions: list[list[Any]]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Found)
#: How long a row was while it told when its turn was taken, and its status by its code.
_FORMER_LENGTH: Final = 10


class Pack:
    """The executions of a row, by tail."""

    def __init__(self, prefix: str, executions: bytes) -> None:
        found = _decoder.decode(executions)
        self._rows: dict[str, list[Any]] = {row[0]: row for row in found.executions}
        self._together = EndedTogether(prefix=prefix, common=_common(found.shared), each=(), events=found.shared.events)

    def __contains__(self, tail: str) -> bool:
        return tail in self._rows

    def execution(self, tail: str) -> Execution | None:
        row = self._rows.get(tail)
        return None if row is None else self._together.execution(_ended(row))

    def executions(self) -> Iterator[Execution]:
        return (self._together.execution(_ended(row)) for row in self._rows.values())

    def turn(self, tail: str) -> JournalRow:
        """The only turn of an execution."""
        turn = self._together.turn(_ended(self._rows[tail]))
        return JournalRow(seq=turn.seq, at_ms=turn.at_ms, events=turn.events)

    def created(self) -> list[Created]:
        """The executions as they were created."""
        together = self._together
        each = [_ended(row) for row in self._rows.values()]
        return [Created(together.execution(one), together.turn(one)) for one in each]


def _ended(row: list[Any]) -> Ended:
    if len(row) != _FORMER_LENGTH:
        return Ended(*row)
    tail, code, start_ms, stop_ms, _at_ms, *rest = row
    return Ended(tail, STATUSES[code], start_ms, stop_ms, *rest)


def _common(shared: _Shared) -> Execution:
    return Execution(
        arn="",
        machine_arn=shared.machine_arn,
        machine_id=shared.machine_id,
        revision_id=shared.revision_id,
        name="",
        status="RUNNING",
        start_ms=0,
        input="",
        type=shared.type,
        version=shared.version,
        alias=shared.alias,
        trace_header=shared.trace_header,
        map_run_arn=shared.map_run_arn,
        redrive_count=shared.redrive_count,
        redrive_ms=shared.redrive_ms,
        test_case=shared.test_case,
    )


def _shared(together: EndedTogether) -> _Shared:
    common = together.common
    return _Shared(
        common.machine_arn,
        common.machine_id,
        common.revision_id,
        common.type,
        common.version,
        common.alias,
        common.trace_header,
        common.map_run_arn,
        common.redrive_count,
        common.redrive_ms,
        common.test_case,
        together.events,
    )


def _is_packable(together: EndedTogether, tails: Sequence[str]) -> bool:
    """Whether it is worth it, and lists and look-ups will find them: children of a Map Run, in order."""
    common = together.common
    return (
        len(tails) >= _PACK_MIN
        and common.type == "EXPRESS"
        and common.map_run_arn is not None
        and split_arn(together.prefix + tails[0])[0] == together.prefix
        and all(map(lt, tails, tails[1:]))
    )


def groups_alike(operations: Sequence[CreateEnded]) -> list[list[CreateEnded]]:
    """Those that follow each other and may go into one pack."""
    groups: list[list[CreateEnded]] = []
    before: tuple[str, _Shared] | None = None
    size = 0
    for operation in operations:
        ended = operation.ended
        key = ended.prefix, _shared(ended)
        size += len(ended.each)
        if key == before and size <= _PACK_MAX:
            groups[-1].append(operation)
        else:
            groups.append([operation])
            before, size = key, len(ended.each)
    return groups


def merged(groups: Sequence[EndedTogether]) -> EndedTogether:
    """Executions that are alike, one group after the other."""
    return msgspec.structs.replace(groups[0], each=[one for group in groups for one in group.each])


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

    def put(self, first_id: int, together: EndedTogether) -> bool:
        """Write executions as one pack; False, and nothing is written, if they cannot be one.

        They keep the ids from `first_id` on, in their order, for when they are unpacked.
        """
        tails = [one.tail for one in together.each]
        if not _is_packable(together, tails):
            return False
        word, first, last = self._words.number(together.prefix), tails[0], tails[-1]
        if self._connection.execute(_STATEMENTS["in_the_way"], (word, first, last)).fetchone()[0]:
            return False
        self._connection.execute(_STATEMENTS["insert_pack"], self._row(first_id, word, together))
        return True

    def _row(self, first_id: int, prefix: int, together: EndedTogether) -> Row:
        each, common = together.each, together.common
        starts, stops = [one.start_ms for one in each], [one.stop_ms for one in each]
        statuses = 0
        for status in {one.status for one in each}:
            statuses |= 1 << STATUS_CODES[status]
        machine, map_run = self._words.numbers((common.machine_id, common.map_run_arn))
        ids = first_id, first_id + len(each) - 1
        tails = each[0].tail, each[-1].tail
        times = min(starts), max(starts), min(stops), max(stops)
        contents = _encoder.encode(_Contents(_shared(together), each))
        return (*ids, prefix, *tails, machine, map_run, statuses, *times, contents)

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
