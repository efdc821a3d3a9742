"""Quiet executions are put away and brought back as they were; waiting costs neither a task nor a thread."""

import asyncio
import json
import threading
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.errors import ServiceError
from newel.ports.store import Activity
from newel.ports.tasks import Succeeded

from .world import ACTIVITY, ASK, machine, submitted, task, until, wait, world

#: Waits for three callbacks in turn, keeping what they brought; a timer comes between.
TALK = machine(
    ("One", {**ASK, "ResultPath": "$.one"}),
    ("Pause", wait(5)),
    ("Two", {**ASK, "ResultPath": "$.two"}),
    ("Three", {**ASK, "ResultPath": "$.three"}),
)


class Talk:
    """What a worker knows: the newest token of each execution."""

    def __init__(self, made):
        self.made = made
        self.tokens = {}
        self.answers = {}
        made.target.work = self.take

    async def take(self, request, events):
        await submitted(request, events)
        self.tokens.setdefault(request.execution_arn, []).append(request.token)

    def expected(self, arn):
        return dict(zip(("one", "two", "three"), self.answers.get(arn, []), strict=False))

    async def answer(self, arn, value):
        """Answer the newest question; an earlier token must be void."""
        *old, token = self.tokens[arn]
        for void in old[-1:]:
            with pytest.raises(ServiceError, match="Task Timed Out"):
                await self.made.runtime.send_task_success(void, "0")
        asked = len(self.tokens[arn])
        if asked > len(self.answers.get(arn, [])):
            await self.made.runtime.send_task_success(token, json.dumps(value))
            self.answers.setdefault(arn, []).append(value)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.integers(0, 5)),
        st.tuples(st.just("together"), st.sets(st.integers(0, 5), min_size=2)),
        st.tuples(st.just("beat"), st.integers(0, 5)),
        st.tuples(st.just("advance"), st.integers(1, 6)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=40,
)


@settings(max_examples=40)
@given(steps=STEPS, idle_max=st.sampled_from([1, 2, 3]))
def test_interleaved_callbacks_find_each_execution_as_it_was(steps, idle_max):
    async def story():
        async with world(idle_max=idle_max) as made:
            talk = Talk(made)
            arns = [await made.start(TALK, f"e{n}", logged=True) for n in range(6)]
            await until(lambda: len(talk.tokens) == 6)
            for number, (what, detail) in enumerate(steps):
                await take_step(made, talk, arns, what, detail, number)
                await settle(made)
            while await made.store.open_count():
                made.clock.advance(5)
                await settle(made)
                for arn in arns:
                    if (await made.record(arn)).status == "RUNNING":
                        await talk.answer(arn, "end")
                await settle(made)
            for arn in arns:
                record = await made.record(arn)
                assert record.status == "SUCCEEDED"
                assert json.loads(record.output) == talk.expected(arn)
                await check_log(made, arn)

    asyncio.run(story())


async def take_step(made, talk, arns, what, detail, number):
    if what == "answer":
        await talk.answer(arns[detail], number)
    elif what == "together":
        await asyncio.gather(*(talk.answer(arns[n], number) for n in detail))
    elif what == "beat":
        with suppress(ServiceError):  # it may have been answered
            await made.runtime.send_task_heartbeat(talk.tokens[arns[detail]][-1])
    elif what == "advance":
        made.clock.advance(detail)
    else:
        await made.again()


async def settle(made):
    """Let everything happen that can; afterwards hardly any execution is in memory."""
    await until(lambda: made.runtime.idle)
    for _ in range(20):
        await asyncio.sleep(0)
    await until(lambda: made.runtime.idle and len(made.runtime._actives) <= made.idle_max)


async def check_log(made, arn):
    """Each event is logged once and in order, however often the execution was put away."""
    history = await made.runtime.history(arn)
    [stream] = [records for name, records in made.logs.streams.items() if name.endswith("/" + arn.rpartition(":")[2])]
    assert [(each["id"], each["type"]) for each in stream] == [(str(e["id"]), e["type"]) for e in history]
    assert [each["previous_event_id"] for each in stream] == [str(e["previousEventId"]) for e in history]


def test_a_put_away_execution_is_read_once_for_many_who_ask():
    async def story():
        async with world(idle_max=1) as made:
            talk = Talk(made)
            first = await made.start(TALK, "first")
            await made.start(TALK, "second")
            await until(lambda: len(talk.tokens) == 2)
            await settle(made)
            if made.runtime._actives.get(first) is not None:
                await made.start(TALK, "third")
                await settle(made)
            loads = made.store.loads
            token = talk.tokens[first][0]
            answers = (made.runtime.send_task_success(token, str(n)) for n in range(20))
            results = await asyncio.gather(*answers, return_exceptions=True)
            assert sum(result is None for result in results) == 1
            assert made.store.loads == loads + 1

    asyncio.run(story())


def test_waiting_executions_are_rows_and_nothing_else():
    async def story():
        async with world() as made:
            talk = Talk(made)
            threads = threading.active_count()
            for number in range(1_000):
                await made.start(machine(("Wait", wait(3_600))), f"wait{number}")
            asking = [await made.start(TALK, f"ask{number}") for number in range(1_000)]
            await until(lambda: len(talk.tokens) == 1_000 and made.runtime.idle)
            for _ in range(10):
                await asyncio.sleep(0)
            assert len(asyncio.all_tasks()) < 10, "the timers', this test's, and none for each"
            assert threading.active_count() == threads
            assert len(made.runtime._actives) <= 512
            for arn in asking[::100]:
                await talk.answer(arn, 1)
            made.clock.advance(3_600)

            async def only_the_asking_are_left():
                return await made.store.open_count() == 1_000

            await until(only_the_asking_are_left, 20_000)

    asyncio.run(story())


def test_an_execution_whose_call_is_under_way_stays():
    """Bringing it back at once for its result would cost more than it saves."""

    async def story():
        gate = asyncio.Event()

        async def gated(request, events):
            await gate.wait()
            return Succeeded("1")

        async with world(idle_max=1) as made:
            made.target.work = gated
            arns = [await made.start(machine(("Call", task())), f"e{n}") for n in range(5)]
            await until(lambda: len(made.target.requests) == 5)
            gate.set()
            for arn in arns:
                assert (await made.runtime.wait(arn)).output == "1"
            assert made.store.loads == 0

    asyncio.run(story())


def test_a_task_that_is_brought_back_is_offered_once():
    async def story():
        async with world(idle_max=1) as made:
            await made.store.put_activity(Activity(arn=ACTIVITY, name="work", created_ms=0))
            work = machine(("Both", parallel(task(ACTIVITY), wait(1))))
            arns = [await made.start(work, f"e{n}") for n in range(3)]
            await settle(made)
            made.clock.advance(1)  # brings each back with its task still queued
            await settle(made)
            taken = set()
            for _ in arns:
                token, _ = await made.runtime.get_activity_task(ACTIVITY, None)
                taken.add(token)
                await made.runtime.send_task_success(token, "1")
            assert len(taken) == 3
            for arn in arns:
                assert (await made.runtime.wait(arn)).output == "[1,{}]"
            assert not made.runtime._activities._offers

    asyncio.run(story())


def parallel(*states):
    branches = [{"StartAt": "S", "States": {"S": {**state, "End": True}}} for state in states]
    return {"Type": "Parallel", "Branches": branches}
