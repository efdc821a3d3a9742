"""A turn that cannot be committed leaves nothing behind in memory, and nothing that was owed is forgotten."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.ports.store import Activity, SequenceConflict, StoreUnavailable
from newel.ports.tasks import Succeeded
from newel.runtime import turns

from .world import ACTIVITY, ASK, machine, submitted, task, until, wait, world

FULL = StoreUnavailable("the disk is full")


def conflict():
    return SequenceConflict("arn", 1)


async def asked(made, name="e", definition=None):
    """An execution that waits for a callback, and the token."""
    made.target.work = submitted
    before = len(made.target.requests)
    arn = await made.start(definition or machine(("Ask", ASK), ("Then", {"Type": "Pass"})), name)

    async def waits():
        return "TaskSubmitted" in await made.events(arn)

    await until(waits)
    return arn, made.target.requests[before].token


def test_a_callback_that_cannot_be_committed_is_refused_and_may_be_repeated():
    async def story():
        async with world() as made:
            arn, token = await asked(made)
            made.store.faults = [FULL]
            with pytest.raises(StoreUnavailable):
                await made.runtime.send_task_success(token, "1")
            assert (await made.record(arn)).status == "RUNNING"
            assert "TaskSucceeded" not in await made.events(arn)
            await made.runtime.send_task_success(token, "2")
            assert (await made.record(arn)).output == "2"

    asyncio.run(story())


def test_a_callback_that_lost_a_race_is_decided_again():
    async def story():
        async with world() as made:
            arn, token = await asked(made)
            made.store.faults = [conflict(), conflict()]
            await made.runtime.send_task_success(token, "1")
            assert (await made.record(arn)).output == "1"
            assert (await made.events(arn)).count("TaskSucceeded") == 1

    asyncio.run(story())


@pytest.mark.parametrize("error", [FULL, conflict()], ids=["full", "conflict"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_timer_whose_turn_failed_fires_again(error, times):
    async def story():
        async with world() as made:
            arn = await made.start(machine(("Wait", wait(10))))
            made.store.faults = [error] * times
            made.clock.advance(10)
            assert (await made.runtime.wait(arn)).status == "SUCCEEDED"
            assert (await made.events(arn)).count("WaitStateExited") == 1
            assert not made.store.faults

    asyncio.run(story())


def test_a_long_run_goes_on_after_a_turn_that_failed():
    async def story():
        more = {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 3000, "Next": "Add"}]}
        add = {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "More"}
        states = {"More": {**more, "Default": "Done"}, "Add": add, "Done": {"Type": "Succeed"}}
        async with world() as made:
            made.store.faults = [None, FULL, conflict(), FULL]  # the first is the start
            arn = await made.start({"StartAt": "More", "States": states}, input='{"n": 0}')
            assert (await made.runtime.wait(arn)).output == '{"n":3000}'
            assert not made.store.faults

    asyncio.run(story())


@pytest.mark.parametrize("error", [FULL, conflict()], ids=["full", "conflict"])
def test_what_a_target_answered_is_not_lost(error):
    async def story():
        async with world() as made:
            made.store.faults = [None, error, error]
            arn = await made.start(machine(("Call", task()), ("Then", task())))
            assert (await made.runtime.wait(arn)).output == '"done"'
            assert len(made.target.requests) == 2, "no call was repeated"

    asyncio.run(story())


def test_the_submission_of_a_request_is_not_lost():
    async def story():
        async with world() as made:
            made.store.faults = [None, FULL, FULL]
            _, token = await asked(made)
            assert len(made.target.requests) == 1
            await made.runtime.send_task_success(token, "1")

    asyncio.run(story())


def test_a_target_that_needs_the_store_waits_for_it():
    async def story():
        async def twice(request, events):
            if len(made.target.requests) < 3:
                raise FULL
            return Succeeded("3")

        async with world() as made:
            made.target.work = twice
            arn = await made.start(machine(("Call", task())))
            assert (await made.runtime.wait(arn)).output == "3"
            assert len({request.idempotency_key for request in made.target.requests}) == 1

    asyncio.run(story())


def test_a_start_that_cannot_be_committed_leaves_its_name_free():
    async def story():
        async with world() as made:
            made.store.faults = [FULL]
            with pytest.raises(StoreUnavailable):
                await made.start(machine(("Wait", wait(10))))
            arn = await made.start(machine(("Wait", wait(10))))
            made.clock.advance(10)
            assert (await made.runtime.wait(arn)).status == "SUCCEEDED"

    asyncio.run(story())


def test_a_task_whose_claim_failed_is_offered_to_the_next_worker():
    async def story():
        async with world() as made:
            await register(made)
            await made.start(machine(("Work", task(ACTIVITY))))
            made.store.faults = [FULL]
            with pytest.raises(StoreUnavailable):
                await made.runtime.get_activity_task(ACTIVITY, "one")
            token, _ = await made.runtime.get_activity_task(ACTIVITY, "two")
            await made.runtime.send_task_success(token, "1")

    asyncio.run(story())


async def register(made):
    await made.store.put_activity(Activity(arn=ACTIVITY, name="work", created_ms=0))


def test_a_bug_in_a_turn_is_told_and_harms_no_other_input(monkeypatch, caplog):
    async def story():
        async with world() as made:
            arn, token = await asked(made)
            with monkeypatch.context() as broken:
                broken.setattr(turns, "decide", lambda *_: 1 / 0)
                with pytest.raises(ZeroDivisionError):
                    await made.runtime.send_task_success(token, "1")
            await made.runtime.send_task_success(token, "2")
            assert (await made.record(arn)).output == "2"

    asyncio.run(story())
    assert "this is a bug of Newel" in caplog.text


def test_a_bug_after_a_commit_forgets_nothing_that_is_owed(monkeypatch, caplog):
    async def story():
        async with world() as made:
            write, broken = made.logs.write, [True]

            def fail_once(*arguments):
                if broken:
                    broken.clear()
                    raise ZeroDivisionError
                write(*arguments)

            monkeypatch.setattr(made.logs, "write", fail_once)
            arn = await made.start(machine(("Call", task())), logged=True)
            assert (await made.runtime.wait(arn)).output == '"done"'

    asyncio.run(story())
    assert "acting on a turn" in caplog.text


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_faults_at_random_lose_nothing_and_do_nothing_twice(seed):
    """Ten executions with timers, calls, callbacks and logs; every third commit fails; few stay in memory."""
    rng = random.Random(seed)
    definition = machine(("Wait", wait(1)), ("Call", task()), ("Ask", ASK), ("End", wait(1)))

    async def work(request, events):
        return await submitted(request, events) if request.token else Succeeded("{}")

    async def answer(made, token):
        while True:
            try:
                await made.runtime.send_task_success(token, "1")
            except StoreUnavailable:
                await asyncio.sleep(0)
            else:
                return

    async def story():
        async with world(idle_max=rng.choice([1, 2, 100])) as made:
            made.target.work = work
            arns = [await made.start(definition, f"e{n}", logged=True) for n in range(10)]
            made.store.faults = [rng.choice([None, None, rng.choice([FULL, conflict()])]) for _ in range(60)]
            answered = set()
            while await made.store.open_count():
                made.clock.advance(rng.choice([0.2, 1]))
                await asyncio.sleep(0)
                for request in list(made.target.requests):
                    if request.token and request.token not in answered and rng.random() < 0.5:
                        submitted_now = "TaskSubmitted" in await made.events(request.execution_arn)
                        if submitted_now:
                            answered.add(request.token)
                            await answer(made, request.token)
                await asyncio.sleep(0.001)
            for arn in arns:
                history = await made.runtime.history(arn)
                kinds = [event["type"] for event in history]
                assert kinds.count("ExecutionSucceeded") == 1
                assert kinds.count("WaitStateExited") == 2
                assert kinds.count("LambdaFunctionSucceeded") == kinds.count("TaskSucceeded") == 1
                stream = made.logs.streams[f"states/m0/{arn.rpartition(':')[2]}"]
                assert [(each["id"], each["type"]) for each in stream] == [(str(e["id"]), e["type"]) for e in history]
            assert len(made.target.requests) == 20
            assert len(made.store.faults) < 20, "hardly a commit failed"

    asyncio.run(story())
