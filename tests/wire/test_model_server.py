"""The development model server in Bedrock's place, as the AWS SDKs see it, and as a process of its own."""

import asyncio
import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from newel.integrations.aws.client import AwsClient
from newel.integrations.aws.settings import AwsSettings
from newel.ports.aws import AwsError
from newel.runtime.clock import SystemClock

QUESTION = "What is the capital of France?"
ANSWER = "The capital of France is Paris."


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    answers = tmp_path_factory.mktemp("answers") / "answers.json"
    answers.write_text(json.dumps([{"pattern": "who are you", "text": "A stand-in."}]))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "newel.dev.model_server", "--port", str(port), "--answers", str(answers)]
    process = subprocess.Popen(command)
    url = f"http://127.0.0.1:{port}"
    try:
        until_it_answers(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def until_it_answers(url, process):
    for _ in range(300):
        assert process.poll() is None
        try:
            urllib.request.urlopen(f"{url}/_model/log").close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the model server does not answer")


def call(url, operation, monkeypatch, **parameters):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    async def called():
        settings = AwsSettings(own_url="http://127.0.0.1:1", endpoint_urls={"BEDROCK_RUNTIME": url}, attempts=1)
        client = AwsClient(settings, SystemClock())
        try:
            answer = await client.call(
                "bedrock-runtime", operation, parameters, account="123456789012", region="us-east-1"
            )
        finally:
            await client.close()
        return answer.result

    return asyncio.run(called())


def behave(url, **changes):
    request = urllib.request.Request(f"{url}/_model/behaviour", json.dumps(changes).encode(), method="POST")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_invoke_model_and_converse(server, monkeypatch):
    body = {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
    invoked = call(server, "InvokeModel", monkeypatch, modelId="us.amazon.nova-micro-v1:0", body=json.dumps(body))
    assert json.loads(invoked["body"])["output"]["message"]["content"] == [{"text": ANSWER}]
    asked = [{"role": "user", "content": [{"text": "Who are you?"}]}]
    conversed = call(server, "Converse", monkeypatch, modelId="any", messages=asked)
    assert conversed["output"]["message"] == {"role": "assistant", "content": [{"text": "A stand-in."}]}
    assert conversed["stopReason"] == "end_turn"


def test_throttling(server, monkeypatch):
    assert behave(server, throttle=1.0)["throttle"] == 1.0
    asked = [{"role": "user", "content": [{"text": QUESTION}]}]
    try:
        with pytest.raises(AwsError) as raised:
            call(server, "Converse", monkeypatch, modelId="any", messages=asked)
    finally:
        behave(server, throttle=0.0)
    assert (raised.value.code, raised.value.status) == ("ThrottlingException", 429)
