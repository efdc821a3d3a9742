"""What the drivers of the examples share: clients, executions that are waited for, and a verdict.

The server is at `AWS_ENDPOINT_URL`, or where `newel dev` answers by default. Any credentials do.
"""

from __future__ import annotations

import json
import os
import sys
import time
import tomllib
import urllib.request
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

os.environ.setdefault("AWS_ENDPOINT_URL", "http://127.0.0.1:8083")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")

#: Far more than anything takes: a deadline is for what never comes.
PATIENCE_SECONDS = 60


class Wrong(Exception):
    """Something was not as it should be."""


def say(text: str) -> None:
    print(f"-- {text}", flush=True)


def need(true: object, what: str) -> None:
    """Raises `Wrong` unless `true` is."""
    if not true:
        raise Wrong(what)


def same(found: object, expected: object, what: str) -> None:
    """Raises `Wrong` unless both are equal."""
    need(found == expected, f"{what}: expected {expected!r}, found {found!r}")
    print(f"   {what}: {found}", flush=True)


def wait_until(look: Callable[[], Any], what: str) -> Any:
    """The first truthy thing that `look` gives."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        need(time.monotonic() < deadline, f"waited in vain for {what}")
        time.sleep(0.05)
    return found


@cache
def client(service: str) -> Any:
    """A client of the server that `AWS_ENDPOINT_URL` names."""
    url = os.environ["AWS_ENDPOINT_URL"]
    config = Config(max_pool_connections=50, read_timeout=PATIENCE_SECONDS + 10, retries={"total_max_attempts": 1})
    return boto3.client(service, endpoint_url=url, config=config)


@cache
def arn(service: str, resource: str) -> str:
    """`arn("states", "stateMachine:orders")` in the server's account and region."""
    account = client("sts").get_caller_identity()["Account"]
    return f"arn:aws:{service}:{os.environ['AWS_DEFAULT_REGION']}:{account}:{resource}"


# -- executions


def start(machine: str, given: Any, **more: Any) -> str:
    """Start an execution; its ARN."""
    machine_arn = arn("states", f"stateMachine:{machine}")
    answer = client("stepfunctions").start_execution(stateMachineArn=machine_arn, input=json.dumps(given), **more)
    return str(answer["executionArn"])


def ended(execution: str) -> dict[str, Any]:
    """DescribeExecution once the execution is not RUNNING any more."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = client("stepfunctions").describe_execution(executionArn=execution)
        return None if found["status"] == "RUNNING" else found

    return wait_until(look, f"the end of {execution}")


def output(execution: str) -> Any:
    """The output of an execution, which must succeed."""
    found = ended(execution)
    need(found["status"] == "SUCCEEDED", f"{execution} {found['status']}: {found.get('error')}: {found.get('cause')}")
    return json.loads(found["output"])


def failure(execution: str) -> tuple[str, str]:
    """The error and the cause of an execution, which must fail."""
    found = ended(execution)
    need(found["status"] == "FAILED", f"{execution} is {found['status']}, not FAILED: {found.get('output')}")
    return found.get("error", ""), found.get("cause", "")


def run(machine: str, given: Any) -> Any:
    """Start an execution and wait; its output."""
    return output(start(machine, given))


def history(execution: str) -> list[dict[str, Any]]:
    """All events of an execution."""
    pages = client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution)
    return [event for page in pages for event in page["events"]]


def states_entered(execution: str) -> list[str]:
    """The names of the states that an execution entered, in order."""
    return [
        event["stateEnteredEventDetails"]["name"] for event in history(execution) if event["type"].endswith("Entered")
    ]


# -- queues


def queue_url(name: str) -> str:
    return str(client("sqs").get_queue_url(QueueName=name)["QueueUrl"])


def take_message(url: str) -> Any:
    """The next message of a queue, decoded and deleted."""

    def look() -> Any:
        return client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages")

    message = wait_until(look, f"a message in {url}")[0]
    client("sqs").delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return json.loads(message["Body"])


# -- servers beside Newel


def project(folder: Path) -> dict[str, Any]:
    """The folder's `newel.toml`."""
    return tomllib.loads((folder / "newel.toml").read_text("utf-8"))


def port_of(folder: Path, service: str) -> int:
    """The port that `newel.toml` gives for a service's endpoint."""
    port = urlsplit(project(folder)["endpoints"][service]).port
    assert port is not None
    return port


def ask(url: str, given: Any = None, method: str | None = None) -> Any:
    """A JSON request to a server beside Newel: GET without a body, POST with one."""
    data = None if given is None else json.dumps(given).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        text = answer.read()
    return json.loads(text) if text else None


# -- the whole


def play(**parts: Callable[[], None]) -> None:
    """Play the parts that the command line names, or all; ends with 1 at the first thing that is wrong."""
    chosen = sys.argv[1:] or list(parts)
    for name in chosen:
        if name not in parts:
            raise SystemExit(f"there is no part {name}; there are: {', '.join(parts)}")
        say(name)
        try:
            parts[name]()
        except Wrong as wrong:
            raise SystemExit(f"WRONG: {wrong}") from None
    say("all as it should be")
