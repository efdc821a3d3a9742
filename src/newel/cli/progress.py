"""Live progress of an execution in this process, drawn on stderr."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live

from newel.cli.local import LocalExecution, LocalOrder, started
from newel.cli.map_bars import render_map_runs
from newel.cli.render import render_tree
from newel.cli.tree import build_tree
from newel.ports.store import Execution

_INTERVAL_SECONDS: Final = 0.1
#: Drawing takes at most this share of the time, however long the history.
_DRAWING_SHARE: Final = 0.2


async def run_watched(order: LocalOrder, console: Console | None) -> tuple[Execution, list[dict[str, Any]]]:
    """Run an execution to its end; the ended execution and its history. `console` shows the progress."""
    async with started(order) as execution:
        ended = await watch(execution, order.machine_name, console)
        return ended, await execution.history()


async def watch(execution: LocalExecution, title: str, console: Console | None) -> Execution:
    """The ended execution. A terminal shows its tree growing; any other console gets it once, at the end."""
    ending = asyncio.ensure_future(execution.wait())
    if console is None:
        return await ending
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not ending.done():
                took = await _draw(live, execution, title)
                await asyncio.wait([ending], timeout=max(_INTERVAL_SECONDS, took / _DRAWING_SHARE))
    ended = await ending
    console.print(await _tree(execution, title))
    return ended


async def _draw(live: Live, execution: LocalExecution, title: str) -> float:
    """Draw what has happened so far; the seconds that took."""
    began = time.monotonic()
    live.update(await _tree(execution, title), refresh=True)
    return time.monotonic() - began


async def _tree(execution: LocalExecution, title: str) -> RenderableType:
    tree = render_tree(build_tree(await execution.history()), title, execution.now_ms() / 1000)
    runs = await execution.map_runs()
    return Group(tree, render_map_runs(runs)) if runs else tree
