"""SIGTERM: the server ends soon and in order whatever is under way, and aborts nothing of it."""

from __future__ import annotations

import signal
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from server_process import Server, chain, eventually

#: Not how long a stop takes, but well under the minute that a long poll or a task of these tests would.
SOON_SECONDS = 30
#: Counts its calls in a file; the first call outlives the server, the next answers.
SLOW = """
import pathlib, time
def handler(event, context):
    calls = pathlib.Path(event["calls"])
    first = not calls.exists()
    with calls.open("a") as file:
        file.write("call ")
    if first:
        time.sleep(55)
    return "done"
"""
NESTED = "arn:aws:states:::states:startExecution.sync:2"


class Call(threading.Thread):
    """A request in a thread of its own: `answer` or `error` in the end."""

    def __init__(self, request: Any, **members: Any) -> None:
        super().__init__(daemon=True)
        self.request, self.members = request, members
        self.answer: Any = None
        self.error: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = self.request(**self.members)
        except Exception as error:
            self.error = error


def soon_stopped(server: Server, number: int = signal.SIGTERM) -> None:
    began = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - began < SOON_SECONDS
    assert "Traceback" not in server.errors.read_text()


def nested(server: Server, seconds: int) -> str:
    """An execution whose child waits; its ARN, once the child runs."""
    child = server.machine(f"child-{seconds}", chain(("Wait", {"Type": "Wait", "Seconds": seconds})))
    call = {"Type": "Task", "Resource": NESTED, "Parameters": {"StateMachineArn": child, "Input": {"n": 1}}}
    parent = server.execute(server.machine(f"parent-{seconds}", chain(("Call", call))))
    server.reached(parent, "TaskSubmitted")
    return parent


def children(server: Server, name: str) -> list[dict[str, Any]]:
    machine = f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}"
    found: list[dict[str, Any]] = server.states.list_executions(stateMachineArn=machine)["executions"]
    return found


def test_a_stop_aborts_nothing(server: Server, tmp_path: Path) -> None:
    function = server.function("slow", SLOW)
    calls = tmp_path / "calls"
    slow = server.execute(
        server.machine("slow", chain(("Call", {"Type": "Task", "Resource": function}))), {"calls": str(calls)}
    )
    parent = nested(server, 4)
    eventually(calls.exists)
    poll = Call(server.client("stepfunctions").get_activity_task, activityArn=activity(server))
    express = server.machine("express", chain(("Wait", {"Type": "Wait", "Seconds": 50})), type="EXPRESS")
    sync = Call(server.client("stepfunctions").start_sync_execution, stateMachineArn=express)
    eventually(lambda: connections(server) >= 4, "the requests of both threads")
    eventually(lambda: f'newel_executions_started_total{{state_machine_arn="{express}"}}' in metrics(server))

    soon_stopped(server)
    poll.join(SOON_SECONDS)
    assert poll.error is None
    assert poll.answer.get("taskToken") is None, "the worker was sent away"
    sync.join(SOON_SECONDS)
    assert isinstance(sync.error, ClientError), sync.answer
    assert sync.error.response["Error"]["Code"] == "ServiceUnavailable"

    server.start()
    assert server.output(parent)["Output"] == {"n": 1}
    assert server.events(parent).count("TaskSubmitted") == 1
    [child] = children(server, "child-4")
    assert child["status"] == "SUCCEEDED"
    assert server.output(slow) == "done"
    assert calls.read_text() == "call call "


def activity(server: Server) -> str:
    arn: str = server.states.create_activity(name="work")["activityArn"]
    return arn


def connections(server: Server) -> int:
    """Clients that are connected; the two of `server` itself, for Step Functions and Lambda, are among them."""
    assert server.process is not None
    found = psutil.Process(server.process.pid).net_connections(kind="tcp")
    return sum(each.status == psutil.CONN_ESTABLISHED and str(each.laddr.port) == server.port for each in found)


def metrics(server: Server) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics") as answer:
        text: str = answer.read().decode()
    return text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_aborts_nothing_either(server: Server, number: int) -> None:
    parent = nested(server, 600)
    assert server.process is not None
    server.process.send_signal(number)
    soon_stopped(server, number)
    server.start()
    assert server.status(parent) == "RUNNING"
    [child] = children(server, "child-600")
    assert child["status"] == "RUNNING"
    server.states.stop_execution(executionArn=child["executionArn"], error="Enough")
    assert server.ended(parent)["status"] == "FAILED"


def test_what_a_task_was_stopped_for_is_stopped_in_its_child(server: Server) -> None:
    """The counterpart: a stop of the parent, and not of the server, does abort the child."""
    parent = nested(server, 600)
    server.states.stop_execution(executionArn=parent)
    [child] = children(server, "child-600")
    assert server.ended(child["executionArn"])["status"] == "ABORTED"
