"""Variables and their scopes: a container may not assign a name that a container around it assigns.

A distributed Map's states run in executions of their own, so their names are theirs alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from newel.json import Json
from newel.language.checks.report import Report
from newel.language.walk import Container, StateAt, containers_of


def check_scopes(definition: dict[str, Json], report: Report) -> None:
    """Report every assignment of an outer variable."""
    assigned: dict[int, set[str]] = {}
    for container in containers_of(definition):
        own = {name for state in container.states for name, _ in assignments_of(state)}
        outer = _outer(container, assigned)
        # Containers are visited outermost first, so what is around this one is complete.
        assigned[id(container.node)] = own | outer
        for state in container.states if own & outer else ():
            for name, location in assignments_of(state):
                if name in outer:
                    report.error(f"Variable '{name}' is already assigned in an outer scope", location)


def _outer(container: Container, assigned: dict[int, set[str]]) -> set[str]:
    if container.parent is None or container.distributed:
        return set()
    return assigned[id(container.parent.node)]


def assignments_of(state: StateAt) -> Iterator[tuple[str, str]]:
    """(variable, location) of every Assign of a state, its rules and its catchers."""
    yield from _assigned(state.node, state.location)
    for field in ("Choices", "Catch"):
        entries = state.node.get(field)
        for n, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict):
                yield from _assigned(entry, f"{state.location}/{field}[{n}]")


def _assigned(node: dict[str, Json], location: str) -> Iterator[tuple[str, str]]:
    assign = node.get("Assign")
    for key in assign if isinstance(assign, dict) else ():
        yield key.removesuffix(".$"), f"{location}/Assign/{key}"
