"""`newel logs`: what executions and functions have logged, from the files of the data directory.

A name is a log group (`/aws/vendedlogs/states/orders`) or a function (`resize`, `/aws/lambda/resize`). The files are
read as they stand, so the server may run or not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote, unquote

import typer

from newel.cli.output import ExitCode, fail
from newel.cli.serve import DATA_DIRECTORY
from newel.json import InvalidJson, loads

_FUNCTION_PREFIX: Final = "/aws/lambda/"
_POLL_SECONDS: Final = 0.2


class Source:
    """Files that grow: reads what was added since the last time, whole lines only."""

    def __init__(self, folder: Path, pattern: str, header_lines: int = 0) -> None:
        self._folder = folder
        self._pattern = pattern
        self._header_lines = header_lines
        self._offsets: dict[Path, int] = {}

    def new_lines(self) -> Iterator[str]:
        """Complete lines that were added, file by file, the file that was written to last coming last."""
        for path in sorted(self._folder.glob(self._pattern), key=lambda path: path.stat().st_mtime_ns):
            skipped = 0 if path in self._offsets else self._header_lines
            yield from self._read(path)[skipped:]

    def _read(self, path: Path) -> list[str]:
        offset = self._offsets.get(path, 0)
        with path.open("rb") as file:
            if file.seek(0, 2) < offset:  # the file was cut to its newest part
                offset = 0
            file.seek(offset)
            data = file.read()
        complete = data[: data.rfind(b"\n") + 1]
        self._offsets[path] = offset + len(complete)
        return complete.decode("utf-8", "replace").splitlines()


def logs(
    name: Annotated[str, typer.Argument(help="A log group, or a function's name.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on and print what is added.")] = False,
    data_dir: Annotated[
        Path, typer.Option(envvar="NEWEL_DATA_DIR", help="The server's data directory.")
    ] = DATA_DIRECTORY,
    as_json: Annotated[bool, typer.Option("--json", help="Print log events as JSON lines, as they are kept.")] = False,
) -> None:
    """Print what executions or a function have logged."""
    if not data_dir.is_dir():
        fail(f"there is no data directory {data_dir}", ExitCode.UNAVAILABLE)
    sources = _sources(data_dir, name)
    if not sources:
        known = ", ".join(_known(data_dir)) or "none"
        fail(f"no log group or function is named {name} (known: {known})", ExitCode.NEGATIVE)
    try:
        _print(sources, follow=follow, as_json=as_json)
    except KeyboardInterrupt:
        fail("interrupted", ExitCode.INTERRUPTED)


def _print(sources: list[Source], *, follow: bool, as_json: bool) -> None:
    while True:
        for source in sources:
            for line in source.new_lines():
                typer.echo(line if as_json else _readable(line))
        if not follow:
            return
        time.sleep(_POLL_SECONDS)


def _sources(data_dir: Path, name: str) -> list[Source]:
    """A log group's file in every account and region that has one, and a function's streams."""
    group = f"{quote(name, safe='')}.jsonl"
    function = name.removeprefix(_FUNCTION_PREFIX)
    return [
        *(
            Source(folder, group, header_lines=1)
            for folder in _folders(data_dir / "logs")
            if (folder / group).is_file()
        ),
        *(
            Source(folder / function / "logs", "*.log")
            for folder in _folders(data_dir / "functions")
            if "/" not in function and (folder / function / "logs").is_dir()
        ),
    ]


def _known(data_dir: Path) -> list[str]:
    groups = {unquote(path.stem) for folder in _folders(data_dir / "logs") for path in folder.glob("*.jsonl")}
    functions = {path.parent.name for folder in _folders(data_dir / "functions") for path in folder.glob("*/logs")}
    return sorted(groups | functions)


def _folders(root: Path) -> list[Path]:
    """`<root>/<account>/<region>`."""
    return sorted(path for path in root.glob("*/*") if path.is_dir())


def _readable(line: str) -> str:
    """A log event as time and message; any other line as it is."""
    try:
        event: Any = loads(line)
    except InvalidJson:
        return line
    if not (isinstance(event, dict) and event.keys() >= {"time_ms", "message"}):
        return line
    moment = datetime.fromtimestamp(event["time_ms"] / 1000, UTC).isoformat(timespec="milliseconds")
    return f"{moment.removesuffix('+00:00')}Z {event['message']}"
