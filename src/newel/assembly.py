"""The one place that knows concrete classes: puts a server together and runs it."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import uvicorn
import uvloop

from newel.api.app import Apis, App, Companion
from newel.api.credentials import Credentials
from newel.api.events_api import EventsApi
from newel.api.forward import Forward
from newel.api.iam import iam_api
from newel.api.lambda_rest import LambdaApi
from newel.api.logs import LogsApi
from newel.api.one_write import OneWriteProtocol
from newel.api.states import StatesApi
from newel.api.sts import sts_api
from newel.executors.by_weight import ByWeight
from newel.executors.process_pool import ProcessPool
from newel.functions.host import FunctionHost
from newel.functions.settings import HostSettings
from newel.integrations.aws.client import AwsClient
from newel.integrations.aws.objects import S3Objects
from newel.integrations.aws.sdk_target import sdk_targets
from newel.integrations.aws.settings import AwsCalls, AwsSettings
from newel.integrations.aws.signing_names import by_signing_name, is_at
from newel.integrations.http_task.egress import Egress
from newel.integrations.http_task.egress_settings import EgressSettings
from newel.integrations.http_task.oauth import OAuthTokens
from newel.integrations.http_task.target import HttpInvoke
from newel.integrations.item_readers.reader import S3ItemReader
from newel.integrations.mock_file import MockFile, MockFileError, MockFileTargets
from newel.integrations.models.router import ModelRouter
from newel.integrations.models.settings import ModelSettings
from newel.integrations.optimized.apigateway import ApiGatewaySettings
from newel.integrations.optimized.http import HttpCaller
from newel.integrations.optimized.targets import http_targets, service_targets
from newel.integrations.registry import build_registry
from newel.integrations.result_writer.writer import S3ResultWriter
from newel.language.resource import Resource
from newel.limits import DEFAULT_LIMITS, Limits
from newel.ports.executor import Executor
from newel.ports.tasks import TargetLookup, TaskTarget
from newel.runtime.clock import SystemClock
from newel.runtime.env import Entropy
from newel.runtime.runtime import Runtime
from newel.runtime.tokens import TaskTokens
from newel.runtime.turns import Committed
from newel.service.connections import Connections
from newel.service.core import Core
from newel.service.housekeeping import forget_old_executions
from newel.service.log_groups import LogGroups
from newel.service.machines import resume_deletions
from newel.service.metrics import PrometheusMetrics
from newel.service.nested import NestedExecutions
from newel.service.roles import Roles
from newel.service.test_cases import scheduled_states
from newel.service.test_state.perform import Targets
from newel.store.memory import MemoryStore
from newel.store.sqlite.store import SqliteStore

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
#: How long requests under way may take when the server is told to stop; those that wait for an execution, less.
_SHUTDOWN_SECONDS: Final = 5
_WAITING_SECONDS: Final = 3
#: An execution leaves no cycles to collect, but makes hundreds of objects: look for some less often.
_GC_THRESHOLDS: Final = (10_000, 20, 20)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a server is started with.

    Any credentials are accepted, so only loopback addresses are listened at unless `allow_remote` says that something
    in front of the server keeps strangers out.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8083
    account: str = "000000000000"
    region: str = "us-east-1"
    allow_remote: bool = False
    limits: Limits = DEFAULT_LIMITS
    mock_config: Path | None = None
    #: Where other services are: for all, and for single ones keyed as in `AWS_ENDPOINT_URL_<SERVICE>`.
    endpoint_url: str | None = None
    endpoint_urls: Mapping[str, str] = {}
    aws_calls: AwsCalls = AwsCalls()
    egress: EgressSettings = EgressSettings()
    models: ModelSettings = ModelSettings()
    #: Processes that compute children of Map Runs which are heavy; None: one less than there are cores.
    map_workers: int | None = None

    @property
    def url(self) -> str:
        """Where the server answers."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What `newel dev` puts beside a server: the services of a companion, and someone who is shown every turn.

    `companion` is made once functions can be invoked. Other services are then called at this server's own port.
    """

    companion: Callable[[FunctionHost], Companion] | None = None
    observer: Callable[[Committed], None] | None = None


class RefusedSettingError(ValueError):
    """A setting the server will not start with; the text says why."""


class Server(msgspec.Struct, frozen=True):
    """An assembled server: its ASGI application and the parts behind it."""

    app: App
    core: Core
    runtime: Runtime
    functions: FunctionHost
    aws: AwsClient


def token_key(data_dir: Path) -> bytes:
    """The key that signs task tokens, made on the first start and kept so that tokens outlive restarts."""
    path = data_dir / "token.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        temporary = path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        return key


def _mock_file(path: Path) -> MockFile:
    """A mock file that can be used. Raises `RefusedSettingError`."""
    file = MockFile(path)
    try:
        file.cases()
    except MockFileError as error:
        raise RefusedSettingError(str(error)) from None
    return file


@asynccontextmanager
async def assemble(settings: Settings, beside: Beside = Beside()) -> AsyncIterator[Server]:  # noqa: B008  (frozen)
    """A running server without a listening socket. Raises `StoreUnavailable` for an unusable data directory."""
    clock, entropy = SystemClock(), Entropy()
    async with AsyncExitStack() as stack:
        store = SqliteStore(settings.data_dir)
        await store.open()
        stack.push_async_callback(store.close)
        functions = FunctionHost(settings.data_dir / "functions", HostSettings(endpoint_url=settings.url))
        await functions.start()
        stack.push_async_callback(functions.close)
        metrics, log_groups = PrometheusMetrics(), LogGroups(settings.data_dir / "logs", clock)

        def find_target(resource: Resource) -> TaskTarget | None:
            return registry(resource)

        mock_file = None if settings.mock_config is None else _mock_file(settings.mock_config)

        async def scheduled(arn: str) -> list[str]:
            return await scheduled_states(runtime, arn)

        aws = AwsClient(_aws_settings(settings, beside), clock)
        stack.push_async_callback(aws.close)
        objects = S3Objects(aws)
        runtime = Runtime(
            store=store,
            express=MemoryStore(retain_ended=False),
            clock=clock,
            targets=find_target if mock_file is None else MockFileTargets(mock_file, find_target, scheduled),
            tokens=TaskTokens(token_key(settings.data_dir)),
            limits=settings.limits,
            metrics=metrics,
            logs=log_groups,
            observer=beside.observer,
            reader=S3ItemReader(objects),
            writer=S3ResultWriter(objects, output_bytes_max=settings.limits.payload_bytes_max),
            executor=_executor(settings),
        )
        nested = NestedExecutions(runtime)
        egress = Egress(settings.egress)
        stack.push_async_callback(egress.close)
        connections, http = await _http_tasks(settings, egress, clock, stack)
        services, sdk = _services(settings, beside, aws, egress, stack)
        registry = build_registry(functions, nested, clock, sdk, http=http, services=services)
        core = Core(
            store=store,
            runtime=runtime,
            clock=clock,
            entropy=entropy,
            log_groups=log_groups,
            limits=settings.limits,
            test_targets=Targets(find_target, http),
            mock_file=mock_file,
        )
        nested.core = core
        apis = Apis(
            states=StatesApi(core),
            logs=LogsApi(log_groups),
            events=EventsApi(connections),
            query={"sts": sts_api(clock), "iam": iam_api(Roles(settings.data_dir / "iam.json", clock))},
            lambda_=LambdaApi(functions),
            pages={"/metrics": metrics.page},
            companion=await _companion(settings, beside, functions, stack),
        )
        await runtime.open()
        stack.push_async_callback(runtime.close)
        stack.push_async_callback(core.close)
        core.spawn(resume_deletions(core))
        core.spawn(forget_old_executions(core))
        yield Server(App(apis, Credentials(settings.account, settings.region), metrics), core, runtime, functions, aws)


def _executor(settings: Settings) -> Callable[[Executor], Executor]:
    """Where children of Map Runs are computed."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = max(1, processors - 1) if settings.map_workers is None else settings.map_workers

    def executor(here: Executor) -> Executor:
        if not workers:
            return here
        return ByWeight(here, ProcessPool(workers, settings.limits), spare=processors > 1)

    return executor


