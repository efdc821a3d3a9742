"""Which executions can be redriven, with AWS's reasons, and what DescribeExecution says of children."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from newel.errors import ServiceError
from newel.ports.store import Execution, Machine
from newel.service.executions import describe_execution, why_not_redrivable
from newel.service.redrive import redrive_execution

PREFIX = "arn:aws:states:us-east-1:000000000000"
NOW = 1_800_000_000_000
DAY = 86_400_000


def failed(**changes):
    fields = {
        "arn": f"{PREFIX}:execution:m:e",
        "machine_arn": f"{PREFIX}:stateMachine:m",
        "machine_id": "id",
        "revision_id": "r",
        "name": "e",
        "status": "FAILED",
        "start_ms": NOW - 2 * DAY,
        "stop_ms": NOW - DAY,
        "input": "{}",
    }
    return Execution(**{**fields, **changes})


class Store:
    def __init__(self, status="ACTIVE"):
        self.status = status

    async def machine(self, arn):
        assert arn == f"{PREFIX}:stateMachine:m"
        return Machine(
            arn=arn, id="id", name="m", type="STANDARD", status=self.status, created_ms=1, updated_ms=1, revision_id="r"
        )


class Runtime:
    def __init__(self, execution, *, full=False, pending=()):
        self.execution = execution
        self.full = full
        self.map_runs = SimpleNamespace(pending_redrive=lambda arn: list(pending))
        self.redriven = 0

    async def history_is_full(self, arn):
        return self.full

    async def describe(self, arn):
        return self.execution

    async def redrive(self, arn):
        self.redriven += 1
        self.execution = msgspec.structs.replace(self.execution, redrive_ms=NOW + self.redriven, redrive_count=1)
        return True


def core(execution, *, status="ACTIVE", **more):
    clock = SimpleNamespace(now_ms=lambda: NOW)
    return SimpleNamespace(store=Store(status), clock=clock, runtime=Runtime(execution, **more), redrive_tokens={})


def why(execution, **more):
    return asyncio.run(why_not_redrivable(core(execution, **more), execution))


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_what_ended_without_success_can_be_redriven(status):
    assert why(failed(status=status)) is None
    assert why(failed(status=status, stop_ms=NOW - 14 * DAY, start_ms=NOW - 300 * DAY)) is None


@pytest.mark.parametrize(
    ("changes", "more", "reason"),
    [
        ({"status": "RUNNING", "stop_ms": None}, {}, "Execution is RUNNING and cannot be redriven"),
        ({"status": "SUCCEEDED"}, {}, "Execution is SUCCEEDED and cannot be redriven"),
        ({"start_ms": NOW - 20 * DAY, "stop_ms": NOW - 14 * DAY - 1}, {}, "Execution redrivable period exceeded"),
        ({"start_ms": NOW - 366 * DAY}, {}, "Execution has exceeded the max execution time"),
        ({}, {"full": True}, "Execution history event limit exceeded"),
        ({}, {"status": "DELETING"}, "State machine is in DELETING status"),
    ],
)
def test_reasons(changes, more, reason):
    assert why(failed(**changes), **more) == reason


CHILD = {
    "arn": f"{PREFIX}:execution:m/l:c",
    "machine_arn": f"{PREFIX}:stateMachine:m/l",
    "map_run_arn": f"{PREFIX}:mapRun:m/l:r",
}


def described(execution, **more):
    return asyncio.run(describe_execution(core(execution, **more), None, {"executionArn": execution.arn}))


def test_children_are_redriven_by_their_map_run():
    shown = described(failed(**CHILD))
    assert (shown["status"], shown["redriveStatus"]) == ("FAILED", "REDRIVABLE_BY_MAP_RUN")
    assert "redriveStatusReason" not in shown
    assert described(failed(**CHILD), pending=[CHILD["arn"]])["status"] == "PENDING_REDRIVE"
    succeeded = described(failed(**CHILD, status="SUCCEEDED"))
    assert succeeded["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    assert described(failed(**CHILD), status="DELETING")["redriveStatus"] == "NOT_REDRIVABLE"
    with pytest.raises(ServiceError, match="child workflow"):
        asyncio.run(redrive_execution(core(failed(**CHILD)), None, {"executionArn": CHILD["arn"]}))


def test_client_tokens_are_known_for_a_while():
    made = core(failed())

    def redrive(token=None):
        request = {"executionArn": failed().arn, **({} if token is None else {"clientToken": token})}
        return asyncio.run(redrive_execution(made, None, request))["redriveDate"]

    first = redrive("a")
    assert redrive("a") == first
    assert made.runtime.redriven == 1
    assert redrive("b") != first
    redrive()
    assert set(made.redrive_tokens[failed().arn]) == {"a", "b"}
    made.clock.now_ms = lambda: NOW + 15 * 60_000 + 10
    redrive()
    assert made.redrive_tokens == {}
