"""Who gets which process, without processes."""

import asyncio
import time

import pytest

from newel.functions.model import Code, Configuration, Function
from newel.functions.pool import Pool, Target

from .harness import until


def target(name="f", revision="1", version="$LATEST"):
    configuration = Configuration(
        version=version,
        code=Code("", 0),
        runtime="python3.12",
        handler="a.b",
        role="r",
        last_modified="t",
        revision_id=revision,
    )
    return Target(Function(account="1" * 12, region="r", name=name, latest=configuration), configuration)


class FakeWorker:
    def __init__(self, pool, target, failed=False):
        self.pool, self.target, self.failed = pool, target, failed
        self.dead = failed
        self.idle_since = 0.0
        self.name = target.function.name

    def kill(self):
        if not self.dead:
            self.dead = True
            self.pool.exited(self)


class Factory:
    """Starts fake processes; `hold` keeps them in their init phase."""

    def __init__(self, workers_max=4, starting_max=2):
        self.started = []
        self.failing = False
        self.broken = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.pool = Pool(self.launch, workers_max, starting_max)

    async def launch(self, wanted):
        await self.gate.wait()
        if self.broken:
            raise OSError("disk full")
        worker = FakeWorker(self.pool, wanted, self.failing)
        self.started.append(worker)
        return worker

    def finish(self, worker):
        self.pool.answered(worker)
        self.pool.idle(worker)


def play(test, **options):
    async def main():
        factory = Factory(**options)
        await test(factory)
        await factory.pool.close()
        assert factory.pool.workers() == []

    asyncio.run(main())


def test_a_free_process_is_used_again():
    async def test(f):
        first = await f.pool.acquire(target())
        f.finish(first)
        assert await f.pool.acquire(target()) is first
        assert len(f.started) == 1

    play(test)


def test_the_last_used_process_is_the_first_taken():
    async def test(f):
        workers = [await f.pool.acquire(target()) for _ in range(2)]
        for worker in workers:
            f.finish(worker)
        assert await f.pool.acquire(target()) is workers[1]

    play(test)


def test_versions_do_not_share_processes():
    async def test(f):
        first = await f.pool.acquire(target())
        f.finish(first)
        assert await f.pool.acquire(target(version="1")) is not first
        assert await f.pool.acquire(target(revision="2")) is not first

    play(test)


def test_a_process_that_has_answered_is_waited_for():
    async def test(f):
        worker = await f.pool.acquire(target())
        f.pool.answered(worker)
        waiting = asyncio.create_task(f.pool.acquire(target()))
        await asyncio.sleep(0)
        f.pool.idle(worker)
        assert await waiting is worker
        assert len(f.started) == 1

    play(test)


def test_but_not_for_long():
    async def test(f):
        worker = await f.pool.acquire(target())
        f.pool.answered(worker)
        assert await f.pool.acquire(target()) is not worker

    play(test)


def test_a_burst_is_served_by_few_processes_when_they_are_quick():
    async def test(f):
        served = []

        async def work():
            worker = await f.pool.acquire(target())
            served.append(worker)
            f.finish(worker)

        await asyncio.gather(*(work() for _ in range(100)))
        assert len(served) == 100
        assert len(f.started) <= 4

    play(test)


def test_the_bound_on_processes_holds():
    async def test(f):
        taken = [await f.pool.acquire(target()) for _ in range(4)]
        waiting = [asyncio.create_task(f.pool.acquire(target())) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert len(f.started) == 4
        f.finish(taken[0])
        assert await waiting[0] is taken[0]
        assert not waiting[1].done()
        for task in waiting[1:]:
            task.cancel()

    play(test)


def test_an_idle_process_of_another_function_gives_way():
    async def test(f):
        old = [await f.pool.acquire(target("a")) for _ in range(4)]
        for number, worker in enumerate(old):
            f.finish(worker)
            worker.idle_since = number
        await f.pool.acquire(target("b"))
        assert [worker.dead for worker in old] == [True, False, False, False]

    play(test)


def test_a_busy_function_cannot_starve_another():
    async def test(f):
        workers = [await f.pool.acquire(target("a")) for _ in range(4)]
        other = asyncio.create_task(f.pool.acquire(target("b")))
        await asyncio.sleep(0.15)  # longer than the patience of the pool
        greedy = [asyncio.create_task(f.pool.acquire(target("a"))) for _ in range(50)]
        await asyncio.sleep(0)
        f.finish(workers[0])
        assert (await other).name == "b"
        assert workers[0].dead
        for task in greedy:
            task.cancel()

    play(test)


def test_a_failed_start_is_told_to_the_oldest_waiter_and_the_next_tries_again():
    async def test(f):
        f.failing = True
        assert (await f.pool.acquire(target())).failed
        f.failing = False
        assert not (await f.pool.acquire(target())).failed

    play(test)


def test_an_error_of_the_launch_reaches_the_waiter():
    async def test(f):
        f.broken = True
        with pytest.raises(OSError, match="disk full"):
            await f.pool.acquire(target())
        f.broken = False
        await f.pool.acquire(target())

    play(test)


def test_retiring_ends_idle_processes_and_lets_busy_ones_finish():
    async def test(f):
        idle, busy = await f.pool.acquire(target()), await f.pool.acquire(target())
        f.finish(idle)
        new = target(revision="2")
        f.pool.retire(new.function.key, frozenset({new.key}))
        assert (idle.dead, busy.dead) == (True, False)
        f.finish(busy)
        assert busy.dead

    play(test)


def test_reaping():
    async def test(f):
        old, young = await f.pool.acquire(target()), await f.pool.acquire(target())
        f.finish(old)
        f.finish(young)
        young.idle_since = old.idle_since + 100
        f.pool.reap(old.idle_since + 50)
        assert (old.dead, young.dead) == (True, False)

    play(test)


def test_a_cancelled_waiter_takes_no_process():
    async def test(f):
        f.gate.clear()
        waiting = asyncio.create_task(f.pool.acquire(target()))
        await asyncio.sleep(0)
        waiting.cancel()
        f.gate.set()
        await until(lambda: bool(f.started))
        await asyncio.sleep(0)
        assert await f.pool.acquire(target()) is f.started[0]

    play(test)


def test_closing_cancels_the_waiters():
    async def test(f):
        f.gate.clear()
        waiting = asyncio.create_task(f.pool.acquire(target()))
        await asyncio.sleep(0)
        await f.pool.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    play(test)


def test_the_clock_of_idleness_is_monotonic():
    async def test(f):
        before = time.monotonic()
        worker = await f.pool.acquire(target())
        f.finish(worker)
        assert before <= worker.idle_since <= time.monotonic()

    play(test)
