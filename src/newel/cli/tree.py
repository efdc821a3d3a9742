"""An execution's history as a tree: states in order, with branches, iterations, attempts, durations and errors.

`build_tree` reads the events of GetExecutionHistory (dicts as on the wire, `timestamp` in epoch seconds or a
datetime) in any prefix of the history, so that it also shows an execution that still runs. It relies on
`previousEventId` alone to tell apart what happens at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

Status = Literal["RUNNING", "SUCCEEDED", "FAILED", "CAUGHT", "TIMED_OUT", "ABORTED"]
Event = Mapping[str, Any]

_SCHEDULED: Final = {"TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled"}
_ENDED: Final[dict[str, Status]] = {
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "TimedOut": "TIMED_OUT",
    "Aborted": "ABORTED",
}


@dataclass(slots=True)
class Attempt:
    """One try of a Task, Parallel or Map.

    `what` is the resource of a Task, `groups_before` how many branches or iterations earlier tries had.
    """

    started_at: float
    what: str | None = None
    groups_before: int = 0
    ended_at: float | None = None
    status: Status = "RUNNING"
    error: str | None = None
    cause: str | None = None


@dataclass(slots=True)
class StateVisit:
    """One visit of a state. Times are epoch seconds."""

    name: str
    type: str
    group: Group
    started_at: float
    ended_at: float | None = None
    status: Status = "RUNNING"
    error: str | None = None
    cause: str | None = None
    input: str | None = None
    output: str | None = None
    attempts: list[Attempt] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    items: int | None = None
    map_run: str | None = None

    @property
    def retries(self) -> int:
        return max(len(self.attempts) - 1, 0)


@dataclass(slots=True)
class Group:
    """States that follow each other: the machine itself, a branch, or an iteration."""

    label: str
    owner: StateVisit | None
    started_at: float
    index: int | None = None
    ended_at: float | None = None
    status: Status = "RUNNING"
    states: list[StateVisit] = field(default_factory=list)


@dataclass(slots=True)
class ExecutionTree:
    """A whole execution."""

    root: Group
    output: str | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def status(self) -> Status:
        return self.root.status

    def states(self) -> Iterator[StateVisit]:
        """Every visit, depth first."""
        yield from _visits(self.root)


class _Position(NamedTuple):
    """Where the next event of a chain stands: in a group, at a visit of it (None: before its first)."""

    group: Group
    visit: StateVisit | None


def build_tree(events: Iterable[Event]) -> ExecutionTree:
    """The tree of a history, oldest event first; empty history gives an empty running tree."""
    builder = _Builder()
    for event in events:
        builder.add(event)
    return builder.tree


def epoch_seconds(timestamp: float | datetime) -> float:
    """A wire timestamp (epoch seconds) or one that a client has made a datetime."""
    return timestamp.timestamp() if isinstance(timestamp, datetime) else float(timestamp)


def details_of(event: Event) -> Mapping[str, Any]:
    """The one details member of an event."""
    return next((value for name, value in event.items() if name.endswith("EventDetails")), {})


class _Builder:
    def __init__(self) -> None:
        self.tree = ExecutionTree(Group("", None, 0.0))
        self._positions: dict[int, _Position] = {0: _Position(self.tree.root, None)}

    def add(self, event: Event) -> None:
        at = epoch_seconds(event["timestamp"])
        before = self._positions.get(event.get("previousEventId", 0), self._positions[0])
        self._positions[event["id"]] = self._handle(event["type"], at, details_of(event), before)

    def _handle(self, kind: str, at: float, details: Mapping[str, Any], before: _Position) -> _Position:
        if kind.startswith("Execution"):
            return self._execution(kind, at, details, before)
        if kind.endswith("StateEntered"):
            return self._entered(kind, at, details, before)
        if kind.endswith("StateExited"):
            return _exited(at, details, before)
        if kind.startswith("MapIteration"):
            return _iteration(kind, at, details, before)
        if kind.startswith(("ParallelState", "MapState")):
            return _container(kind, at, details, before)
        if before.visit is not None:
            _task(kind, at, details, before.visit)
        return before

    def _execution(self, kind: str, at: float, details: Mapping[str, Any], before: _Position) -> _Position:
        root = self.tree.root
        if kind == "ExecutionStarted":
            root.started_at = at
        elif kind == "ExecutionRedriven":
            root.ended_at, root.status = None, "RUNNING"
            self.tree.error = self.tree.cause = None
        else:
            status = _ENDED[kind.removeprefix("Execution")]
            self.tree.output = details.get("output")
            self.tree.error, self.tree.cause = details.get("error"), details.get("cause")
            _close(root, at, status, before.visit, error=self.tree.error, cause=self.tree.cause)
            root.ended_at = at
        return _Position(root, before.visit if before.group is root else None)

    def _entered(self, kind: str, at: float, details: Mapping[str, Any], before: _Position) -> _Position:
        group = before.group
        if before.visit is not None and before.visit.type == "Parallel" and before.visit.status == "RUNNING":
            group = _new_branch(before.visit, at)
        visit = StateVisit(details["name"], kind.removesuffix("StateEntered"), group, at, input=details.get("input"))
        group.states.append(visit)
        if visit.type == "Fail":
            visit.status, visit.ended_at = "FAILED", at
        return _Position(group, visit)


def _new_branch(parallel: StateVisit, at: float) -> Group:
    """The next branch of a Parallel's current attempt."""
    index = len(parallel.groups) - (parallel.attempts[-1].groups_before if parallel.attempts else 0)
    group = Group(_label(parallel, f"branch {index + 1}"), parallel, at, index)
    parallel.groups.append(group)
    return group


