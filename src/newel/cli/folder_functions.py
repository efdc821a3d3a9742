"""Functions from a folder, for `newel run --functions DIR`.

`DIR/NAME.py` (or `.mjs`, `.js`, `.cjs`) is the function NAME, and so is a folder `DIR/NAME/` with one of the usual
entry files (`lambda_function`, `app`, `index`, `handler`, `main`) or an executable `bootstrap`. The handler is the
`lambda_handler` or `handler` of that file. A definition may name a function by name or ARN in any account and region,
with any version or alias: all of them are the code in the folder.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from newel.functions.host import FunctionHost
from newel.functions.names import FunctionName, not_found, parse_name
from newel.ports.functions import FunctionInvoker, InvocationType, InvokeResult

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
#: Seconds a function may take: Lambda's longest, since a folder says nothing about its functions' timeouts.
TIMEOUT_SECONDS: Final = 900
MEMORY_MB: Final = 1024

_ENTRY_FILES: Final = ("lambda_function", "app", "index", "handler", "main")
_PYTHON: Final = f"python3.{sys.version_info.minor}"
_RUNTIMES: Final = {".py": _PYTHON, ".mjs": "nodejs22.x", ".js": "nodejs22.x", ".cjs": "nodejs22.x"}
_HANDLER: Final = re.compile(
    r"^(?:async def|def|export (?:async function|function|const)|exports\.)\s*(lambda_handler|handler)\b", re.MULTILINE
)


class FoundFunction(NamedTuple):
    """A function as the folder has it."""

    name: str
    directory: Path
    runtime: str
    handler: str


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


def find_functions(folder: Path) -> Iterator[FoundFunction]:
    """The functions of a folder, by name."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        if path.is_file() and path.suffix in _RUNTIMES:
            yield FoundFunction(path.stem, folder, _RUNTIMES[path.suffix], f"{path.stem}.{_handler(path)}")
        elif path.is_dir():
            found = _in_folder(path)
            if found is not None:
                yield found


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


def _in_folder(folder: Path) -> FoundFunction | None:
    if (folder / "bootstrap").is_file():
        return FoundFunction(folder.name, folder, "provided.al2023", "bootstrap")
    for stem in _ENTRY_FILES:
        for suffix, runtime in _RUNTIMES.items():
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return FoundFunction(folder.name, folder, runtime, f"{stem}.{_handler(path)}")
    return None


def _handler(path: Path) -> str:
    """The handler's name in a source file; Lambda's own default where the file shows none."""
    found = _HANDLER.search(path.read_text("utf-8", "replace"))
    if found is not None:
        return found[1]
    return "lambda_handler" if path.suffix == ".py" else "handler"
