import json
import signal
import socket

import boto3
import pytest
from botocore.config import Config

from .conftest import machine


@pytest.fixture
def server(start_newel, tmp_path):
    """A server as a process: its client and the URL it says it answers at."""
    process = start_newel("serve", "--port", 0, "--data-dir", tmp_path / "data", "--json")
    line = process.stdout.readline()
    assert line, process.stderr.read()
    process.url = json.loads(line)["url"]
    process.client = boto3.client(
        "stepfunctions",
        endpoint_url=process.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}),
    )
    return process


def execute(client, definition):
    """Run a machine to its end; the execution's ARN."""
    created = client.create_state_machine(
        name="flow", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/r"
    )
    arn = client.start_execution(stateMachineArn=created["stateMachineArn"], name="run")["executionArn"]
    while client.describe_execution(executionArn=arn)["status"] == "RUNNING":
        pass
    return arn


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_serves_and_stops_when_told(server, number):
    assert server.client.list_state_machines()["stateMachines"] == []
    server.send_signal(number)
    _, errors = server.communicate(timeout=60)
    assert server.returncode == 0
    assert errors == ""


def test_the_history_of_an_execution(server, newel):
    arn = execute(server.client, machine(("First", {"Type": "Pass"}), ("Stop", {"Type": "Fail", "Error": "Bad"})))
    tree = newel("history", arn, "--endpoint-url", server.url)
    assert tree.exit_code == 0
    assert tree.stdout.splitlines()[0].startswith("✗ run  FAILED")
    assert "Bad" in tree.stdout
    listed = newel("history", arn, "--endpoint-url", server.url, "--events").stdout
    assert [word for word in listed.split() if word.startswith(("Execution", "Pass", "Fail"))] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "FailStateEntered",
        "ExecutionFailed",
    ]
    document = json.loads(newel("history", arn, "--endpoint-url", server.url, "--json").stdout)
    assert document["executionArn"] == arn
    assert [event["id"] for event in document["events"]] == [1, 2, 3, 4, 5]


def test_an_execution_that_is_not_there(server, newel):
    arn = "arn:aws:states:us-east-1:000000000000:execution:flow:absent"
    result = newel("history", arn, "--endpoint-url", server.url)
    assert result.exit_code == 1
    assert result.stderr == f"newel: ExecutionDoesNotExist: Execution Does Not Exist: '{arn}'\n"


def test_no_server(newel):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        result = newel("history", "arn:x", "--endpoint-url", url)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"newel: cannot reach {url}/: ")


def test_an_endpoint_that_is_no_url(newel):
    result = newel("history", "arn:x", "--endpoint-url", "localhost")
    assert result.exit_code == 2
    assert result.stderr == "newel: not an HTTP URL: localhost\n"


def test_a_port_that_is_taken(start_newel, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start_newel("serve", "--port", port, "--data-dir", tmp_path / "data")
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert errors == f"newel: cannot start at 127.0.0.1:{port}: Address already in use\n"


def test_a_data_directory_that_cannot_be_made(start_newel, tmp_path):
    (tmp_path / "file").write_text("")
    process = start_newel("serve", "--port", 0, "--data-dir", tmp_path / "file" / "data")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert errors == f"newel: cannot start at {tmp_path / 'file' / 'data'}: Not a directory\n"


def test_an_address_beyond_this_machine_must_be_asked_for(start_newel, tmp_path):
    process = start_newel("serve", "--host", "0.0.0.0", "--port", 0, "--data-dir", tmp_path / "data")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert errors.startswith("newel: 0.0.0.0 is not a loopback address")
    assert errors.count("\n") == 1
