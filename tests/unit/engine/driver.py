"""Runs a definition through the engine alone: scripted tasks, virtual time, no store."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from newel.engine import inputs as i
from newel.engine.codec import encode_events, new_state
from newel.engine.decide import decide, must_continue, next_wake_ms
from newel.engine.history import history
from newel.engine.pending import PerformTask, new_commands
from newel.engine.program import compile_program
from newel.engine.state import ExecutionState, Identity
from newel.json import Payload
from newel.language.parse import parse_definition
from newel.limits import Limits

START_MS = 1_700_000_000_000
ARN = "arn:aws:states:us-east-1:000000000000:execution:m:e"
LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:"

#: What a task does: an input for its execution, or None for a task that never answers.
Target = Callable[[PerformTask, int], i.Input | None]


def returns(value: Any) -> Target:
    return lambda command, _attempt: i.TaskSucceeded(command.task_id, Payload(json.dumps(value)))


def fails(error: str | None, cause: str | None = None) -> Target:
    return lambda command, _attempt: i.TaskFailed(command.task_id, error, cause)


@dataclass
class Env:
    now_ms: int
    limits: Limits
    activities: frozenset[str] = frozenset()
    draws: float = 0.5

    def random(self) -> float:
        return self.draws

    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"

    def token(self, execution_arn: str, task_id: int) -> str:
        return f"token-{task_id}"

    def activity_exists(self, arn: str) -> bool:
        return arn in self.activities


@dataclass
class Run:
    """One execution; `steps` is what happened to it, `times` when its turns were taken."""

    definition: dict[str, Any]
    input: str = "{}"
    target: Target = field(default_factory=lambda: returns({}))
    limits: Limits = field(default_factory=Limits)
    activities: frozenset[str] = frozenset()
    express: bool = False

    def __post_init__(self) -> None:
        machine = parse_definition(json.dumps(self.definition))
        self.program = compile_program(machine)
        self.now_ms = START_MS
        self.rows: list[tuple[int, bytes]] = []
        self.commands: list[PerformTask] = []
        self.attempt = 0
        self.state = self.fresh()

    def fresh(self) -> ExecutionState:
        who = Identity(
            execution_arn=ARN,
            execution_name="e",
            machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:m",
            machine_name="m",
            role_arn="arn:aws:iam::000000000000:role/r",
            start_ms=START_MS,
            express=self.express,
        )
        timeout = self.program.timeout_seconds
        return new_state(who, Payload(self.input), None if timeout is None else START_MS + timeout * 1000)

    def give(self, given: i.Input) -> bool:
        """One turn; whether it caused anything. Commands are collected, not performed."""
        events = decide(self.program, self.state, given, Env(self.now_ms, self.limits, self.activities))
        if events:
            self.rows.append((self.now_ms, encode_events(events)))
            self.commands += new_commands(self.state, events)
        return bool(events)

    def start(self) -> Run:
        self.give(i.Start(Payload(self.input)))
        return self

    def finish(self) -> Run:
        """Start, perform every task and let time pass until the execution ends."""
        self.start()
        while self.state.status == "RUNNING":
            self.step()
        return self

    def step(self) -> None:
        if must_continue(self.state):
            self.give(i.Continue())
        elif self.commands:
            answer = self.target(self.commands.pop(0), self.attempt)
            self.attempt += 1
            if answer is not None:
                self.give(answer)
        else:
            wake_ms = next_wake_ms(self.state)
            assert wake_ms is not None, "nothing will ever happen"
            self.now_ms = max(self.now_ms, wake_ms)
            self.give(i.TimerFired())

    # -- what came of it

    @property
    def output(self) -> Any:
        assert self.state.status == "SUCCEEDED", (self.state.status, self.state.error, self.state.cause)
        assert self.state.output is not None
        return json.loads(self.state.output.text)

    @property
    def text(self) -> str:
        assert self.state.output is not None
        return self.state.output.text

    @property
    def failure(self) -> tuple[str | None, str | None]:
        assert self.state.status == "FAILED", self.state.status
        return self.state.error, self.state.cause

    @property
    def events(self) -> list[dict[str, Any]]:
        return list(history(self.fresh(), self.rows, {}))

    @property
    def chain(self) -> list[str]:
        """`id<previous Type` for every event, as the reference writes them."""
        return [f"{event['id']}<{event['previousEventId']} {event['type']}" for event in self.events]

    @property
    def seconds(self) -> float:
        return (self.now_ms - START_MS) / 1000


def machine(*states: tuple[str, dict[str, Any]], **top: Any) -> dict[str, Any]:
    """A definition whose states follow one another unless they say otherwise."""
    built: dict[str, Any] = {}
    for (name, state), following in zip(states, [*[n for n, _ in states[1:]], None], strict=True):
        ends = state["Type"] in ("Succeed", "Fail", "Choice") or "Next" in state or "End" in state
        built[name] = state if ends else {**state, **({"Next": following} if following else {"End": True})}
    return {"StartAt": states[0][0], "States": built, **top}
