"""What must hold for every story: read off the journal and the history, and compared with the oracle."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from newel.engine import events as e
from newel.engine.codec import decode_events, encode_state
from newel.engine.history import history
from newel.engine.state import ExecutionState
from newel.json import loads
from simulation.generator import TIMEOUT_SECONDS
from simulation.oracle import Oracle
from simulation.world import Violation, World

_CLOSING = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}


def need(holds: object, what: str) -> None:
    if not holds:
        raise Violation(what)


def check(world: World, definition: dict[str, Any]) -> None:
    """All checks on a story that has ended."""
    final = world.loaded()
    check_outcome(world, definition, final)
    check_history(world)
    check_journal(world, definition)
    if world.live is not None:
        need(comparable(world.live) == comparable(final), "the live state is not the fold of the journal")


def comparable(state: ExecutionState) -> bytes:
    """The state without its heap, which may hold void entries."""
    timers, state.timers = state.timers, []
    try:
        return encode_state(state)
    finally:
        state.timers = timers


def check_outcome(world: World, definition: dict[str, Any], final: ExecutionState) -> None:
    possible = Oracle(world.script).workflow(definition, world.input["n"])
    if final.status == "SUCCEEDED":
        assert final.output is not None
        got: tuple[str, Any] = ("ok", loads(final.output.text)["n"])
    else:
        need(final.status == "FAILED", f"the execution ended {final.status}")
        got = ("error", final.error)
    need(got in possible, f"the outcome {got} is not one of {sorted(possible, key=str)}")


def check_history(world: World) -> None:
    shown = list(history(world.empty(), world.rows, {}))
    need([event["id"] for event in shown] == list(range(1, len(shown) + 1)), "history ids have gaps")
    need(all(event["previousEventId"] < event["id"] for event in shown), "an event precedes its predecessor")
    closing = [event for event in shown if event["type"] in _CLOSING]
    redriven = [event for event in shown if event["type"] == "ExecutionRedriven"]
    need(len(redriven) <= world.redrives, "the execution was redriven more often than asked for")
    need(len(closing) == len(redriven) + 1 and shown[-1] is closing[-1], "the history does not end once, at its end")
    for event in redriven:
        need(shown[event["id"] - 2]["type"] in _CLOSING, "what was redriven had not ended")


def check_journal(world: World, definition: dict[str, Any]) -> None:
    auditor = Auditor(states_of(definition))
    for at_ms, row in world.rows:
        for event in decode_events(row):
            auditor.see(event, at_ms)


def states_of(workflow: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state of a definition by name."""
    found: dict[str, dict[str, Any]] = {}
    for name, state in workflow["States"].items():
        found[name] = state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            found.update(states_of(inner))
    return found


