"""Map Runs on a terminal: a bar and the counts of each, as DescribeMapRun gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

#: A Map Run as DescribeMapRun shows it; at least its ARN, status and counts.
MapRunShown = Mapping[str, Any]

_BAR_WIDTH: Final = 30
_STYLES: Final = {"RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "ABORTED": "bright_black"}
#: Counts that are told where they are not zero, with the words for them.
_TOLD: Final = (
    ("running", "running"),
    ("failed", "failed"),
    ("timedOut", "timed out"),
    ("aborted", "aborted"),
    ("pending", "pending"),
    ("pendingRedrive", "to run again"),
)


def render_map_runs(runs: Sequence[MapRunShown]) -> RenderableType:
    """One line for each Map Run, with a bar."""
    table = Table.grid(padding=(0, 1))
    for run in runs:
        items = run["itemCounts"]
        bar = ProgressBar(total=max(items["total"], 1), completed=_ended(items), width=_BAR_WIDTH)
        status = Text(run["status"], _STYLES.get(run["status"], ""))
        table.add_row(Text(label_of(run["mapRunArn"]), "bold"), bar, status, Text(counts_line(run)))
    return table


def map_run_line(run: MapRunShown) -> str:
    """The same without a bar, for what is no terminal."""
    return f"{label_of(run['mapRunArn'])} {run['status']} {counts_line(run)}"


def counts_line(run: MapRunShown) -> str:
    """`12 of 20 items · 3 of 5 children: 2 running, 1 failed`."""
    items, children = run["itemCounts"], run["executionCounts"]
    told = ", ".join(f"{children[name]} {words}" for name, words in _TOLD if children.get(name))
    line = f"{_ended(items)} of {items['total']} items · {_ended(children)} of {children['total']} children"
    return f"{line}: {told}" if told else line


def label_of(map_run_arn: str) -> str:
    """The Map Run's label."""
    return map_run_arn.rpartition(":")[0].rpartition("/")[2]


def _ended(counts: Mapping[str, int]) -> int:
    return counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
