"""A Map Run's counts in words, for terminals and logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: A Map Run as DescribeMapRun shows it; at least its ARN, status and counts.
MapRunShown = Mapping[str, Any]

_BAR_WIDTH: Final = 20
#: Counts that are told where they are not zero, with the words for them.
_TOLD: Final = (
    ("running", "running"),
    ("failed", "failed"),
    ("timedOut", "timed out"),
    ("aborted", "aborted"),
    ("pending", "pending"),
    ("pendingRedrive", "to run again"),
)


def counts_line(run: MapRunShown) -> str:
    """`12 of 20 items · 3 of 5 children: 2 running, 1 failed`."""
    items, children = run["itemCounts"], run["executionCounts"]
    told = ", ".join(f"{children[name]} {words}" for name, words in _TOLD if children.get(name))
    line = f"{ended(items)} of {items['total']} items · {ended(children)} of {children['total']} children"
    return f"{line}: {told}" if told else line


def bar(run: MapRunShown) -> str:
    """`[#####---------------]`: how many of the items read so far have ended."""
    items = run["itemCounts"]
    full = _BAR_WIDTH * ended(items) // max(items["total"], 1)
    return f"[{'#' * full}{'-' * (_BAR_WIDTH - full)}]"


def name_of(map_run_arn: str) -> str:
    """`<machine>/<label>`."""
    return map_run_arn.rpartition(":")[0].rpartition(":")[2]


def label_of(map_run_arn: str) -> str:
    """The Map Run's label."""
    return map_run_arn.rpartition(":")[0].rpartition("/")[2]


def ended(counts: Mapping[str, int]) -> int:
    """How many have ended, however they did."""
    return counts["succeeded"] + counts["failed"] + counts["timedOut"] + counts["aborted"]
