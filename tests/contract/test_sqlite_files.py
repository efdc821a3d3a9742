"""The data directory and the schema of the SQLite store."""

import asyncio
import re
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from newel.ports.store import StoreUnavailable
from newel.store.sqlite import SqliteStore
from newel.store.sqlite.database import DATABASE, LOCK, connect, migrate, migrations
from newel.store.sqlite.journal_reader import JournalReader
from newel.store.sqlite.statements import CATALOG, JOURNAL, SQL, RowsStatement

from .records import arn_of, execution, start, succeeded, turn


def refuses(directory: Path, reason: str) -> None:
    async def main() -> None:
        with pytest.raises(StoreUnavailable, match=reason):
            await SqliteStore(directory).open()

    asyncio.run(main())


def opened(directory: Path, test: Callable[[SqliteStore], object]) -> None:
    async def main() -> None:
        store = SqliteStore(directory)
        await store.open()
        await test(store)
        await store.close()

    asyncio.run(main())


async def nothing(_: SqliteStore) -> None:
    return None


def edit(directory: Path, *statements: str) -> None:
    connection = sqlite3.connect(directory / DATABASE)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


# -- the directory -------------------------------------------------------------------------------------------------


def test_the_directory_is_made_private(tmp_path: Path) -> None:
    opened(tmp_path / "a" / "b", nothing)
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "a" / "b").iterdir())
    assert sorted(file.name for file in files) == [DATABASE, LOCK]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_a_second_store_in_the_same_process_is_refused(tmp_path: Path) -> None:
    async def test(_: SqliteStore) -> None:
        with pytest.raises(StoreUnavailable, match="used by another process"):
            await SqliteStore(tmp_path).open()

    opened(tmp_path, test)
    opened(tmp_path, nothing)


