"""Random definitions and scripts of task outcomes, from a seed.

Every definition uses numbers in `$.n` only, so that the oracle can work out what must come of it.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

ERRORS = ("Flaky", "Broken", "Rare")
#: Longer than any delay the world makes, so that only a hanging task times out.
TIMEOUT_SECONDS = 5_000


@dataclass
class Script:
    """What each attempt of each Task does: `succeed`, an error name, or `hang` (until it times out)."""

    attempts: dict[str, list[str]] = field(default_factory=dict)
    items: dict[str, list[Any]] = field(default_factory=dict)  # what each Map iterates

    def outcome(self, state: str, attempt: int) -> str:
        plan = self.attempts[state]
        return plan[min(attempt, len(plan) - 1)]


class Generator:
    """Builds one definition with its script."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.script = Script()
        self._names = 0

    def name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}{self._names}"

    def machine(self) -> dict[str, Any]:
        machine = self.workflow(depth=0)
        if self.rng.random() < 0.1:
            machine["TimeoutSeconds"] = 50_000_000
        return machine

    def workflow(self, depth: int) -> dict[str, Any]:
        """A chain of steps; each step may be a diamond or a failing task with a handler."""
        states: dict[str, Any] = {}
        steps = [self.step(depth) for _ in range(self.rng.randint(1, 4 if depth == 0 else 3))]
        names = [step[0] for step in steps]
        end = self.name("End")
        for (_, build), following in zip(steps, [*names[1:], end], strict=True):
            build(states, following)
        states[end] = {"Type": "Succeed"} if self.rng.random() < 0.5 else {"Type": "Pass", "End": True}
        return {"StartAt": names[0], "States": states}

    def step(self, depth: int) -> tuple[str, Any]:
        kinds = ["pass", "choice", "wait", "task", "task", "token", "assign", "fail"]
        if depth < 2:
            kinds += ["parallel", "map"]
        kind = self.rng.choices(kinds, [3, 2, 2, 4, 4, 2, 1, 0.3, *([2, 2] if depth < 2 else [])])[0]
        return getattr(self, f"_{kind}")(depth)

    def _pass(self, _depth: int) -> tuple[str, Any]:
        name, add = self.name("Pass"), self.rng.randint(-3, 3)

        def build(states: dict[str, Any], following: str) -> None:
            states[name] = {"Type": "Pass", "Parameters": {"n.$": f"States.MathAdd($.n, {add})"}, "Next": following}

        return name, build

    def _assign(self, _depth: int) -> tuple[str, Any]:
        """Keeps n in a variable, changes it, and takes it back."""
        keep, take, variable = self.name("Keep"), self.name("Take"), self.name("v")

        def build(states: dict[str, Any], following: str) -> None:
            states[keep] = {"Type": "Pass", "Assign": {f"{variable}.$": "$.n"}, "Next": take}
            states[take] = {
                "Type": "Pass",
                "Parameters": {"n.$": f"States.MathAdd(${variable}, 1)"},
                "Next": following,
            }

        return keep, build

    def _choice(self, _depth: int) -> tuple[str, Any]:
        name, low, high = self.name("Choice"), self.name("Low"), self.name("High")
        limit = self.rng.randint(-5, 10)

        def build(states: dict[str, Any], following: str) -> None:
            states[name] = {
                "Type": "Choice",
                "Choices": [{"Variable": "$.n", "NumericGreaterThan": limit, "Next": high}],
                "Default": low,
            }
            for branch, add in ((low, 10), (high, -1)):
                states[branch] = {
                    "Type": "Pass",
                    "Parameters": {"n.$": f"States.MathAdd($.n, {add})"},
                    "Next": following,
                }

        return name, build

    def _wait(self, _depth: int) -> tuple[str, Any]:
        name, seconds = self.name("Wait"), self.rng.choice([0, 1, 60, 86_400])

        def build(states: dict[str, Any], following: str) -> None:
            states[name] = {"Type": "Wait", "Seconds": seconds, "Next": following}

        return name, build

    def _fail(self, _depth: int) -> tuple[str, Any]:
        name, error = self.name("Fail"), self.rng.choice(ERRORS)

        def build(states: dict[str, Any], _following: str) -> None:
            states[name] = {"Type": "Fail", "Error": error, "Cause": name}

        return name, build

    def _work(self, name: str, resource: str, following: str, states: dict[str, Any]) -> None:
        rng = self.rng
        plan = [rng.choice([*ERRORS, "hang"]) for _ in range(rng.choice([0, 0, 1, 2, 4]))]
        self.script.attempts[name] = [*plan, rng.choice(["succeed", "succeed", "succeed", "Broken"])]
        state: dict[str, Any] = {
            "Type": "Task",
            "Resource": resource,
            "TimeoutSeconds": TIMEOUT_SECONDS,
            "Parameters": {"n.$": "$.n"},
            "Next": following,
        }
        if resource.endswith("waitForTaskToken"):
            state["Parameters"] = {"FunctionName": name, "Payload": {"n.$": "$.n", "token.$": "$$.Task.Token"}}
        self._handlers(state, states, following)
        states[name] = state

    def _handlers(self, state: dict[str, Any], states: dict[str, Any], following: str) -> None:
        """Retry and Catch for a Task, Parallel or Map."""
        rng = self.rng
        if rng.random() < 0.6:
            retrier = {
                "ErrorEquals": rng.choice([["Flaky"], ["Flaky", "Broken"], ["States.Timeout"], ["States.ALL"]]),
                "IntervalSeconds": rng.randint(1, 5),
                "MaxAttempts": rng.randint(0, 3),
                "BackoffRate": rng.choice([1.0, 2.0]),
            }
            state["Retry"] = [retrier]
        if rng.random() < 0.6:
            handler = self.name("Caught")
            state["Catch"] = [
                {
                    "ErrorEquals": rng.choice([["Broken"], ["States.TaskFailed"], ["States.ALL"]]),
                    "Next": handler,
                    "ResultPath": "$.error",
                }
            ]
            states[handler] = {"Type": "Pass", "Parameters": {"n": 1000}, "Next": following}

    def _task(self, _depth: int) -> tuple[str, Any]:
        name = self.name("Task")
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        return name, lambda states, following: self._work(name, arn, following, states)

    def _token(self, _depth: int) -> tuple[str, Any]:
        name = self.name("Token")
        arn = "arn:aws:states:::lambda:invoke.waitForTaskToken"
        return name, lambda states, following: self._work(name, arn, following, states)

    def _parallel(self, depth: int) -> tuple[str, Any]:
        name, collect = self.name("Parallel"), self.name("Collect")
        branches = [self.workflow(depth + 1) for _ in range(self.rng.randint(1, 3))]

        def build(states: dict[str, Any], following: str) -> None:
            state: dict[str, Any] = {"Type": "Parallel", "Branches": branches, "Next": collect, "ResultPath": "$.all"}
            self._handlers(state, states, following)
            states[name] = state
            states[collect] = {"Type": "Pass", "Parameters": {"n.$": "$.all[0].n"}, "Next": following}

        return name, build

    def _map(self, depth: int) -> tuple[str, Any]:
        items, name, collect = self.name("Items"), self.name("Map"), self.name("Collect")
        processor = self.workflow(depth + 1)
        count, limit = self.rng.randint(0, 4), self.rng.choice([0, 1, 2])
        values = [{"n": self.rng.randint(-5, 15)} for _ in range(count)]
        self.script.items[name] = values

        def build(states: dict[str, Any], following: str) -> None:
            states[items] = {"Type": "Pass", "Result": values, "ResultPath": "$.items", "Next": name}
            state: dict[str, Any] = {
                "Type": "Map",
                "ItemsPath": "$.items",
                "MaxConcurrency": limit,
                "ItemProcessor": processor,
                "Next": collect,
                "ResultPath": "$.all",
            }
            if self.rng.random() < 0.3:
                state["ItemSelector"] = {"n.$": "$$.Map.Item.Value.n"}
            self._handlers(state, states, following)
            states[name] = state
            states[collect] = {
                "Type": "Pass",
                "Parameters": {"n.$": "States.ArrayLength($.all)"},
                "Next": following,
            }

        return items, build


def generate(seed: int) -> tuple[dict[str, Any], Script]:
    """A definition and what its tasks do."""
    generator = Generator(seed)
    return generator.machine(), generator.script
