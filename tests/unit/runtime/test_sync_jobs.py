"""A `.sync` job of an AWS service over the life of a server: started once, found again after a restart, stopped."""

import asyncio
import json

from integrations.optimized.caller import Caller

from newel.integrations.optimized.polling import Polling
from newel.integrations.optimized.targets import service_targets

from .world import World, world

DEFINITION = {
    "StartAt": "Run",
    "States": {
        "Run": {
            "Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "etl"},
            "End": True,
        }
    },
}


class Glue:
    """Glue whose only job runs until it is told to end."""

    def __init__(self) -> None:
        self.caller = Caller({"StartJobRun": [{"JobRunId": "jr_1"}], "BatchStopJobRun": [{}]})
        self.end("RUNNING")

    def end(self, status: str) -> None:
        self.caller.answers["GetJobRun"] = [{"JobRun": {"Id": "jr_1", "JobRunState": status}}]


def at(here: World, glue: Glue) -> None:
    polling = Polling(first_seconds=0.001, longest_seconds=0.001)
    here.target.work = service_targets(glue.caller, polling)["glue:startJobRun.sync"].run


async def polled(glue: Glue) -> None:
    before = len(glue.caller.sent("GetJobRun"))
    while len(glue.caller.sent("GetJobRun")) == before:
        await asyncio.sleep(0.001)


async def ended(here: World, arn: str):
    while (record := await here.record(arn)).status == "RUNNING":
        await asyncio.sleep(0.001)
    return record


def test_a_job_outlives_the_server_and_is_not_started_again():
    async def scenario():
        glue = Glue()
        async with world() as here:
            at(here, glue)
            arn = await here.start(DEFINITION)
            await polled(glue)
            await here.again()
            await polled(glue)
            assert not glue.caller.sent("BatchStopJobRun")
            glue.end("SUCCEEDED")
            record = await ended(here, arn)
            assert record.status == "SUCCEEDED"
            assert json.loads(record.output)["JobRunState"] == "SUCCEEDED"
            assert len(glue.caller.sent("StartJobRun")) == 1
            assert here.target.requests[-1].job == '{"JobName":"etl","RunId":"jr_1"}'
            assert await here.events(arn) == [
                "ExecutionStarted",
                "TaskStateEntered",
                "TaskScheduled",
                "TaskStarted",
                "TaskSubmitted",
                "TaskSucceeded",
                "TaskStateExited",
                "ExecutionSucceeded",
            ]

    asyncio.run(scenario())


def test_a_stopped_execution_stops_its_job():
    async def scenario():
        glue = Glue()
        async with world() as here:
            at(here, glue)
            arn = await here.start(DEFINITION)
            await polled(glue)
            await here.runtime.stop(arn, None, None)
            while not glue.caller.sent("BatchStopJobRun"):
                await asyncio.sleep(0.001)
            assert glue.caller.sent("BatchStopJobRun") == [{"JobName": "etl", "JobRunIds": ["jr_1"]}]

    asyncio.run(scenario())


def test_a_failed_job_fails_the_execution_with_its_description():
    async def scenario():
        glue = Glue()
        glue.end("FAILED")
        async with world() as here:
            at(here, glue)
            record = await ended(here, await here.start(DEFINITION))
            assert (record.status, record.error) == ("FAILED", "States.TaskFailed")
            assert json.loads(record.cause) == {"Id": "jr_1", "JobRunState": "FAILED"}

    asyncio.run(scenario())
