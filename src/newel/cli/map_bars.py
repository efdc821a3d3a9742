"""Map Runs on a terminal: a bar and the counts of each, as DescribeMapRun gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from newel.runtime.map_runs.told import MapRunShown, counts_line, ended, label_of

_BAR_WIDTH: Final = 30
_STYLES: Final = {"RUNNING": "cyan", "SUCCEEDED": "green", "FAILED": "red", "ABORTED": "bright_black"}


def render_map_runs(runs: Sequence[MapRunShown]) -> RenderableType:
    """One line for each Map Run, with a bar."""
    table = Table.grid(padding=(0, 1))
    for run in runs:
        items = run["itemCounts"]
        bar = ProgressBar(total=max(items["total"], 1), completed=ended(items), width=_BAR_WIDTH)
        status = Text(run["status"], _STYLES.get(run["status"], ""))
        table.add_row(Text(label_of(run["mapRunArn"]), "bold"), bar, status, Text(counts_line(run)))
    return table


def map_run_line(run: MapRunShown) -> str:
    """The same without a bar, for what is no terminal."""
    return f"{label_of(run['mapRunArn'])} {run['status']} {counts_line(run)}"
