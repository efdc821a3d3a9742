"""`newel dev`: the server of `newel serve` with a project folder in it and a companion beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec

from newel.api.forward import Forward
from newel.api.protocol import Receive, Scope, Send
from newel.api.unsigned import wanted
from newel.assembly import Beside, Server, Settings, answer_requests, assemble, at_port_of, listen
from newel.dev.companion import Companion, CompanionMissingError
from newel.dev.config import FILE
from newel.dev.deploy import Deployment
from newel.dev.observer import Observer
from newel.dev.project import Problem, Project, read_project, stamp_of
from newel.dev.reports import Change, Report, Served
from newel.dev.resources import ResourceMaker
from newel.dev.watch import changes
from newel.errors import ServiceError
from newel.functions.host import FunctionHost
from newel.integrations.aws.signing_names import by_signing_name
from newel.integrations.mock_file import MockFile, MockFileError
from newel.service.core import Caller

logger = logging.getLogger(__name__)


class DevSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`server` is what `newel serve` would be started with; without the companion its endpoints are all there is."""

    folder: Path
    server: Settings
    companion: bool = True


class _Services:
    """Other services: those that have an endpoint of their own there, the others in the companion."""

    def __init__(self, companion: Companion, forward: Forward) -> None:
        self._companion = companion
        self._forward = forward

    def claims(self, scope: Scope) -> bool:
        return self._companion.claims(scope) or self._forward.claims(scope)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        want = wanted(scope)
        elsewhere = want is not None and self._forward.serves(want.service)
        await (self._forward if elsewhere else self._companion)(scope, receive, send)


class _Notifications:
    """Invokes functions for the companion's threads, on the event loop, and lets nobody wait."""

    def __init__(self, host: FunctionHost, caller: Caller) -> None:
        self._host = host
        self._caller = caller
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, arn: str, event: bytes) -> None:
        self._loop.call_soon_threadsafe(self._start, self._invoke(arn, event))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _invoke(self, arn: str, event: bytes) -> None:
        try:
            await self._host.invoke(
                arn, event, account=self._caller.account, region=self._caller.region, invocation_type="Event"
            )
        except ServiceError as error:
            logger.warning("a notification did not reach %s: %s", arn, error.message)


async def run(settings: DevSettings, report: Report) -> None:
    """Serve the project until SIGTERM or SIGINT.

    Raises `RefusedSettingError`, `StoreUnavailable` and OSError as `newel serve` does; whatever is wrong with the
    project itself is reported and does not stop anything.
    """
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    with listen(settings.server) as listener:
        server_settings = at_port_of(listener, settings.server)
        caller = Caller(server_settings.account, server_settings.region)
        seen = await asyncio.to_thread(stamp_of, settings.folder)
        project = await asyncio.to_thread(read_project, settings.folder, pseudo_parameters(caller))
        urls = {**server_settings.endpoint_urls, **project.config.endpoints}
        server_settings = msgspec.structs.replace(
            server_settings,
            endpoint_urls=urls,
            egress=project.config.egress,
            models=project.config.models,
            mock_config=server_settings.mock_config or await asyncio.to_thread(_mocks, project, report),
        )
        companion = await _companion(settings, report)
        forward = Forward(await asyncio.to_thread(by_signing_name, urls))

        def beside(host: FunctionHost) -> _Services:
            assert companion is not None
            companion.notify(_Notifications(host, caller))
            return _Services(companion, forward)

        extra = Beside(companion=None if companion is None else beside, observer=Observer(report.progress))
        try:
            async with assemble(server_settings, extra) as server:
                dev = _Dev(settings, server_settings, server, report, caller, companion is not None)
                await dev.serve(listener, project, seen)
        finally:
            await forward.close()


def _mocks(project: Project, report: Report) -> Path | None:
    """The mock file that the project names, if it can be used."""
    if project.config.mocks is None:
        return None
    path = Path(project.config.mocks)
    try:
        MockFile(path).cases()
    except MockFileError as error:
        report.problem(Problem(FILE, str(error)))
        return None
    return path


