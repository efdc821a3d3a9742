"""Children are computed where they are best computed, and everywhere to the same turn."""

import asyncio
import time

import pytest

from newel.engine.codec import NO_EVENTS
from newel.executors import work
from newel.executors.by_weight import ByWeight, _Known
from newel.limits import DEFAULT_LIMITS
from newel.ports.store import End

from .shards import ADDS, CALLS_BACK, WAITS, at_home, shard

INPUTS = [{"n": number} for number in range(30)]


class Elsewhere:
    """An executor on the far side of the encoding; it has time once it was prepared, until it is `busy`."""

    def __init__(self):
        self.asked = []
        self.prepared = self.busy = False

    def prepare(self):
        self.prepared = True

    @property
    def idle(self):
        return self.prepared and not self.busy

    async def by_one(self, given):
        return await self.first_turns(given)

    async def first_turns(self, given):
        self.asked.append(len(given.children))
        return work.decode_computed(work.compute(work.encode_work(given, DEFAULT_LIMITS)))

    async def close(self):
        self.asked = None


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("flow", [ADDS, WAITS])
def test_a_turn_is_the_same_wherever_it_is_computed(flow, kind):
    async def story():
        given = shard(flow, INPUTS, kind)
        here, there = await at_home().first_turns(given), await Elsewhere().first_turns(given)
        if kind == "EXPRESS" and flow is ADDS:  # of what is over, nothing else is wanted
            assert here == there
            assert [end.output for end in here] == [f'{{"n":{n + 1}}}' for n in range(30)]
            return
        assert [first.turn for first in here] == [first.turn for first in there]
        assert all(first.state is None and first.events is None for first in there)
        assert all(len(first.events) > 1 and first.turn.events != NO_EVENTS for first in here)
        assert all((first.turn.end is not None) is (flow is ADDS) for first in here)

    asyncio.run(story())


def test_what_wants_a_token_is_computed_at_home():
    async def story():
        given = shard(CALLS_BACK, INPUTS[:3])
        elsewhere = Elsewhere()
        assert await elsewhere.first_turns(given) == [None] * 3
        executor = ByWeight(at_home(), elsewhere, spare=False)
        executor._remember((given.revision.machine_id, "r", "", "M"), _Known(heavy=True, end_at_once=False))
        computed = await executor.first_turns(given)
        assert elsewhere.asked == [3, 3]
        assert [first.turn for first in computed] == [first.turn for first in await at_home().first_turns(given)]

    asyncio.run(story())


class Slow:
    """Computes at home, and takes its time."""

    def __init__(self, seconds):
        self.home = at_home()
        self.seconds = seconds
        self.asked = []

    async def first_turns(self, given):
        self.asked.append(len(given.children))
        until = time.thread_time() + self.seconds * len(given.children)
        while time.thread_time() < until:
            pass
        return await self.home.first_turns(given)

    async def close(self):
        await self.home.close()


def test_heavy_children_go_elsewhere_and_light_ones_do_not():
    async def story():
        for seconds, at_home_, away in ((0.005, [8], [22, 30]), (0, [8, 22, 30], [])):
            here, elsewhere = Slow(seconds), Elsewhere()
            executor = ByWeight(here, elsewhere, spare=True)
            computed = [await executor.first_turns(shard(ADDS, INPUTS)) for _ in range(2)]
            assert (here.asked, elsewhere.asked) == (at_home_, away)
            for turns in computed:
                assert [first.turn.end.output for first in turns] == [f'{{"n":{n + 1}}}' for n in range(30)]
            await executor.close()
            assert elsewhere.asked is None

    asyncio.run(story())


@pytest.mark.parametrize(
    ("flow", "kind", "characters", "spare", "goes"),
    [
        (ADDS, "EXPRESS", 1, True, True),
        (ADDS, "STANDARD", 1, True, True),
        (ADDS, "EXPRESS", 3_000, True, False),  # their inputs are too much to send
        (ADDS, "EXPRESS", 1, False, False),  # the machine has one processor
        (WAITS, "EXPRESS", 1, True, False),  # they go on, so all of them would have to come back
    ],
)
def test_many_light_children_go_to_processes_that_have_nothing_to_do(flow, kind, characters, spare, goes):
    async def story():
        elsewhere = Elsewhere()
        executor = ByWeight(at_home(), elsewhere, spare=spare)
        given = shard(flow, [{"n": number, "x": "x" * characters} for number in range(100)], kind)
        expected = await at_home().first_turns(given)

        async def compute(times):
            elsewhere.asked.clear()
            for _ in range(times):
                computed = await executor.first_turns(given)
                assert [one if isinstance(one, End) else one.turn for one in computed] == [
                    one if isinstance(one, End) else one.turn for one in expected
                ]
            return len(elsewhere.asked)

        assert await compute(20) == 0
        assert elsewhere.prepared is False, "few are not worth a process"
        assert await compute(10) == (10 if goes else 0)
        elsewhere.busy = True
        assert await compute(3) == 0
        elsewhere.busy = False
        assert await compute(3) == (3 if goes else 0)
        assert elsewhere.prepared is goes
        elsewhere.prepared = False  # it has died
        assert await compute(6) == (2 if goes else 0)
        await executor.close()

    asyncio.run(story())
