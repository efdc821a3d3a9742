"""SQLite when the disk fails: nothing acknowledged is lost, nothing refused is seen, and it goes on afterwards."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from newel.ports.store import AlreadyExists, SequenceConflict, Store, StoreUnavailable
from newel.store.sqlite import SqliteStore

from .records import arn_of, execution, outcomes, start, succeeded, turn


class FailingConnection(sqlite3.Connection):
    """Fails the statement that `fails` picks out, as a disk would."""

    fails: Callable[[str], bool] = staticmethod(lambda _: False)
    seen: list[str]

    def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
        self.seen = [*getattr(self, "seen", []), sql]
        if self.fails(sql):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


class Disk:
    """Opens the writer's connection and keeps it, so that a test can reach in."""

    def __init__(self) -> None:
        self.connection: FailingConnection | None = None

    def connect(self, path: Path) -> sqlite3.Connection:
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=FailingConnection
        )
        return self.connection

    def fill(self) -> None:
        pages = self.connection.execute("PRAGMA page_count").fetchone()[0]
        self.connection.execute(f"PRAGMA max_page_count = {pages}")

    def empty(self) -> None:
        self.connection.execute("PRAGMA max_page_count = 1000000")


def on_disk(test) -> Callable[[Path], None]:
    def run(tmp_path: Path) -> None:
        async def main() -> None:
            disk = Disk()
            store = SqliteStore(tmp_path, connect=disk.connect)
            await store.open()
            try:
                await test(store, disk)
            finally:
                await store.close()

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@on_disk
async def test_a_full_disk_refuses_writes_until_there_is_space(store: Store, disk: Disk) -> None:
    await start(store, "before")
    disk.fill()
    refused = []
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        for number in range(100):
            refused.append(str(number))
            await start(store, str(number), events=b"x" * 50_000)
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await store.append(turn("before", 2, events=b"x" * 50_000, end=succeeded()))
    kept = set(refused[:-1])
    assert await store.execution(arn_of(refused[-1])) is None
    assert await store.execution(arn_of("before")) == execution("before")
    assert await store.open_count() == 1 + len(kept)
    disk.empty()
    await store.append(turn("before", 2, end=succeeded()))
    await start(store, refused[-1])
    assert len(await store.turns(arn_of("before"))) == 2
    assert await store.open_count() == len(kept) + 1


WRITING = (
    "BEGIN",
    "INSERT INTO execution",
    "INSERT INTO word",
    "INSERT INTO turn",
    "WITH change",
    "INSERT INTO snapshot",
    "COMMIT",
)


@pytest.mark.parametrize("statement", WRITING)
def test_failing_anywhere_in_a_transaction_takes_all_of_it_back(tmp_path: Path, statement: str) -> None:
    async def test(store: Store, disk: Disk) -> None:
        await start(store, "old", machine="N")
        disk.connection.fails = lambda sql: sql.startswith(statement)
        writes = [
            store.create(execution("new"), turn("new", snapshot=b"s")),
            store.append(turn("old", 2, machine="N", end=succeeded())),
            store.append(turn("new", 2, wake_ms=5)),
        ]
        assert set(await outcomes(*writes)) <= {StoreUnavailable, None}
        disk.connection.fails = lambda _: False
        for arn, write in ((arn_of("new"), writes[0]), (arn_of("old", "N"), writes[1])):
            assert (await store.execution(arn) is None) == (arn == arn_of("new") and write.exception() is not None)
        redone = [
            store.create(execution("new"), turn("new")),
            store.append(turn("old", 2, machine="N", end=succeeded())),
            store.append(turn("new", 2, wake_ms=5)),
        ]
        await asyncio.gather(*redone, return_exceptions=True)
        assert (await store.execution(arn_of("old", "N"))).status == "SUCCEEDED"
        assert len(await store.turns(arn_of("new"))) == 2
        assert await store.due(9, 9) == [(5, arn_of("new"))]
        assert [await store.open_count(f"id-{name}") for name in "MN"] == [1, 0]

    on_disk(test)(tmp_path)


def test_every_nth_statement_may_fail(tmp_path: Path) -> None:
    """Acknowledged or refused, whichever statement of a run of writes fails: what was promised is there, no more."""

    async def run(nth: int) -> int:
        disk = Disk()
        store = SqliteStore(tmp_path / str(nth), connect=disk.connect)
        await store.open()
        disk.connection.seen = []
        disk.connection.fails = lambda _: len(disk.connection.seen) == nth
        promised: dict[str, int] = {}
        for name in "abc":
            for seq in (1, 2, 3):
                write = store.create(execution(name), turn(name)) if seq == 1 else store.append(turn(name, seq))
                if (await outcomes(write)) == [None]:
                    promised[name] = seq
        total = len(disk.connection.seen)
        await store.close()
        await store.open()
        for name in "abc":
            assert len(await store.turns(arn_of(name))) == promised.get(name, 0)
        assert await store.open_count() == len(promised)
        await store.close()
        return total

    nth = total = 1
    while nth <= total:
        total = max(total, asyncio.run(run(nth)))
        nth += 1
    assert total > 20