def test_a_directory_in_use_by_another_process_is_refused_until_it_ends(tmp_path: Path) -> None:
    program = """
        import asyncio, sys
        from pathlib import Path
        from newel.store.sqlite import SqliteStore

        async def main():
            store = SqliteStore(Path(sys.argv[1]))
            await store.open()
            print("open", flush=True)
            sys.stdin.read()

        asyncio.run(main())
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout.readline() == "open\n"
        refuses(tmp_path, rf"used by another process \(pid {child.pid}\)")
        child.kill()
    opened(tmp_path, nothing)


def test_a_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refuses(tmp_path / "file" / "data", "cannot use the data directory .*: Not a directory")
    refuses(tmp_path / "file", "cannot use the data directory .*: File exists")


def test_a_database_that_cannot_be_opened_is_refused_and_the_lock_let_go(tmp_path: Path) -> None:
    (tmp_path / DATABASE).mkdir()
    refuses(tmp_path, "the database cannot be opened")
    (tmp_path / DATABASE).rmdir()
    opened(tmp_path, nothing)


def test_a_read_only_database_is_refused(tmp_path: Path) -> None:
    def read_only(path: Path) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)

    async def main() -> None:
        with pytest.raises(StoreUnavailable, match="the database is read-only"):
            await SqliteStore(tmp_path, connect=read_only).open()

    asyncio.run(main())


def test_closing_is_completed_though_its_caller_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path)
        await store.open()
        writes = [store.create(execution(str(number)), turn(str(number))) for number in range(100)]
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await asyncio.gather(*writes)
        await store.open()
        assert await store.open_count() == 100
        await store.close()

    asyncio.run(main())


# -- what is in the file -------------------------------------------------------------------------------------------


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"not a database" * 1_000)
    refuses(tmp_path, "the file is not a database")


def test_somebody_elses_database_is_refused_and_untouched(tmp_path: Path) -> None:
    edit(tmp_path, "CREATE TABLE theirs (x)")
    before = (tmp_path / DATABASE).read_bytes()
    refuses(tmp_path, "is not a Newel database")
    assert (tmp_path / DATABASE).read_bytes() == before


def test_a_later_schema_is_refused_and_untouched(tmp_path: Path) -> None:
    opened(tmp_path, nothing)
    edit(tmp_path, "PRAGMA user_version = 999")
    before = (tmp_path / DATABASE).read_bytes()
    refuses(tmp_path, f"written by a later Newel .schema version 999; this one knows up to {len(migrations())}")
    assert (tmp_path / DATABASE).read_bytes() == before


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    async def write(store: SqliteStore) -> None:
        await start(store, wake_ms=5, owes=True, snapshot=b"s")
        await store.append(turn(seq=2, wake_ms=6, owes=True))
        await start(store, "f", end=succeeded())
        await store.put_tags("arn", {"a": "b"})

    async def read(store: SqliteStore) -> None:
        loaded = await store.load(arn_of("e"))
        assert (loaded.execution, loaded.snapshot, [row.seq for row in loaded.rows]) == (execution(), b"s", [2])
        assert await store.due(9, 9) == [(6, arn_of("e"))]
        assert await store.open_count() == await store.open_count("id-M") == 1
        assert await store.tags("arn") == {"a": "b"}
        await store.append(turn(seq=3, end=succeeded()))
        assert await store.open_count("id-M") == 0

    opened(tmp_path, write)
    opened(tmp_path, read)


# -- the schema ----------------------------------------------------------------------------------------------------


def schema(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master").fetchall()
    return sorted((kind, name, table, plain(sql or "")) for kind, name, table, sql in rows)


def plain(sql: str) -> str:
    """SQL without line ends and the blanks around commas and brackets: ALTER TABLE adds its columns in its own way."""
    return re.sub(r" ?([(),]) ?", r"\1", " ".join(sql.split()))


def test_the_migrations_add_up_to_the_schema(tmp_path: Path) -> None:
    migrated, written = connect(tmp_path / "migrated"), connect(tmp_path / "written")
    migrate(migrated)
    written.executescript((SQL / "schema.sql").read_text("utf-8"))
    assert schema(migrated) == schema(written)
    assert migrated.execute("PRAGMA user_version").fetchone()[0] == len(migrations())
    migrated.close()
    written.close()


def test_migrating_again_changes_nothing(tmp_path: Path) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    before = schema(connection)
    migrate(connection)
    assert schema(connection) == before
    connection.close()


def test_a_failed_migration_leaves_the_schema_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    scripts = [*migrations(), "CREATE TABLE half (x); CREATE TABLE machine (x);"]
    monkeypatch.setattr("newel.store.sqlite.database.migrations", lambda: scripts)
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(connection)
    assert not connection.in_transaction
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(scripts) - 1
    assert "half" not in [name for _, name, _, _ in schema(connection)]
    connection.close()


def test_express_children_of_an_older_file_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = connect(tmp_path / "file")
    scripts = migrations()
    monkeypatch.setattr("newel.store.sqlite.database.migrations", lambda: scripts[:3])
    migrate(connection)
    shared = "arn:aws:states:us-east-1:1:express:M/L:"
    texts = ["arn:aws:states:us-east-1:1:execution:M:", f"{shared}a:", f"{shared}b:"]
    connection.executemany("INSERT INTO word (id, text) VALUES (?, ?)", enumerate(texts, 1))
    for number, (prefix, tail) in enumerate([(1, "a"), (2, "a"), (3, "b")], 1):
        row = (number, prefix, tail, None, 1, 1, 1, 0, prefix > 1, None, None, 5, 1, None, 0, 1, 6, 1, 0, None, None)
        connection.execute(f"INSERT INTO execution VALUES ({', '.join('?' * len(row))})", row)
        connection.execute("INSERT INTO turn (id, at_ms, input, events) VALUES (?, 5, '1', '')", ((number << 24) + 1,))
    monkeypatch.undo()
    migrate(connection)
    reader = JournalReader(connection)
    arns = [f"{texts[0]}a", f"{shared}a:a", f"{shared}b:b"]
    assert [reader.execution(arn).name for arn in arns] == ["a", "a", "b"]
    assert [reader.execution(arn).type for arn in arns] == ["STANDARD", "EXPRESS", "EXPRESS"]
    assert {text for (text,) in connection.execute("SELECT text FROM word")} == {texts[0], shared}
    connection.close()


def plan(connection: sqlite3.Connection, text: str, values: tuple[object, ...]) -> str:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()
    return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize(
    ("name", "values", "index"),
    [
        ("due", (1, 1), "execution_due"),
        ("owing", (0, 1), "execution_owing"),
        ("running_counts", (), "execution_running"),
        ("running", (1,), "execution_running"),
        ("head", (1, "x"), "execution_arn"),
        ("execution", (1, "x"), "execution_arn"),
        ("ended_before", (1, 0, 1, 1, 1), "execution_stopped"),
        ("ended_groups", (), "execution_stopped"),
    ],
)
def test_hot_queries_use_their_index(tmp_path: Path, name: str, values: tuple[object, ...], index: str) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    found = plan(connection, JOURNAL[name], values)
    assert index in found
    assert "SCAN execution" not in found.replace(f"SCAN execution USING COVERING INDEX {index}", "").replace(
        f"SCAN execution USING INDEX {index}", ""
    )
    connection.close()


@pytest.mark.parametrize(("name", "width"), [("progress", 4), ("turn_over", 9)])
def test_updates_of_many_rows_seek_each_row(tmp_path: Path, name: str, width: int) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    row = "(" + ", ".join("?" * width) + ")"
    found = plan(connection, JOURNAL[name].replace("{rows}", f"{row}, {row}"), (1,) * width * 2)
    assert "SEARCH execution USING INTEGER PRIMARY KEY" in found
    assert "SCAN execution" not in found
    connection.close()


def test_many_executions_are_read_by_their_arns(tmp_path: Path) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    found = plan(connection, JOURNAL["executions"].replace("{rows}", "(?, ?), (?, ?)"), (1, "a", 1, "b"))
    assert "SEARCH e USING INDEX execution_arn" in found
    assert "SCAN e" not in found
    connection.close()


def test_every_statement_is_valid_sql(tmp_path: Path) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    for name, text in {**JOURNAL, **CATALOG}.items():
        if name == "summaries" or "{rows}" in text:
            continue
        values = (1,) * max(text.count("?"), 0)
        with_numbers = "?1" in text or "?2" in text
        plan(connection, text, (1,) * _numbered(text) if with_numbers else values)
    connection.close()


def _numbered(text: str) -> int:
    return max(number for number in range(1, 10) if f"?{number}" in text)


@pytest.mark.parametrize("count", [0, 1, 2, 16, 17, 24, 127, 128, 129, 300])
def test_any_number_of_rows_is_written_in_few_steps(tmp_path: Path, count: int) -> None:
    connection = connect(tmp_path / "file")
    migrate(connection)
    rows = [(number, 1, None, None, None, None, None, None, b"") for number in range(count)]
    texts = []
    connection.set_trace_callback(texts.append)
    assert RowsStatement(JOURNAL["insert_turn"]).run(connection, rows) == count
    connection.set_trace_callback(None)
    assert [number for (number,) in connection.execute("SELECT id FROM turn ORDER BY id")] == list(range(count))
    assert len([text for text in texts if text.startswith("INSERT")]) <= 2 + count // 128
    connection.close()
