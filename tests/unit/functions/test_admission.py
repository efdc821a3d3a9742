"""Concurrency limits, routing by alias, and a host that starts again."""

import asyncio

import msgspec
import pytest

from newel.errors import ServiceError
from newel.functions.model import Alias

from .harness import run, until

WAIT = "import os, time\ndef handler(e, c):\n    while not os.path.exists({go!r}):\n        time.sleep(0.01)\n    return os.getpid()\n"


def throttled(caught, reason):
    error = caught.value
    assert (error.code, error.message, error.status) == ("TooManyRequestsException", "Rate Exceeded.", 429)
    assert error.extra == {"Reason": reason}


def change(h, name, **fields):
    h.host.catalog.remember(msgspec.structs.replace(h.host.catalog.get(h.name(name)), **fields))


def test_reserved_concurrency(tmp_path):
    go = tmp_path / "go"

    async def test(h):
        h.python("f", WAIT.format(go=str(go)), timeout=60)
        change(h, "f", reserved_concurrency=2)
        calls = [asyncio.create_task(h.value("f")) for _ in range(2)]
        await until(lambda: h.host.concurrency_in_use(h.name("f")) == 2)
        with pytest.raises(ServiceError) as caught:
            await h.invoke("f")
        throttled(caught, "ReservedFunctionConcurrentInvocationLimitExceeded")
        go.touch()
        await asyncio.gather(*calls)
        await h.value("f")

    run(tmp_path / "data", test)


def test_the_account_s_concurrency(tmp_path):
    go = tmp_path / "go"

    async def test(h):
        h.python("f", WAIT.format(go=str(go)), timeout=60)
        h.python("g", WAIT.format(go=str(go)), timeout=60)
        call = asyncio.create_task(h.value("f"))
        await until(lambda: h.host.concurrency_in_use(h.name("f")) == 1)
        with pytest.raises(ServiceError) as caught:
            await h.invoke("g")
        throttled(caught, "ConcurrentInvocationLimitExceeded")
        go.touch()
        await call

    run(tmp_path / "data", test, account_concurrency=1)


def test_more_invocations_than_processes_wait_their_turn(tmp_path):
    async def test(h):
        h.python("f", "import os, time\ndef handler(e, c):\n    time.sleep(0.01)\n    return os.getpid()\n")
        h.python("g", "import os\ndef handler(e, c):\n    return -os.getpid()\n")
        results = await asyncio.gather(*(h.value(name) for name in ("f", "g") * 20))
        assert len(results) == 40
        assert len(h.host._live) <= 2

    run(tmp_path, test, workers_max=2)


def test_an_alias_spreads_its_traffic(tmp_path):
    async def test(h):
        function = h.python("f", "def handler(e, c):\n    return c.function_version\n")
        versions = {
            number: msgspec.structs.replace(function.latest, version=number, revision_id=number)
            for number in ("1", "2")
        }
        alias = Alias(name="live", version="1", weights={"2": 0.5}, revision_id="1")
        change(h, "f", versions=versions, aliases={"live": alias})
        seen = {await h.value("f:live") for _ in range(64)}
        assert seen == {"1", "2"}

    run(tmp_path, test)


def test_functions_are_there_again_after_a_restart(tmp_path):
    async def create(h):
        h.python("f", "def handler(e, c):\n    return 'kept'\n")
        assert await h.value("f") == "kept"

    async def again(h):
        assert await h.value("f") == "kept"
        assert len(h.host.log_streams(h.name("f"))) == 2

    run(tmp_path, create)
    run(tmp_path, again)


def test_unused_processes_end(tmp_path):
    async def test(h):
        h.python("f", "def handler(e, c):\n    return 1\n")
        await h.value("f")
        (worker,) = h.host._live
        await until(lambda: worker in h.host._pool.workers() and not worker.busy)
        h.host._pool.reap(worker.idle_since + 1)
        await until(lambda: not h.host._live)
        assert await h.value("f") == 1

    run(tmp_path, test)
