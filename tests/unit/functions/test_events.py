"""Asynchronous invocations: durable, retried, dropped when they must be."""

import asyncio

import msgspec

from newel.errors import ServiceError
from newel.functions.events import Event, EventQueue

from .harness import run, until


def event(**more):
    given = {"created": 9e12, "payload": b"{}", "client_context": None, "qualifier": None} | more
    return Event(request_id="id-1", account="1" * 12, region="r", name="f", **given)


def play(folder, run_event, test, **options):
    given = {"retry_seconds": (0.0, 0.0), "backoff_seconds_max": 0.0} | options

    async def main():
        queue = EventQueue(folder, run_event, **given)
        queue.start()
        await test(queue)
        await queue.close()

    asyncio.run(main())


def files(folder):
    return list(folder.glob("*.json"))


def test_a_success_is_run_once_and_forgotten(tmp_path):
    runs = []

    async def run_event(given):
        runs.append(given.request_id)
        assert files(tmp_path)  # durable before it runs
        return True

    async def test(queue):
        await queue.accept(event())
        await until(lambda: not files(tmp_path))

    play(tmp_path, run_event, test)
    assert runs == ["id-1"]


def test_a_function_error_is_tried_three_times(tmp_path):
    runs = []

    async def run_event(given):
        runs.append(given.attempts)
        return False

    async def test(queue):
        await queue.accept(event())
        await until(lambda: len(runs) == 3 and not files(tmp_path))

    play(tmp_path, run_event, test)
    assert runs == [0, 1, 2]


def test_throttling_is_tried_until_it_passes(tmp_path):
    runs = []

    async def run_event(given):
        runs.append(1)
        if len(runs) < 2:
            raise ServiceError("TooManyRequestsException", "Rate Exceeded.", status=429)
        return True

    async def test(queue):
        await queue.accept(event())
        await until(lambda: not files(tmp_path))

    play(tmp_path, run_event, test)
    assert len(runs) == 2


def test_a_refusal_drops_the_event(tmp_path):
    async def run_event(given):
        raise ServiceError("ResourceNotFoundException", "gone", status=404)

    async def test(queue):
        await queue.accept(event())
        await until(lambda: not files(tmp_path))

    play(tmp_path, run_event, test)


def test_an_event_that_is_too_old_is_dropped(tmp_path):
    async def run_event(given):
        raise AssertionError("it must not run")

    async def test(queue):
        await queue.accept(event(created=0.0))
        await until(lambda: not files(tmp_path))

    play(tmp_path, run_event, test)


def test_what_a_killed_server_accepted_is_taken_up_with_its_attempts(tmp_path):
    (tmp_path / "id-1.json").write_bytes(msgspec.json.encode(event(attempts=2)))
    runs = []

    async def run_event(given):
        runs.append(given.attempts)
        return False

    async def test(queue):
        await until(lambda: not files(tmp_path))

    play(tmp_path, run_event, test)
    assert runs == [2]


def test_an_event_runs_a_real_function_and_is_retried(tmp_path):
    log = tmp_path / "log"
    source = f"""
def handler(event, context):
    with open({str(log)!r}, "a") as file:
        print(context.aws_request_id, event["n"], file=file)
    raise Exception("again")
"""

    async def test(h):
        h.python("f", source)
        result = await h.invoke("f", b'{"n":1}', invocation_type="Event")
        assert (result.status_code, result.payload, result.function_error) == (202, b"", None)
        await until(lambda: log.exists() and log.read_text().count("\n") == 3)
        assert log.read_text() == f"{result.request_id} 1\n" * 3
        dry = await h.invoke("f", invocation_type="DryRun")
        assert (dry.status_code, dry.payload) == (204, b"")

    run(tmp_path / "data", test, event_retry_seconds=(0.0, 0.0))
