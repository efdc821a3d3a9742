"""How invocations end when the process does not: timeouts, exits, signals, memory, size, and the host's own end."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from newel.errors import ServiceError

from .harness import alive, run, until, wait_until


def test_a_timeout_kills_the_whole_group(tmp_path):
    source = """
import subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "1000"])
    print("CHILD", child.pid)
    time.sleep(1000)
"""

    async def test(h):
        h.python("f", source, timeout=1)
        result = await h.invoke("f", log_tail=True)
        assert result.function_error == "Unhandled"
        assert result.payload.decode() == (
            '{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: '
            f'{result.request_id} Error: Task timed out after 1.00 seconds"}}'
        )
        log = result.log_tail.decode()
        assert f"{result.request_id} Task timed out after 1.00 seconds\n" in log
        assert "Status: timeout" in log
        child = int(log.split("CHILD ")[1].split()[0])
        await until(lambda: not alive(child))

    run(tmp_path, test)


def test_a_timeout_in_the_init_phase(tmp_path):
    async def test(h):
        h.python("f", "import time\ntime.sleep(1000)\n", timeout=1)
        assert (await h.error("f"))["errorType"] == "Sandbox.Timedout"

    run(tmp_path, test, init_seconds_max=0.1)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("sys.exit(3)", "Runtime exited with error: exit status 3"),
        ("sys.exit()", "Runtime exited without providing a reason"),
        ("os._exit(7)", "Runtime exited with error: exit status 7"),
        ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
        ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
        ("os.abort()", "Runtime exited with error: signal: aborted"),
    ],
)
def test_a_process_that_ends(tmp_path, code, reason):
    async def test(h):
        h.python("f", f"import os, sys\ndef handler(event, context):\n    {code}\n")
        for _ in range(2):
            result = await h.invoke("f", log_tail=True)
            document = await h.error("f")
            assert document["errorType"] == "Runtime.ExitError"
            assert document["errorMessage"].endswith(f" Error: {reason}")
            assert f"RequestId: {result.request_id} Error: {reason}\nRuntime.ExitError\n" in result.log_tail.decode()

    run(tmp_path, test)


def test_an_exit_while_the_module_loads(tmp_path):
    async def test(h):
        h.python("f", "import sys\nsys.exit(4)\n")
        assert (await h.error("f"))["errorMessage"].endswith("Runtime exited with error: exit status 4")

    run(tmp_path, test)


def test_the_memory_limit(tmp_path):
    source = "import time\ndef handler(e, c):\n    hold = b'x' * (300 << 20)\n    time.sleep(1000)\n"

    async def test(h):
        h.python("f", source, timeout=60)
        result = await h.invoke("f", log_tail=True)
        assert b"Runtime exited with error: signal: killed" in result.payload
        assert b'"errorType":"Runtime.ExitError"' in result.payload
        assert b"Error Type: Runtime.OutOfMemory" in result.log_tail

    run(tmp_path, test)


def test_a_child_counts_against_the_memory_limit(tmp_path):
    source = """
import subprocess, sys
def handler(event, context):
    subprocess.run([sys.executable, "-c", "import time; x = b'x' * (300 << 20); time.sleep(1000)"])
