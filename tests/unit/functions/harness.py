"""A started host in a folder of its own, functions made of source text, and waiting for something to become true."""

import asyncio
import io
import os
import time
import zipfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from newel.functions.host import FunctionHost, InvokeResult
from newel.functions.model import Configuration, Function
from newel.functions.names import LATEST, FunctionName
from newel.functions.settings import HostSettings
from newel.json import loads

ACCOUNT = "123456789012"
REGION = "eu-west-1"
WAIT_SECONDS = 30


def package(files: Mapping[str, str | bytes], mode: int = 0o755) -> bytes:
    """A zip with these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


class Harness:
    """What a test of the running host needs."""

    def __init__(self, host: FunctionHost) -> None:
        self.host = host

    def name(self, name: str, qualifier: str | None = None) -> FunctionName:
        return FunctionName(ACCOUNT, REGION, name, qualifier)

    def create(self, name: str, files: Mapping[str, str | bytes], **options: Any) -> Function:
        """A function whose code is these files; its handler is handler.handler in Python unless told otherwise."""
        code = self.host.catalog.add_code(self.name(name), package(files))
        given = {"runtime": "python3.12", "handler": "handler.handler"} | options
        latest = Configuration(
            version=LATEST,
            code=code,
            role=f"arn:aws:iam::{ACCOUNT}:role/test",
            last_modified="2026-01-01T00:00:00.000+0000",
            revision_id="r1",
            **given,
        )
        function = Function(account=ACCOUNT, region=REGION, name=name, latest=latest)
        self.host.catalog.write(function)
        self.host.catalog.remember(function)
        return function

    def python(self, name: str, source: str, **options: Any) -> Function:
        return self.create(name, {"handler.py": source}, **options)

    async def invoke(self, name: str, payload: bytes = b"{}", **options: Any) -> InvokeResult:
        return await self.host.invoke(name, payload, account=ACCOUNT, region=REGION, **options)

    async def value(self, name: str, payload: bytes = b"{}", **options: Any) -> Any:
        """The result of an invocation that must succeed."""
        result = await self.invoke(name, payload, **options)
        assert result.function_error is None, result.payload
        return loads(result.payload)

    async def error(self, name: str, payload: bytes = b"{}", **options: Any) -> Any:
        """The error document of an invocation that must fail."""
        result = await self.invoke(name, payload, log_tail=True, **options)
        assert result.function_error == "Unhandled", result.payload
        return loads(result.payload)


def run(folder: Path, test: Callable[[Harness], Awaitable[None]], **settings: Any) -> None:
    """Run an asynchronous test on a started host; afterwards no process of it may be left."""

    async def main() -> None:
        host = FunctionHost(folder, HostSettings(**settings))
        await host.start()
        try:
            await test(Harness(host))
        finally:
            spawners = [spawner._process.pid for spawner in host._spawners.values()]
            workers = [worker.pid for worker in host._live]
            await host.close()
            for pid in (*spawners, *workers):
                wait_until(lambda pid=pid: not alive(pid))

    asyncio.run(main())


def alive(pid: int) -> bool:
    """A process that runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool]) -> None:
    """Fails if the condition does not come true within a generous time."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


async def until(condition: Callable[[], bool]) -> None:
    """`wait_until` that lets the event loop run."""
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)


def folder_is_private(path: Path) -> bool:
    return os.stat(path).st_mode & 0o077 == 0
