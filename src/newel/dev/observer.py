"""What executions do, step by step, out of the turns that the runtime commits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec

from newel.dev.reports import Progress, ProgressKind
from newel.engine import events as e
from newel.runtime.turns import Committed

logger = logging.getLogger(__name__)

#: States that may take a while: they are told when they begin, too.
_LASTING: Final = frozenset({"Task", "Wait", "Map", "Parallel"})
_FAILURES: Final = (e.TaskFailed, e.EvaluationFailed, e.MapRunFailed)
_ENDS: Final[dict[type[Any], str]] = {
    e.ExecutionSucceeded: "SUCCEEDED",
    e.ExecutionFailed: "FAILED",
    e.ExecutionTimedOut: "TIMED_OUT",
    e.ExecutionAborted: "ABORTED",
}


class _Place(msgspec.Struct):
    """Where one frame of an execution is."""

    prefix: str = ""
    state: str = ""
    type: str = ""
    entered_ms: int | None = None  # None: before this process began to look
    failed: bool = False

    @property
    def path(self) -> str:
        return self.prefix + self.state

    def took_ms(self, now_ms: int) -> int | None:
        return None if self.entered_ms is None else now_ms - self.entered_ms


class Observer:
    """Shown every committed turn; tells `tell` what a person would want to see of it.

    Of the child executions of a Map Run, of which there may be a million, that is only who did not succeed.
    """

    def __init__(self, tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._places: dict[str, dict[int, _Place]] = {}

    def __call__(self, done: Committed) -> None:
        """Never raises: what is shown must not disturb what happens."""
        try:
            for event in done.events:
                if done.active.record.map_run_arn is None:
                    self._event(event, done)
                elif type(event) in _ENDS and not isinstance(event, e.ExecutionSucceeded):
                    self._ended(event, done)
        except Exception:
            logger.exception("the progress of %s cannot be shown", done.active.record.arn)

    def _event(self, event: Any, done: Committed) -> None:
        places = self._places.setdefault(done.active.record.arn, {})
        match event:
            case e.ExecutionStarted():
                self._say(done, "started", note=event.input.text)
            case e.ExecutionRedriven():
                self._say(done, "started", note=f"redriven ({event.count})")
            case e.BranchStarted():
                places[event.frame] = _Place(f"{_at(places, event.parent).path}[{event.index}] / ")
            case e.IterationStarted():
                places[event.frame] = _Place(f"{_at(places, event.parent).path}[{event.index}] / ")
            case e.StateEntered():
                self._entered(event, done, _at(places, event.frame))
            case e.StateExited():
                place = _at(places, event.frame)
                self._say(done, "caught" if place.failed else "exited", place, took_ms=place.took_ms(done.at_ms))
            case e.RetryScheduled():
                place = _at(places, event.frame)
                place.failed = False
                self._say(done, "retry", place, note=f"in {max(event.due_ms - done.at_ms, 0) / 1000:g} s")
            case e.StateAborted():
                self._say(done, "aborted", _at(places, event.frame))
            case _ if isinstance(event, _FAILURES):
                place = _at(places, event.frame)
                place.failed = True
                self._say(done, "failed", place, note=_error(event))
            case e.MapFailed() | e.ParallelFailed():
                _at(places, event.frame).failed = True
            case _ if type(event) in _ENDS:
                self._ended(event, done)

    def _entered(self, event: e.StateEntered, done: Committed, place: _Place) -> None:
        place.state, place.type, place.entered_ms, place.failed = event.name, event.type, done.at_ms, False
        if event.type in _LASTING:
            self._say(done, "entered", place)

    def _ended(self, event: Any, done: Committed) -> None:
        record = done.active.record
        self._places.pop(record.arn, None)
        note = (record.output or "") if isinstance(event, e.ExecutionSucceeded) else _error(event)
        self._say(done, "ended", note=note, status=_ENDS[type(event)], took_ms=done.at_ms - record.start_ms)

    def _say(
        self,
        done: Committed,
        kind: ProgressKind,
        place: _Place | None = None,
        *,
        note: str = "",
        status: str = "",
        took_ms: int | None = None,
    ) -> None:
        record = done.active.record
        self._tell(
            Progress(
                kind=kind,
                machine=record.machine_arn.rpartition(":")[2],
                execution=record.name,
                arn=record.arn,
                at_ms=done.at_ms,
                state="" if place is None else place.path,
                type="" if place is None else place.type,
                note=note,
                status=status,
                took_ms=took_ms,
            )
        )


def _at(places: dict[int, _Place], frame: int) -> _Place:
    """The place of a frame; one that was never seen (before a restart) starts empty."""
    return places.setdefault(frame, _Place())


def _error(event: Any) -> str:
    return ": ".join(text for text in (event.error, event.cause) if text)