class Auditor:
    """Follows each frame through the journal."""

    def __init__(self, states: dict[str, dict[str, Any]]) -> None:
        self.states = states
        self.inside: dict[int, str] = {}
        self.entered_ms: dict[int, int] = {}
        self.task: dict[int, int] = {}  # frame -> task id in flight
        self.scheduled_ms: dict[int, int] = {}
        self.task_ids: set[int] = set()
        self.attempts: dict[int, int] = defaultdict(int)
        self.failed_ms: dict[int, int] = {}
        self.running: dict[int, set[int]] = defaultdict(set)
        self.parents: dict[int, int] = {}
        self.indexes: dict[int, set[int]] = defaultdict(set)
        self.gone: dict[int, tuple[int, str | None]] = {}  # frame -> its parent, and the state it was in

    def see(self, event: e.AnyEvent, at_ms: int) -> None:
        handler = getattr(self, f"on_{type(event).__name__}", None)
        if handler is not None:
            handler(event, at_ms)

    def on_StateEntered(self, event: e.StateEntered, at_ms: int) -> None:
        need(event.frame not in self.inside, f"{event.name} was entered inside another state")
        self.inside[event.frame] = event.name
        self.entered_ms[event.frame] = at_ms
        self.attempts[event.frame] = 0
        self.failed_ms.pop(event.frame, None)

    def on_StateExited(self, event: e.StateExited, at_ms: int) -> None:
        need(self.inside.pop(event.frame, None) == event.name, f"{event.name} was left without being entered")
        need(event.frame not in self.task, f"{event.name} was left with its task in flight")
        self._forget_gone(event.frame)
        state = self.states[event.name]
        if state["Type"] == "Wait":
            waited = at_ms - self.entered_ms[event.frame]
            need(waited >= state["Seconds"] * 1000, f"{event.name} waited {waited} ms")

    def on_TaskScheduled(self, event: e.TaskScheduled, at_ms: int) -> None:
        need(event.frame in self.inside, "a task was scheduled outside any state")
        need(event.frame not in self.task, "a task was scheduled while another of its state is in flight")
        need(event.task_id not in self.task_ids, "a task id was used twice")
        self.task_ids.add(event.task_id)
        self.task[event.frame] = event.task_id
        self.scheduled_ms[event.frame] = at_ms
        self.again(event.frame, at_ms)

    def again(self, frame: int, at_ms: int) -> None:
        """One more attempt of a state's work: allowed, and late enough?"""
        state = self.states[self.inside[frame]]
        attempt = self.attempts[frame]
        self.attempts[frame] += 1
        if attempt == 0:
            return
        retrier = state["Retry"][0]
        need(attempt <= retrier["MaxAttempts"], f"{self.inside[frame]} was retried {attempt} times")
        delay = retrier["IntervalSeconds"] * retrier["BackoffRate"] ** (attempt - 1) * 1000
        waited = at_ms - self.failed_ms[frame]
        need(waited >= delay, f"{self.inside[frame]} was retried after {waited} ms instead of {delay}")

    def on_TaskSucceeded(self, event: e.TaskSucceeded, _at_ms: int) -> None:
        need(self.task.pop(event.frame, None), "a task succeeded that was not in flight")

    def on_TaskFailed(self, event: e.TaskFailed, at_ms: int) -> None:
        need(self.task.pop(event.frame, None), "a task failed that was not in flight")
        self.failed_ms[event.frame] = at_ms
        if event.kind == "TIMED_OUT":
            took = at_ms - self.scheduled_ms[event.frame]
            need(took >= TIMEOUT_SECONDS * 1000, f"a task timed out after {took} ms")

    def on_RetryScheduled(self, event: e.RetryScheduled, at_ms: int) -> None:
        self.failed_ms[event.frame] = at_ms
        self._forget_gone(event.frame)

    def on_MapStarted(self, event: e.MapStarted, at_ms: int) -> None:
        self.again(event.frame, at_ms)
        self.indexes[event.frame] = set()

    def on_ParallelStarted(self, event: e.ParallelStarted, at_ms: int) -> None:
        self.again(event.frame, at_ms)

    def on_IterationStarted(self, event: e.IterationStarted, _at_ms: int) -> None:
        self.parents[event.frame] = event.parent
        running = self.running[event.parent]
        running.add(event.frame)
        limit = self.states[self.inside[event.parent]]["MaxConcurrency"] or 40
        need(len(running) <= limit, f"{len(running)} iterations run where {limit} may")
        need(event.index not in self.indexes[event.parent], f"item {event.index} was started twice")
        self.indexes[event.parent].add(event.index)

    def on_BranchStarted(self, event: e.BranchStarted, _at_ms: int) -> None:
        self.parents[event.frame] = event.parent

    def _iteration_ended(self, frame: int) -> None:
        self.running[self.parents[frame]].discard(frame)
        self._gone(frame)

    def on_IterationSucceeded(self, event: e.IterationSucceeded, _at_ms: int) -> None:
        need(event.frame not in self.inside, "an iteration succeeded inside a state")
        self._iteration_ended(event.frame)
        del self.gone[event.frame]

    def on_ExecutionRedriven(self, _event: e.ExecutionRedriven, _at_ms: int) -> None:
        self.attempts.clear()
        need(not self.task, "a task was in flight while nothing ran")

    def on_JoinReopened(self, event: e.JoinReopened, _at_ms: int) -> None:
        for frame, (parent, state) in list(self.gone.items()):
            if parent == event.frame:
                del self.gone[frame]
                if state is not None:
                    self.inside[frame] = state
                if self.states[self.inside[parent]]["Type"] == "Map":
                    self.running[parent].add(frame)

    def on_IterationFailed(self, event: e.IterationFailed, _at_ms: int) -> None:
        self._iteration_ended(event.frame)

    def on_IterationAborted(self, event: e.IterationAborted, _at_ms: int) -> None:
        self._iteration_ended(event.frame)

    def on_FrameDropped(self, event: e.FrameDropped, _at_ms: int) -> None:
        self._gone(event.frame)

    def _gone(self, frame: int) -> None:
        self.gone[frame] = (self.parents[frame], self.inside.pop(frame, None))
        self.task.pop(frame, None)

    def _forget_gone(self, parent: int) -> None:
        for frame in [frame for frame, (other, _) in self.gone.items() if other == parent]:
            del self.gone[frame]

    def on_StateAborted(self, event: e.StateAborted, _at_ms: int) -> None:
        self.task.pop(event.frame, None)
