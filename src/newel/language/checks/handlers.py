"""Retry and Catch: States.ALL stands alone, in the last entry."""

from __future__ import annotations

from newel.json import Json
from newel.language.checks.report import Context


def check_handlers(entries: list[Json], location: str, context: Context) -> None:
    """Check the whole list of one state."""
    for n, entry in enumerate(entries):
        names = entry.get("ErrorEquals") if isinstance(entry, dict) else None
        if not isinstance(names, list):
            continue
        last = n == len(entries) - 1
        for k, name in enumerate(names):
            if name == "States.ALL" and not (last and len(names) == 1):
                context.report.error(
                    "States.ALL must appear alone and at end of list", f"{location}[{n}]/ErrorEquals[{k}]"
                )
