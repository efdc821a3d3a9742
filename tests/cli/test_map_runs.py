"""`newel map-runs`, `newel redrive`, and the bars of `newel run`."""

import io
import json

import pytest
from rich.console import Console

from newel.cli.map_bars import render_map_runs
from newel.runtime.map_runs.told import counts_line
from server_process import Server

PREFIX = "arn:aws:states:us-east-1:000000000000"
FLOW = {
    "StartAt": "C",
    "States": {
        "C": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericGreaterThan": 3, "Next": "F"}],
            "Default": "S",
        },
        "F": {"Type": "Fail", "Error": "Big"},
        "S": {"Type": "Succeed"},
    },
}


def distributed(**fields):
    processor = {**FLOW, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
    return {
        "StartAt": "M",
        "States": {"M": {"Type": "Map", "Label": "big", "ItemProcessor": processor, "End": True, **fields}},
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("map-runs") / "data")
    running.start()
    yield running
    running.close()


@pytest.fixture
def at(server, newel):
    """Run a command against the server."""
    return lambda *arguments: newel(*arguments, "--endpoint-url", f"http://127.0.0.1:{server.port}")


def shown(**counts):
    zero = dict.fromkeys(
        ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "pendingRedrive", "total"), 0
    )
    return {
        "mapRunArn": f"{PREFIX}:mapRun:m/big:u",
        "status": "RUNNING",
        "itemCounts": {**zero, "total": 20, "succeeded": 10, "failed": 2},
        "executionCounts": {**zero, **counts},
    }


def test_the_line_of_a_map_run():
    run = shown(total=9, succeeded=3, failed=1, running=4, pending=1)
    assert counts_line(run) == "12 of 20 items · 4 of 9 children: 4 running, 1 failed, 1 pending"
    console = Console(width=120, record=True, force_terminal=False, file=io.StringIO())
    console.print(render_map_runs([run]))
    text = console.export_text()
    assert text.startswith("big ━")
    assert "RUNNING 12 of 20 items" in text


def test_list_watch_and_redrive(server, at):
    arn = server.execute(server.machine("failing", distributed()), [1, 2, 5])
    assert server.ended(arn)["status"] == "FAILED"

    listed = at("map-runs", "list", arn)
    assert listed.exit_code == 0
    assert "big" in listed.stdout
    (run,) = json.loads(at("map-runs", "list", arn, "--json").stdout)["mapRuns"]
    assert (run["status"], run["itemCounts"]["failed"]) == ("FAILED", 1)

    for name in (arn, run["mapRunArn"]):
        watched = at("map-runs", "watch", name)
        assert watched.exit_code == 1, watched.output
        assert watched.stdout.startswith("big FAILED ")
        assert "3 items" in watched.stdout
    assert json.loads(at("map-runs", "watch", arn, "--json").stdout)["mapRunArn"] == run["mapRunArn"]

    again = at("redrive", arn, "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["executionArn"] == arn
    assert server.ended(arn)["redriveCount"] == 1


def test_watching_what_succeeds(server, at):
    arn = server.execute(server.machine("fine", distributed(ToleratedFailurePercentage=50)), [1, 2, 5])
    server.ended(arn)
    assert at("map-runs", "watch", arn).exit_code == 0
    refused = at("redrive", arn)
    assert refused.exit_code == 1
    assert "cannot be redriven" in refused.stderr


def test_what_is_not_there(at, newel):
    assert at("map-runs", "list", f"{PREFIX}:execution:m:none").exit_code == 1
    assert at("map-runs", "watch", f"{PREFIX}:mapRun:m/l:none").exit_code == 1
    assert newel("redrive", f"{PREFIX}:execution:m:e", "--endpoint-url", "http://127.0.0.1:9").exit_code == 3
    assert newel("redrive", f"{PREFIX}:execution:m:e", "--endpoint-url", "nonsense").exit_code == 2


def test_an_execution_without_map_runs(server, at):
    flow = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    arn = server.execute(server.machine("plain", flow))
    server.ended(arn)
    watched = at("map-runs", "watch", arn)
    assert watched.exit_code == 1
    assert "no Map Runs" in watched.stderr


def test_run_shows_the_counts(newel, definition):
    result = newel("run", definition(distributed(ToleratedFailureCount=1)), "--input", "[1, 2, 5]")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == [1, 2]
    assert "SUCCEEDED 3 of 3 items · 3 of 3 children: 1 failed" in result.stderr
