"""Distributed Map through the API: children, counts, limits, and what a restart finds."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError

from server_process import Server

ROLE = "arn:aws:iam::000000000000:role/r"
PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def distributed(kind="STANDARD", flow=PASS, **fields):
    processor = {**flow, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    return {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True, **fields}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("maps") / "data")
    running.start()
    yield running
    running.close()


def client(server):
    return server.states


def start(sfn, definition, given):
    name = f"m{time.monotonic_ns()}"
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]


def wait(sfn, arn, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        described = sfn.describe_execution(executionArn=arn)
        if described["status"] != "RUNNING":
            return described
        time.sleep(0.05)
    raise AssertionError(f"{arn} still runs")


def only_map_run(sfn, arn):
    (listed,) = sfn.list_map_runs(executionArn=arn)["mapRuns"]
    return sfn.describe_map_run(mapRunArn=listed["mapRunArn"])


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_children_are_executions_of_the_map_run(server, kind):
    sfn = client(server)
    arn = start(sfn, distributed(kind, Label="L", ItemBatcher={"MaxItemsPerBatch": 2}), [1, 2, 3])
    described = wait(sfn, arn)
    assert json.loads(described["output"]) == [{"Items": [1, 2]}, {"Items": [3]}]
    run = only_map_run(sfn, arn)
    assert run["status"] == "SUCCEEDED"
    assert run["itemCounts"]["succeeded"] == run["itemCounts"]["total"] == 3
    assert run["executionCounts"]["succeeded"] == run["executionCounts"]["total"] == 2
    children = sfn.list_executions(mapRunArn=run["mapRunArn"])["executions"]
    assert sorted(child["itemCount"] for child in children) == [1, 2]
    for child in children:
        assert child["mapRunArn"] == run["mapRunArn"]
        assert child["stateMachineArn"].endswith("/L")
        shown = sfn.describe_execution(executionArn=child["executionArn"])
        assert shown["status"] == "SUCCEEDED"
        assert shown["input"] == shown["output"]
    if kind == "STANDARD":
        events = sfn.get_execution_history(executionArn=children[0]["executionArn"])["events"]
        assert [event["type"] for event in events][1:] == ["PassStateEntered", "PassStateExited", "ExecutionSucceeded"]


def test_tolerated_failures(server):
    sfn = client(server)
    flow = {
        "StartAt": "C",
        "States": {
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$", "NumericGreaterThan": 2, "Next": "F"}],
                "Default": "S",
            },
            "F": {"Type": "Fail", "Error": "Big"},
            "S": {"Type": "Succeed"},
        },
    }
    arn = start(sfn, distributed(flow=flow, ToleratedFailureCount=1), [1, 2, 3])
    assert json.loads(wait(sfn, arn)["output"]) == [1, 2]
    assert only_map_run(sfn, arn)["itemCounts"]["failed"] == 1
    failed = wait(sfn, start(sfn, distributed(flow=flow, ToleratedFailurePercentage=30), [1, 3, 4]))
    assert (failed["status"], failed["error"]) == ("FAILED", "States.ExceedToleratedFailureThreshold")


def test_stopping_aborts_the_children(server):
    sfn = client(server)
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    arn = start(sfn, distributed(flow=waiting), [1, 2])
    deadline = time.monotonic() + 20
    while not sfn.list_map_runs(executionArn=arn)["mapRuns"]:
        assert time.monotonic() < deadline
    while only_map_run(sfn, arn)["executionCounts"]["running"] < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    sfn.stop_execution(executionArn=arn)
    while (run := only_map_run(sfn, arn))["status"] != "ABORTED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run["executionCounts"]["aborted"] == 2
    with pytest.raises(ClientError, match="already completed"):
        sfn.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=5)


def test_concurrency_can_be_raised_while_it_runs(server):
    sfn = client(server)
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    arn = start(sfn, distributed(flow=waiting, MaxConcurrency=1), [1, 2, 3])
    deadline = time.monotonic() + 20
    while not sfn.list_map_runs(executionArn=arn)["mapRuns"]:
        assert time.monotonic() < deadline
    while (run := only_map_run(sfn, arn))["executionCounts"]["running"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run["executionCounts"]["running"] == 1
    sfn.update_map_run(mapRunArn=run["mapRunArn"], maxConcurrency=3)
    while (run := only_map_run(sfn, arn))["executionCounts"]["running"] < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert run["maxConcurrency"] == 3
    sfn.stop_execution(executionArn=arn)


def test_an_unknown_map_run(server):
    sfn = client(server)
    arn = "arn:aws:states:us-east-1:000000000000:mapRun:m/l:x"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        sfn.describe_map_run(mapRunArn=arn)


def test_a_redriven_map_run_runs_its_failed_children_again(server):
    sfn = client(server)
    source = (
        "import os, tempfile\n"
        "def handler(event, context):\n"
        "    path = event['path']\n"
        "    if event['n'] in (2, 5) and not os.path.exists(path):\n"
        "        raise ValueError('not yet')\n"
        "    return event['n'] * 10\n"
    )
    function = server.function(f"f{time.monotonic_ns()}", source)
    flow = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": function, "End": True}}}
    for kind in ("STANDARD", "EXPRESS"):
        flag = server.data_dir / f"flag-{kind}"
        arn = start(
            sfn,
            distributed(
                kind, flow=flow, ItemSelector={"n.$": "$$.Map.Item.Value", "path": str(flag)}, MaxConcurrency=2
            ),
            list(range(8)),
        )
        assert wait(sfn, arn)["status"] == "FAILED"
        first = only_map_run(sfn, arn)
        assert first["status"] == "FAILED"
        assert first["itemCounts"]["failed"] >= 1
        flag.touch()
        sfn.redrive_execution(executionArn=arn, clientToken="once")
        described = wait(sfn, arn)
        assert described["status"] == "SUCCEEDED", described
        assert json.loads(described["output"]) == [n * 10 for n in range(8)]
        again = only_map_run(sfn, arn)
        assert (again["mapRunArn"], again["redriveCount"]) == (first["mapRunArn"], 1)
        assert again["itemCounts"]["succeeded"] == again["itemCounts"]["total"] == 8
        assert again["itemCounts"]["failed"] == 0
        with pytest.raises(ClientError, match="cannot be redriven"):
            sfn.redrive_execution(executionArn=arn)


def test_redrive_of_a_failed_task(server):
    sfn = client(server)
    flag = server.data_dir / "flag-task"
    source = (
        "import os\n"
        "def handler(event, context):\n"
        "    if not os.path.exists(event['path']):\n"
        "        raise ValueError('not yet')\n"
        "    return 'done'\n"
    )
    function = server.function(f"g{time.monotonic_ns()}", source)
    states = {"P": {"Type": "Pass", "Next": "T"}, "T": {"Type": "Task", "Resource": function, "End": True}}
    arn = start(sfn, {"StartAt": "P", "States": states}, {"path": str(flag)})
    assert wait(sfn, arn)["redriveStatus"] == "REDRIVABLE"
    flag.touch()
    date = sfn.redrive_execution(executionArn=arn, clientToken="t")["redriveDate"]
    assert sfn.redrive_execution(executionArn=arn, clientToken="t")["redriveDate"] == date
    described = wait(sfn, arn)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    events = [event["type"] for event in sfn.get_execution_history(executionArn=arn)["events"]]
    assert events.count("ExecutionRedriven") == 1
    assert events.count("PassStateEntered") == 1


def test_children_that_wait_to_be_redriven(server):
    sfn = client(server)
    waiting = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 0, "Next": "W"}], "Default": "F"},
            "W": {"Type": "Wait", "Seconds": 600, "End": True},
            "F": {"Type": "Wait", "Seconds": 600, "End": True},
        },
    }
    arn = start(sfn, distributed(flow=waiting), [0, 1, 2])
    deadline = time.monotonic() + 20
    while not (runs := sfn.list_map_runs(executionArn=arn)["mapRuns"]) or (
        sfn.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["executionCounts"]["running"] < 3
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run = runs[0]["mapRunArn"]
    sfn.update_map_run(mapRunArn=run, maxConcurrency=1)
    sfn.stop_execution(executionArn=arn)
    assert sfn.list_executions(mapRunArn=run, statusFilter="PENDING_REDRIVE")["executions"] == []
    sfn.redrive_execution(executionArn=arn)
    while (counts := only_map_run(sfn, arn)["executionCounts"])["pendingRedrive"] != 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (counts["running"], counts["pending"], counts["total"]) == (1, 0, 3)
    waits = sfn.list_executions(mapRunArn=run, statusFilter="PENDING_REDRIVE", maxResults=1)
    (child,) = waits["executions"]
    assert (child["status"], child["itemCount"]) == ("PENDING_REDRIVE", 1)
    more = sfn.list_executions(
        mapRunArn=run, statusFilter="PENDING_REDRIVE", maxResults=1, nextToken=waits["nextToken"]
    )
    assert "nextToken" not in more
    described = sfn.describe_execution(executionArn=child["executionArn"])
    assert (described["status"], described["redriveStatus"]) == ("PENDING_REDRIVE", "REDRIVABLE_BY_MAP_RUN")
    sfn.stop_execution(executionArn=arn)
    while only_map_run(sfn, arn)["status"] != "ABORTED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    counts = only_map_run(sfn, arn)["executionCounts"]
    assert (counts["aborted"], counts["pending"], counts["total"]) == (3, 0, 3)


def test_children_that_end_at_once_are_listed_and_run_again_alone(server):
    """Hundreds of them are stored together; a redrive concerns one of them."""
    sfn = client(server)
    flow = {
        "StartAt": "C",
        "States": {
            "C": {"Type": "Choice", "Choices": [{"Variable": "$", "NumericEquals": 7, "Next": "F"}], "Default": "S"},
            "F": {"Type": "Fail", "Error": "Seven"},
            "S": {"Type": "Pass", "End": True},
        },
    }
    arn = start(sfn, distributed("EXPRESS", flow), list(range(350)))
    for redriven in range(3):
        assert wait(sfn, arn)["error"] == "States.ExceedToleratedFailureThreshold"
        run = only_map_run(sfn, arn)
        assert run["redriveCount"] == redriven
        pages = sfn.get_paginator("list_executions").paginate(
            mapRunArn=run["mapRunArn"], PaginationConfig={"PageSize": 100}
        )
        listed = [child for page in pages for child in page["executions"]]
        counts = run["executionCounts"]
        assert len({child["executionArn"] for child in listed}) == len(listed) == counts["succeeded"] + 1
        times = [(child["startDate"], child["executionArn"]) for child in listed]
        assert times == sorted(times, reverse=True)
        (failed,) = sfn.list_executions(mapRunArn=run["mapRunArn"], statusFilter="FAILED")["executions"]
        shown = sfn.describe_execution(executionArn=failed["executionArn"])
        assert (shown["input"], shown["error"], shown["redriveCount"]) == ("7", "Seven", redriven)
        sfn.redrive_execution(executionArn=arn)
    assert wait(sfn, arn)["status"] == "FAILED"
    assert only_map_run(sfn, arn)["executionCounts"]["succeeded"] == 349
