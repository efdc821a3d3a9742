"""One function process: its Runtime API session, its log stream, its private folder, and how it ends.

Life: start (the init phase, until the runtime first asks for work) -> any number of invocations, one at a time -> kill.
"""

from __future__ import annotations

import asyncio
import functools
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from newel.functions import runtime_api
from newel.functions.logs import LogStream
from newel.functions.memory import resident_bytes
from newel.functions.model import RESPONSE_BYTES_MAX, Configuration
from newel.functions.runtime_api import Answer, InitError, Invocation, Session
from newel.functions.spawner import Order, Spawner, SpawnFailed
from newel.json import dumps

_MB: Final = 1 << 20
#: How old the last look at a process's memory may be for its REPORT line.
_MEMORY_SECONDS: Final = 0.1


class Outcome(msgspec.Struct, frozen=True):
    """How an invocation ended. `error_type` is None for a result; otherwise `payload` is the error document."""

    payload: bytes
    error_type: str | None
    log_tail: bytes


class _Exited(Exception):  # noqa: N818
    """The process ended during an invocation."""


class _TimedOut(Exception):  # noqa: N818
    """The function's timeout passed."""


class Worker:
    """A process of one function version.

    `on_answered` is called when it has answered an invocation, `on_idle` when it then asks for work, `on_exit` once.
    """

    def __init__(
        self,
        identifier: str,
        configuration: Configuration,
        log: LogStream,
        scratch: Path,
        *,
        on_answered: Callable[[Worker], None],
        on_idle: Callable[[Worker], None],
        on_exit: Callable[[Worker], None],
    ) -> None:
        self.id = identifier
        self.configuration = configuration
        self.log = log
        self.pid = 0
        self.dead = False
        self.busy = True  # its init phase counts as work
        self.idle_since = 0.0
        self._scratch = scratch
        self._on_idle = on_idle
        self._on_exit = on_exit
        self._session = Session(
            on_idle=self._runtime_idle,
            on_answered=lambda: on_answered(self),
            on_init_error=self._runtime_refused,
        )
        self._server: asyncio.AbstractServer | None = None
        self._spawner: Spawner | None = None
        self._started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._timer: asyncio.TimerHandle | None = None
        self._wait_status = 0
        self._out_of_memory = False
        self._memory_peak = 0
        self._memory_seen = -math.inf
        self._init_error: InitError | None = None
        self._init_failure: Callable[[str], tuple[bytes, str]] | None = None
        self._init_ms: float | None = None
        self._first = True

    # ------------------------------------------------------------------ the init phase

    async def start(self, spawner: Spawner, order: Order, api: str, init_seconds_max: float) -> None:
        """Start the process and wait for its runtime. A failure is kept and becomes the first invocation's outcome."""
        began = time.monotonic()
        self._spawner = spawner
        self.log.write(f"INIT_START Runtime Version: {self.configuration.runtime}\n")
        try:
            await self._listen(order, api)
            self.pid = await spawner.spawn(order, self._process_exited)
            async with asyncio.timeout(init_seconds_max + self.configuration.timeout):
                await self._started
        except TimeoutError:
            self._fail_init(self._timeout_error, "timeout")
        except _Exited:
            self._fail_init(self._init_document, "error")
        except (SpawnFailed, OSError) as error:
            self.fail_to_start(str(error))
        except asyncio.CancelledError:
            self.kill()
            raise
        self._init_ms = (time.monotonic() - began) * 1000

    def fail_to_start(self, reason: str) -> None:
        """The process could not even be started."""

        def failure(request_id: str) -> tuple[bytes, str]:
            return _document("Runtime.InvalidEntrypoint", f"RequestId: {request_id} Error: {reason}")

        self._fail_init(failure, "error")

    async def _listen(self, order: Order, api: str) -> None:
        if api == "loopback":
            self._server, address = await runtime_api.listen_loopback(self._session)
            order.env["AWS_LAMBDA_RUNTIME_API"] = address
            return
        path = str(self._scratch.parent / f"{self.id}.sock")
        self._server = await runtime_api.listen_unix(self._session, path)
        order.env["NEWEL_RUNTIME_SOCKET"] = path

    def _fail_init(self, failure: Callable[[str], tuple[bytes, str]], status: str) -> None:
        self._init_failure = failure
        self.log.write(f"INIT_REPORT Phase: init\tStatus: {status}\tError Type: {failure('')[1]}\n")
        self.kill()

    def _init_document(self, request_id: str) -> tuple[bytes, str]:
        if self._init_error is not None:
            return self._init_error.payload, self._init_error.error_type
        return self._exit_error(request_id)

    def _runtime_refused(self, error: InitError) -> None:
        """The runtime says that it cannot start; that ends the init phase, whether or not the process goes on."""
        if not self._started.done():
            self._init_error = error
            self._started.set_exception(_Exited())

    @property
    def failed(self) -> bool:
        """It cannot serve more than the invocation that is told of the failure."""
        return self.dead or self._init_failure is not None

    # ------------------------------------------------------------------ invocations

    async def invoke(self, invocation: Invocation, tail_bytes: int) -> Outcome:
        """Run one invocation. The process must be idle, or have failed to start."""
        self.busy = True
        start = 0 if self._first else self.log.size()
        self.log.write(f"START RequestId: {invocation.request_id} Version: {self.configuration.version}\n")
        began = time.monotonic()
        payload, error_type, status = await self._answer(invocation)
        duration_ms = (time.monotonic() - began) * 1000
        self._report(invocation.request_id, duration_ms, error_type, status)
        return Outcome(payload, error_type, self.log.tail(start, tail_bytes))

    async def _answer(self, invocation: Invocation) -> tuple[bytes, str | None, str]:
        request_id = invocation.request_id
        if self._init_failure is not None:
            return *self._init_failure(request_id), "error"
        timeout = self.configuration.timeout
        invocation.deadline_ms = int((time.time() + timeout) * 1000)
        self._timer = asyncio.get_running_loop().call_later(timeout, self._time_out)
        try:
            answer = await self._submit(invocation)
        except _Exited:
            payload, error_type = self._exit_error(request_id)
            self.log.write(f"{_message(payload)}\n{error_type}\n")
            return payload, error_type, "error"
        except _TimedOut:
            payload, error_type = self._timeout_error(request_id)
            self.log.write(f"{_now()} {request_id} Task timed out after {timeout:.2f} seconds\n\n")
            return payload, error_type, "timeout"
        if answer.too_large is not None:
            return *_too_large(answer.too_large), "error"
        return answer.payload, answer.error_type, "error" if answer.error_type else "success"

    def _submit(self, invocation: Invocation) -> asyncio.Future[Answer]:
        answer = self._session.submit(invocation)
        if self.dead:
            self._cancel_timer()
            self._session.abandon(_Exited())
        return answer

    def _report(self, request_id: str, duration_ms: float, error_type: str | None, status: str) -> None:
        if time.monotonic() - self._memory_seen > _MEMORY_SECONDS:
            self.note_memory()
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {duration_ms:.2f} ms",
            f"Billed Duration: {math.ceil(duration_ms)} ms",
            f"Memory Size: {self.configuration.memory_size} MB",
            f"Max Memory Used: {math.ceil(self._memory_peak / _MB)} MB",
        ]
        if self._first and self._init_ms is not None:
            fields.append(f"Init Duration: {self._init_ms:.2f} ms")
        if status != "success":
            fields.append(f"Status: {status}")
        if self._out_of_memory:
            error_type = "Runtime.OutOfMemory"
        if error_type and status == "error":
            fields.append(f"Error Type: {error_type}")
        fields.append("")
        self._first = False
        self.log.write(f"END RequestId: {request_id}\n" + "\t".join(fields) + "\n")

    # ------------------------------------------------------------------ endings

    def kill(self) -> None:
        """SIGKILL to the whole process group; `on_exit` follows."""
        if self.pid and not self.dead and self._spawner is not None:
            self._spawner.kill(self.id)
        elif not self.pid:
            self._process_exited(0)

    def note_memory(self) -> int:
        """Resident bytes now; remembered if they are the most so far."""
        used = 0 if self.dead else resident_bytes(self.pid)
        self._memory_peak = max(self._memory_peak, used)
        self._memory_seen = time.monotonic()
        return used

    def check(self) -> None:
        """Enforce the memory limit and the log stream's bound."""
        if self.dead or not self.pid:
            return
        if self.note_memory() > self.configuration.memory_size * _MB:
            self._out_of_memory = True
            self.kill()
        self.log.trim()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_out(self) -> None:
        self._session.abandon(_TimedOut())
        self.kill()

    def _runtime_idle(self) -> None:
        self.busy = False
        self._cancel_timer()
        if not self._started.done():
            self._started.set_result(None)
            return
        self._on_idle(self)

    def _process_exited(self, wait_status: int) -> None:
        if self.dead:
            return
        self.dead = True
        self._wait_status = wait_status
        self._cancel_timer()
        if not self._started.done():
            self._started.set_exception(_Exited())
            self._started.exception()  # seen, also when nobody waits any more
        self._session.abandon(_Exited())
        if self._server is not None:
            runtime_api.close_when_settled(self._server)
        self._session.close()
        self.log.close()
        (self._scratch.parent / f"{self.id}.sock").unlink(missing_ok=True)
        remove = functools.partial(shutil.rmtree, self._scratch, ignore_errors=True)
        asyncio.get_running_loop().run_in_executor(None, remove)  # a function may have left gigabytes there
        self._on_exit(self)

    def _exit_error(self, request_id: str) -> tuple[bytes, str]:
        reason = _exit_reason(self._wait_status)
        return _document("Runtime.ExitError", f"RequestId: {request_id} Error: {reason}")

    def _timeout_error(self, request_id: str) -> tuple[bytes, str]:
        text = f"RequestId: {request_id} Error: Task timed out after {self.configuration.timeout:.2f} seconds"
        return _document("Sandbox.Timedout", text)