def _label(visit: StateVisit, part: str) -> str:
    return f"{part} (retry {visit.retries})" if visit.retries else part


def _exited(at: float, details: Mapping[str, Any], before: _Position) -> _Position:
    """A state that exits after an error was caught. A container's exit names it; its chain may be an inner one."""
    visit = _enclosing(before, lambda visit: visit.name == details["name"])
    if visit is None:
        return before
    visit.ended_at = at
    visit.output = details.get("output")
    failed = visit.error is not None or bool(visit.attempts and visit.attempts[-1].status in ("FAILED", "TIMED_OUT"))
    visit.status = "CAUGHT" if failed else "SUCCEEDED"
    _close_groups(visit, at, "ABORTED" if failed else "SUCCEEDED", before.visit)
    return _Position(visit.group, visit)


def _iteration(kind: str, at: float, details: Mapping[str, Any], before: _Position) -> _Position:
    visit = _enclosing(before, lambda visit: visit.type == "Map" and visit.name == details["name"])
    if visit is None:
        return before
    index = details["index"]
    outcome = kind.removeprefix("MapIteration")
    if outcome == "Started":
        group = Group(_label(visit, f"item {index}"), visit, at, index)
        visit.groups.append(group)
        return _Position(group, None)
    ended = next((group for group in reversed(visit.groups) if group.index == index), None)
    if ended is None:
        return before
    _close(ended, at, _ENDED[outcome], before.visit)
    return _Position(ended, before.visit if before.group is ended else None)


def _container(kind: str, at: float, details: Mapping[str, Any], before: _Position) -> _Position:
    state_type, outcome = kind.split("State", 1)
    visit = _enclosing(before, lambda visit: visit.type == state_type and visit.status == "RUNNING")
    if visit is None:
        return before
    if outcome == "Started":
        if (
            visit.attempts and visit.attempts[-1].status == "RUNNING"
        ):  # a retry follows without an event for the failure
            _end_attempt(visit.attempts[-1], at, "FAILED")
            _close_groups(visit, at, "FAILED", before.visit)
        visit.attempts.append(Attempt(at, groups_before=len(visit.groups)))
        visit.items = details.get("length", visit.items)
        return _Position(visit.group, visit)
    status = _ENDED[outcome]
    if visit.attempts:
        _end_attempt(visit.attempts[-1], at, status)
    _close_groups(visit, at, status, before.visit)
    if status == "ABORTED":
        visit.status, visit.ended_at = status, at
    return _Position(visit.group, visit)


