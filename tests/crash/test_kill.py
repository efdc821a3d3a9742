"""A real server under load is killed again and again; nothing that it acknowledged is lost or done twice."""

from __future__ import annotations

import json
import random
import threading
import time
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from server_process import Server

KILLS = 20
HANDLER = "def handler(event, context):\n    return {'n': event['n'] + 1}\n"


def definitions(function_arn: str, child_arn: str) -> dict[str, dict[str, Any]]:
    """Machines that wait, call a function, fan out, and wait for a callback."""
    work = {
        "StartAt": "Call",
        "States": {
            "Call": {"Type": "Task", "Resource": function_arn, "Next": "Pause"},
            "Pause": {"Type": "Wait", "Seconds": 1, "Next": "Both"},
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "Again", "States": {"Again": {"Type": "Task", "Resource": function_arn, "End": True}}},
                    {"StartAt": "Keep", "States": {"Keep": {"Type": "Pass", "End": True}}},
                ],
                "End": True,
            },
        },
    }
    ask = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken",
                "Parameters": {"StateMachineArn": child_arn, "Input": {"token.$": "$$.Task.Token", "n.$": "$.n"}},
                "End": True,
            }
        },
    }
    return {"work": work, "ask": ask}


def set_up(server: Server) -> dict[str, str]:
    """The function and the machines; machine ARNs by name."""
    function = server.function("add", HANDLER)
    child = server.machine("child", {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
    machines = {name: server.machine(name, body) for name, body in definitions(function, child).items()}
    return {**machines, "child": child}


class Load(threading.Thread):
    """Starts executions until told to stop; remembers those that were acknowledged."""

    def __init__(self, server: Server, machines: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self.server = server
        self.machines = machines
        self.acknowledged: dict[str, int] = {}
        self.refused = 0
        self.done = threading.Event()

    def run(self) -> None:
        states = self.server.client("stepfunctions", read_timeout=10)
        n = 0
        while not self.done.is_set():
            n += 1
            kind = "ask" if n % 4 == 0 else "work"
            try:
                answer = states.start_execution(
                    stateMachineArn=self.machines[kind], name=f"{kind}-{n}", input=json.dumps({"n": n})
                )
                self.acknowledged[answer["executionArn"]] = n
                time.sleep(0.01)
            except (BotoCoreError, ClientError):
                self.refused += 1
                time.sleep(0.05)


def answer_questions(states: Any, child: str) -> int:
    """Send the callback for every child's token that still waits; how many were accepted."""
    accepted = 0
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=child)
    for page in pages:
        for execution in page["executions"]:
            given = json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"])
            try:
                states.send_task_success(taskToken=given["token"], output=json.dumps({"n": given["n"]}))
                accepted += 1
            except ClientError as error:
                if error.response["Error"]["Code"] not in ("TaskTimedOut", "TaskDoesNotExist"):
                    raise
    return accepted


def check_execution(states: Any, arn: str, n: int) -> None:
    described = states.describe_execution(executionArn=arn)
    assert described["status"] == "SUCCEEDED", described
    output = json.loads(described["output"])
    assert output == ({"n": n} if ":ask:" in arn else [{"n": n + 2}, {"n": n + 1}])
    events = states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["type"] for event in events]
    assert kinds.count("ExecutionSucceeded") == 1
    assert kinds[-1] == "ExecutionSucceeded"
    assert sum(kind in ("LambdaFunctionSucceeded", "TaskSucceeded") for kind in kinds) == (1 if ":ask:" in arn else 2)


@pytest.mark.slow
def test_kills_under_load(server: Server) -> None:
    machines = set_up(server)
    load = Load(server, machines)
    load.start()
    rng = random.Random(7)
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.1, 0.8))
        server.kill()
        server.start()
    time.sleep(0.5)
    load.done.set()
    load.join()
    assert len(load.acknowledged) > KILLS
    assert load.refused > 0, "no request ever met a dead server: the test did not bite"

    states = server.client("stepfunctions")
    accepted = 0
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        accepted += answer_questions(states, machines["child"])
        running = [
            execution
            for name in ("work", "ask")
            for execution in states.list_executions(stateMachineArn=machines[name], statusFilter="RUNNING")[
                "executions"
            ]
        ]
        if not running:
            break
        time.sleep(0.5)
    assert accepted > 0
    for arn, n in load.acknowledged.items():
        check_execution(states, arn, n)
    assert server.stop() == 0
