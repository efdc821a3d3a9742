"""Express children of a Map Run that are over: alike on every adapter, in few rows in SQLite."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from newel.ports.store import Ended, EndedTogether, Execution, ExecutionFilter, JournalRow, Store
from newel.store.sqlite import SqliteStore
from newel.store.sqlite.database import DATABASE
from newel.store.sqlite.rows import STATUS_CODES

from .records import ACCOUNT, contract, execution, turn

PREFIX = f"{ACCOUNT}:express:M/L:"
COMMON = execution(type="EXPRESS", map_run_arn="arn:map", version=3)


def ended(*numbers: int, **common) -> EndedTogether:
    """Children of these numbers; every third has failed."""
    return EndedTogether(
        prefix=PREFIX,
        common=msgspec.structs.replace(COMMON, **common),
        each=[one(number) for number in numbers],
        events=b"none",
    )


def one(number: int) -> Ended:
    status, result = ("FAILED", (None, "E", "why")) if number % 3 == 0 else ("SUCCEEDED", (f'"{number}"', None, None))
    return Ended(f"{number:04}:u", status, 1_000 + number, 2_000 + number, str(number), *result, f"child {number}")


def arn(number: int) -> str:
    return f"{PREFIX}{number:04}:u"


def record(number: int) -> Execution:
    child = one(number)
    return msgspec.structs.replace(
        COMMON,
        arn=arn(number),
        name=f"{number:04}",
        status=child.status,
        start_ms=1_000 + number,
        stop_ms=2_000 + number,
        input=str(number),
        output=child.output,
        error=child.error,
        cause=child.cause,
        parent=f"child {number}",
    )


@contract
async def test_children_that_are_over_are_read_like_others(store: Store) -> None:
    assert await store.create_ended(ended(*range(300))) == frozenset()
    assert await store.create_ended(ended()) == frozenset()
    assert await store.execution(arn(7)) == record(7)
    assert await store.execution(arn(300)) is None
    assert await store.executions_of([arn(5), arn(299), arn(300)]) == {arn(5): record(5), arn(299): record(299)}
    assert await store.turns(arn(9)) == [JournalRow(seq=1, at_ms=1_009, events=b"none")]
    wanted = ExecutionFilter(machine_id="id-M", map_run_arn="arn:map", status="FAILED", limit=3)
    assert [summary.arn for summary in await store.executions(wanted)] == [arn(297), arn(294), arn(291)]
    assert await store.open_count() == 0


@contract
async def test_arns_that_are_taken_are_told(store: Store) -> None:
    await store.create_ended(ended(*range(10)))
    await store.create(record(20), turn(execution_arn=arn(20)))
    assert await store.create_ended(ended(8, 9, 10, 11)) == {arn(8), arn(9)}
    assert await store.create_ended(ended(19, 20, 21)) == {arn(20)}
    at_once = store.create_ended(ended(30, 31)), store.create_ended(ended(31, 32)), store.create_ended(ended(33, 34))
    assert await asyncio.gather(*at_once) == [frozenset(), {arn(31)}, frozenset()]
    numbers = [*range(12), 19, 20, 21, *range(30, 35)]
    found = await store.executions_of([arn(number) for number in range(40)])
    assert sorted(found) == [arn(number) for number in numbers]


@contextmanager
def database(directory: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(directory / DATABASE)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def rows(directory: Path) -> tuple[int, int]:
    """(packs, executions with a row of their own)."""
    with database(directory) as connection:
        return tuple(
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("pack", "execution")
        )


async def written(directory: Path, *groups: EndedTogether) -> None:
    store = SqliteStore(directory)
    await store.open()
    assert await asyncio.gather(*map(store.create_ended, groups)) == [frozenset()] * len(groups)
    await store.close()


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([ended(*range(100))], (1, 0)),
        ([ended(*range(number, number + 100)) for number in range(0, 1_000, 100)], (2, 0)),
        ([ended(1, 2), ended(3, 4, version=4)], (2, 0)),
        ([ended(5, 6), ended(1, 2)], (2, 0)),
        ([ended(1, 5), ended(2, 3)], (1, 2)),  # one pack would reach into the other
        ([ended(2, 1)], (0, 2)),
        ([ended(1)], (0, 1)),
        ([ended(1, 2, map_run_arn=None)], (0, 2)),
        ([ended(1, 2, type="STANDARD")], (0, 2)),
    ],
)
def test_how_many_rows_they_take(tmp_path: Path, groups: list[EndedTogether], expected: tuple[int, int]) -> None:
    asyncio.run(written(tmp_path, *groups))
    assert rows(tmp_path) == expected


def test_packs_of_before_are_read(tmp_path: Path) -> None:
    """Rows that tell the time of their turn, and their status by a number."""
    asyncio.run(written(tmp_path, ended(*range(6))))
    with database(tmp_path) as connection:
        ((shared, found),) = [
            msgspec.msgpack.decode(blob) for (blob,) in connection.execute("SELECT executions FROM pack")
        ]
        former = [[tail, STATUS_CODES[status], start, stop, start, *rest] for tail, status, start, stop, *rest in found]
        connection.execute("UPDATE pack SET executions = ?", (msgspec.msgpack.encode([shared, former]),))

    async def read() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        assert await store.executions_of([arn(number) for number in range(6)]) == {
            arn(number): record(number) for number in range(6)
        }
        await store.close()

    asyncio.run(read())
