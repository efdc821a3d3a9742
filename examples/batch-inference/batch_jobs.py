"""What stands beside Newel in this example: batch inference of Bedrock, and the rule of EventBridge that starts the
second machine when a job's answers are in the bucket. Answers at one port of loopback.

A job begins when `/go` is asked for, so that everyone can see that the first machine did not wait for it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.config import Config

HERE = Path(__file__).parent
GOOD = ("lovely", "sturdy", "worth", "better", "right")


class Jobs:
    """The jobs by ARN, and where the bucket and the machine are, which the driver tells."""

    def __init__(self) -> None:
        self.jobs: dict[str, dict[str, Any]] = {}
        self.url = "http://127.0.0.1:8083"
        self.machine = ""
        self.go = threading.Event()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=self.url, config=Config(s3={"addressing_style": "path"}), **keys)

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """CreateModelInvocationJob."""
        arn = f"arn:aws:bedrock:us-east-1:000000000000:model-invocation-job/job{len(self.jobs):09d}"
        self.jobs[arn] = {**asked, "jobArn": arn, "status": "InProgress"}
        threading.Thread(target=self._work, args=(self.jobs[arn],), daemon=True).start()
        return {"jobArn": arn}

    def _work(self, job: dict[str, Any]) -> None:
        self.go.wait()
        s3 = self.client("s3")
        source = urlsplit(job["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
        target = urlsplit(job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        lines = s3.get_object(Bucket=source.netloc, Key=source.path[1:])["Body"].read().decode().splitlines()
        answers = [answer(json.loads(line)) for line in lines]
        folder, name = target.path[1:], source.path.rpartition("/")[2]
        body = "".join(json.dumps(found) + "\n" for found in answers)
        s3.put_object(Bucket=target.netloc, Key=f"{folder}{name}.out", Body=body)
        errors = sum("error" in found for found in answers)
        manifest = {"totalRecordCount": len(answers), "errorRecordCount": errors}
        s3.put_object(Bucket=target.netloc, Key=f"{folder}manifest.json.out", Body=json.dumps(manifest))
        job["status"] = "Completed"
        self._rule(target.netloc, f"{folder}{name}.out")

    def _rule(self, bucket: str, key: str) -> None:
        """The rule `{"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"object": {"key":
        [{"wildcard": "*.jsonl*"}]}}}` with the second machine as its target.
        """
        event = {
            "version": "0",
            "source": "aws.s3",
            "detail-type": "Object Created",
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
        }
        self.client("stepfunctions").start_execution(stateMachineArn=self.machine, input=json.dumps(event))


def answer(record: dict[str, Any]) -> dict[str, Any]:
    """What the model says of one record; one without a review is refused."""
    text = record["modelInput"]["messages"][0]["content"].removeprefix("Positive or negative? ")
    if not text:
        refused = {"errorCode": 400, "errorMessage": "there is no review"}
        return {**record, "error": refused}
    word = "positive" if any(good in text for good in GOOD) else "negative"
    return {**record, "modelOutput": {"role": "assistant", "content": [{"type": "text", "text": word}]}}


class Handler(BaseHTTPRequestHandler):
    jobs: Jobs

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/model-invocation-job":
            self._answer(self.jobs.create(given))
        elif self.path == "/rule":
            self.jobs.go.clear()
            self.jobs.url, self.jobs.machine = given["url"], given["machine"]
            self._answer({})
        elif self.path == "/go":
            self.jobs.go.set()
            self._answer({})
        else:
            self._answer({"message": f"there is no {self.path}"}, 404)

    def do_GET(self) -> None:
        job = self.jobs.jobs.get(unquote(self.path.removeprefix("/model-invocation-job/")))
        self._answer(job or {"message": "there is no such job"}, 200 if job else 404)

    def _answer(self, body: dict[str, Any], status: int = 200) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def main() -> None:
    port = urlsplit(tomllib.loads((HERE / "newel.toml").read_text("utf-8"))["endpoints"]["bedrock"]).port
    Handler.jobs = Jobs()
    print(f"batch jobs at port {port}", file=sys.stderr, flush=True)
    ThreadingHTTPServer(("127.0.0.1", port or 0), Handler).serve_forever()


if __name__ == "__main__":
    main()
