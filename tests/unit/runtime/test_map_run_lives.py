"""A Map Run whose process ends between any two writes, or whose store fails: every child counts once."""

import asyncio
import json
import random
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.runtime.map_runs import coordinator, keeper, starter
from newel.runtime.map_runs.progress import decode_progress

from .map_run_world import MapRunWorld, MortalStore, distributed
from .world import until, wait

KINDS = ["STANDARD", "EXPRESS"]


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch):
    monkeypatch.setattr(coordinator, "SHARD_CHILDREN", 2)
    monkeypatch.setattr(starter, "_TOGETHER", 2)
    monkeypatch.setattr(keeper, "_TOGETHER", 2)


@asynccontextmanager
async def living(bad=()):
    made = MapRunWorld(MortalStore())
    made.bad = set(bad)
    await made.runtime.open()
    try:
        yield made
    finally:
        made.store.left = None
        await made.runtime.close()


async def check(made, arn, expected, *, total, items=None):
    """Children and counts agree, and each child exists once; `expected` counts statuses."""
    run = await made.map_run(arn)
    progress = decode_progress(run.progress)
    children = await made.children(run)
    assert len({child.arn for child in children}) == len(children) == total
    assert Counter(child.status for child in children) == expected
    counted = progress.children
    assert (counted.succeeded, counted.failed, counted.aborted) == tuple(
        expected.get(status, 0) for status in ("SUCCEEDED", "FAILED", "ABORTED")
    )
    assert progress.items.ended == (items or total)
    assert progress.items_made == (items or total)
    return run


