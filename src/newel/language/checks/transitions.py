"""The graph of a definition: targets that are missing, states nobody reaches, a machine that can't end.

As measured on AWS: dangling targets come first; then either `Workflow has no terminal state` (without a location), or
the states that are not reachable, never both.
"""

from __future__ import annotations

from newel.json import Json
from newel.language.checks.report import Report
from newel.language.walk import Container, containers_of


def check_transitions(definition: dict[str, Json], report: Report) -> None:
    """Check the machine and every container in it."""
    containers = list(containers_of(definition))
    for container in containers:
        _check_targets(container, report)
    if not any(state.is_terminal for state in containers[0].states):
        report.error("Workflow has no terminal state", None, "MISSING_END_STATE")
        return
    for container in containers:
        _check_reachable(container, report)


def _check_targets(container: Container, report: Report) -> None:
    names = {state.name for state in container.states}
    start = container.node.get("StartAt")
    if isinstance(start, str) and start not in names:
        _missing(start, f"{container.location}/StartAt", report)
    for state in container.states:
        for location, target in state.transitions:
            if target not in names:
                _missing(target, location, report)


def _missing(target: str, location: str, report: Report) -> None:
    report.error(f"Missing 'Next' target: {target}", location, "MISSING_TRANSITION_TARGET")


def _check_reachable(container: Container, report: Report) -> None:
    states = {state.name: state for state in container.states}
    start = container.node.get("StartAt")
    if start not in states:
        return  # reported as a missing target; every state would follow
    reached: set[str] = set()
    pending = [start]
    while pending:
        name = pending.pop()
        if name in states and name not in reached:
            reached.add(name)
            pending.extend(target for _, target in states[name].transitions)
    for name, state in states.items():
        if name not in reached:
            report.error(f'State "{name}" is not reachable.', state.location, "MISSING_TRANSITION_TARGET")
