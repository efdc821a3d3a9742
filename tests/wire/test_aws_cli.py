"""The unmodified `aws` command against the API."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from machines import ENDS, ROLE, fresh

AWS = Path(sys.executable).with_name("aws")


@pytest.fixture
def aws(url, tmp_path):
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))},
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    def run(*words):
        return subprocess.run(
            [str(AWS), *words], env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def answer(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def test_create_start_describe(aws):
    arguments = ("--name", fresh(), "--definition", ENDS, "--role-arn", ROLE)
    machine = answer(aws("stepfunctions", "create-state-machine", *arguments))["stateMachineArn"]
    start = aws("stepfunctions", "start-execution", "--state-machine-arn", machine, "--input", '{"a": 1}')
    execution = answer(start)["executionArn"]
    found = answer(aws("stepfunctions", "describe-execution", "--execution-arn", execution))
    assert (found["status"], found["output"]) == ("SUCCEEDED", '{"done": true}')
    assert isinstance(found["startDate"], float)


def test_an_error_reads_as_on_aws(aws):
    done = aws("stepfunctions", "describe-activity", "--activity-arn", "nonsense")
    assert done.returncode != 0
    assert (
        "An error occurred (InvalidArn) when calling the DescribeActivity operation: "
        "Invalid Arn: 'Invalid ARN prefix: nonsense'"
    ) in done.stderr


def test_who_am_i(aws):
    assert answer(aws("sts", "get-caller-identity"))["Account"] == "000000000000"
