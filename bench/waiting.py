"""Many executions that only wait: what each costs in resident memory and on disk, and how fast a killed server is back with them.

Exits with 1 if one costs 1 KB of memory or more once it is put away, or the restarted server needs over two seconds to answer.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
import servers

BYTES_EACH_MAX = 1024
RESTART_SECONDS_MAX = 2.0
SETTLE_SECONDS = 10  # memory counts as settled when it has not fallen for so long
SETTLE_SECONDS_MAX = 180
DAY = 86_400
ROLE = "arn:aws:iam::123456789012:role/bench"
MACHINE = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": DAY, "Next": "Z"}, "Z": {"Type": "Succeed"}}}


def client_for(server: servers.Server):
    """The signed raw client of the shared harness."""
    sys.path.insert(0, str(servers.HARNESS))
    from bench_client import Client

    return Client(server.url)


def resident(pid: int) -> int:
    """Bytes of resident memory of a process and its descendants."""
    root = psutil.Process(pid)
    return sum(process.memory_info().rss for process in [root, *root.children(recursive=True)])


async def start_many(client, machine: str, prefix: str, count: int, workers: int = 32) -> list[str]:
    numbers, arns = iter(range(count)), []

    async def worker() -> None:
        for i in numbers:
            answer = await client.call(
                "StartExecution", stateMachineArn=machine, name=f"{prefix}-{i}", input=json.dumps({"i": i})
            )
            arns.append(answer["executionArn"])

    await asyncio.gather(*(worker() for _ in range(workers)))
    return arns


async def settled(pid: int) -> int:
    """The lowest resident memory, once it stops falling."""
    began = fell = time.monotonic()
    lowest = resident(pid)
    while time.monotonic() - fell < SETTLE_SECONDS and time.monotonic() - began < SETTLE_SECONDS_MAX:
        await asyncio.sleep(0.5)
        now = resident(pid)
        if now < lowest * 0.99:
            fell = time.monotonic()
        lowest = min(lowest, now)
    return lowest


async def fill(server: servers.Server, count: int) -> tuple[list[str], dict[str, float]]:
    """Starts the executions; returns their ARNs and what was measured."""
    client = client_for(server)
    machine = (await client.call("CreateStateMachine", name="waiting", definition=json.dumps(MACHINE), roleArn=ROLE))[
        "stateMachineArn"
    ]
    for arn in await start_many(client, machine, "warm", min(1000, count)):
        await client.call("StopExecution", executionArn=arn)
    before = await settled(server.pid)
    began = time.monotonic()
    arns = await start_many(client, machine, "e", count)
    seconds = time.monotonic() - began
    open_bytes = resident(server.pid)
    away_bytes = await settled(server.pid)
    client.close()
    return arns, {
        "started_per_second": count / seconds,
        "memory_before_mb": before / 1e6,
        "memory_just_started_mb": open_bytes / 1e6,
        "memory_put_away_mb": away_bytes / 1e6,
        "memory_bytes_each": (away_bytes - before) / count,
    }


async def check(server: servers.Server, arns: list[str]) -> None:
    """Nothing was lost: a sample is still running, and can be stopped."""
    client = client_for(server)
    for arn in random.sample(arns, min(50, len(arns))):
        described = await client.call("DescribeExecution", executionArn=arn)
        assert described["status"] == "RUNNING", described
        await client.call("StopExecution", executionArn=arn)
        assert (await client.call("DescribeExecution", executionArn=arn))["status"] == "ABORTED"
    client.close()


def measure(folder: Path, count: int) -> dict[str, float]:
    server = servers.start_newel(folder)
    arns, figures = asyncio.run(fill(server, count))
    server.stop(signal.SIGKILL)
    figures["disk_bytes_each"] = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / count
    began = time.monotonic()
    server = servers.start_newel(folder)
    figures["restart_seconds"] = time.monotonic() - began
    try:
        asyncio.run(check(server, arns))
    finally:
        server.stop()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="how many executions wait")
    options = parser.parse_args()
    if not servers.HARNESS.is_dir():
        print(f"the harness is missing: {servers.HARNESS} (NEWEL_SHARED names the folder that holds bench/)")
        return 1
    base = servers.ROOT / ".cache"
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        figures = measure(folder, options.count)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.count:,} waiting executions")
    for name, value in figures.items():
        print(f"  {name:24} {value:,.1f}")
    memory_met = figures["memory_bytes_each"] < BYTES_EACH_MAX
    restart_met = figures["restart_seconds"] <= RESTART_SECONDS_MAX
    print(
        f"  memory each < {BYTES_EACH_MAX} bytes: {'met' if memory_met else 'MISSED'}; restart <= {RESTART_SECONDS_MAX} s: {'met' if restart_met else 'MISSED'}"
    )
    return 0 if memory_met and restart_met else 1


if __name__ == "__main__":
    sys.exit(main())
