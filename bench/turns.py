"""The turns of a very long execution: do the last ones cost what the first ones cost?

In process, with the real runtime and SQLite store: a loop of an activity task and a Choice runs until its history is as long
as AWS allows. A turn here is the worker's answer: decide, commit, and the next task offered.

Exits with 1 if the last turns take more than twice the time of the hundredth (medians of fifty turns around each).
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from newel.assembly import Settings, assemble
from newel.service.core import Caller
from newel.service.operations import OPERATIONS

ROOT = Path(__file__).parents[1]
RATIO_MAX = 2.0
EVENTS = 25_000
WINDOW = 50
ROLE = "arn:aws:iam::123456789012:role/bench"
CALLER = Caller("123456789012", "us-east-1")


def definition(activity: str) -> str:
    states = {
        "Work": {"Type": "Task", "Resource": activity, "ResultPath": "$.last", "Next": "Again"},
        "Again": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.last.more", "BooleanEquals": True, "Next": "Work"}],
            "Default": "Done",
        },
        "Done": {"Type": "Succeed"},
    }
    return json.dumps({"StartAt": "Work", "States": states})


async def measure(folder: Path) -> tuple[list[float], int]:
    """Seconds of each turn that a worker's answer causes, and how many history events there were."""
    async with assemble(Settings(data_dir=folder, port=1)) as server:

        async def call(operation: str, **request):
            return await OPERATIONS[operation](server.core, CALLER, request)

        activity = (await call("CreateActivity", name="work"))["activityArn"]
        machine = (await call("CreateStateMachine", name="loop", definition=definition(activity), roleArn=ROLE))[
            "stateMachineArn"
        ]
        execution = (await call("StartExecution", stateMachineArn=machine, input=json.dumps({"pad": "x" * 200})))[
            "executionArn"
        ]
        loops = (EVENTS - 20) // 7  # scheduled, started, succeeded, exited; choice entered, exited; task entered
        seconds = []
        for n in range(loops):
            task = await call("GetActivityTask", activityArn=activity)
            began = time.perf_counter()
            await call("SendTaskSuccess", taskToken=task["taskToken"], output=json.dumps({"more": n < loops - 1}))
            seconds.append(time.perf_counter() - began)
        described = await call("DescribeExecution", executionArn=execution)
        assert described["status"] == "SUCCEEDED", described
        last = await call("GetExecutionHistory", executionArn=execution, reverseOrder=True, maxResults=1)
        return seconds, last["events"][0]["id"]


def main() -> int:
    base = ROOT / ".cache"
    base.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=base) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        seconds, events = runner.run(measure(Path(folder)))
    early = statistics.median(seconds[100 - WINDOW // 2 : 100 + WINDOW // 2])
    late = statistics.median(seconds[-WINDOW - 1 : -1])
    met = late <= RATIO_MAX * early
    print(f"{len(seconds):,} turns, {events:,} history events; median turn {statistics.median(seconds) * 1e3:.2f} ms")
    print(
        f"around the 100th {early * 1e3:.2f} ms, the last {late * 1e3:.2f} ms: ratio {late / early:.2f}, goal <= {RATIO_MAX} {'met' if met else 'MISSED'}"
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
