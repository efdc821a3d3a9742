"""Bugs planted one at a time: the simulation has to find each of them, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from newel.engine import codec, decide, evolve, pending
from newel.engine import events as e
from newel.engine.state import ExecutionState
from newel.engine.states import HANDLERS, map_
from newel.engine.turn import Turn

Plant = Callable[[pytest.MonkeyPatch], None]


def stale_result_accepted(patch: pytest.MonkeyPatch) -> None:
    """A result of an earlier attempt is taken for the present one."""
    real = decide._task

    def any_task(turn: Turn, given: Any) -> None:
        tasks = turn.execution.tasks
        if given.task_id not in tasks and tasks:
            given = type(given)(next(iter(tasks)), *[getattr(given, name) for name in given.__struct_fields__[1:]])
        real(turn, given)

    patch.setattr(decide, "_task", any_task)


def stale_timer_accepted(patch: pytest.MonkeyPatch) -> None:
    """A time-out of an attempt that was answered hits the next attempt."""
    patch.setattr(decide, "_due", lambda frame, kind: _Anything() if frame.state is not None else None)


class _Anything:
    def __eq__(self, other: object) -> bool:
        return other is not None

    __hash__ = None  # type: ignore[assignment]


def retries_not_counted(patch: pytest.MonkeyPatch) -> None:
    """Retry starts from nothing each time."""
    real = evolve.APPLY[e.RetryScheduled]

    def forget(x: ExecutionState, event: Any, at: int) -> None:
        real(x, event, at)
        x.frames[event.frame].attempts = {}

    patch.setitem(evolve.APPLY, e.RetryScheduled, forget)


def owed_call_forgotten(patch: pytest.MonkeyPatch) -> None:
    """After a crash a call that was under way is not made again, and its task has no time-out to save it."""
    patch.setattr(pending, "pending", lambda _execution: [])
    patch.setattr("simulation.world.pending", lambda _execution: [])
    patch.setattr("simulation.generator.TIMEOUT_SECONDS", 90_000_000)


def wait_forgotten_by_fold(patch: pytest.MonkeyPatch) -> None:
    """Loading an execution loses its Wait's timer."""
    real = codec.evolve

    def skip(x: ExecutionState, event: Any, at: int) -> None:
        if type(event) is not e.WaitStarted:
            real(x, event, at)

    patch.setattr(codec, "evolve", skip)


def concurrency_ignored(patch: pytest.MonkeyPatch) -> None:
    """A Map starts one iteration more than it may."""
    real = map_._max_concurrency
    patch.setattr(map_, "_max_concurrency", lambda turn, state, scope: real(turn, state, scope) + 1)


def join_too_early(patch: pytest.MonkeyPatch) -> None:
    """A Parallel goes on when its first branch has ended."""
    handler = HANDLERS["Parallel"]
    real = handler.child_ended

    def early(turn: Turn, frame: Any, state: Any, child: Any) -> None:
        if frame.join.total > 1:
            frame.join.total = 1
        real(turn, frame, state, child)

    patch.setattr(handler, "child_ended", early)


def timer_early(patch: pytest.MonkeyPatch) -> None:
    """Waits end as soon as any timer is looked at."""
    patch.setattr(decide, "_timers", _fire_all)


def _fire_all(turn: Turn) -> None:
    for frame in list(turn.execution.frames.values()):
        if frame.wait_due_ms is not None or frame.retry_due_ms is not None:
            decide._fire(turn, frame, "wait" if frame.wait_due_ms is not None else "retry")
            return


def caught_error_lost(patch: pytest.MonkeyPatch) -> None:
    """Catch answers no error of a task."""
    patch.setattr("newel.engine.turn.catch_index", lambda _catchers, _names: None)


PLANTED: list[Plant] = [
    stale_result_accepted,
    stale_timer_accepted,
    retries_not_counted,
    owed_call_forgotten,
    wait_forgotten_by_fold,
    concurrency_ignored,
    join_too_early,
    timer_early,
    caught_error_lost,
]