@on_disk
async def test_a_rollback_that_fails_does_not_jam_the_writer(store: Store, disk: Disk) -> None:
    disk.connection.fails = lambda sql: sql.startswith(("COMMIT", "ROLLBACK"))
    with pytest.raises(StoreUnavailable):
        await start(store)
    disk.connection.fails = lambda _: False
    await start(store)
    with pytest.raises(AlreadyExists):
        await start(store)


@on_disk
async def test_a_taken_arn_does_not_split_the_batch(store: Store, disk: Disk) -> None:
    await start(store, "taken")
    disk.connection.seen = []
    writes = [store.create(execution(name), turn(name)) for name in ("a", "taken", "b", "c", "d")]
    assert await outcomes(*writes) == [None, AlreadyExists, None, None, None]
    assert disk.connection.seen.count("COMMIT") <= 2


@on_disk
async def test_what_is_queued_together_shares_commits(store: Store, disk: Disk) -> None:
    await asyncio.gather(*(start(store, str(number)) for number in range(500)))
    assert disk.connection.seen.count("COMMIT") < 50


@on_disk
async def test_a_write_that_breaks_its_batch_leaves_no_trace_on_the_others(store: Store, disk: Disk) -> None:
    await start(store, "old")
    writes = [
        store.append(turn("old", 2)),
        store.create(execution("e", input="\ud800"), turn()),
        store.create(execution("e"), turn()),
        store.append(turn("old", 3)),
        store.append(turn("old", 3)),
        store.put_tags("arn", {"b": ""}),
    ]
    results = await asyncio.gather(*writes, return_exceptions=True)
    assert isinstance(results[1], UnicodeEncodeError)
    assert [results[0], results[2], results[3], results[5]] == [None] * 4
    assert isinstance(results[4], SequenceConflict)
    assert await store.execution(arn_of("e")) == execution()
    assert len(await store.turns(arn_of("old"))) == 3
    assert await store.tags("arn") == {"b": ""}


@on_disk
async def test_commits_are_synced(store: Store, disk: Disk) -> None:
    """A kill of the process cannot show it: what the kernel holds survives that, but not a power cut."""
    assert disk.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert disk.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_real_limit_on_the_file(tmp_path: Path) -> None:
    """The kernel refuses to let the file grow; the process then lifts the limit and goes on."""
    program = f"""
        import asyncio, resource, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parents[1])!r})
        from contract.records import start, arn_of
        from newel.ports.store import StoreUnavailable
        from newel.store.sqlite import SqliteStore

        async def main():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            store = SqliteStore(Path({str(tmp_path / "d")!r}))
            await store.open()
            resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, resource.RLIM_INFINITY))
            kept = 0
            try:
                while True:
                    await start(store, str(kept), events=b"x" * 100_000)
                    kept += 1
            except StoreUnavailable as error:
                assert "disk" in str(error), error
            assert 0 < kept < 60, kept
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await start(store, str(kept), events=b"x" * 100_000)
            await store.close()
            await store.open()
            assert await store.open_count() == kept + 1
            for number in range(kept + 1):
                assert len((await store.turns(arn_of(str(number))))[0].events) == 100_000
            await store.close()

        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)


KEEP_WRITING = """
    import asyncio, sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from contract.records import execution, succeeded, turn
    from newel.store.sqlite import SqliteStore

    async def one(store, caller):
        number = 0
        while True:
            name = f"{caller}-{number}"
            await store.create(execution(name), turn(name, events=b"x" * 3_000))
            print(name, 1, flush=True)
            await store.append(turn(name, 2, wake_ms=7, owes=True))
            print(name, 2, flush=True)
            if number % 2:
                await store.append(turn(name, 3, end=succeeded()))
                print(name, 3, flush=True)
            number += 1

    async def main():
        store = SqliteStore(Path(sys.argv[1]))
        await store.open()
        await asyncio.gather(*(one(store, caller) for caller in range(16)))

    asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 60, 700, 2_500])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, lines: int) -> None:
    """The child tells of a turn only after its future is done; it is killed at once after some number of them."""
    command = [sys.executable, "-c", textwrap.dedent(KEEP_WRITING), str(tmp_path / "d"), str(Path(__file__).parents[1])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        told = [child.stdout.readline() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().splitlines(keepends=True)
    assert child.returncode == -signal.SIGKILL
    acknowledged: dict[str, int] = {}
    for name, seq in (line.split() for line in told if line.endswith("\n")):
        acknowledged[name] = int(seq)
    asyncio.run(_check_survivors(tmp_path / "d", acknowledged))


async def _check_survivors(directory: Path, acknowledged: dict[str, int]) -> None:
    store = SqliteStore(directory)
    await store.open()
    for name, seq in acknowledged.items():
        found = await store.execution(arn_of(name))
        rows = await store.turns(arn_of(name))
        assert len(rows) >= seq
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert (found.status == "SUCCEEDED") == (len(rows) == 3)
    owing = {arn async for arn in store.owing()}
    for name in acknowledged:
        rows = await store.turns(arn_of(name))
        assert (arn_of(name) in owing) == (len(rows) == 2)
    await store.close()
