"""`newel dev` as a process on loopback, its JSON documents, and the clients that tests talk to it with."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
#: Far more than anything takes: a deadline is for what never comes.
PATIENCE_SECONDS = 60


PROJECT = {
    "newel.toml": """
        [substitutions]
        Bucket = "inbox"

        [machines.logged]
        definition = "flows/store.asl.json"
        type = "EXPRESS"
        role_arn = "arn:aws:iam::${AWS::AccountId}:role/logged"
        logging = { log_group = "/newel/logged" }
        substitutions = { Key = "from-express" }

        [functions.renamed]
        path = "code/other"
        env = { GREETING = "hello from ${AWS::Region}" }
        timeout = 20
        memory = 256

        [resources]
        queues = ["jobs", "strict.fifo"]
        secrets = { db = { user = "u" }, token = "t" }
        parameters = { "/app/level" = "high" }
        log_groups = ["/app"]

        [resources.buckets.inbox]
        objects = "seed"

        [resources.tables.orders]
        keys = { customer = "S", number = "N" }
        indexes = { by_state = { keys = { state = "S" } } }
        items = [{ customer = "c", number = 1, state = "new", lines = [{ sku = "x", gift = true }] }]

        [resources.topics.news]
        subscriptions = ["sqs:jobs", "lambda:note"]
    """,
    "flows/store.asl.json": """
        {"StartAt": "Put", "States": {"Put": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
         "Parameters": {"Bucket": "${Bucket}", "Key": "${Key}", "Body.$": "$"}, "End": true}}}
    """,
    "flows/greet.asl.yaml": """
        StartAt: Greet
        States:
          Greet:
            Type: Task
            Resource: arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:greet
            End: true
    """,
    "flows/broken.asl.json": """
        {"StartAt": "A",
         "States": {"A": {"Type": "Pass", "Next": "B"}}}
    """,
    "functions/greet.py": "def handler(event, context):\n    return {'hello': event.get('name')}\n",
    "functions/note.py": """
        import boto3, json
        def handler(event, context):
            boto3.client("s3").put_object(Bucket="inbox", Key="noted", Body=json.dumps(event))
    """,
    "code/other/index.py": "import os\ndef handler(event, context):\n    return os.environ['GREETING']\n",
    "seed/a/one.txt": "one",
}


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a project's files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))


def clean_environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "NEWEL_", "MOTO_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


class Dev:
    """`newel dev --json` on a folder."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.folder = folder
        self.errors = folder.with_name(f"{folder.name}.stderr")
        command = [sys.executable, "-m", "newel", "dev", str(folder), "--port", "0", "--json", *options]
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=clean_environment(**environment)
            )
        self.seen: list[dict[str, Any]] = []
        self._documents: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._clients: dict[str, Any] = {}
        self.served = self.until("ready")
        self.url = self.served["url"]

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._documents.put(json.loads(line))
        self._documents.put(None)

    def until(self, event: str, **members: Any) -> dict[str, Any]:
        """The next document of an event with these members; those before it are in `seen`."""
        while True:
            try:
                document = self._documents.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no {event} {members}; seen: {self.seen}; {self.errors.read_text()}") from None
            assert document is not None, (event, self.seen, self.errors.read_text())
            self.seen.append(document)
            if document["event"] == event and all(document[key] == value for key, value in members.items()):
                return document

    def client(self, service: str, **options: Any) -> Any:
        made = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_SECONDS, **options),
        )
        self._clients[f"{service} {options}"] = made
        return made

    def shared(self, service: str) -> Any:
        return self._clients.get(f"{service} {{}}") or self.client(service)

    def aws(self, *commands: list[str]) -> list[Any]:
        """The answers of `aws` commands, decoded if they are JSON. One process runs them all: a start takes seconds."""
        environment = clean_environment(
            AWS_DEFAULT_REGION=REGION,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_CONFIG_FILE=str(self.folder / "none"),
        )
        given = json.dumps([["--endpoint-url", self.url, *words] for words in commands])
        done = subprocess.run(
            [sys.executable, "-c", _RUN_COMMANDS],
            input=given,
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [_decoded(text) for text in json.loads(done.stdout)]

    def close(self) -> int:
        for client in self._clients.values():
            client.close()
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE_SECONDS)
        self._reader.join(PATIENCE_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


#: The `aws` command's own entrance, once for each list of words on stdin.
_RUN_COMMANDS = """
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
outputs = []
for words in json.load(sys.stdin):
    written = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with contextlib.redirect_stdout(written):
        code = create_clidriver().main(words)
    assert code == 0, (words, code)
    outputs.append(written.buffer.getvalue().decode())
print(json.dumps(outputs))
"""


def _decoded(text: str) -> Any:
    try:
        return json.loads(text) if text.strip() else None
    except ValueError:
        return text.strip()
