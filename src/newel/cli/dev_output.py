"""What `newel dev` prints: for people, or as JSON documents."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.text import Text

from newel.cli.lines import LineWriter
from newel.cli.render import duration
from newel.dev.project import Problem
from newel.dev.reports import Change, Progress, ProgressKind, Served
from newel.json import dumps

#: Characters shown of an input, an output or a cause.
_NOTE_CHARS: Final = 120
_MARKS: Final[dict[ProgressKind, tuple[str, str]]] = {
    "started": ("▶", "cyan"),
    "entered": ("●", "cyan"),
    "exited": ("✓", "green"),
    "caught": ("!", "yellow"),
    "failed": ("✗", "red"),
    "retry": ("↻", "yellow"),
    "aborted": ("-", "bright_black"),
    "ended": ("■", "bold"),
}
_ENDS: Final = {"SUCCEEDED": "green", "FAILED": "red", "TIMED_OUT": "red", "ABORTED": "bright_black"}


class TextReport:
    """For people: a summary, then a line for every change, problem and step of an execution."""

    def __init__(self, lines: LineWriter, *, quiet: bool = False) -> None:
        self._lines = lines
        self._quiet = quiet
        self._console = Console(highlight=False, soft_wrap=True)
        self._ready = False

    def ready(self, served: Served) -> None:
        """What is served and how to use it."""
        self._ready = True
        for line in summary(served):
            self._put(line)

    def change(self, change: Change) -> None:
        if self._ready:  # the summary says the same of all that came before it
            self._put(Text.assemble((f"{_clock()} ", "bright_black"), f"{change.what} {change.name} ", change.kind))

    def problem(self, problem: Problem) -> None:
        style = "red" if problem.severity == "ERROR" else "yellow"
        place = f"{problem.file}:{problem.line}:{problem.column}: "
        self._put(Text.assemble((place, "bold"), (f"{problem.severity.lower()} ", style), problem.message))

    def progress(self, progress: Progress) -> None:
        if not self._quiet:
            self._put(progress_line(progress))

    def _put(self, line: Text) -> None:
        with self._console.capture() as captured:
            self._console.print(line, end="")
        self._lines.put(captured.get())


class JsonReport:
    """For programs: one JSON document a line, told apart by its `event`."""

    def __init__(self, lines: LineWriter, *, quiet: bool = False) -> None:
        self._lines = lines
        self._quiet = quiet

    def ready(self, served: Served) -> None:
        self._put("ready", msgspec.to_builtins(served))

    def change(self, change: Change) -> None:
        self._put("change", msgspec.to_builtins(change))

    def problem(self, problem: Problem) -> None:
        self._put("problem", msgspec.to_builtins(problem))

    def progress(self, progress: Progress) -> None:
        if not self._quiet:
            self._put("progress", msgspec.to_builtins(progress))

    def _put(self, event: str, members: Mapping[str, Any]) -> None:
        self._lines.put(dumps({"event": event, **members}))


def summary(served: Served) -> Iterable[Text]:
    """The lines that are shown once requests are answered."""
    yield Text.assemble(
        "Newel answers at ", (served.url, "bold cyan"), f" (data in {served.data_dir}); stop it with Ctrl-C."
    )
    yield from _section("state machines", [(item.name, item.arn, item.file) for item in served.machines])
    yield from _section("functions", [(item.name, item.arn) for item in served.functions])
    yield from _section("resources", [(f"{item.what} {item.name}", item.arn) for item in served.resources])
    others = [("all others" if served.endpoints else "all", served.services)]
    yield from _section("other services", [*sorted(served.endpoints.items()), *others])
    yield Text("in another terminal", "bold")
    yield Text(f"  export AWS_ENDPOINT_URL={served.url} AWS_DEFAULT_REGION={served.region}")
    yield Text("  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")


def _section(title: str, rows: list[tuple[str, ...]]) -> Iterable[Text]:
    if not rows:
        yield Text.assemble((title, "bold"), ("  none", "bright_black"))
        return
    yield Text(title, "bold")
    width = max(len(row[0]) for row in rows)
    for name, *rest in rows:
        yield Text.assemble(f"  {name:<{width}}  ", ("  ".join(part for part in rest if part), "bright_black"))


def progress_line(progress: Progress) -> Text:
    """`14:03:07 orders:run-1 ✓ Charge 35 ms`."""
    mark, style = _MARKS[progress.kind]
    line = Text(f"{_clock(progress.at_ms)} ", "bright_black")
    line.append(f"{progress.machine}:{_short(progress.execution)} ", "magenta")
    line.append(f"{mark} ", _ENDS.get(progress.status, style))
    if progress.state:
        line.append(f"{progress.state} ", "bold")
    if progress.kind == "entered":
        line.append(f"{progress.type} ", "bright_black")
    elif progress.kind in ("caught", "aborted", "retry"):
        line.append(f"{progress.kind} ", style)
    if progress.status:
        line.append(f"{progress.status} ", _ENDS[progress.status])
    if progress.took_ms is not None:
        line.append(f"{duration(progress.took_ms / 1000)} ", "blue")
    line.append(_cut(progress.note), "red" if progress.kind == "failed" else "")
    line.rstrip()
    return line


def _short(execution: str) -> str:
    """A UUID by its beginning, as names that nobody chose are."""
    return execution[:8] if len(execution) == 36 and execution.count("-") == 4 else execution


def _cut(note: str) -> str:
    line = " ".join(note.split())
    return line if len(line) <= _NOTE_CHARS else line[: _NOTE_CHARS - 1] + "…"


def _clock(at_ms: int | None = None) -> str:
    return time.strftime("%H:%M:%S", time.localtime(None if at_ms is None else at_ms / 1000))