async def play(kind, lives, faults=(), numbers=7, **fields):
    """One execution in as many lives as `lives` has numbers of writes, and one more that may write all it wants."""
    async with living(bad={2, 5}) as made:
        made.store.fault = lambda number: number in faults
        definition = distributed(kind, ToleratedFailureCount=2, **fields)
        order = await made.order(definition, "e", input=json.dumps(list(range(numbers))))
        before = made.store.writes
        made.store.left = lives[0] + 1 if lives else None  # the first write is the start
        arn = (await made.runtime.start(order)).arn
        for life in [*lives[1:], None] if lives else []:
            for _ in range(200):
                await asyncio.sleep(0)
            await made.die_and_live(life)
        record = await made.ended(arn)
        return made, arn, record, made.store.writes - before


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_ends_between_any_two_writes(kind):
    async def story(left):
        made, arn, record, writes = await play(kind, [] if left is None else [left])
        assert record.status == "SUCCEEDED", (left, record.error, record.cause)
        assert json.loads(record.output) == [0, 10, 30, 40, 60]
        run = await check(made, arn, {"SUCCEEDED": 5, "FAILED": 2}, total=7)
        assert run.status == "SUCCEEDED"
        assert await made.store.shards(run.arn) == []
        return writes

    writes = asyncio.run(story(None))
    assert writes > 10
    for left in range(writes):
        asyncio.run(story(left))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(KINDS),
    st.lists(st.integers(0, 30), max_size=4),
    st.sets(st.integers(1, 120), max_size=12),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 1, 3]),
)
def test_lives_and_failing_writes(kind, lives, faults, batch, concurrency):
    fields = {"MaxConcurrency": concurrency}
    if batch:
        # Batches: the function is called with the number of its first item.
        fields["ItemBatcher"] = {"MaxItemsPerBatch": batch}
        fields["ItemProcessor"] = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind},
            "StartAt": "P",
            "States": {"P": {"Type": "Pass", "OutputPath": "$.Items[*].n", "End": True}},
        }

    async def story():
        made, arn, record, _ = await play(kind, lives, {number + 3 for number in faults}, numbers=11, **fields)
        assert record.status == "SUCCEEDED", (record.error, record.cause)
        output = json.loads(record.output)
        if batch:
            flat = [number for part in output for number in (part if isinstance(part, list) else [part])]
            assert flat == list(range(11))
            total = -(-11 // batch)
            await check(made, arn, {"SUCCEEDED": total}, total=total, items=11)
        else:
            assert output == [number * 10 for number in range(11) if number not in (2, 5)]
            await check(made, arn, {"SUCCEEDED": 9, "FAILED": 2}, total=11)

    asyncio.run(story())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("concurrency", [2, 3])  # shards are whole when the Map Run fails, and are not
@pytest.mark.parametrize("tolerated", [0, 3])  # it fails early, and late
def test_a_redrive_that_ends_between_any_two_writes(kind, concurrency, tolerated):
    async def story(left):
        async with living(bad={1, 2, 5, 6}) as made:
            definition = distributed(kind, MaxConcurrency=concurrency, ToleratedFailureCount=tolerated)
            order = await made.order(definition, "e", input=json.dumps(list(range(8))))
            arn = (await made.runtime.start(order)).arn
            assert (await made.ended(arn)).status == "FAILED"
            first = await made.map_run(arn)
            ended = {child.arn: child for child in await made.children(first) if child.status == "SUCCEEDED"}
            made.bad = set()
            asked = len(made.target.requests)
            before = made.store.writes
            made.store.left = left
            assert await made.runtime.redrive(arn)
            if left is not None:
                for _ in range(200):
                    await asyncio.sleep(0)
                await made.die_and_live()
            record = await made.ended(arn)
            assert record.status == "SUCCEEDED", (left, record.error, record.cause)
            assert json.loads(record.output) == [number * 10 for number in range(8)]
            run = await check(made, arn, {"SUCCEEDED": 8}, total=8)
            assert (run.arn, run.redrive_count) == (first.arn, 1)
            again = {child.arn: child for child in await made.children(run)}
            assert all(again[arn] == child for arn, child in ended.items()), "what had succeeded ran again"
            assert len(made.target.requests) > asked
            return made.store.writes - before

    writes = asyncio.run(story(None))
    for left in range(1, writes):  # the first is the redrive itself
        asyncio.run(story(left))


@pytest.mark.parametrize("kind", KINDS)
def test_redrives_that_fail_again(kind):
    """Children that first begin in a redrive have been redriven fewer times than their Map Run."""

    async def story():
        async with living(bad={0, 3}) as made:
            order = await made.order(distributed(kind, MaxConcurrency=1), "e", input="[0, 1, 2, 3, 4]")
            arn = (await made.runtime.start(order)).arn
            for bad in ({3}, {3}, {3}, set()):
                assert (await made.ended(arn)).status == "FAILED"
                made.bad = bad
                assert await made.runtime.redrive(arn)
            record = await made.ended(arn)
            assert record.status == "SUCCEEDED", (record.error, record.cause)
            run = await check(made, arn, {"SUCCEEDED": 5}, total=5)
            assert run.redrive_count == 4

    asyncio.run(story())


WAITING = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "W",
    "States": {"W": {**wait(600), "End": True}},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("left", range(14))
def test_an_abort_that_the_process_does_not_live_to_finish(kind, left):
    async def story():
        async with living() as made:
            processor = {**WAITING, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
            definition = distributed(kind, ItemProcessor=processor, MaxConcurrency=4)
            arn = (await made.runtime.start(await made.order(definition, "e", input="[1, 2, 3, 4, 5, 6]"))).arn

            async def begun():
                run = await made.map_run(arn)
                view = None if run is None else await made.runtime.map_runs.describe(run.arn)
                return view is not None and view.executions.running == 4

            await until(begun)
            for _ in range(20):  # they run once that is stored, and so is the next shard
                await asyncio.sleep(0)
            made.store.left = left + 1
            await made.runtime.stop(arn, None, None)
            for _ in range(100):
                await asyncio.sleep(0)
            await made.die_and_live()

            async def aborted():
                run = await made.map_run(arn)
                return run if run.status == "ABORTED" else None

            run = await until(aborted)
            progress = decode_progress(run.progress)
            children = await made.children(run)
            assert all(child.status == "ABORTED" for child in children)
            assert progress.children.aborted == len(children)
            assert progress.children.ended == len(children)

    asyncio.run(story())


def test_a_stopped_map_run_can_be_redriven_at_once():
    async def story():
        async with living() as made:
            definition = distributed("STANDARD", ItemProcessor=WAITING)
            arn = (await made.runtime.start(await made.order(definition, "e", input="[1, 2, 3]"))).arn

            async def begun():
                run = await made.map_run(arn)
                view = None if run is None else await made.runtime.map_runs.describe(run.arn)
                return view is not None and view.executions.running == 3

            await until(begun)
            await made.runtime.stop(arn, None, None)
            assert await made.runtime.redrive(arn)

            async def all_run():
                run = await made.map_run(arn)
                return run.redrive_count == 1 and all(c.status == "RUNNING" for c in await made.children(run))

            await until(all_run)
            made.clock.advance(601)
            assert (await made.ended(arn)).status == "SUCCEEDED"
            await check(made, arn, {"SUCCEEDED": 3}, total=3)

    asyncio.run(story())


def test_an_update_outlives_the_process():
    async def story():
        async with living() as made:
            definition = distributed("STANDARD", ItemProcessor=WAITING, MaxConcurrency=1)
            arn = (await made.runtime.start(await made.order(definition, "e", input="[1, 2, 3]"))).arn
            run = await until(lambda: made.map_run(arn))
            await made.runtime.map_runs.update(run.arn, {"maxConcurrency": 3})
            await made.die_and_live()

            async def all_run():
                view = await made.runtime.map_runs.describe(run.arn)
                return view.executions.running == 3

            await until(all_run)
            assert (await made.map_run(arn)).max_concurrency == 3

    asyncio.run(story())


def test_a_bug_in_a_reader_fails_the_execution(caplog):
    async def story():
        async with living() as made:
            reader = {"Resource": "arn:aws:states:::s3:getObject", "Parameters": {"Bucket": "b", "Key": "k"}}
            definition = distributed("STANDARD", ItemReader={**reader, "ReaderConfig": {"InputType": "JSONL"}})
            made.runtime._map_run_setting = type(made.runtime._map_run_setting)(
                **{
                    name: getattr(made.runtime._map_run_setting, name)
                    for name in ("store", "world", "clock", "limits", "writer")
                },
                reader=Broken(),
            )
            arn = await made.start(definition)
            record = await made.ended(arn)
            assert (record.status, record.error) == ("FAILED", "Newel.InternalError")
            assert (await made.map_run(arn)).status == "FAILED"

    asyncio.run(story())
    assert "boom" in caplog.text


class Broken:
    async def read(self, spec, **_):
        raise RuntimeError("boom")
        yield


def test_random_lives_of_a_larger_map():
    rng = random.Random(5)

    async def story():
        made, arn, record, _ = await play("STANDARD", [rng.randrange(60) for _ in range(10)], numbers=60)
        assert record.status == "SUCCEEDED"
        await check(made, arn, {"SUCCEEDED": 58, "FAILED": 2}, total=60)

    asyncio.run(story())


@pytest.mark.parametrize("kind", KINDS)
def test_map_runs_in_map_runs_outlive_the_process(kind):
    """The inner Map is in a branch of the outer one's child, and its children wait when the process ends."""

    async def story():
        async with living() as made:
            inner = distributed(kind, Label="Inner", ItemsPath="$.v", ItemSelector={"n.$": "$$.Map.Item.Value"})
            states = inner["States"]["M"]["ItemProcessor"]["States"]
            inner["States"]["M"]["ItemProcessor"].update(
                StartAt="W", States={"W": {**wait(100), "Next": "T"}, **states}
            )
            branches = [inner, {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}]
            flow = {"StartAt": "Both", "States": {"Both": {"Type": "Parallel", "Branches": branches, "End": True}}}
            processor = {**flow, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
            definition = distributed("STANDARD", ItemSelector={"v.$": "$$.Map.Item.Value"}, ItemProcessor=processor)
            arn = (await made.runtime.start(await made.order(definition, "e", input="[[1, 2], [3, 4, 6]]"))).arn

            async def all_wait():
                runs = [run for run in await made.store.running_map_runs() if "/Inner:" in run.arn]
                views = [await made.runtime.map_runs.describe(run.arn) for run in runs]
                return sum(view.executions.running for view in views) == 5

            async def settled():
                await until(all_wait)
                for _ in range(20):  # they run once their first turn is stored
                    await asyncio.sleep(0)

            await settled()
            await made.die_and_live()
            await settled()
            made.clock.advance(101)
            record = await made.ended(arn)
            assert record.status == "SUCCEEDED", (record.error, record.cause)
            assert json.loads(record.output) == [[[10, 20], {"v": [1, 2]}], [[30, 40, 60], {"v": [3, 4, 6]}]]

    asyncio.run(story())
