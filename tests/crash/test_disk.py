"""A disk that is full, and data directories that cannot be used."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from server_process import Server, chain

FILE_BYTES_MAX = 1_500_000
PAYLOAD = "x" * 100_000


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Server]:
    """A server none of whose files may grow beyond FILE_BYTES_MAX."""
    server = Server(tmp_path / "data")
    server.start(file_bytes_max=FILE_BYTES_MAX)
    yield server
    server.close()


def fill(server: Server, machine: str) -> tuple[list[str], Any]:
    """Start executions until one is refused: those that were acknowledged, and the refusal."""
    acknowledged = []
    for number in range(200):
        try:
            acknowledged.append(server.execute(machine, {"n": number, "x": PAYLOAD}, name=f"e{number}"))
        except ClientError as error:
            return acknowledged, error.response
    raise AssertionError("the disk never filled")


def test_a_full_disk_refuses_and_loses_nothing(full: Server) -> None:
    logs = {"logGroupName": "/aws/vendedlogs/states/full"}
    full.logs.create_log_group(**logs)
    group = full.logs.describe_log_groups()["logGroups"][0]["arn"]
    machine = full.machine("m", chain(("P", {"Type": "Pass"})))
    wait = full.machine(
        "wait",
        chain(("Wait", {"Type": "Wait", "Seconds": 1}), ("P", {"Type": "Pass"})),
        loggingConfiguration={
            "level": "ALL",
            "includeExecutionData": True,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        },
    )
    task = full.machine(
        "task", chain(("T", {"Type": "Task", "Resource": full.function("f", SLOW), "TimeoutSeconds": 90}))
    )
    waiting = full.execute(wait, {"x": PAYLOAD})
    calling = full.execute(task)
    acknowledged, refusal = fill(full, machine)
    assert acknowledged
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] in (500, 503)
    assert refusal["Error"]["Code"] == "ServiceUnavailable"
    assert "full" in refusal["Error"]["Message"]
    for arn in acknowledged:
        assert full.status(arn) == "SUCCEEDED"
    assert len(full.states.list_executions(stateMachineArn=machine)["executions"]) == len(acknowledged)

    assert full.stop() == 0
    assert "Traceback" not in full.errors.read_text()
    full.start()
    for number, arn in enumerate(acknowledged):
        assert full.output(arn) == {"n": number, "x": PAYLOAD}
    assert full.output(waiting) == {"x": PAYLOAD}
    assert full.output(calling) == "done"
    assert full.output(full.execute(machine, {"x": PAYLOAD}, name=f"e{len(acknowledged)}")) == {"x": PAYLOAD}
    logged = [json.loads(event["message"])["type"] for event in full.logs.filter_log_events(**logs)["events"]]
    assert len(logged) == len(set(logged)), "no event twice"


SLOW = """
import time
def handler(event, context):
    time.sleep(2)
    return "done"
"""


def refused(server: Server) -> str:
    """The one line that a server prints which cannot start."""
    process = server.launch()
    assert process.wait(60) == 3
    assert process.stdout is not None
    assert process.stdout.read() == ""
    process.stdout.close()
    text = server.errors.read_text()
    server.errors.write_text("")
    assert text.startswith("newel: ")
    assert text.count("\n") == 1, text
    return text


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that a server has left in order."""
    server = Server(tmp_path_factory.mktemp("used") / "data")
    server.start()
    server.machine("m", chain(("P", {"Type": "Pass"})))
    assert server.stop() == 0
    server.close()
    return server.data_dir


def overwrite(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def replace_by_folder(name: str) -> Callable[[Path], object]:
    def replace(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return replace


def change_owner(folder: Path) -> None:
    with sqlite3.connect(folder / "newel.db") as connection:
        connection.execute("PRAGMA application_id = 1")
    connection.close()


def from_the_future(folder: Path) -> None:
    with sqlite3.connect(folder / "newel.db") as connection:
        connection.execute("PRAGMA user_version = 9999")
    connection.close()


DAMAGES = [
    (overwrite("newel.db", b"this is no database" * 1000), "the file is not a database"),
    (replace_by_folder("newel.db"), "newel.db"),
    (change_owner, "is not a Newel database"),
    (from_the_future, "was written by a later Newel"),
    (overwrite("iam.json", b'[{"account"'), "iam.json cannot be read"),
    (replace_by_folder("token.key"), "token.key"),
]


@pytest.mark.parametrize(("damage", "words"), DAMAGES, ids=[words for _, words in DAMAGES])
def test_a_damaged_directory_is_refused_in_one_line(
    tmp_path: Path, used: Path, damage: Callable[[Path], object], words: str
) -> None:
    server = Server(tmp_path / "data")
    shutil.copytree(used, server.data_dir)
    damage(server.data_dir)
    assert words in refused(server)


def test_a_directory_that_another_server_uses(tmp_path: Path) -> None:
    first, second = Server(tmp_path / "data"), Server(tmp_path / "data")
    second.errors = tmp_path / "second.stderr"
    first.start()
    try:
        assert first.process is not None
        text = refused(second)
        assert "is used by another process" in text
        assert str(first.process.pid) in text
        assert first.states.list_state_machines()["stateMachines"] == []
    finally:
        first.close()


def test_a_port_that_another_process_uses(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server.port = str(taken.getsockname()[1])
        assert f"127.0.0.1:{server.port}" in refused(server)
    server.start()
    server.close()


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which nobody can write")
def test_a_directory_in_which_nothing_can_be_made(tmp_path: Path) -> None:
    server = Server(Path("/proc/self/fdinfo"))
    server.errors = tmp_path / "stderr"
    assert "/proc/self/fdinfo" in refused(server)
