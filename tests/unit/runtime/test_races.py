"""What may happen between two steps of the runtime: each test holds one of them open."""

import asyncio
import itertools

import pytest

from newel.engine import inputs as i
from newel.limits import Limits
from newel.ports.store import Activity, AlreadyExists, StoreUnavailable
from newel.ports.tasks import DETACH, Succeeded
from newel.runtime.clock import VirtualClock

from .world import ACTIVITY, ASK, START_MS, World, for_ever, machine, submitted, task, until, wait, world

LOOP = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}},
    "TimeoutSeconds": 2,
}


def run(story):
    asyncio.run(asyncio.wait_for(story, 60))


# -- starting


def test_a_stop_that_comes_during_the_commit_of_the_start():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Call", task())), "e")
            made.target.work = for_ever
            made.store.held = True
            start = asyncio.ensure_future(made.runtime.start(order))
            await asyncio.sleep(0)
            stop = asyncio.ensure_future(made.runtime.stop(order.arn, "Enough", None))
            for _ in range(10):
                await asyncio.sleep(0)
            assert not stop.done()
            made.store.release()
            assert (await start).status == "RUNNING"
            await stop
            assert (await made.events(order.arn))[-1] == "ExecutionAborted"
            await until(lambda: made.runtime.idle)

    run(story())


def test_two_starts_of_one_name_at_once():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Wait", wait(10))), "e")
            made.store.held = True
            first, second = (asyncio.ensure_future(made.runtime.start(order)) for _ in range(2))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            made.store.release()
            await first
            with pytest.raises(AlreadyExists):
                await second
            assert await made.runtime.describe(order.arn) is not None, "the winner is committed by now"

    run(story())


def test_the_second_start_takes_the_name_that_the_first_could_not():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Wait", wait(10))), "e")
            made.store.faults = [StoreUnavailable("full")]
            results = await asyncio.gather(*(made.runtime.start(order) for _ in range(2)), return_exceptions=True)
            assert [type(result).__name__ for result in results] == ["StoreUnavailable", "Execution"]

    run(story())


def test_a_start_whose_caller_has_gone_runs_all_the_same():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Call", task())), "e")
            made.store.held = True
            start = asyncio.ensure_future(made.runtime.start(order))
            await asyncio.sleep(0)
            start.cancel()
            with pytest.raises(asyncio.CancelledError):
                await start
            made.store.release()
            assert (await made.runtime.wait(order.arn)).output == '"done"'
            assert len(made.target.requests) == 1

    run(story())


def test_an_execution_that_ends_in_its_first_turn_is_not_counted_as_open():
    async def story():
        async with world() as made:
            arn = await made.start(machine(("P", {"Type": "Pass"})))
            assert (await made.record(arn)).status == "SUCCEEDED"
            assert await made.store.open_count() == 0
            assert len(made.runtime._actives) == 0

    run(story())


# -- waiting


def test_waiting_for_an_execution_that_ends_between_the_looks():
    async def story():
        async with world() as made:
            made.target.work = submitted
            arn = await made.start(machine(("Ask", ASK)))
            await until(lambda: made.target.requests and made.runtime.idle)
            [request] = made.target.requests
            ending = []

            def end_it():  # the record was read as running, and is not handed over yet
                made.store.looking = lambda: None
                ending.append(asyncio.ensure_future(made.runtime.send_task_success(request.token, "1")))

            made.store.looking = end_it
            assert (await made.runtime.wait(arn)).output == "1"
            await ending[0]
            assert (await made.runtime.wait(arn)).output == "1"
            assert not made.runtime._ends

    run(story())


def test_an_express_execution_that_ends_in_a_later_turn():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Wait", wait(2)), ("Call", task())), "e", type="EXPRESS")
            waiting = asyncio.ensure_future(made.runtime.start_sync(order))
            await asyncio.sleep(0)
            made.clock.advance(2)
            ended = await waiting
            assert (ended.status, ended.output) == ("SUCCEEDED", '"done"')
            assert ended.stop_ms == START_MS + 2000
            assert len(made.runtime._actives) == 0

    run(story())


