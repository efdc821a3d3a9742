"""Functions from a folder, for `newel run --functions DIR`.

What is a function there is told by `newel.functions.discovery`. A definition may name a function by name or ARN in any
account and region, with any version or alias: all of them are the code in the folder.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from newel.functions.discovery import find_functions
from newel.functions.host import FunctionHost
from newel.functions.names import FunctionName, not_found, parse_name
from newel.ports.functions import FunctionInvoker, InvocationType, InvokeResult

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
#: Seconds a function may take: Lambda's longest, since a folder says nothing about its functions' timeouts.
TIMEOUT_SECONDS: Final = 900
MEMORY_MB: Final = 1024


class NoFunctions:
    """A host without functions: what `newel run` has when no folder is given."""

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
        log_tail: bool = False,
    ) -> InvokeResult:
        """Raises ResourceNotFoundException."""
        raise not_found(parse_name(name_or_arn, account=account, region=region, qualifier=qualifier))


class FolderFunctions:
    """A host of the functions of one folder, whatever account, region and version they are asked for in."""

    def __init__(self, host: FunctionHost) -> None:
        self._host = host

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
        log_tail: bool = False,
    ) -> InvokeResult:
        """Raises `ServiceError` as the host does."""
        name = parse_name(name_or_arn, account=account, region=region, qualifier=qualifier)
        return await self._host.invoke(
            name.name,
            payload,
            account=ACCOUNT,
            region=REGION,
            client_context=client_context,
            invocation_type=invocation_type,
            log_tail=log_tail,
        )


@asynccontextmanager
async def folder_functions(folder: Path | None) -> AsyncIterator[FunctionInvoker]:
    """A running host of the folder's functions; its processes and logs are gone afterwards."""
    if folder is None:
        yield NoFunctions()
        return
    with tempfile.TemporaryDirectory(prefix="newel-run-") as home:
        host = FunctionHost(Path(home))
        await host.start()
        try:
            for found in find_functions(folder):
                await host.link(
                    FunctionName(ACCOUNT, REGION, found.name),
                    found.directory,
                    runtime=found.runtime,
                    handler=found.handler,
                    timeout_seconds=TIMEOUT_SECONDS,
                    memory_mb=MEMORY_MB,
                )
            yield FolderFunctions(host)
        finally:
            await host.close()
