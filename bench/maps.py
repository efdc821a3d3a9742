"""Distributed Maps over JSON Lines in S3: items a second, and what the server's memory grows by.

A process of its own serves the object as S3 would, so that what is measured is Newel: it makes the lines as they are
asked for. Batches of 100 go to EXPRESS children of three states. Then children that all wait a second at once. Then
the shared harness's `dmap` beside MiniStack. Figures are only worth something on a machine that does nothing else.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import psutil
import servers

BATCH = 100
LINE_BYTES = 72
ETAG = '"lines"'
WAIT_SECONDS_MAX = 3600
GROWTH_MB_MAX = 100
WAITING_SECONDS_MAX = 5
P95_MS_MAX = 50


def line(number: int) -> bytes:
    """A row of LINE_BYTES bytes."""
    row = f'{{"id":{number:>9},"name":"item {number:09}","value":12.5}}'
    return row.ljust(LINE_BYTES - 1).encode() + b"\n"


def lines(start: int, stop: int) -> bytes:
    """Some bytes of the object that is one line after the other."""
    first = start // LINE_BYTES
    whole = b"".join(line(number) for number in range(first, -(-stop // LINE_BYTES)))
    return whole[start - first * LINE_BYTES : stop - first * LINE_BYTES]


class Lines(BaseHTTPRequestHandler):
    """`GET /bench/<rows>.jsonl` with a range, as S3 answers it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        size = int(re.fullmatch(r"/bench/(\d+)\.jsonl", urlsplit(self.path).path)[1]) * LINE_BYTES
        start, last = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["range"]).groups()
        stop = min(int(last) + 1, size)
        if int(start) >= size:
            self._answer(416, b"", {})
            return
        body = lines(int(start), stop)
        self._answer(206, body, {"content-range": f"bytes {start}-{stop - 1}/{size}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "etag": ETAG, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def serve_lines(port: int) -> None:
    ThreadingHTTPServer(("127.0.0.1", port), Lines).serve_forever()


class Memory(threading.Thread):
    """Watches the resident memory of a server and its processes: before, and the most while it works, in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self.before = self.most = self._now()
        self._over = threading.Event()

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def _now(self) -> float:
        return sum(process.memory_info().rss for process in self._all()) / 1e6

    def run(self) -> None:
        while not self._over.wait(0.1):
            self.most = max(self.most, self._now())

    def end(self) -> None:
        self._over.set()
        self.join()

    @property
    def cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self._all()]
        return sum(one.user + one.system for one in times)


def call(server: servers.Server, operation: str, **parameters: object) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": f"AWSStepFunctions.{operation}"}
    connection.request("POST", "/", json.dumps(parameters), headers)
    answer = json.loads(connection.getresponse().read() or b"{}")
    connection.close()
    if "__type" in answer:
        raise SystemExit(f"{operation}: {answer}")
    return answer


def definition(rows: int) -> str:
    flow = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Pass", "Parameters": {"last.$": "$.Items[-1:].id"}, "Next": "C"},
            "C": {"Type": "Succeed"},
        },
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
    }
    return json.dumps(
        {
            "StartAt": "M",
            "States": {
                "M": {
                    "Type": "Map",
                    "ItemReader": {
                        "Resource": "arn:aws:states:::s3:getObject",
                        "ReaderConfig": {"InputType": "JSONL"},
                        "Parameters": {"Bucket": "bench", "Key": f"{rows}.jsonl"},
                    },
                    "ItemBatcher": {"MaxItemsPerBatch": BATCH},
                    "ItemProcessor": flow,
                    "ResultPath": None,
                    "End": True,
                }
            },
        }
    )


def one(server: servers.Server, rows: int) -> dict:
    """Runs a Map over so many rows."""
    role = "arn:aws:iam::000000000000:role/bench"
    machine = call(server, "CreateStateMachine", name=f"rows-{rows}", definition=definition(rows), roleArn=role)
    memory = Memory(server.pid)
    memory.start()
    cpu, began = memory.cpu_seconds, time.perf_counter()
    execution = call(server, "StartExecution", stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]
    while (ended := call(server, "DescribeExecution", executionArn=execution))["status"] == "RUNNING":
        if time.perf_counter() - began > WAIT_SECONDS_MAX:
            raise SystemExit(f"{rows} rows: not done after {WAIT_SECONDS_MAX} s")
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    cpu = memory.cpu_seconds - cpu
    memory.end()
    run = call(server, "ListMapRuns", executionArn=execution)["mapRuns"][0]["mapRunArn"]
    counts = call(server, "DescribeMapRun", mapRunArn=run)["itemCounts"]
    # The outputs of so many children are more than a state's output may be: all have run when that is said.
    if counts["succeeded"] != rows:
        raise SystemExit(f"{rows} rows: {ended['status']} {ended.get('error')} {ended.get('cause')} {counts}")
    return {
        "rows": rows,
        "seconds": round(seconds, 2),
        "items_s": round(rows / seconds),
        "children_s": round(rows / BATCH / seconds),
        "cpu_us_item": round(cpu * 1e6 / rows, 2),
        "rss_before_mb": round(memory.before),
        "rss_most_mb": round(memory.most),
    }


def maps(options: argparse.Namespace) -> bool:
    """Whether memory stayed flat: caches fill up at first, but ten times the rows take no more than that."""
    port = servers.free_port()
    source = multiprocessing.get_context("spawn").Process(target=serve_lines, args=(port,), daemon=True)
    source.start()
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://127.0.0.1:{port}"
    results = []
    try:
        with servers.running("newel") as server:
            one(server, 1000)  # what a first run loads is not what rows cost
            for rows in options.rows:
                results.append(one(server, rows))
                print(json.dumps(results[-1]), flush=True)
    finally:
        del os.environ["AWS_ENDPOINT_URL_S3"]
        source.terminate()
        source.join()
    return results[-1]["rss_most_mb"] <= results[0]["rss_most_mb"] + GROWTH_MB_MAX


def waiting_children(options: argparse.Namespace) -> bool:
    """Whether many children that wait a second at once end in time, and requests are answered meanwhile."""
    with servers.running("newel") as server:
        runs = {seconds: children(server, options.children, seconds) for seconds in (0, 1)}
    events, waits = runs[0]["seconds"], runs[1]["seconds"]
    # What their durable events cost: those of a wait of no time, and of as many turns again.
    allowed = WAITING_SECONDS_MAX + 2 * events
    p95 = max(runs[1][f"{name}_p95_ms"] for name in ASKED)
    for result in runs.values():
        print(json.dumps(result), flush=True)
    print(f"waiting a second at once: {waits} s of {allowed:.1f} s, the slowest p95 {p95} ms of {P95_MS_MAX} ms")
    return waits <= allowed and p95 <= P95_MS_MAX


ASKED = ("DescribeExecution", "DescribeMapRun", "ListExecutions")


def children(server: servers.Server, number: int, seconds: int) -> dict:
    """Runs so many STANDARD children that wait, and asks about them all the while."""
    role = "arn:aws:iam::000000000000:role/bench"
    machine = call(server, "CreateStateMachine", name=f"wait-{seconds}", definition=waits(seconds), roleArn=role)
    given = json.dumps(list(range(number)))
    began = time.perf_counter()
    execution = call(server, "StartExecution", stateMachineArn=machine["stateMachineArn"], input=given)["executionArn"]
    took: dict[str, list[float]] = {name: [] for name in ASKED}

    def ask(operation: str, **parameters: object) -> dict:
        asked = time.perf_counter()
        answer = call(server, operation, **parameters)
        took[operation].append((time.perf_counter() - asked) * 1000)
        return answer

    while (ended := ask("DescribeExecution", executionArn=execution))["status"] == "RUNNING":
        for run in call(server, "ListMapRuns", executionArn=execution)["mapRuns"]:
            ask("DescribeMapRun", mapRunArn=run["mapRunArn"])
            ask("ListExecutions", mapRunArn=run["mapRunArn"], maxResults=100)
        time.sleep(0.01)
    wall = time.perf_counter() - began
    if ended["status"] != "SUCCEEDED":
        raise SystemExit(f"{number} children that wait: {ended}")
    p95 = {f"{name}_p95_ms": round(sorted(found)[int(len(found) * 0.95)], 1) for name, found in took.items()}
    return {"children": number, "wait_s": seconds, "seconds": round(wall, 2), "asked": len(took[ASKED[0]]), **p95}


def waits(seconds: int) -> str:
    flow = {
        "StartAt": "W",
        "States": {"W": {"Type": "Wait", "Seconds": seconds, "End": True}},
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    }
    state = {"Type": "Map", "MaxConcurrency": 10_000, "ItemProcessor": flow, "ResultPath": None, "End": True}
    return json.dumps({"StartAt": "M", "States": {"M": state}})


def beside_peers(options: argparse.Namespace) -> bool:
    """Whether the shared harness's scenario is as many times faster than at MiniStack as is the goal.

    MiniStack reads from its own S3, and so does Newel. They take turns, because the machine is not the same all along.
    """
    with servers.running("ministack") as peer:
        os.environ["AWS_ENDPOINT_URL_S3"] = peer.url
        try:
            with servers.running("newel") as server:
                met = [beside_peer(server, peer, kind, goal, options) for kind, goal in PEER_GOALS.items()]
                return all(met)
        finally:
            del os.environ["AWS_ENDPOINT_URL_S3"]


PEER_GOALS = {"STANDARD": 2, "EXPRESS": 5}


def beside_peer(
    server: servers.Server, peer: servers.Server, kind: str, goal: float, options: argparse.Namespace
) -> bool:
    ratios = []
    for _ in range(options.repeats):
        both = [servers.harness(one, "dmap", options.scale, 3, "--dmap-type", kind)["dmap"] for one in (server, peer)]
        if any("items_s" not in result for result in both):
            raise SystemExit(f"dmap: {both}")
        mine, theirs = (result["items_s"] for result in both)
        ratios.append(round(mine / theirs, 2))
        print(json.dumps({"dmap": kind, "newel_items_s": mine, "ministack_items_s": theirs, "ratio": ratios[-1]}))
    middle = sorted(ratios)[len(ratios) // 2]
    print(f"dmap with {kind} children: {middle} times MiniStack's items a second; the goal is {goal}", flush=True)
    return middle >= goal


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--children", type=int, default=10_000, help="that wait a second at once")
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks the harness's counts")
    parser.add_argument("--repeats", type=int, default=3, help="of the harness's scenario, server after server")
    parser.add_argument("--no-peers", action="store_true", help="Newel alone")
    options = parser.parse_args()
    flat = maps(options)
    if not flat:
        print("the server's memory grows with the rows")
    in_time = waiting_children(options)
    if not options.no_peers and servers.HARNESS.is_dir():
        as_fast = beside_peers(options)
        return 0 if flat and in_time and as_fast else 1
    return 0 if flat and in_time else 1


if __name__ == "__main__":
    sys.exit(main())
