"""Processes that compute children: started when wanted, replaced when they die, gone with the server."""

import asyncio
import os
import signal

import pytest

from newel.errors import StatesError
from newel.executors import process_pool
from newel.executors.process_pool import ProcessPool
from newel.limits import DEFAULT_LIMITS
from newel.ports.store import StoreUnavailable

from .shards import ADDS, SUMS, at_home, die, shard

INPUTS = [{"n": number} for number in range(50)]


def pids(pool):
    return [] if pool._pool is None else list(pool._pool._processes)


def test_children_are_computed_in_other_processes():
    async def story():
        pool = ProcessPool(2, DEFAULT_LIMITS)
        assert pids(pool) == []
        given = shard(ADDS, INPUTS)
        computed = await pool.first_turns(given)
        assert [first.turn for first in computed] == [first.turn for first in await at_home().first_turns(given)]
        workers = pids(pool)
        assert 1 <= len(workers) <= 2
        assert os.getpid() not in workers
        await pool.close()
        for pid in workers:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    asyncio.run(story())


def test_a_worker_that_dies_is_replaced():
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        await pool.first_turns(shard(ADDS, INPUTS[:1]))
        (first,) = pids(pool)
        os.kill(first, signal.SIGKILL)
        computed = await pool.first_turns(shard(ADDS, INPUTS))
        assert [turn.turn.end.output for turn in computed] == [f'{{"n":{n + 1}}}' for n in range(50)]
        assert first not in pids(pool)
        await pool.close()

    asyncio.run(story())


def test_a_pool_that_is_closed_lets_go_of_what_it_computes():
    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        await pool.first_turns(shard(ADDS, INPUTS[:1]))
        heavy = asyncio.ensure_future(pool.first_turns(shard(SUMS, [10_000_000] * 2_000)))
        while not pool._pool._pending_work_items:
            await asyncio.sleep(0)
        await pool.close()
        with pytest.raises(StoreUnavailable):
            await heavy
        assert pids(pool) == []

    asyncio.run(story())


def test_children_that_kill_every_worker_fail(monkeypatch, caplog):
    monkeypatch.setattr(process_pool, "compute", die)

    async def story():
        pool = ProcessPool(1, DEFAULT_LIMITS)
        with pytest.raises(StatesError, match="the children of 'M' die of it") as failed:
            await pool.first_turns(shard(ADDS, INPUTS[:1]))
        assert failed.value.error == "States.Runtime"
        await pool.close()

    asyncio.run(story())
    assert caplog.text.count("died") == 3
