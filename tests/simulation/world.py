"""A world around one execution: a store, targets, callers and a clock, all from a seed, and a process that crashes.

Crash points are the boundaries of a turn: before decide, after decide and after commit. Every kind of input may come
twice or late. Nothing here is asynchronous, so a seed gives the same story each time.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from newel.engine import inputs as i
from newel.engine.codec import decode_state, encode_events, encode_state, fold, new_state
from newel.engine.decide import decide, must_continue, next_wake_ms
from newel.engine.events import AnyEvent
from newel.engine.pending import PerformTask, new_commands, pending
from newel.engine.program import Program, compile_program
from newel.engine.state import ExecutionState, Identity
from newel.json import Json, Payload, dumps, loads
from newel.language.parse import parse_definition
from newel.limits import Limits
from simulation.generator import Script, generate

START_MS = 1_700_000_000_000
STEPS_MAX = 4_000
ARN = "arn:aws:states:us-east-1:000000000000:execution:sim:e"


class Violation(AssertionError):
    """Something that must not be."""


class Crash(Exception):
    """The process is gone."""


@dataclass
class Env:
    """`TurnEnv` of the simulation."""

    now_ms: int
    rng: random.Random
    limits: Limits

    def random(self) -> float:
        return self.rng.random()

    def uuid(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def token(self, execution_arn: str, task_id: int) -> str:
        return f"{execution_arn}/{task_id}"

    def activity_exists(self, arn: str) -> bool:
        return True


@dataclass
class World:
    """One execution's story. `rows` is the store: what is there after a crash."""

    program: Program
    script: Script
    rng: random.Random
    crash_rate: float
    duplicate_rate: float
    input: Json
    now_ms: int = START_MS
    rows: list[tuple[int, bytes]] = field(default_factory=list)
    live: ExecutionState | None = None
    queue: list[tuple[int, int, str, Any]] = field(default_factory=list)
    crashes: int = 0
    stale: int = 0
    steps: int = 0
    redrives: int = 0
    life: int = 0  # process number: calls of an earlier one are usually lost
    _order: int = 0

    # -- the store

    def empty(self) -> ExecutionState:
        who = Identity(
            execution_arn=ARN,
            execution_name="e",
            machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:sim",
            machine_name="sim",
            role_arn="arn:aws:iam::000000000000:role/sim",
            start_ms=START_MS,
        )
        timeout = self.program.timeout_seconds
        return new_state(who, Payload(dumps(self.input)), None if timeout is None else START_MS + timeout * 1000)

    def loaded(self) -> ExecutionState:
        """The execution as a new process finds it: from the journal, or from a snapshot and the rest of it."""
        rows = self.rows
        cut = self.rng.randint(0, len(rows)) if self.rng.random() < 0.5 else 0
        state = fold(self.empty(), rows[:cut])
        if cut:
            state = decode_state(encode_state(state))
        return fold(state, rows[cut:])

    # -- time

    def at(self, due_ms: int, what: str, detail: Any) -> None:
        self._order += 1
        heappush(self.queue, (due_ms, self._order, what, detail))

    def soon(self, what: str, detail: Any, spread_ms: int = 30_000) -> None:
        self.at(self.now_ms + self.rng.randint(1, spread_ms), what, detail)

    # -- one process

    def maybe_crash(self) -> None:
        if self.rng.random() < self.crash_rate:
            raise Crash

    def deliver(self, given: i.Input) -> list[AnyEvent]:
        """Take one turn for an input. Raises `Crash` at any of its boundaries."""
        if self.live is None:
            self.recover()
        assert self.live is not None
        self.maybe_crash()
        limits = Limits(transitions_per_turn_max=self.rng.choice([1, 3, 1000]))
        events = decide(self.program, self.live, given, Env(self.now_ms, self.rng, limits))
        self.maybe_crash()
        if not events:
            self.stale += 1
            return events
        self.rows.append((self.now_ms, encode_events(events)))
        self.maybe_crash()
        self.act(events)
        return events

    def act(self, events: list[AnyEvent]) -> None:
        live = self.live
        assert live is not None
        for command in new_commands(live, events):
            self.call(command)
        self.watch()

    def watch(self) -> None:
        live = self.live
        assert live is not None
        if live.status != "RUNNING":
            return
        wake_ms = next_wake_ms(live)
        if wake_ms is not None:
            self.at(max(wake_ms, self.now_ms), "timer", None)
        if must_continue(live):
            self.at(self.now_ms, "continue", None)

    def recover(self) -> None:
        """A new process starts: it loads the execution and issues again what is owed."""
        self.life += 1
        self.live = self.loaded()
        if self.live.status == "RUNNING":
            for command in pending(self.live):
                self.call(command)
            self.watch()

    def call(self, command: PerformTask) -> None:
        """A target gets a task; what it does is in the script."""
        live = self.live
        assert live is not None
        frame = live.frames[live.tasks[command.task_id]]
        outcome = self.script.outcome(command.state_name, frame.retry_count)
        parameters = loads(command.parameters)
        waits = command.resource.pattern == "WAIT_FOR_TASK_TOKEN"
        n = parameters["Payload"]["n"] if waits else parameters["n"]
        if waits:
            if parameters["Payload"]["token"] != f"{ARN}/{command.task_id}":
                raise Violation("the token in the parameters is not the task's")
            self.soon("submitted", (self.life, command.task_id))
        if outcome == "hang":
            return
        result: i.Input
        if outcome == "succeed":
            result = i.TaskSucceeded(command.task_id, Payload(dumps({"n": n + 7})))
        else:
            result = i.TaskFailed(command.task_id, outcome, "scripted")
        # A callback comes from outside and is sent until it is heard; a call's result dies with its process.
        self.soon("callback" if waits else "result", (self.life, result))

    # -- the story

    def run(self) -> None:
        """From StartExecution to the end."""
        self.begin()
        while self.queue:
            self.steps += 1
            if self.steps > STEPS_MAX:
                raise Violation("the execution does not end")
            due_ms, _, what, detail = heappop(self.queue)
            self.now_ms = max(self.now_ms, due_ms)
            try:
                self.happen(what, detail)
            except Crash:
                self.crashes += 1
                self.live = None
                self.now_ms += self.rng.randint(0, 5_000)
                if what in ("callback", "start", "redrive"):
                    self.soon(what, detail)  # its sender got no answer
                self.at(self.now_ms, "restart", None)
            if not self.queue and self.rng.random() < 0.3:
                self.perhaps_redrive()
        if self.loaded().status == "RUNNING":
            raise Violation("the execution is stuck: nothing will happen any more")

    def perhaps_redrive(self) -> None:
        """An operator redrives what failed; the script is the same, so it fails again, or another way."""
        if self.redrives < 2 and self.rows and self.loaded().status == "FAILED":
            self.redrives += 1
            self.at(self.now_ms + self.rng.randint(0, 60_000), "redrive", self.redrives)

    def begin(self) -> None:
        self.at(self.now_ms, "start", i.Start(Payload(dumps(self.input))))

    def happen(self, what: str, detail: Any) -> None:
        if what == "start":
            if not self.rows:  # the name is taken otherwise: an earlier try was committed
                self.live = self.empty()
                self.deliver(detail)
            return
        if not self.rows:
            return
        if what == "restart":
            if self.live is None:
                self.recover()
        elif what == "redrive":
            if self.loaded().redrive_count < detail:  # an earlier try was committed otherwise
                self.deliver(i.Redrive(None))
        elif what == "timer":
            self.deliver(i.TimerFired())
            self.perhaps_again("timer", None)
        elif what == "continue":
            self.deliver(i.Continue())
        elif what == "submitted":
            life, task_id = detail
            if life == self.life:
                self.deliver(i.TaskSubmitted(task_id, Payload("{}")))
                self.perhaps_again(what, detail)
        else:
            life, given = detail
            if what == "result" and life != self.life and self.rng.random() < 0.7:
                return  # the process that waited for it is gone
            self.deliver(given)
            self.perhaps_again(what, detail)

    def perhaps_again(self, what: str, detail: Any) -> None:
        if self.rng.random() < self.duplicate_rate:
            self.soon(what, detail, 200_000)


def build(seed: int) -> tuple[World, dict[str, Any]]:
    """A world and the definition it runs."""
    definition, script = generate(seed)
    rng = random.Random(seed ^ 0x5EED)
    program = compile_program(parse_definition(dumps(definition)))
    world = World(
        program,
        script,
        rng,
        crash_rate=rng.choice([0.0, 0.02, 0.1]),
        duplicate_rate=rng.choice([0.0, 0.3]),
        input={"n": rng.randint(-5, 15)},
    )
    return world, definition
