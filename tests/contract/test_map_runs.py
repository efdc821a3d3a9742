"""Map Runs and their shards, on every adapter."""

import asyncio

import msgspec

from newel.ports.store import MapRun, MapShard

from .records import arn_of, execution, succeeded, turn

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:m:e"


def run_of(name, start_ms=1, **changes):
    fields = {
        "arn": f"arn:aws:states:us-east-1:000000000000:mapRun:m/{name}",
        "execution_arn": EXECUTION,
        "machine_arn": f"arn:aws:states:us-east-1:000000000000:stateMachine:m/{name}",
        "status": "RUNNING",
        "start_ms": start_ms,
    }
    return MapRun(**{**fields, **changes})


def shard_of(run, number, *inputs):
    return MapShard(map_run_arn=run.arn, number=number, first=number * 2, inputs=inputs, items=(1,) * len(inputs))


def test_a_map_run_is_put_and_replaced(make_store):
    async def story():
        store = make_store()
        await store.open()
        run = run_of("a", max_concurrency=5, tolerated_percentage=12.5)
        await store.put_map_run(run)
        assert await store.map_run(run.arn) == run
        ended = msgspec.structs.replace(run, status="SUCCEEDED", stop_ms=9, progress='{"n":1}', redrive_count=1)
        await store.put_map_run(ended)
        assert await store.map_run(run.arn) == ended
        assert await store.map_run("arn:none") is None
        await store.close()

    asyncio.run(story())


def test_the_map_runs_of_an_execution_come_by_start(make_store):
    async def story():
        store = make_store()
        await store.open()
        late, early = run_of("a", 2), run_of("b", 1)
        other = run_of("c", execution_arn="arn:other")
        for run in (late, early, other):
            await store.put_map_run(run)
        assert await store.map_runs(EXECUTION) == [early, late]
        await store.close()

    asyncio.run(story())


def test_running_map_runs(make_store):
    async def story():
        store = make_store()
        await store.open()
        running, ended = run_of("a"), run_of("b", 2, status="ABORTED", stop_ms=3)
        for run in (running, ended):
            await store.put_map_run(run)
        assert await store.running_map_runs() == [running]
        await store.put_map_run(msgspec.structs.replace(running, status="FAILED"))
        assert await store.running_map_runs() == []
        await store.close()

    asyncio.run(story())


def test_shards_that_open_and_close_in_one_transaction(make_store):
    async def story():
        store = make_store()
        await store.open()
        run, other = run_of("a"), run_of("b", 2)
        last = msgspec.structs.replace(run, progress='{"n":3}')
        await asyncio.gather(
            store.put_map_run(run, add=[shard_of(run, number, '"1"') for number in range(20)]),
            store.put_map_run(other, add=[shard_of(other, 3, '"o"')]),
            store.put_map_run(run, drop=range(19)),
            store.put_map_run(last, add=[shard_of(run, 5, '"2"', '"3"')]),
        )
        assert await store.map_run(run.arn) == last
        assert await store.shards(run.arn) == [shard_of(run, 5, '"2"', '"3"'), shard_of(run, 19, '"1"')]
        assert await store.shards(other.arn) == [shard_of(other, 3, '"o"')]
        await store.close()

    asyncio.run(story())


def test_shards_open_and_close_with_the_run(make_store):
    async def story():
        store = make_store()
        await store.open()
        run, other = run_of("a"), run_of("b")
        first, second = shard_of(run, 0, '"x"', "[1, 2]"), shard_of(run, 1, "{}")
        await store.put_map_run(run, add=[second])
        await store.put_map_run(run, add=[first])
        await store.put_map_run(other, add=[shard_of(other, 0, "1")])
        assert await store.shards(run.arn) == [first, second]
        moved = msgspec.structs.replace(run, progress='{"done":2}')
        await store.put_map_run(moved, drop=[0, 7])
        assert await store.shards(run.arn) == [second]
        assert await store.map_run(run.arn) == moved
        assert len(await store.shards(other.arn)) == 1
        await store.close()

    asyncio.run(story())


def test_map_runs_go_with_their_execution(make_store):
    async def story():
        store = make_store()
        await store.open()
        for name in ("old", "new"):
            await store.create(execution(name), turn(name))
            await store.append(turn(name, 2, end=succeeded(100 if name == "old" else 900)))
        old, new = run_of("a", execution_arn=arn_of("old")), run_of("b", execution_arn=arn_of("new"))
        for run in (old, new):
            await store.put_map_run(run, add=[shard_of(run, 0, "1")])
        assert await store.delete_ended_before(500) == 1
        assert await store.map_run(old.arn) is None
        assert await store.shards(old.arn) == []
        assert await store.map_run(new.arn) == new
        assert len(await store.shards(new.arn)) == 1
        await store.close()

    asyncio.run(story())
