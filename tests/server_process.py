"""`newel serve` as a process on loopback, in as many lives as a test wants, and the clients that tests talk to it with."""

from __future__ import annotations

import io
import json
import re
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config

T = TypeVar("T")

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"
#: Far more than anything takes: a deadline is for what never comes, not for what is slow.
PATIENCE_SECONDS = 60


def eventually(look: Callable[[], T], what: str = "what was waited for", seconds: float = PATIENCE_SECONDS) -> T:
    """The first truthy thing that `look` gives."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(0.03)


class Server:
    """`newel serve`, or another command that serves, on one data directory. After the first start the port stays the same."""

    def __init__(self, data_dir: Path, command: Sequence[str] = ("serve",)) -> None:
        self.data_dir = data_dir
        self.command = command
        self.port = "0"
        self.process: subprocess.Popen[str] | None = None
        self.errors = data_dir.with_name(f"{data_dir.name}.stderr")
        self._clients: dict[str, Any] = {}

    # -- lives

    def launch(self, *, file_bytes_max: int | None = None) -> subprocess.Popen[str]:
        """Begin to start; with `file_bytes_max`, no file may grow beyond (a full disk, as far as a process can tell)."""
        command = [sys.executable, "-m", "newel", *self.command, "--port", self.port, "--data-dir", str(self.data_dir)]

        def limit() -> None:
            if file_bytes_max is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes_max, file_bytes_max))

        with self.errors.open("a") as errors:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                preexec_fn=limit if file_bytes_max else None,  # noqa: PLW1509  (it takes no lock)
            )
        return self.process

    def start(self, *, file_bytes_max: int | None = None) -> None:
        process = self.launch(file_bytes_max=file_bytes_max)
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found is not None, (line, self.errors.read_text())
        self.port = found[1]

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop in order; the exit code."""
        return self._end(number)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        for client in self._clients.values():
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()

    # -- clients

    def client(self, service: str, **options: Any) -> Any:
        """A new client that never tries again by itself."""
        config: dict[str, Any] = {"connect_timeout": 5, "read_timeout": PATIENCE_SECONDS, **options}
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False, **config),
        )

    def _shared(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.client(service)
        return self._clients[service]

    @property
    def states(self) -> Any:
        return self._shared("stepfunctions")

    @property
    def lambda_(self) -> Any:
        return self._shared("lambda")

    @property
    def logs(self) -> Any:
        return self._shared("logs")

    # -- what tests do all the time

    def machine(self, name: str, definition: dict[str, Any], **more: Any) -> str:
        """Create a state machine; its ARN."""
        created = self.states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, **more)
        arn: str = created["stateMachineArn"]
        return arn

    def function(self, name: str, source: str) -> str:
        """Create a Python function from its source; its ARN."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", source)
        created = self.lambda_.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=ROLE,
            Handler="handler.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=60,
        )
        arn: str = created["FunctionArn"]
        return arn

    def execute(self, machine_arn: str, given: Any = None, **more: Any) -> str:
        """Start an execution; its ARN."""
        answer = self.states.start_execution(stateMachineArn=machine_arn, input=json.dumps(given or {}), **more)
        arn: str = answer["executionArn"]
        return arn

    def status(self, arn: str) -> str:
        status: str = self.states.describe_execution(executionArn=arn)["status"]
        return status

    def ended(self, arn: str) -> dict[str, Any]:
        """DescribeExecution once the execution has ended."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.states.describe_execution(executionArn=arn)
            return None if found["status"] == "RUNNING" else found

        return eventually(look, f"the end of {arn}")

    def output(self, arn: str) -> Any:
        """The output of an execution, which must succeed."""
        found = self.ended(arn)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])

    def events(self, arn: str) -> list[str]:
        """The types of an execution's history events; checks their numbers."""
        events = self.states.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        return [event["type"] for event in events]

    def reached(self, arn: str, event_type: str, count: int = 1) -> None:
        """Wait until an execution's history has `count` events of a type."""
        eventually(lambda: self.events(arn).count(event_type) >= count, f"{event_type} of {arn}")


def chain(*states: tuple[str, dict[str, Any]], **top: Any) -> dict[str, Any]:
    """A definition whose states follow one another."""
    following = [*[name for name, _ in states[1:]], None]
    built = {
        name: state if state["Type"] in ("Succeed", "Fail", "Choice") else {**state, **link(after)}
        for (name, state), after in zip(states, following, strict=True)
    }
    return {"StartAt": states[0][0], "States": built, **top}


def link(after: str | None) -> dict[str, Any]:
    return {"Next": after} if after else {"End": True}