"""

    async def test(h):
        h.python("f", source, timeout=60)
        assert b"signal: killed" in (await h.invoke("f")).payload

    run(tmp_path, test)


def test_a_result_over_6_megabytes(tmp_path):
    async def test(h):
        h.python("f", "def handler(e, c):\n    return 'x' * e\n")
        assert len((await h.invoke("f", b"6291554")).payload) == 6_291_556
        document = await h.error("f", b"6291555")
        assert document["errorType"] == "Function.ResponseSizeTooLarge"
        assert document["errorMessage"] == (
            "Response payload size (6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)."
        )
        assert (await h.value("f", b"1")) == "x"

    run(tmp_path, test)


def test_payloads_that_are_too_large_or_not_json(tmp_path):
    async def test(h):
        h.python("f", "def handler(e, c):\n    return len(e)\n")
        assert await h.value("f", b'"' + b"x" * 6_291_454 + b'"') == 6_291_454
        for payload, kind, code, status in (
            (b'"' + b"x" * 6_291_455 + b'"', "RequestResponse", "RequestTooLargeException", 413),
            (b'"' + b"x" * 1_048_576 + b'"', "Event", "RequestTooLargeException", 413),
            (b"{nope", "RequestResponse", "InvalidRequestContentException", 400),
            (b"{nope", "Event", "InvalidRequestContentException", 400),
        ):
            with pytest.raises(ServiceError) as caught:
                await h.invoke("f", payload, invocation_type=kind)
            assert (caught.value.code, caught.value.status) == (code, status)

    run(tmp_path, test)


def test_a_function_that_does_not_exist(tmp_path):
    async def test(h):
        for name, arn in (("nobody", ":nobody:$LATEST"), ("nobody:3", ":nobody:3")):
            with pytest.raises(ServiceError) as caught:
                await h.invoke(name)
            assert caught.value.code == "ResourceNotFoundException"
            assert caught.value.status == 404
            assert caught.value.message.startswith("Function not found: arn:aws:lambda:")
            assert caught.value.message.endswith(arn)

    run(tmp_path, test)


def test_a_cancelled_caller_does_not_stop_the_function(tmp_path):
    done = tmp_path / "done"
    source = f"import time\ndef handler(e, c):\n    time.sleep(0.3)\n    open({str(done)!r}, 'w').close()\n"

    async def test(h):
        h.python("f", source)
        caller = asyncio.create_task(h.invoke("f"))
        await until(lambda: h.host.concurrency_in_use(h.name("f")) == 1)
        caller.cancel()
        await until(done.exists)
        await until(lambda: h.host.concurrency_in_use(h.name("f")) == 0)

    run(tmp_path / "data", test)


def test_a_function_deleted_while_it_runs_still_answers(tmp_path):
    go = tmp_path / "go"
    source = f"import os, time\ndef handler(e, c):\n    while not os.path.exists({str(go)!r}):\n        time.sleep(0.01)\n    return 'done'\n"

    async def test(h):
        h.python("f", source, timeout=60)
        call = asyncio.create_task(h.value("f"))
        await until(lambda: bool(h.host._pool.workers()))
        async with h.host.writing:
            await h.host.remove(h.name("f"))
        go.touch()
        assert await call == "done"

    run(tmp_path / "data", test)


def test_a_lost_spawner_is_replaced(tmp_path):
    began = tmp_path / "began"
    source = f"import os, time\ndef handler(e, c):\n    if e:\n        open({str(began)!r}, 'w').close()\n    time.sleep(e)\n    return os.getpid()\n"

    async def test(h):
        h.python("f", source, timeout=60)
        first = await h.value("f", b"0")
        busy = asyncio.create_task(h.invoke("f", b"1000"))
        await until(began.exists)
        (spawner,) = h.host._spawners.values()
        os.kill(spawner._process.pid, signal.SIGKILL)
        assert b"signal: killed" in (await busy).payload
        await until(lambda: not alive(first))
        assert await h.value("f", b"0") != first

    run(tmp_path / "data", test)


def test_close_fails_what_is_in_hand_and_leaves_no_process(tmp_path):
    async def test(h):
        h.python("f", "import time\ndef handler(e, c):\n    time.sleep(1000)\n", timeout=900)
        call = asyncio.create_task(h.invoke("f"))
        await until(lambda: bool(h.host._pool.workers()))
        (pid,) = [worker.pid for worker in h.host._live]
        await h.host.close()
        assert not alive(pid)
        with pytest.raises((ServiceError, asyncio.CancelledError)):
            await call
        with pytest.raises(ServiceError, match="shutting down"):
            await h.invoke("f")

    run(tmp_path, test)


SERVER = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = [{here!r}]
from functions.harness import Harness
from newel.functions.host import FunctionHost

async def main():
    host = FunctionHost(Path({data!r}))
    await host.start()
    h = Harness(host)
    h.python("f", '''
import os, subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    with open({pids!r} + ".new", "w") as file:
        file.write(f"{{os.getpid()}} {{child.pid}} {{os.getppid()}} {{os.environ['TMPDIR']}}")
    os.rename({pids!r} + ".new", {pids!r})
    time.sleep(1000)
''', timeout=900)
    await h.invoke("f")

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a child that left its group is found through /proc")
def test_nothing_outlives_a_server_that_is_killed(tmp_path):
    pids = tmp_path / "pids"
    here = Path(__file__).parents[1]
    program = SERVER.format(here=str(here), data=str(tmp_path / "data"), pids=str(pids))
    with subprocess.Popen([sys.executable, "-c", program]) as server:
        try:
            wait_until(pids.exists)
        finally:
            server.kill()
    *numbers, folder = pids.read_text().split()
    scratch = Path(folder).parent
    for pid in map(int, numbers):
        wait_until(lambda pid=pid: not alive(pid))
    wait_until(lambda: not scratch.exists())

    async def test(h):
        assert h.host.catalog.find(h.name("f")) is not None

    run(tmp_path / "data", test)
