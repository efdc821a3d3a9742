"""Tasks that wait for other servers: many of them, no thread each, nobody else waits; and how often one is asked."""

import json
import os
import threading
import time

import psutil
import pytest
from aws_servers import Asked, Told, answering

from server_process import Server, eventually

CALLS = 500
SEND = {
    "StartAt": "Send",
    "States": {
        "Send": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sqs:sendMessage",
            "Parameters": {"QueueUrl": "http://queue/000000000000/q", "MessageBody": "hello"},
            "End": True,
        }
    },
}
PASS = {"StartAt": "Pass", "States": {"Pass": {"Type": "Pass", "End": True}}}


@pytest.fixture
def hanging():
    """A URL whose answers wait for `release`, and how many wait."""
    release, waiting, lock = threading.Event(), [0], threading.Lock()

    def answer(_asked: Asked) -> Told:
        with lock:
            waiting[0] += 1
        release.wait(120)
        return Told(body=json.dumps({"MessageId": "m", "MD5OfMessageBody": "5d41402abc4b2a76b9719d911017c592"}))

    with answering(answer) as url:
        yield url, release, waiting
        release.set()


def latency_seconds(server: Server, machine: str, starts: int) -> list[float]:
    """How long executions take from their start to their end, seen by a client, in order."""
    times = []
    for _ in range(starts):
        began = time.perf_counter()
        arn = server.states.start_execution(stateMachineArn=machine)["executionArn"]
        eventually(lambda arn=arn: server.states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
        times.append(time.perf_counter() - began)
    return sorted(times)


def test_five_hundred_tasks_that_wait(tmp_path, hanging, monkeypatch):
    url, release, waiting = hanging
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    server = Server(tmp_path / "data")
    server.start()
    try:
        send, quick = server.machine("send", SEND), server.machine("quick", PASS)
        alone = latency_seconds(server, quick, 40)
        idle_threads = psutil.Process(server.process.pid).num_threads()
        arns = [server.states.start_execution(stateMachineArn=send)["executionArn"] for _ in range(CALLS)]
        eventually(lambda: waiting[0] == CALLS, "every call")
        beside = latency_seconds(server, quick, 40)
        threads = psutil.Process(server.process.pid).num_threads()
        assert threads - idle_threads <= 2 * (os.cpu_count() or 1) + 8  # the pool that loads models, and nothing more
        # The median, by far: a hung call costs nothing while it hangs.
        assert beside[20] < 10 * alone[20] + 0.1, (alone, beside)
        release.set()
        for arn in arns:
            eventually(lambda arn=arn: server.states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
        print(f"threads {idle_threads} -> {threads}; p50 {alone[20] * 1e3:.1f} ms -> {beside[20] * 1e3:.1f} ms")
    finally:
        server.close()


def test_how_often_a_call_is_tried_is_a_setting(tmp_path, monkeypatch):
    asked = []

    def answer(request: Asked) -> Told:
        asked.append(request.path)
        return Told(503, b"")

    with answering(answer) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", url)
        monkeypatch.setenv("NEWEL_AWS_CALLS", '{"attempts": 1}')
        server = Server(tmp_path / "data")
        server.start()
        try:
            arn = server.states.start_execution(stateMachineArn=server.machine("send", SEND))["executionArn"]
            eventually(lambda: server.states.describe_execution(executionArn=arn)["status"] == "FAILED")
        finally:
            server.close()
    assert len(asked) == 1
