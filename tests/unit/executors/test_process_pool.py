"""Processes that compute children: started when wanted, replaced when they die, gone with the server."""

import asyncio
import os
import signal
import sys

import pytest
import uvloop

from newel.errors import StatesError
from newel.executors.process_pool import ProcessPool
from newel.limits import DEFAULT_LIMITS
from newel.ports.store import StoreUnavailable

from .shards import ADDS, SUMS, at_home, shard

INPUTS = [{"n": number} for number in range(50)]
#: What runs out of memory, as it were, once it has said that it is ready and was given work.
DIES = "import sys; sys.stdout.buffer.write(bytes(4)); sys.stdout.flush(); sys.stdin.buffer.read(8)"


def pids(pool):
    return [worker._transport.get_pid() for worker in pool._workers if worker._transport]


#: The event loop that the server has, and Python's own.
both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run])


def outputs(computed):
    return [turn.turn.end.output for turn in computed]


async def until_idle(pool):
    async with asyncio.timeout(30):
        while not pool.idle:
            await asyncio.sleep(0.01)


@both_loops
def test_children_are_computed_in_other_processes(run):
    async def story():
        pool = ProcessPool(2, DEFAULT_LIMITS)
        assert pids(pool) == []
        given = shard(ADDS, INPUTS)
        computed = await pool.first_turns(given)
        at_home_ = [first.turn for first in await at_home().first_turns(given)]
        assert [first.turn for first in computed] == at_home_
        workers = pids(pool)
        assert len(set(workers)) == 2
        assert os.getpid() not in workers
        await until_idle(pool)
        assert [first.turn for first in await pool.by_one(given)] == at_home_
        await pool.close()
        assert not pool.idle
        for pid in workers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    run(story())


def test_one_process_takes_several_shards_and_answers_in_order():
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        pool.prepare()
        await until_idle(pool)
        asked = [asyncio.ensure_future(pool.by_one(shard(ADDS, [{"n": number}] * 200))) for number in range(5)]
        await asyncio.sleep(0)
        assert not pool.idle, "it has enough before it"
        asked[1].cancel()  # whoever does not wait any more gets nobody else's answer
        for number, computed in enumerate(asked):
            if number != 1:
                assert outputs(await computed) == [f'{{"n":{number + 1}}}'] * 200
        await until_idle(pool)
        await pool.close()

    asyncio.run(story())


def test_a_large_shard_goes_through_the_pipes():
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        flow = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
        computed = await pool.first_turns(shard(flow, ["x" * 200_000] * 40))
        assert outputs(computed) == ['"' + "x" * 200_000 + '"'] * 40
        await pool.close()

    asyncio.run(story())


@both_loops
def test_a_worker_that_dies_is_replaced(run):
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        await pool.first_turns(shard(ADDS, INPUTS[:1]))
        (first,) = pids(pool)
        os.kill(first, signal.SIGKILL)
        assert outputs(await pool.first_turns(shard(ADDS, INPUTS))) == [f'{{"n":{n + 1}}}' for n in range(50)]
        assert first not in pids(pool)
        await pool.close()

    run(story())


@both_loops
def test_a_pool_that_is_closed_lets_go_of_what_it_computes(run):
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        await pool.first_turns(shard(ADDS, INPUTS[:1]))
        heavy = asyncio.ensure_future(pool.first_turns(shard(SUMS, [10_000_000] * 2_000)))
        while not pool._workers[0].owed:
            await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(StoreUnavailable):
            await heavy
        assert pids(pool) == []

    run(story())


@both_loops
def test_a_pool_that_is_closed_as_it_starts_leaves_nothing(run):
    async def story():
        for pauses in range(4):
            pool = ProcessPool(2, DEFAULT_LIMITS)
            pool.prepare()
            workers = pool._workers
            for _ in range(pauses):
                await asyncio.sleep(0.005)
            await pool.close()
            for worker in workers:
                assert worker._transport is None or worker._transport.get_returncode() is not None

    run(story())


@both_loops
@pytest.mark.parametrize(
    ("command", "told"),
    [
        ([sys.executable, "-c", DIES], "died"),
        (["/nowhere/python"], "/nowhere/python: [Errno 2] No such file or directory"),
    ],
)
def test_children_that_no_process_survives_fail(run, command, told, caplog):
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS, command)
        with pytest.raises(StatesError, match="the children of 'M' die of it") as failed:
            await pool.first_turns(shard(ADDS, INPUTS[:1]))
        assert failed.value.error == "States.Runtime"
        leaving = pool._leaving + pool._workers
        await pool.close()
        assert all(worker.gone for worker in leaving)

    run(story())
    assert caplog.text.count(told) == 3