async def _http_tasks(
    settings: Settings, egress: Egress, clock: SystemClock, stack: AsyncExitStack
) -> tuple[Connections, HttpInvoke]:
    """Connections of EventBridge, and the action of HTTP Tasks that uses them."""
    oauth_tokens = OAuthTokens(egress, clock)
    stack.push_async_callback(oauth_tokens.close)
    connections = Connections(settings.data_dir, clock, oauth_tokens)
    await connections.open()
    stack.push_async_callback(connections.close)
    return connections, HttpInvoke(connections, egress, oauth_tokens)


def _services(
    settings: Settings, beside: Beside, aws: AwsClient, egress: Egress, stack: AsyncExitStack
) -> tuple[Mapping[str, TaskTarget], TargetLookup]:
    """The optimized integrations that call AWS services, and the generic ones."""
    models = ModelRouter(aws, settings.models)
    stack.push_async_callback(models.close)
    requests = HttpCaller(egress, _other_servers(settings, beside))
    stack.push_async_callback(requests.close)
    gateway = ApiGatewaySettings(endpoint_url=_endpoint(settings, beside, "API_GATEWAY"))
    return service_targets(models) | http_targets(requests, aws, apigateway=gateway), sdk_targets(models)


def _aws_settings(settings: Settings, beside: Beside) -> AwsSettings:
    """Our own calls of other services go to what is configured, then to the companion."""
    return AwsSettings(
        own_url=settings.url,
        endpoint_url=_everything_else(settings, beside),
        endpoint_urls=settings.endpoint_urls,
        **msgspec.structs.asdict(settings.aws_calls),
    )