async def _companion(settings: DevSettings, report: Report) -> Companion | None:
    """The companion, loaded in a thread; None if it is not wanted or not installed, which is reported."""
    if not settings.companion:
        return None
    try:
        return await asyncio.to_thread(Companion, settings.server.account)
    except CompanionMissingError as error:
        report.problem(Problem(str(settings.folder), str(error), severity="WARNING"))
        return None


class _Dev:
    """The project's life in a running server."""

    def __init__(
        self,
        settings: DevSettings,
        server_settings: Settings,
        server: Server,
        report: Report,
        caller: Caller,
        has_companion: bool,
    ) -> None:
        self._settings = settings
        self._server_settings = server_settings
        self._server = server
        self._report = report
        self._caller = caller
        self._has_companion = has_companion
        self._deployment = Deployment(server.core, server.functions, caller, settings.folder, report)

    async def serve(self, listener: Any, project: Project, seen: int) -> None:
        """Answer requests, and bring in the project as soon as they are answered."""
        working: list[asyncio.Task[None]] = []

        def ready() -> None:
            working.append(asyncio.get_running_loop().create_task(self._work(project, seen)))

        try:
            await answer_requests(self._server, listener, ready)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _work(self, project: Project, seen: int) -> None:
        """The first deployment, and then one after every change."""
        try:
            resources = await self._resources(project)
            await self._deployment.apply(project)
            self._report.ready(self._served(resources))
            async for _ in changes(self._settings.folder, seen):
                project = await self._again(project)
        except Exception as error:
            logger.exception("the project is watched no more")
            self._report.problem(Problem(str(self._settings.folder), f"is watched no more: {error}"))

    async def _again(self, before: Project) -> Project:
        """Read the folder once more and bring in what has changed."""
        pseudo = pseudo_parameters(self._caller)
        project = await asyncio.to_thread(read_project, self._settings.folder, pseudo, before.config)
        if project.config.startup() != before.config.startup():
            message = "endpoints, egress, models and mocks take effect at the next start"
            self._report.problem(Problem(FILE, message, severity="WARNING"))
        if project.config.resources != before.config.resources:
            for change in await self._resources(project):
                self._report.change(change)
        await self._deployment.apply(project)
        return project

    async def _resources(self, project: Project) -> tuple[Change, ...]:
        wanted_resources = project.config.resources
        maker = ResourceMaker(self._server.aws, self._server.core.log_groups, self._caller, self._settings.folder)
        if self._can_make():
            await maker.make(wanted_resources)
        elif wanted_resources != type(wanted_resources)():
            message = "resources cannot be made: there is neither a companion nor an endpoint for their services"
            self._report.problem(Problem(FILE, message))
        for problem in maker.problems:
            self._report.problem(problem)
        return tuple(maker.made)

    def _can_make(self) -> bool:
        settings = self._server_settings
        return self._has_companion or bool(settings.endpoint_url or settings.endpoint_urls)

    def _served(self, resources: tuple[Change, ...]) -> Served:
        settings = self._server_settings
        beside = settings.endpoint_url or "none (no companion, and AWS_ENDPOINT_URL is not set)"
        return Served(
            url=settings.url,
            data_dir=str(settings.data_dir),
            account=settings.account,
            region=settings.region,
            machines=tuple(self._deployment.machines.values()),
            functions=tuple(self._deployment.functions.values()),
            resources=resources,
            services="moto, in memory" if self._has_companion else beside,
            endpoints=dict(settings.endpoint_urls),
        )


def pseudo_parameters(caller: Caller) -> dict[str, str]:
    """CloudFormation's pseudo parameters, for `${AWS::Region}` in definitions and in values."""
    return {
        "AWS::AccountId": caller.account,
        "AWS::Region": caller.region,
        "AWS::Partition": caller.partition,
        "AWS::URLSuffix": "amazonaws.com",
    }
