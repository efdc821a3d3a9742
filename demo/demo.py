"""Three people apply at a bank; the server is killed on the way; nothing is lost.

Everything goes through boto3, as it would on AWS: functions (functions/*.py), the state machine (onboarding.asl.json),
three executions (applicants.json). Ends with 1 if anything is not as it should be.
"""

import io
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from rich.console import Console

HERE = Path(__file__).parent
NEWEL = Path(sys.executable).with_name("newel")
CONSOLE = Console(highlight=False)
ROLE = "arn:aws:iam::123456789012:role/demo"
EXPECTED = {"ada": "ONBOARDED", "chen": "ONBOARDED", "bruno": "DECLINED"}


def say(text: str) -> None:
    CONSOLE.print(f"[bold cyan]--[/] {text}")


def need(true: object, what: str) -> None:
    if not true:
        raise SystemExit(f"demo failed: {what}")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    """Polls until the condition holds and returns its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        need(time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.05)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`newel serve` on one port and one data directory, started as often as needed."""

    def __init__(self, folder: Path) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> float:
        """Returns the seconds until it answered."""
        command = [NEWEL, "serve", "--port", str(self.port), "--data-dir", str(self.folder / "data")]
        began = time.monotonic()
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self.answers, f"newel serve (see {self.folder / 'server.log'})")
        return time.monotonic() - began

    def answers(self) -> bool:
        need(
            self.process and self.process.poll() is None,
            f"the server ended:\n{(self.folder / 'server.log').read_text()[-2000:]}",
        )
        try:
            return urllib.request.urlopen(self.url + "/health", timeout=2).status == 200
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "demo", "aws_secret_access_key": "demo"}
        config = Config(retries={"max_attempts": 0})
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=config, **keys)


def package(source: Path) -> bytes:
    """A deployment package with one module."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.write(source, source.name)
    return buffer.getvalue()


def create_functions(client: Any, environment: dict[str, str]) -> dict[str, str]:
    """Registers demo/functions/*.py: name -> ARN."""
    return {
        source.stem.replace("_", "-"): client.create_function(
            FunctionName=source.stem.replace("_", "-"),
            Runtime="python3.12",
            Handler=f"{source.stem}.handler",
            Role=ROLE,
            Code={"ZipFile": package(source)},
            Environment={"Variables": environment},
        )["FunctionArn"]
        for source in sorted((HERE / "functions").glob("*.py"))
    }


def create_machine(client: Any, functions: dict[str, str]) -> str:
    definition = (HERE / "onboarding.asl.json").read_text().replace("${QuoteFunctionArn}", functions["quote-insurance"])
    return client.create_state_machine(name="onboarding", definition=definition, roleArn=ROLE)["stateMachineArn"]


def current_state(client: Any, arn: str) -> str:
    """The state that an execution is in: the newest one entered."""
    events = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=50)["events"]
    return next(
        (event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event), ""
    )


def show(client: Any, name: str, arn: str) -> None:
    described = client.describe_execution(executionArn=arn)
    CONSOLE.print(f"   {name:6} {described['status']:10} {current_state(client, arn)}")


def decide(client: Any, desk: Path) -> None:
    """The banker reads what lies on the desk and approves it: the token is from before the crash."""
    for paper in sorted(desk.glob("*.json")):
        request = json.loads(paper.read_text())
        say(f"the banker approves {request['accountId']} of {request['name']}")
        client.send_task_success(taskToken=request["token"], output=json.dumps({"banker": "M. Duarte"}))


def check(client: Any, executions: dict[str, str], ledger: Path) -> None:
    """Every execution ended as it should, and every account was opened once."""
    for name, arn in executions.items():
        described = client.describe_execution(executionArn=arn)
        need(described["status"] == "SUCCEEDED", f"{name}: {described['status']} {described.get('cause', '')}")
        status = json.loads(described["output"])["status"]
        need(status == EXPECTED[name], f"{name}: {status} instead of {EXPECTED[name]}")
    with sqlite3.connect(ledger) as accounts:
        holders = [row[0] for row in accounts.execute("select holder from accounts order by holder")]
    need(holders == ["Ada Okafor", "Chen Wei"], f"the ledger has accounts of {holders}")


def history(client: Any, arn: str, *options: str) -> None:
    """`newel history`, as one would type it."""
    done = subprocess.run([NEWEL, "history", arn, "--endpoint-url", client.meta.endpoint_url, *options], check=False)
    need(done.returncode == 0, f"newel history ended with {done.returncode}")


def report(client: Any, executions: dict[str, str]) -> None:
    for name, arn in executions.items():
        CONSOLE.print(f"\n[bold]{name}[/] {client.describe_execution(executionArn=arn)['output']}")
        history(client, arn)
    CONSOLE.print("\n[bold]bruno[/] event by event")
    history(client, executions["bruno"], "--events")


def run(server: Server, folder: Path) -> None:
    desk, ledger = folder / "desk", folder / "ledger.sqlite"
    say(f"newel serve answers after {server.start():.1f} s on {server.url}")
    states = server.client("stepfunctions")
    functions = create_functions(server.client("lambda"), {"DESK": str(desk), "LEDGER": str(ledger)})
    machine = create_machine(states, functions)
    say(f"{len(functions)} functions and the state machine 'onboarding' are there; three people apply")
    executions = {
        name: states.start_execution(stateMachineArn=machine, name=name, input=json.dumps(applicant))["executionArn"]
        for name, applicant in json.loads((HERE / "applicants.json").read_text()).items()
    }
    wait_until(lambda: list(desk.glob("*.json")), "a request on the banker's desk")
    wait_until(lambda: current_state(states, executions["chen"]) == "CoolingOff", "Chen's cooling-off time")
    for name, arn in executions.items():
        show(states, name, arn)

    server.kill()
    say("killed with SIGKILL, in the middle of all that")
    time.sleep(1)
    say(f"started again on the same data: answers after {server.start():.1f} s")
    for name, arn in executions.items():
        show(states, name, arn)

    decide(states, desk)
    wait_until(
        lambda: all(states.describe_execution(executionArn=arn)["status"] != "RUNNING" for arn in executions.values()),
        "the ends",
    )
    report(states, executions)
    check(states, executions, ledger)
    say("three executions ended as they should; each account was opened once")


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="newel-demo-", ignore_cleanup_errors=True) as folder:
        server = Server(Path(folder))
        try:
            run(server, Path(folder))
        finally:
            server.kill()
    say(f"{time.monotonic() - began:.0f} s. Next: demo/onboarding.asl.json, docs/quickstart.md, ARCHITECTURE.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