def test_an_express_execution_that_loops_leaves_room_for_others_and_times_out():
    async def story():
        async with world(limits=Limits(transitions_per_turn_max=10, history_events_max=10**9)) as made:
            order = await made.order(LOOP, "e", type="EXPRESS")
            waiting = asyncio.ensure_future(made.runtime.start_sync(order))
            other = await made.start(machine(("Call", task())))
            assert (await made.runtime.wait(other)).status == "SUCCEEDED"
            assert not waiting.done()
            made.clock.advance(2)
            assert (await waiting).status == "TIMED_OUT"

    run(story())


def test_an_express_execution_may_wait_longer_than_timers_look_ahead():
    async def story():
        made = World()
        made.clock = VirtualClock(START_MS)
        made.runtime = made._runtime()
        made.clock.idle = lambda: made.runtime.idle
        await made.runtime.open()
        order = await made.order(machine(("Wait", wait(150))), "e", type="EXPRESS")
        ended = await made.runtime.start_sync(order)
        assert ended.status == "SUCCEEDED"
        assert ended.stop_ms - ended.start_ms >= 150_000
        await made.runtime.close()

    run(story())


# -- calls


def test_a_job_is_stopped_once_though_the_execution_goes_on():
    async def story():
        stopped, gate = [], asyncio.Event()

        async def job(request, events):
            if request.state_name != "Job":
                return Succeeded("1")
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as cancelled:
                await gate.wait()  # a stop takes its time; a second cancellation would cut it short
                stopped.append(cancelled.args)
                raise

        caught = task(TimeoutSeconds=5, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Next"}])
        async with world() as made:
            made.target.work = job
            arn = await made.start(machine(("Job", caught), ("Next", task()), ("Last", task())))
            await until(lambda: made.target.requests)
            made.clock.advance(5)
            assert (await made.runtime.wait(arn)).status == "SUCCEEDED"
            gate.set()
            await until(lambda: stopped)
            assert stopped == [()]

    run(story())


def test_a_call_under_way_outlives_the_state_in_memory_and_is_stopped_with_its_task():
    async def story():
        ended = []

        async def job(request, events):
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as cancelled:
                ended.append(cancelled.args)
                raise

        async with world() as made:
            made.target.work = job
            arn = await made.start(machine(("Job", task())))
            await until(lambda: made.target.requests)
            made.store.faults = [StoreUnavailable("full")]
            with pytest.raises(StoreUnavailable):
                await made.runtime.stop(arn, None, None)
            assert not ended
            await made.runtime.stop(arn, None, None)
            await until(lambda: ended)
            assert ended == [()]
            assert len(made.target.requests) == 1, "bringing it back issued nothing again"

    run(story())


def test_closing_detaches_calls_and_commits_what_is_under_way():
    async def story():
        ended = []

        async def job(request, events):
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as cancelled:
                ended.append(cancelled.args)
                raise

        async with world() as made:
            made.target.work = job
            arn = await made.start(machine(("Job", task())))
            looping = await made.start(LOOP, "loop")
            await until(lambda: made.target.requests)
            await made.runtime.close()
            assert ended == [(DETACH,)]
            assert (await made.record(arn)).status == "RUNNING"
            assert made.runtime.idle
            with pytest.raises(StoreUnavailable):
                await made.runtime.stop(arn, None, None)
            with pytest.raises(StoreUnavailable):
                await made.start(machine(("Wait", wait(1))), "late")
            await made.again()
            await until(lambda: len(made.target.requests) == 2)
            made.clock.advance(2)
            assert (await made.runtime.wait(looping)).status in ("TIMED_OUT", "FAILED")
            await made.runtime.stop(arn, None, None)
            assert ended[1:] == [()]

    run(story())


def test_a_result_in_hand_is_committed_before_closing():
    async def story():
        async with world() as made:
            arn = await made.start(machine(("Call", task()), ("Wait", wait(100))))
            made.store.held = True
            await until(lambda: made.target.requests)
            for _ in range(5):
                await asyncio.sleep(0)
            closing = asyncio.ensure_future(made.runtime.close())
            await asyncio.sleep(0)
            made.store.release()
            await closing
            assert "LambdaFunctionSucceeded" in await made.events(arn)

    run(story())


def test_nothing_is_called_whose_time_ran_out_while_the_server_was_away():
    async def story():
        async with world() as made:
            made.target.work = for_ever
            states = {
                "task": machine(("Call", task(TimeoutSeconds=5))),
                "beat": machine(("Call", task(HeartbeatSeconds=5))),
                "whole": machine(("Call", task()), TimeoutSeconds=5),
                "none": machine(("Call", task(TimeoutSeconds=500))),
            }
            arns = {name: await made.start(definition, name) for name, definition in states.items()}
            await until(lambda: len(made.target.requests) == 4)
            await made.runtime.close()
            made.clock.advance(10)
            await made.again()
            ends = [(await made.runtime.wait(arn)).status for name, arn in arns.items() if name != "none"]
            assert ends == ["FAILED", "FAILED", "TIMED_OUT"]
            await until(lambda: len(made.target.requests) == 5)
            assert made.target.requests[-1].execution_name == "none"

    run(story())


# -- bringing back


def test_many_inputs_at_once_for_a_state_that_is_being_dropped():
    async def story():
        async with world() as made:
            made.target.work = submitted
            branches = [{"StartAt": f"S{n}", "States": {f"S{n}": {**ASK, "End": True}}} for n in range(10)]
            arn = await made.start(machine(("All", {"Type": "Parallel", "Branches": branches})))
            await until(lambda: len(made.target.requests) == 10 and made.runtime.idle)
            made.store.faults = [StoreUnavailable("full"), None, StoreUnavailable("full")]
            pending = {request.token for request in made.target.requests}
            for _ in itertools.count():
                answers = {token: made.runtime.send_task_success(token, "1") for token in pending}
                results = await asyncio.gather(*answers.values(), return_exceptions=True)
                pending = {token for token, result in zip(answers, results, strict=True) if result is not None}
                if not pending:
                    break
            assert (await made.runtime.wait(arn)).output == "[" + ",".join(["1"] * 10) + "]"
            assert (await made.events(arn)).count("TaskSucceeded") == 10

    run(story())


def test_an_execution_that_cannot_be_read_does_not_hold_up_the_others(caplog):
    async def story():
        async with world() as made:
            made.target.work = for_ever
            bad = await made.start(machine(("Call", task())), "bad")
            good = await made.start(machine(("Call", task())), "good")
            await until(lambda: len(made.target.requests) == 2)
            await made.runtime.close()
            record = made.store._records[bad]
            [row] = record.rows
            record.rows[0] = type(row)(seq=1, at_ms=row.at_ms, events=b"?")
            made.target.work = answered_done
            await made.again()
            assert (await made.runtime.wait(good)).status == "SUCCEEDED"

    async def answered_done(request, events):
        return Succeeded("1")

    run(story())
    assert "bad could not be brought back" in caplog.text


def test_timers_go_on_after_a_look_that_failed(caplog, monkeypatch):
    async def story():
        async with world() as made:
            due, broken = made.store.due, [True]

            async def fail_once(before_ms, limit):
                if broken:
                    broken.clear()
                    raise OSError("the disk")
                return await due(before_ms, limit)

            monkeypatch.setattr(made.store, "due", fail_once)
            arn = await made.start(machine(("Wait", wait(10))))
            made.clock.advance(10)
            assert (await made.runtime.wait(arn)).status == "SUCCEEDED"

    run(story())
    assert "looking for due timers failed" in caplog.text


def test_a_timer_that_was_void_does_not_silence_the_next():
    """A wake time that decide finds nothing due at is followed by the next one."""

    async def story():
        async with world() as made:
            arn = await made.start(machine(("Wait", wait(10))))
            for _ in range(10):
                await asyncio.sleep(0)  # the first look into the store is over; the next is half a minute away
            made.runtime._timers.set(arn, made.clock.now_ms())
            await until(lambda: made.runtime._timers._wakes.get(arn) == START_MS + 10_000)
            made.clock.advance(10)
            assert (await made.runtime.wait(arn)).status == "SUCCEEDED"

    run(story())


# -- activities


async def worked(made, name="e"):
    await made.store.put_activity(Activity(arn=ACTIVITY, name="work", created_ms=0))
    return await made.start(machine(("Work", task(ACTIVITY))), name)


def test_a_worker_that_leaves_takes_no_task_with_it():
    async def story():
        async with world() as made:
            await made.store.put_activity(Activity(arn=ACTIVITY, name="work", created_ms=0))
            poll = asyncio.ensure_future(made.runtime.get_activity_task(ACTIVITY, "gone"))
            await asyncio.sleep(0)
            order = await made.order(machine(("Work", task(ACTIVITY))), "e")
            await made.runtime.start(order)  # hands the task to the poller, which has not run yet
            poll.cancel()
            with pytest.raises(asyncio.CancelledError):
                await poll
            token, _ = await made.runtime.get_activity_task(ACTIVITY, "stays")
            await made.runtime.send_task_success(token, "1")

    run(story())


def test_a_worker_that_leaves_while_its_claim_looks_for_the_execution():
    async def story():
        async with world() as made:
            await worked(made)
            await made.again()  # nothing is in memory
            await until(lambda: made.runtime._activities._offers)
            made.runtime._actives.forget(next(iter(made.runtime._actives._active.values())))
            poll = asyncio.ensure_future(made.runtime.get_activity_task(ACTIVITY, "gone"))
            await asyncio.sleep(0)
            assert not made.runtime._activities._offers
            poll.cancel()
            with pytest.raises(asyncio.CancelledError):
                await poll
            found = await made.runtime.get_activity_task(ACTIVITY, "stays")
            assert found is not None

    run(story())


def test_polls_end_when_the_server_stops():
    async def story():
        async with world() as made:
            polls = [asyncio.ensure_future(made.runtime.get_activity_task(ACTIVITY, None)) for _ in range(3)]
            await asyncio.sleep(0)
            made.runtime.end_polls()
            assert await asyncio.gather(*polls) == [None, None, None]
            assert await made.runtime.get_activity_task(ACTIVITY, None) is None

    run(story())


def test_a_poll_ends_after_its_time():
    async def story():
        async with world(limits=Limits(activity_poll_seconds=0)) as made:
            assert await made.runtime.get_activity_task(ACTIVITY, None) is None
            assert not made.runtime._activities._pollers

    run(story())


def test_those_who_wait_for_an_end_are_told_that_the_server_stops():
    async def story():
        async with world() as made:
            order = await made.order(machine(("Wait", wait(200))), "e", type="EXPRESS")
            waiting = asyncio.ensure_future(made.runtime.start_sync(order))
            await until(lambda: made.runtime._ends)
            made.runtime.end_waits()
            with pytest.raises(StoreUnavailable):
                await waiting

    run(story())


def test_a_late_input_for_an_ended_execution_is_stale():
    async def story():
        async with world() as made:
            arn = await made.start(machine(("Wait", wait(10))))
            active = made.runtime._actives.get(arn)
            stop = asyncio.ensure_future(made.runtime.stop(arn, None, None))
            await asyncio.sleep(0)
            waiter = asyncio.get_running_loop().create_future()
            made.runtime._turns.deliver(active, i.TimerFired(), waiter)  # queued behind the Stop
            await stop
            assert not await waiter

    run(story())