def _task(kind: str, at: float, details: Mapping[str, Any], visit: StateVisit) -> None:
    """What happens within a visit: attempts of a Task, a Map Run, an expression that failed, an abort."""
    if kind in _SCHEDULED:
        what = details.get("resource")
        if kind == "TaskScheduled":
            what = f"{details.get('resourceType')}:{what}"
        visit.attempts.append(Attempt(at, what))
    elif kind == "EvaluationFailed":
        visit.error, visit.cause = details.get("error"), details.get("cause")
    elif kind == "MapRunStarted":
        visit.map_run = details.get("mapRunArn")
    elif kind.endswith("StateAborted"):
        visit.status, visit.ended_at = "ABORTED", at
    elif visit.attempts:
        outcome = next((status for ending, status in _ENDED.items() if kind.endswith(ending)), None)
        if outcome is not None:
            _end_attempt(visit.attempts[-1], at, outcome, details.get("error"), details.get("cause"))


def _end_attempt(
    attempt: Attempt, at: float, status: Status, error: str | None = None, cause: str | None = None
) -> None:
    attempt.ended_at, attempt.status = at, status
    attempt.error, attempt.cause = error, cause


def _enclosing(position: _Position, wanted: Callable[[StateVisit], bool]) -> StateVisit | None:
    """The visit of the chain or the nearest one around it that is wanted."""
    group, visit = position
    while visit is None or not wanted(visit):
        if group.owner is None:
            return None
        visit = group.owner
        group = visit.group
    return visit


def _close_groups(visit: StateVisit, at: float, status: Status, culprit: StateVisit | None) -> None:
    """End the branches or iterations that still run when their Parallel or Map (or its attempt) ends."""
    chain = _chain(culprit)
    for group in visit.groups:
        if group.status == "RUNNING":
            _close(group, at, _share(status, group, chain), culprit)


def _close(
    group: Group,
    at: float,
    status: Status,
    culprit: StateVisit | None,
    *,
    error: str | None = None,
    cause: str | None = None,
) -> None:
    """End a group and all that still runs in it.

    In a group that failed only the chain that leads to `culprit` failed, the rest was aborted.
    """
    chain = _chain(culprit)
    ends = [visit.ended_at for visit in group.states]
    # No event says that a branch has ended; it has with its last state.
    group.ended_at = max((end for end in ends if end is not None), default=at) if None not in ends else at
    group.status = status
    for visit in group.states:
        if visit is culprit and status in ("FAILED", "TIMED_OUT"):
            _blame(visit, error, cause)
        if visit.ended_at is None:
            visit.ended_at = at
            visit.status = _share(status, visit, chain)
        for inner in visit.groups:
            if inner.status == "RUNNING":
                _close(inner, at, _share(status, inner, chain), culprit, error=error, cause=cause)


def _share(status: Status, part: StateVisit | Group, chain: set[int]) -> Status:
    return "ABORTED" if status == "FAILED" and id(part) not in chain else status


def _blame(visit: StateVisit, error: str | None, cause: str | None) -> None:
    last = visit.attempts[-1] if visit.attempts else None
    visit.error = visit.error or (last.error if last else None) or error
    visit.cause = visit.cause or (last.cause if last else None) or cause


def _chain(visit: StateVisit | None) -> set[int]:
    """The identities of a visit and of everything around it."""
    found: set[int] = set()
    while visit is not None:
        found |= {id(visit), id(visit.group)}
        visit = visit.group.owner
    return found


def _visits(group: Group) -> Iterator[StateVisit]:
    for visit in group.states:
        yield visit
        for inner in visit.groups:
            yield from _visits(inner)
