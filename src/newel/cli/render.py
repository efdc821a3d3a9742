"""The execution tree on a terminal."""

from __future__ import annotations

from typing import Final

from rich.console import Group as Lines
from rich.console import RenderableType
from rich.text import Text
from rich.tree import Tree

from newel.cli.tree import ExecutionTree, Group, StateVisit, Status

#: Branches and iterations shown of one state; the others are counted.
GROUPS_SHOWN: Final = 20
#: Characters of an error's cause on its line.
CAUSE_SHOWN: Final = 200

_STYLES: Final[dict[Status, tuple[str, str]]] = {
    "RUNNING": ("●", "cyan"),
    "SUCCEEDED": ("✓", "green"),
    "CAUGHT": ("!", "yellow"),
    "FAILED": ("✗", "red"),
    "TIMED_OUT": ("✗", "red"),
    "ABORTED": ("-", "bright_black"),
}


def render_tree(execution: ExecutionTree, title: str, now: float | None = None) -> RenderableType:
    """A rich renderable. `now` (epoch seconds) gives what still runs a duration so far."""
    root = execution.root
    tree = Tree(_line(root.status, title, _took(root, now), root.status), guide_style="bright_black")
    _add_states(tree, root, now)
    if execution.error is None and execution.cause is None:
        return tree
    return Lines(tree, _error_line(execution.error, execution.cause))


def duration(seconds: float) -> str:
    """`35 ms`, `1.25 s`, `2 min 5 s`, `3 h 20 min`, `12 d 4 h`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def _add_states(tree: Tree, group: Group, now: float | None) -> None:
    for visit in group.states:
        node = tree.add(_visit_line(visit, now))
        shown = visit.groups[-GROUPS_SHOWN:]
        if len(shown) < len(visit.groups):
            node.add(_summary(visit.groups[:-GROUPS_SHOWN]))
        for inner in shown:
            _add_states(node.add(_line(inner.status, inner.label, _took(inner, now))), inner, now)


def _visit_line(visit: StateVisit, now: float | None) -> Text:
    notes = [visit.type]
    if visit.attempts and visit.attempts[-1].what:
        notes.append(_short_resource(visit.attempts[-1].what))
    if visit.items is not None:
        notes.append(f"{visit.items} items")
    if visit.retries:
        notes.append("1 retry" if visit.retries == 1 else f"{visit.retries} retries")
    if visit.status in ("TIMED_OUT", "ABORTED"):
        notes.append(visit.status)
    line = _line(visit.status, visit.name, _took(visit, now), *notes)
    error = visit.error or (visit.attempts[-1].error if visit.attempts else None)
    if error is not None:
        line.append(f"  {error}", "yellow" if visit.status == "CAUGHT" else "red")
    return line


def _line(status: Status, name: str, took: float | None, *notes: str) -> Text:
    mark, style = _STYLES[status]
    line = Text(f"{mark} ", style)
    line.append(name, "bold")
    if notes:
        line.append(f"  {' · '.join(notes)}", "bright_black")
    if took is not None:
        line.append(f"  {duration(took)}", "blue")
    return line


def _error_line(error: str | None, cause: str | None) -> Text:
    line = Text(error or "(no error name)", "bold red")
    if cause:
        line.append(f": {cause if len(cause) <= CAUSE_SHOWN else cause[:CAUSE_SHOWN] + '…'}", "red")
    return line


def _took(part: StateVisit | Group, now: float | None) -> float | None:
    end = part.ended_at if part.ended_at is not None else now
    return None if end is None else max(end - part.started_at, 0.0)


def _short_resource(text: str) -> str:
    """A function by its name, another resource as it is."""
    return text.rsplit(":function:", 1)[-1]


def _summary(groups: list[Group]) -> Text:
    """`… 980 more: 979 SUCCEEDED, 1 FAILED`."""
    counts: dict[Status, int] = {}
    for group in groups:
        counts[group.status] = counts.get(group.status, 0) + 1
    return Text(
        f"… {len(groups)} more: {', '.join(f'{count} {status}' for status, count in counts.items())}", "bright_black"
    )
