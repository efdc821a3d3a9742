"""How Map Runs end: failed at any moment, with result files, and what keeps an execution from being redriven."""

import asyncio
import json

import msgspec
import pytest

from newel.errors import StatesError
from newel.limits import DEFAULT_LIMITS
from newel.runtime.map_runs import coordinator
from newel.runtime.map_runs.progress import decode_progress

from .map_run_world import distributed
from .test_map_run_lives import KINDS, _small_shards, living  # noqa: F401  (a fixture)
from .world import machine, until, world


async def fail(kind, left):
    """A Map Run that fails at the third item, whose process ends after `left` writes."""
    async with living(bad={2}) as made:
        order = await made.order(distributed(kind, MaxConcurrency=2), "e", input=json.dumps(list(range(9))))
        arn = (await made.runtime.start(order)).arn
        before = made.store.writes
        if left is not None:
            made.store.left = left
            for _ in range(200):
                await asyncio.sleep(0)
            await made.die_and_live()
        record = await made.ended(arn)
        assert (record.status, record.error) == ("FAILED", "States.ExceedToleratedFailureThreshold")
        run = await made.map_run(arn)
        progress = decode_progress(run.progress)
        children = await made.children(run)
        assert run.status == "FAILED"
        assert [child for child in children if child.status == "RUNNING"] == []
        for status, counted in (
            ("SUCCEEDED", progress.children.succeeded),
            ("FAILED", progress.children.failed),
            ("ABORTED", progress.children.aborted),
        ):
            assert sum(child.status == status for child in children) == counted, status
        view = await made.runtime.map_runs.describe(run.arn)
        assert view.executions.pending == progress.next_child - len(children)
        assert view.items.pending >= 0
        return made.store.writes - before


@pytest.mark.parametrize("kind", KINDS)
def test_a_failing_map_run_whose_process_ends_between_any_two_writes(kind):
    for left in range(asyncio.run(fail(kind, None))):
        asyncio.run(fail(kind, left))


class Writer:
    """Takes results; refuses them where `cause` says why."""

    def __init__(self, cause=None):
        self.cause = cause
        self.statuses = []

    async def write(self, spec, map_run_arn, results, **_):
        self.statuses = [result.status async for result in results]
        if self.cause:
            raise StatesError("States.ResultWriterFailed", self.cause)
        return {"MapRunArn": map_run_arn, "ResultWriterDetails": {"Bucket": spec.bucket, "Key": "k"}}


EXPORT = {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b", "Prefix": "p"}}


async def written(bad, writer, **fields):
    async with living(bad=bad) as made:
        runtime = made.runtime
        runtime._map_run_setting = msgspec.structs.replace(runtime._map_run_setting, writer=writer)
        definition = distributed("STANDARD", ResultWriter=EXPORT, MaxConcurrency=1, **fields)
        arn = (await runtime.start(await made.order(definition, "e", input="[1, 2, 3]"))).arn
        record = await made.ended(arn)
        view = await runtime.map_runs.describe((await made.map_run(arn)).arn)
        return record, view


def test_results_are_written_and_counted():
    writer = Writer()
    record, view = asyncio.run(written({2}, writer, ToleratedFailureCount=1))
    assert json.loads(record.output)["ResultWriterDetails"] == {"Bucket": "b", "Key": "k"}
    assert writer.statuses == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert (view.items.results_written, view.executions.results_written) == (3, 3)


def test_a_failed_map_run_writes_what_has_ended():
    writer = Writer()
    record, view = asyncio.run(written({2}, writer))
    assert record.error == "States.ExceedToleratedFailureThreshold"
    assert writer.statuses[:2] == ["SUCCEEDED", "FAILED"]
    assert view.executions.results_written == view.executions.ended.ended


def test_results_that_cannot_be_written():
    record, view = asyncio.run(written(set(), Writer("no such bucket")))
    assert (record.error, record.cause) == ("States.ResultWriterFailed", "no such bucket")
    assert (view.run.status, view.executions.results_written) == ("FAILED", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_no_child_starts_after_one_that_fails_the_map_run(kind):
    """They end as they start: one after the other all the same."""
    flow = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
        "StartAt": "C",
        "States": {
            "C": {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "NumericEquals": 2, "Next": "F"}],
                "Default": "S",
            },
            "F": {"Type": "Fail"},
            "S": {"Type": "Succeed"},
        },
    }

    async def story():
        async with living() as made:
            definition = distributed(kind, MaxConcurrency=1, ItemProcessor=flow)
            arn = (await made.runtime.start(await made.order(definition, "e", input="[1, 2, 3, 4, 5, 6]"))).arn
            assert (await made.ended(arn)).error == "States.ExceedToleratedFailureThreshold"
            children = await made.children(await made.map_run(arn))
            assert [child.status for child in children] == ["SUCCEEDED", "FAILED"]

    asyncio.run(story())


def test_a_full_history_is_recognised():
    async def story():
        limits = msgspec.structs.replace(DEFAULT_LIMITS, history_events_max=8)
        async with world(limits=limits) as made:
            passes = [(f"P{at}", {"Type": "Pass"}) for at in range(6)]
            arn = await made.start(machine(*passes))

            async def ended():
                return (await made.record(arn)).status == "FAILED"

            await until(ended)
            assert await made.runtime.history_is_full(arn)
            short = await made.start(machine(("P", {"Type": "Pass"})), "short")
            assert not await made.runtime.history_is_full(short)

    asyncio.run(story())


def test_the_log_is_told_of_long_map_runs(caplog, monkeypatch):
    monkeypatch.setattr(coordinator, "SHARD_CHILDREN", 2)
    caplog.set_level("INFO", "newel.map_runs")

    async def story(every_ms):
        monkeypatch.setattr(coordinator, "_TOLD_EVERY_MS", every_ms)
        caplog.clear()
        await written({2}, Writer(), ToleratedFailureCount=1)
        return [record.getMessage() for record in caplog.records if record.name == "newel.map_runs"]

    assert asyncio.run(story(10_000)) == []
    told = asyncio.run(story(0))
    assert told[0] == "Map Run m0/L RUNNING [--------------------] 0 of 0 items · 0 of 0 children"
    assert "Map Run m0/L RUNNING [######--------------] 1 of 3 items · 1 of 3 children: 1 running, 1 pending" in told
    assert told[-1] == "Map Run m0/L SUCCEEDED [####################] 3 of 3 items · 3 of 3 children: 1 failed"
