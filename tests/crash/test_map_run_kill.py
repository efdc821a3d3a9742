"""A server is killed again and again while Map Runs with both kinds of children run; every item counts once."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from server_process import Server, eventually

KILLS = 10
ITEMS = 30_000
BATCH = 20
KINDS = ("STANDARD", "EXPRESS")


def definition(kind: str) -> dict[str, Any]:
    """Batches that wait a second and give back their items."""
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "Wait",
        "States": {
            "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Give"},
            "Give": {"Type": "Pass", "OutputPath": "$.Items", "End": True},
        },
    }
    state = {
        "Type": "Map",
        "Label": "Kill",
        "MaxConcurrency": 200,
        "ItemBatcher": {"MaxItemsPerBatch": BATCH},
        "ItemProcessor": processor,
        "End": True,
    }
    return {"StartAt": "Each", "States": {"Each": state}}


def map_run(server: Server, arn: str) -> dict[str, Any] | None:
    """DescribeMapRun of the only Map Run of an execution."""
    runs = server.states.list_map_runs(executionArn=arn)["mapRuns"]
    assert len(runs) <= 1
    return server.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"]) if runs else None


def check_adds_up(counts: dict[str, int]) -> None:
    told = ("pending", "running", "succeeded", "failed", "timedOut", "aborted", "pendingRedrive")
    assert sum(counts[name] for name in told) == counts["total"], counts
    assert all(counts[name] >= 0 for name in told), counts


@pytest.mark.slow
def test_map_runs_survive_kills(server: Server) -> None:
    arns = {kind: server.execute(server.machine(kind, definition(kind)), list(range(ITEMS))) for kind in KINDS}
    rng = random.Random(11)
    ended_at_a_kill = []
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.05, 1.2))
        run = map_run(server, arns["STANDARD"])
        if run is not None:
            check_adds_up(run["executionCounts"])
            check_adds_up(run["itemCounts"])
            ended_at_a_kill.append(run["itemCounts"]["succeeded"])
        server.kill()
        server.start()
    assert any(0 < ended < ITEMS for ended in ended_at_a_kill), "no kill came in the midst of the Map Run"
    for kind, arn in arns.items():
        output = server.output(arn)
        assert Counter(item for batch in output for item in batch) == Counter(range(ITEMS)), kind
        assert [item for batch in output for item in batch] == list(range(ITEMS)), kind
        run = map_run(server, arn)
        assert run is not None
        assert run["status"] == "SUCCEEDED"
        for name, total in (("itemCounts", ITEMS), ("executionCounts", ITEMS // BATCH)):
            check_adds_up(run[name])
            assert run[name]["succeeded"] == run[name]["total"] == total
        check_children(server, run["mapRunArn"])
    assert server.stop() == 0


def check_children(server: Server, map_run_arn: str) -> None:
    """Each child is there once, and has its items."""
    pages = server.states.get_paginator("list_executions").paginate(
        mapRunArn=map_run_arn, PaginationConfig={"PageSize": 1000}
    )
    children = [child for page in pages for child in page["executions"]]
    assert len({child["executionArn"] for child in children}) == len(children) == ITEMS // BATCH
    assert {child["status"] for child in children} == {"SUCCEEDED"}
    assert sum(child["itemCount"] for child in children) == ITEMS


@pytest.mark.slow
def test_a_stop_just_before_a_kill_aborts_the_children(server: Server) -> None:
    waiting = {
        "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    state = {"Type": "Map", "ItemProcessor": waiting, "End": True}
    arn = server.execute(server.machine("stopped", {"StartAt": "M", "States": {"M": state}}), list(range(2_000)))

    def all_run() -> bool:
        run = map_run(server, arn)
        return run is not None and run["executionCounts"]["running"] == 2_000

    eventually(all_run, "the start of all children")
    server.states.stop_execution(executionArn=arn)
    server.kill()
    server.start()

    def aborted() -> dict[str, Any] | None:
        run = map_run(server, arn)
        return run if run is not None and run["status"] == "ABORTED" else None

    run = eventually(aborted, "the end of the Map Run")
    check_adds_up(run["executionCounts"])
    assert run["executionCounts"]["aborted"] == 2_000
    left = server.states.list_executions(mapRunArn=run["mapRunArn"], statusFilter="RUNNING")["executions"]
    assert left == []


@pytest.mark.slow
def test_processes_that_compute_children_go_with_the_server(tmp_path: Path) -> None:
    """Children that are heavy on the processor are computed beside the server, which is killed meanwhile."""
    heavy = "{% $sum($map([1..20000], function($v){ $v * $states.input })) %}"
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Sum",
        "States": {"Sum": {"Type": "Pass", "Output": heavy, "End": True}},
    }
    state = {"Type": "Map", "ItemProcessor": processor, "End": True}
    server = Server(tmp_path / "data", ("serve", "--map-workers", "1"))
    server.start()
    try:
        machine = server.machine("heavy", {"QueryLanguage": "JSONata", "StartAt": "M", "States": {"M": state}})
        arn = server.execute(machine, list(range(400)))
        assert server.process is not None
        process = psutil.Process(server.process.pid)

        def workers() -> list[psutil.Process]:
            return [
                child
                for child in process.children(recursive=True)
                if "newel.executors.worker" in " ".join(child.cmdline())
            ]

        before = eventually(workers, "a process that computes children")
        server.kill()
        eventually(lambda: not any(child.is_running() for child in before), "the end of the processes")
        server.start()
        assert server.output(arn) == [200_010_000 * number for number in range(400)]
        assert server.stop() == 0
    finally:
        server.close()
