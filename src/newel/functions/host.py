"""The function host: resolves a name to a version, admits the invocation, and runs it on a process of the pool."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
import secrets
import shutil
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from newel.errors import ServiceError
from newel.functions import environment, logs
from newel.functions.catalog import Catalog
from newel.functions.events import Event, EventQueue
from newel.functions.logs import LogStream, StreamInfo
from newel.functions.model import (
    EVENT_REQUEST_BYTES_MAX,
    LOG_TAIL_BYTES_MAX,
    MEMORY_MB_MIN,
    REQUEST_BYTES_MAX,
    TIMEOUT_SECONDS_DEFAULT,
    Configuration,
    Function,
)
from newel.functions.names import LATEST, FunctionName, not_found, parse_name
from newel.functions.pool import Pool, Target
from newel.functions.runtime_api import Invocation
from newel.functions.runtimes import RuntimeMissing, Runtimes, is_supported
from newel.functions.settings import DEFAULT_SETTINGS, HostSettings
from newel.functions.spawner import Order, Spawner, SpawnFailed
from newel.functions.worker import Outcome, Worker
from newel.json import InvalidJson, loads
from newel.ports.functions import InvocationType

logger = logging.getLogger(__name__)

_REAP_SECONDS: Final = 5.0
#: Turns of the event loop in which a connection that was just being accepted is made and dropped again.
_SETTLING_TURNS: Final = 10
#: A process start in so many also clears old log streams of its function.
_PRUNE_EVERY: Final = 32


class InvokeResult(msgspec.Struct, frozen=True):
    """The answer of Invoke. `function_error` is `Unhandled` when `payload` is an error document; `log_tail` is at most
    the last 4 KB of the invocation's log, given when asked for.
    """

    status_code: int
    payload: bytes
    function_error: str | None
    executed_version: str
    log_tail: bytes
    request_id: str


class FunctionHost:
    """Functions of all accounts and regions below one folder.

    `start` before the first use, `close` at the end: no function process outlives either `close` or the server itself.
    """

    def __init__(self, root: Path, settings: HostSettings = DEFAULT_SETTINGS) -> None:
        root = root.absolute()  # function processes have working directories of their own
        self.settings = settings
        self.catalog = Catalog(root)
        self.writing = asyncio.Lock()  # held around every change of the catalog
        self._root = root
        self._runtimes = Runtimes(settings.node)
        self._pool = Pool(self._launch, settings.workers_max, settings.starting_max)
        self._events = EventQueue(
            root / ".events",
            self._run_event,
            retry_seconds=settings.event_retry_seconds,
            backoff_seconds_max=settings.event_backoff_seconds_max,
        )
        self._spawners: dict[str, Spawner] = {}
        self._spawner_locks: dict[str, asyncio.Lock] = {}
        self._identifiers = itertools.count(1)
        self._in_flight: Counter[tuple[str, ...]] = Counter()
        self._tasks: set[asyncio.Task[InvokeResult]] = set()
        self._housekeeper: asyncio.Task[None] | None = None
        self._live: set[Worker] = set()
        self._scratch: Path | None = None
        self._closed = False

    async def start(self) -> None:
        """Read the stored functions and take up unfinished asynchronous invocations."""
        self.catalog.load()
        self._housekeeper = asyncio.get_running_loop().create_task(self._keep_house())
        self._events.start()

    async def close(self) -> None:
        """Kill every process. Invocations in hand fail with ServiceException; stop what calls the host first."""
        self._closed = True
        await self._events.close()
        if self._housekeeper is not None:
            self._housekeeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._housekeeper
        await self._pool.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(spawner.close() for spawner in self._spawners.values()))
        for _ in range(_SETTLING_TURNS):
            await asyncio.sleep(0)
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        *,
        account: str,
        region: str,
        qualifier: str | None = None,
        client_context: str | None = None,
        invocation_type: InvocationType = "RequestResponse",
        request_id: str | None = None,
        log_tail: bool = False,
    ) -> InvokeResult:
        """Invoke a function as Lambda's Invoke does. `client_context` is JSON text.

        A function's own failure is a result with `function_error`; `ServiceError` is raised for Lambda's errors
        (ResourceNotFoundException, TooManyRequestsException, InvalidRequestContentException, …). A caller that is
        cancelled does not stop the function, as on AWS.
        """
        self._check_open()
        name = parse_name(name_or_arn, account=account, region=region, qualifier=qualifier)
        function, configuration = self._resolve(name)
        _check_payload(payload, invocation_type)
        request_id = request_id or str(uuid.uuid4())
        if invocation_type == "DryRun":
            return InvokeResult(204, b"", None, configuration.version, b"", request_id)
        if invocation_type == "Event":
            await self._accept(name, payload, client_context, request_id)
            return InvokeResult(202, b"", None, configuration.version, b"", request_id)
        invocation = Invocation(
            request_id=request_id,
            payload=payload or b"{}",
            function_arn=name.qualified_arn,
            deadline_ms=0,
            trace_id=_trace_id(),
            client_context=client_context,
        )
        work = self._run(function, configuration, invocation, LOG_TAIL_BYTES_MAX if log_tail else 0)
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    async def store(self, function: Function) -> None:
        """Save a new or changed function; durable on return. Only while `writing` is held.

        Idle processes of versions that are no more end, busy ones finish; code that nothing uses is removed.
        """
        await asyncio.to_thread(self.catalog.write, function)
        self.catalog.remember(function)
        versions = (function.latest, *function.versions.values())
        self._pool.retire(function.key, frozenset(Target(function, version).key for version in versions))
        await asyncio.to_thread(self.catalog.collect_code, function, self._pool.codes(function.key))

    async def remove(self, name: FunctionName) -> None:
        """Delete a function; idle processes end, busy ones finish. Only while `writing` is held.

        Raises `ServiceError` ResourceNotFoundException.
        """
        function = self.catalog.get(name)
        await asyncio.to_thread(self.catalog.erase, function)
        self.catalog.forget(function)
        self._pool.retire(function.key)

    async def link(
        self,
        name: FunctionName,
        directory: Path,
        *,
        runtime: str,
        handler: str,
        timeout_seconds: int = TIMEOUT_SECONDS_DEFAULT,
        memory_mb: int = MEMORY_MB_MIN,
        environment: dict[str, str] | None = None,
    ) -> Function:
        """Create or update a function that runs from a folder of its owner. Call it again after an edit: idle processes
        end and the next invocation runs the new code. Raises `ServiceError` if the runtime or the folder will not do.
        """
        if not is_supported(runtime) or not await asyncio.to_thread(directory.is_dir):
            message = f"Newel cannot run a function of the runtime {runtime} in the folder {directory}"
            raise ServiceError("InvalidParameterValueException", message)
        latest = Configuration(
            version=LATEST,
            code=self.catalog.linked_code(directory),
            runtime=runtime,
            handler=handler,
            role=f"arn:aws:iam::{name.account}:role/{name.name}",
            timeout=timeout_seconds,
            memory_size=memory_mb,
            environment=environment,
            last_modified=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            revision_id=str(uuid.uuid4()),
        )
        async with self.writing:
            old = self.catalog.find(name)
            if old is None:
                function = Function(account=name.account, region=name.region, name=name.name, latest=latest)
            else:
                function = msgspec.structs.replace(old, latest=latest)
            await self.store(function)
        return function

    def log_streams(self, name: FunctionName) -> list[StreamInfo]:
        """The function's log streams, newest first. Raises `ServiceError` ResourceNotFoundException."""
        return logs.streams(self.catalog.logs(self.catalog.get(name)))

    def concurrency_in_use(self, name: FunctionName) -> int:
        """Invocations that run or wait now."""
        return self._in_flight[name.account, name.region, name.name]

    def _check_open(self) -> None:
        if self._closed:
            raise ServiceError("ServiceException", "The function host is shutting down", status=500)

    def _resolve(self, name: FunctionName) -> tuple[Function, Configuration]:
        """Invoke names `$LATEST` in its error even if the request did not (recorded from AWS)."""
        function = self.catalog.find(name)
        if function is None:
            raise not_found(name.at(name.qualifier or LATEST))
        alias = function.aliases.get(name.qualifier or "")
        if alias is None or not alias.weights:
            return function, self.catalog.configuration(name)
        draw = random.random()
        for version, weight in alias.weights.items():
            if draw < weight:
                return function, self.catalog.configuration(name.at(version))
            draw -= weight
        return function, self.catalog.configuration(name)

    async def _accept(self, name: FunctionName, payload: bytes, client_context: str | None, request_id: str) -> None:
        await self._events.accept(
            Event(
                request_id=request_id,
                account=name.account,
                region=name.region,
                name=name.name,
                qualifier=name.qualifier,
                payload=payload,
                client_context=client_context,
                created=time.time(),
            )
        )

    async def _run_event(self, event: Event) -> bool:
        result = await self.invoke(
            event.name,
            event.payload,
            account=event.account,
            region=event.region,
            qualifier=event.qualifier,
            client_context=event.client_context,
            request_id=event.request_id,
        )
        return result.function_error is None

    async def _run(
        self, function: Function, configuration: Configuration, invocation: Invocation, tail_bytes: int
    ) -> InvokeResult:
        with self._admitted(function):
            worker = await self._pool.acquire(Target(function, configuration))
            outcome = await worker.invoke(invocation, tail_bytes)
        self._check_open()  # a process that was killed by `close` says nothing about the function
        return _result(outcome, configuration.version, invocation.request_id)

    @contextlib.contextmanager
    def _admitted(self, function: Function) -> Iterator[None]:
        """Count an invocation against the function's and the account's concurrency. Raises TooManyRequestsException."""
        account = (function.account, function.region)
        reserved = function.reserved_concurrency
        if reserved is not None and self._in_flight[function.key] >= reserved:
            raise _throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        if self._in_flight[account] >= self.settings.account_concurrency:
            raise _throttled("ConcurrentInvocationLimitExceeded")
        counted = (function.key, account)
        for key in counted:
            self._in_flight[key] += 1
        try:
            yield
        finally:
            for key in counted:
                self._in_flight[key] -= 1
                if not self._in_flight[key]:
                    del self._in_flight[key]

    def _finished(self, task: asyncio.Task[InvokeResult]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also when the caller has gone away

    # ------------------------------------------------------------------ processes

    async def _launch(self, target: Target) -> Worker:
        function, configuration = target.function, target.configuration
        number = next(self._identifiers)
        identifier = f"w{number}"
        folder = self.catalog.logs(function)
        if number % _PRUNE_EVERY == 0:
            await asyncio.to_thread(logs.prune, folder)
        log = LogStream(folder, configuration.version)
        scratch = self._private_folder(identifier)
        worker = Worker(
            identifier,
            configuration,
            log,
            scratch,
            on_answered=self._pool.answered,
            on_idle=self._pool.idle,
            on_exit=self._exited,
        )
        self._live.add(worker)
        code = self.catalog.code_folder(function, configuration.code)
        variables = environment.build(
            function, configuration, self.settings, code=code, scratch=scratch, stream=log.name
        )
        try:
            launch = await self._runtimes.launch(configuration.runtime, code)
            spawner = await self._spawner(launch.python, scratch.parent)
        except (RuntimeMissing, SpawnFailed, OSError) as error:
            worker.fail_to_start(str(error))
            return worker
        except asyncio.CancelledError:
            worker.kill()
            raise
        order = Order(
            id=identifier, mode=launch.mode, argv=launch.argv, env=variables, cwd=str(code), log=str(log.path)
        )
        await worker.start(spawner, order, launch.api, self.settings.init_seconds_max)
        return worker

    def _exited(self, worker: Worker) -> None:
        self._live.discard(worker)
        self._pool.exited(worker)

    async def _spawner(self, python: str, scratch: Path) -> Spawner:
        """The running spawner of an interpreter; started when first needed, and again if it was lost."""
        async with self._spawner_locks.setdefault(python, asyncio.Lock()):
            spawner = self._spawners.get(python)
            if spawner is None or spawner.lost:
                if spawner is not None:
                    await spawner.close()
                spawner = self._spawners[python] = await Spawner.start(python, scratch, environment.base_environment())
            return spawner

    def _private_folder(self, identifier: str) -> Path:
        """A folder for one process below one of the host's own, whose path is short: Unix socket paths are limited to
        about 100 bytes. The host's folder goes with `close`, or with the spawner if the server is killed.
        """
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="newel-"))
        folder = self._scratch / identifier
        folder.mkdir(mode=0o700)
        return folder

    async def _keep_house(self) -> None:
        """Memory limits, log bounds, idle processes."""
        next_reap = time.monotonic() + _REAP_SECONDS
        while True:
            await asyncio.sleep(self.settings.memory_check_seconds)
            for worker in [worker for worker in self._live if worker.busy]:
                with contextlib.suppress(OSError):
                    worker.check()
            now = time.monotonic()
            if now >= next_reap:
                next_reap = now + _REAP_SECONDS
                self._pool.reap(now - self.settings.idle_seconds)


def _check_payload(payload: bytes, invocation_type: InvocationType) -> None:
    limit = EVENT_REQUEST_BYTES_MAX if invocation_type == "Event" else REQUEST_BYTES_MAX
    if len(payload) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise ServiceError("RequestTooLargeException", message, status=413)
    try:
        loads(payload or b"{}")
    except InvalidJson as error:
        message = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise ServiceError("InvalidRequestContentException", message) from None


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


def _throttled(reason: str) -> ServiceError:
    return ServiceError("TooManyRequestsException", "Rate Exceeded.", status=429, extra={"Reason": reason})


def _result(outcome: Outcome, version: str, request_id: str) -> InvokeResult:
    error = None if outcome.error_type is None else "Unhandled"
    return InvokeResult(200, outcome.payload, error, version, outcome.log_tail, request_id)
