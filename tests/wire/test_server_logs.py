"""Execution logs from end to end: what a machine's logging configuration asks for, through the API and `newel logs`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from server_process import ACCOUNT, REGION, ROLE, Server, chain, eventually

GROUP = "/aws/vendedlogs/states/"
SECRET = "open sesame"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("logs") / "data")
    server.start()
    yield server
    server.close()


def logging_to(server: Server, name: str, level: str, *, data: bool = True) -> dict[str, Any]:
    """A logging configuration with a log group of its own."""
    server.logs.create_log_group(logGroupName=GROUP + name)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}{name}:*"
    destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]
    return {"level": level, "includeExecutionData": data, "destinations": destinations}


def machine(server: Server, name: str, definition: dict[str, Any], level: str, kind: str, **more: Any) -> str:
    configuration = logging_to(server, name, level, **more)
    return server.machine(name, definition, type=kind, loggingConfiguration=configuration)


def failing(**task: Any) -> dict[str, Any]:
    """Fails in a Task, which is caught, and then for good."""
    return chain(
        ("Try", {"Type": "Task", **task, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Give up"}]}),
        ("Give up", {"Type": "Fail", "Error": "Mine", "Cause": SECRET}),
    )


def records(server: Server, name: str) -> list[dict[str, Any]]:
    events = server.logs.filter_log_events(logGroupName=GROUP + name)["events"]
    return [json.loads(event["message"]) for event in events]


def run(server: Server, arn: str, kind: str, name: str) -> None:
    """Run an execution to its end."""
    given = {"password": SECRET}
    if kind == "STANDARD":
        server.ended(server.execute(arn, given, name=name))
    else:
        server.states.start_sync_execution(stateMachineArn=arn, input=json.dumps(given), name=name)


@pytest.fixture(scope="module")
def function(server: Server) -> str:
    return server.function("bad", f"def handler(event, context):\n    raise ValueError({SECRET!r})\n")


ALL = [
    "ExecutionStarted",
    "TaskStateEntered",
    "LambdaFunctionScheduled",
    "LambdaFunctionStarted",
    "LambdaFunctionFailed",
    "TaskStateExited",
    "FailStateEntered",
    "ExecutionFailed",
]
LEVELS = {
    "ALL": ALL,
    "ERROR": ["LambdaFunctionFailed", "FailStateEntered", "ExecutionFailed"],
    "FATAL": ["ExecutionFailed"],
    "OFF": [],
}


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("level", LEVELS)
def test_levels(server: Server, function: str, level: str, kind: str) -> None:
    name = f"{level}-{kind}".lower()
    run(server, machine(server, name, failing(Resource=function), level, kind), kind, "run")
    assert [record["type"] for record in records(server, name)] == LEVELS[level]


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_the_shape_of_records(server: Server, kind: str) -> None:
    name = f"shape-{kind}".lower()
    arn = machine(server, name, chain(("P", {"Type": "Pass"})), "ALL", kind)
    run(server, arn, kind, "run")
    started, *_, ended = found = records(server, name)
    assert set(started) == {
        "id",
        "type",
        "details",
        "previous_event_id",
        "event_timestamp",
        "execution_arn",
        "redrive_count",
    }
    assert [(each["id"], each["previous_event_id"]) for each in found] == [
        ("1", "0"),
        ("2", "0"),
        ("3", "2"),
        ("4", "3"),
    ]
    assert all(each["event_timestamp"].isdigit() and each["redrive_count"] == "0" for each in found)
    assert all(name in each["execution_arn"] and ":run" in each["execution_arn"] for each in found)
    assert started["details"]["input"] == f'{{"password": "{SECRET}"}}'
    assert started["details"]["roleArn"] == ROLE
    assert started["details"]["inputDetails"] == {"truncated": False}
    assert found[1]["details"]["name"] == "P"
    assert json.loads(ended["details"]["output"]) == {"password": SECRET}


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_without_data_no_payload_error_or_cause_is_logged(server: Server, function: str, kind: str) -> None:
    name = f"bare-{kind}".lower()
    run(server, machine(server, name, failing(Resource=function), "ALL", kind, data=False), kind, "run")
    found = records(server, name)
    assert [record["type"] for record in found] == ALL
    assert SECRET not in json.dumps(found)
    assert found[0]["details"] == {"roleArn": ROLE}
    assert found[1]["details"] == {"name": "Try"}
    assert found[-1]["details"] == {}


def test_a_long_payload_is_cut_and_said_to_be(server: Server) -> None:
    arn = machine(server, "long", chain(("P", {"Type": "Pass"})), "ALL", "STANDARD")
    text = json.dumps({"x": "é" * 130_000}, ensure_ascii=False)
    assert len(text.encode()) > 248 * 1024
    server.ended(server.states.start_execution(stateMachineArn=arn, input=text)["executionArn"])
    long = records(server, "long")[0]["details"]
    assert long["inputDetails"] == {"truncated": True}
    assert len(long["input"].encode()) <= 248 * 1024
    assert text.startswith(long["input"])


def test_streams_the_command_and_the_api_agree(server: Server) -> None:
    arn = machine(server, "read", chain(("P", {"Type": "Pass"})), "ALL", "STANDARD")
    for name in ("one", "two"):
        server.ended(server.execute(arn, name=name))
    [first, second] = server.logs.describe_log_streams(logGroupName=GROUP + "read")["logStreams"]
    assert {first["logStreamName"], second["logStreamName"]} == {"states/read/one", "states/read/two"}
    events = server.logs.get_log_events(
        logGroupName=GROUP + "read", logStreamName="states/read/two", startFromHead=True
    )["events"]
    types = [json.loads(event["message"])["type"] for event in events]
    assert types == ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
    command = [sys.executable, "-m", "newel", "logs", GROUP + "read", "--json", "--data-dir", str(server.data_dir)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    listed = server.logs.filter_log_events(logGroupName=GROUP + "read")["events"]
    assert [json.loads(line)["message"] for line in printed] == [event["message"] for event in listed]


def test_a_log_group_that_is_gone_stops_nothing(server: Server) -> None:
    arn = machine(server, "gone", chain(("P", {"Type": "Pass"})), "ALL", "STANDARD")
    server.logs.delete_log_group(logGroupName=GROUP + "gone")
    assert server.output(server.execute(arn, {"n": 1})) == {"n": 1}
    assert not (server.data_dir / "logs" / ACCOUNT / REGION / "gone.jsonl").exists()


def test_logs_go_on_after_a_stop_and_after_a_kill(server: Server) -> None:
    """Last, because it stops the server: each event of executions that were under way is logged once."""
    activity = server.states.create_activity(name="steps")["activityArn"]
    step = {"Type": "Task", "Resource": activity}
    arn = machine(server, "restart", chain(("A", step), ("B", step), ("C", step)), "ALL", "STANDARD")
    executions = [server.execute(arn, {"n": n}) for n in range(3)]
    ends = iter([server.stop, server.kill])
    for _ in range(3):
        for _ in executions:
            task = server.states.get_activity_task(activityArn=activity)
            server.states.send_task_success(taskToken=task["taskToken"], output=task["input"])
        end = next(ends, None)
        if end is not None:
            end()
            server.start()
    for execution in executions:
        server.ended(execution)
        history = server.states.get_execution_history(executionArn=execution)["events"]
        logged = [each for each in records(server, "restart") if each["execution_arn"] == execution]
        assert [(each["id"], each["type"]) for each in logged] == [(str(e["id"]), e["type"]) for e in history]
        assert [each["previous_event_id"] for each in logged] == [str(e["previousEventId"]) for e in history]


def test_a_line_that_a_crash_left_incomplete_is_cut_off(server: Server) -> None:
    arn = machine(server, "torn", chain(("P", {"Type": "Pass"})), "ALL", "STANDARD")
    server.ended(server.execute(arn, name="before"))
    server.kill()
    [path] = (server.data_dir / "logs").glob("*/*/*torn.jsonl")
    with path.open("ab") as file:
        file.write(b'{"stream":"states/torn/never","time_ms":1')
    server.start()
    server.ended(server.execute(arn, name="after"))
    assert [record["type"] for record in records(server, "torn")].count("ExecutionSucceeded") == 2


def test_many_at_once_are_each_logged_whole(server: Server) -> None:
    arn = machine(server, "many", chain(("P", {"Type": "Pass"}), ("Q", {"Type": "Pass"})), "ALL", "EXPRESS")
    client = server.client("stepfunctions", max_pool_connections=8)

    def start() -> None:
        for _ in range(10):
            client.start_execution(stateMachineArn=arn)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.close()
    eventually(lambda: len(records(server, "many")) == 40 * 6, "the last record")
    by_execution: dict[str, list[str]] = {}
    for record in records(server, "many"):
        by_execution.setdefault(record["execution_arn"], []).append(record["id"])
    assert all(ids == ["1", "2", "3", "4", "5", "6"] for ids in by_execution.values())
