"""pending: what an execution still owes the outside world.

Dispatch takes a turn's new commands from its events; recovery takes all of them from the ExecutionState. A command
that was carried out before a crash may be issued again: targets get the same idempotency key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from newel.engine import events as e
from newel.engine.state import ExecutionState, Frame, Work
from newel.language.resource import Resource, parse_resource


class PerformTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Have a target do one attempt; with `job`, pick up the `.sync` job that already runs.

    `parameters` is JSON text. `wait` says what the runtime does: `invoke` a target or `offer` the task to the workers
    of an activity.
    """

    task_id: int
    state_name: str
    resource: Resource
    parameters: str
    wait: Literal["invoke", "offer"]
    credentials: str | None = None
    job: str | None = None
    timeout_due_ms: int | None = None


class RunMap(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Run, or go on with, a Map Run; `spec` is JSON text (see `engine.map_run`)."""

    task_id: int
    state_name: str
    frame_id: int
    map_run_arn: str
    spec: str
    redrive_count: int = 0


Command = PerformTask | RunMap

_OWING = (e.TaskScheduled, e.MapRunStarted, e.MapRunRedriven)


@lru_cache(maxsize=4096)
def resource_of(text: str) -> Resource:
    """The parsed Resource of a scheduled task."""
    return parse_resource(text)


def pending(execution: ExecutionState) -> list[Command]:
    """Every command the execution owes, in order of task id."""
    return [command for frame in _working(execution) if (command := command_of(frame)) is not None]


def owes(execution: ExecutionState) -> bool:
    """Whether a restart would have to issue a command."""
    return any(command_of(frame) is not None for frame in _working(execution))


def new_commands(execution: ExecutionState, events: Sequence[e.AnyEvent]) -> list[Command]:
    """The commands that a turn's events newly owe."""
    commands = []
    for event in events:
        if isinstance(event, _OWING) and event.task_id in execution.tasks:
            command = command_of(execution.frames[event.frame])
            if command is not None:
                commands.append(command)
    return commands


def _working(execution: ExecutionState) -> Iterator[Frame]:
    for _, frame_id in sorted(execution.tasks.items()):
        yield execution.frames[frame_id]


def command_of(frame: Frame) -> Command | None:
    """What a frame's attempt in flight still owes."""
    work = frame.work
    assert work is not None
    if work.map_run is not None:
        assert frame.state is not None
        assert work.parameters is not None
        return RunMap(
            task_id=work.task_id,
            state_name=frame.state,
            frame_id=frame.id,
            map_run_arn=work.map_run,
            spec=work.parameters.text,
            redrive_count=work.redrive_count,
        )
    resource = resource_of(work.resource)
    if not _owed(work, resource):
        return None
    assert frame.state is not None
    return PerformTask(
        task_id=work.task_id,
        state_name=frame.state,
        resource=resource,
        parameters=(work.parameters or frame.data).text,
        wait="offer" if resource.kind == "activity" else "invoke",
        credentials=work.credentials,
        job=work.job,
        timeout_due_ms=work.timeout_due_ms,
    )


def _owed(work: Work, resource: Resource) -> bool:
    if resource.kind == "activity":
        return work.status == "SCHEDULED"  # once taken, the worker holds the token
    return work.status != "SUBMITTED" or resource.pattern in ("SYNC", "SYNC2")