def _exit_reason(wait_status: int) -> str:
    """In the words of AWS, which are Go's: `exit status 3`, `signal: killed`."""
    if wait_status == 0:
        return "Runtime exited without providing a reason"
    if wait_status < 0 or os.WIFSIGNALED(wait_status):
        number = signal.SIGKILL if wait_status < 0 else os.WTERMSIG(wait_status)
        return f"Runtime exited with error: signal: {_SIGNAL_WORDS.get(number, f'signal {number}')}"
    return f"Runtime exited with error: exit status {os.WEXITSTATUS(wait_status)}"


_SIGNAL_WORDS: Final[dict[int, str]] = {
    signal.SIGHUP: "hangup",
    signal.SIGINT: "interrupt",
    signal.SIGQUIT: "quit",
    signal.SIGILL: "illegal instruction",
    signal.SIGTRAP: "trace/breakpoint trap",
    signal.SIGABRT: "aborted",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGKILL: "killed",
    signal.SIGUSR1: "user defined signal 1",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGUSR2: "user defined signal 2",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGTERM: "terminated",
}


def _document(error_type: str, message: str) -> tuple[bytes, str]:
    return dumps({"errorType": error_type, "errorMessage": message}).encode(), error_type


def _too_large(size: int) -> tuple[bytes, str]:
    limit = f"maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)"
    message = f"Response payload size ({size} bytes) exceeded {limit}."
    return _document("Function.ResponseSizeTooLarge", message)


def _message(payload: bytes) -> str:
    return str(msgspec.json.decode(payload)["errorMessage"])


def _now() -> str:
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"