def _everything_else(settings: Settings, beside: Beside) -> str | None:
    return settings.url if beside.companion is not None else settings.endpoint_url


def _endpoint(settings: Settings, beside: Beside, service: str) -> str | None:
    """Where a service is, named as in `AWS_ENDPOINT_URL_<SERVICE>`; None is AWS."""
    return settings.endpoint_urls.get(service, _everything_else(settings, beside))


def _other_servers(settings: Settings, beside: Beside) -> list[str]:
    """The servers that whoever started this one named: requests to them are no way out of it."""
    urls = (settings.url, _everything_else(settings, beside), *settings.endpoint_urls.values())
    return [url for url in urls if url is not None]


async def _companion(
    settings: Settings, beside: Beside, functions: FunctionHost, stack: AsyncExitStack
) -> Companion | None:
    """Who takes requests for services that are not ours: what is configured, then the companion of `newel dev`."""
    if beside.companion is not None:
        return beside.companion(functions)
    single = {name: url for name, url in settings.endpoint_urls.items() if not is_at(url, settings.url)}
    default = None if is_at(settings.endpoint_url, settings.url) else settings.endpoint_url
    if not single and default is None:
        return None
    forward = Forward(await asyncio.to_thread(by_signing_name, single), default)
    stack.push_async_callback(forward.close)
    return forward


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises OSError where the address cannot be had, `RefusedSettingError` for a foreign one."""
    if settings.host not in _LOOPBACK and not settings.allow_remote:
        raise RefusedSettingError(
            f"{settings.host} is not a loopback address, and Newel accepts any credentials: listen at 127.0.0.1, or "
            "pass --allow-remote if something in front of it keeps strangers out."
        )
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((settings.host, settings.port))
    return listener


class _Uvicorn(uvicorn.Server):
    """uvicorn that says when it is ready, and tells the runtime when it begins to stop."""

    def __init__(self, config: uvicorn.Config, runtime: Runtime, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._runtime = runtime
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Long polls end at once; who waits for an execution's end is given time, then an answer all the same."""
        self._runtime.end_polls()
        ending = asyncio.get_running_loop().call_later(_WAITING_SECONDS, self._runtime.end_waits)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()


async def serve_until_stopped(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address once requests are answered."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with listen(settings) as listener:
        settings = at_port_of(listener, settings)
        async with assemble(settings) as server:
            await answer_requests(server, listener, lambda: ready(settings.url))


def at_port_of(listener: socket.socket, settings: Settings) -> Settings:
    """The settings with the port that was got for port 0."""
    return msgspec.structs.replace(settings, port=listener.getsockname()[1])


async def answer_requests(server: Server, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Answer requests until SIGTERM or SIGINT."""
    # What is there now stays: the collector need not look through it again and again while requests wait.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)
    config = uvicorn.Config(
        server.app,
        http=OneWriteProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        server_header=False,
        proxy_headers=False,
    )
    await _Uvicorn(config, server.runtime, ready).serve([listener])


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Run a server in the foreground until it is stopped."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(settings, ready))
