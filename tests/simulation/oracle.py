"""What must come of a definition, worked out without the engine.

It walks the definition recursively and gives every outcome that is possible: which branch of a Parallel fails first
depends on time, all else follows from the script. It shares no code with decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

from simulation.generator import Script

#: An outcome: ("ok", n) with the number that goes on, or ("error", name).
Outcome = tuple[str, Any]
_OUTCOMES_MAX = 64


@dataclass(frozen=True)
class Oracle:
    script: Script

    def workflow(self, workflow: dict[str, Any], n: int, variables: tuple[tuple[str, int], ...] = ()) -> set[Outcome]:
        """All outcomes of a `States` object started with `{"n": n}`."""
        results: set[Outcome] = set()
        todo: list[tuple[str | None, int, tuple[tuple[str, int], ...]]] = [(workflow["StartAt"], n, variables)]
        seen = set(todo)
        while todo:
            name, value, names = todo.pop()
            if name is None:
                results.add(("ok", value))
                continue
            for following in self.state(name, workflow["States"][name], value, names):
                if isinstance(following[0], str) and following[0] == "error":
                    results.add(("error", following[1]))
                elif following not in seen:
                    seen.add(following)
                    todo.append(following)
        return results

    def state(self, name: str, state: dict[str, Any], n: int, names: tuple[tuple[str, int], ...]) -> list[Any]:
        """(next state or None, n, variables) for each way the state can end, or ("error", name)."""
        kind = state["Type"]
        following = state.get("Next")
        if kind == "Succeed":
            return [(None, n, names)]
        if kind == "Fail":
            return [("error", state["Error"])]
        if kind == "Wait":
            return [(following, n, names)]
        if kind == "Choice":
            rule = state["Choices"][0]
            return [(rule["Next"] if n > rule["NumericGreaterThan"] else state["Default"], n, names)]
        if kind == "Pass":
            return [self.pass_(state, n, names)]
        ends = {"Task": self.task, "Parallel": self.parallel, "Map": self.map_}[kind](name, state, n, names)
        result = []
        for how, value in ends:
            if how == "ok":
                result.append((following, value, names))
            else:
                result.append(self.caught(state, value, n, names))
        return result

    @staticmethod
    def pass_(state: dict[str, Any], n: int, names: tuple[tuple[str, int], ...]) -> Any:
        following = state.get("Next")
        if "Assign" in state:
            variable = next(iter(state["Assign"]))[:-2]
            return (following, n, (*[x for x in names if x[0] != variable], (variable, n)))
        if "Parameters" not in state:
            return (following, n, names)
        template = state["Parameters"]
        if "n" in template:
            return (following, template["n"], names)
        text = template["n.$"]
        if text in ("$.all[0].n", "States.ArrayLength($.all)"):
            return (following, n, names)  # `n` was made ready by the Parallel or Map before
        source, add = text.removeprefix("States.MathAdd(").rstrip(")").split(", ")
        base = n if source == "$.n" else dict(names)[source[1:]]
        return (following, base + int(add), names)

    @staticmethod
    def matches(error: str, equals: list[str]) -> bool:
        return (
            "States.ALL" in equals or error in equals or ("States.TaskFailed" in equals and error != "States.Timeout")
        )

    def caught(self, state: dict[str, Any], error: str, n: int, names: tuple[tuple[str, int], ...]) -> Any:
        for catcher in state.get("Catch", []):
            if self.matches(error, catcher["ErrorEquals"]):
                return (catcher["Next"], n, names)
        return ("error", error)

    def retries(self, state: dict[str, Any], error: str) -> int:
        """How often the error is retried."""
        for retrier in state.get("Retry", []):
            if self.matches(error, retrier["ErrorEquals"]):
                return retrier["MaxAttempts"]
        return 0

    def task(self, name: str, state: dict[str, Any], n: int, _names: Any) -> set[Outcome]:
        # One retrier at most, so its attempts count every error that it matches.
        attempt = retried = 0
        while True:
            outcome = self.script.outcome(name, attempt)
            if outcome == "succeed":
                return {("ok", n + 7)}
            error = "States.Timeout" if outcome == "hang" else outcome
            if retried >= self.retries(state, error):
                return {("error", error)}
            retried += 1
            attempt += 1

    def parallel(self, _name: str, state: dict[str, Any], n: int, names: Any) -> set[Outcome]:
        branches = [self.workflow(branch, n, names) for branch in state["Branches"]]
        return self.joined(branches, lambda values: values[0])

    def map_(self, name: str, state: dict[str, Any], _n: int, names: Any) -> set[Outcome]:
        iterations = [self.workflow(state["ItemProcessor"], item["n"], names) for item in self.script.items[name]]
        return self.joined(iterations, len)

    @staticmethod
    def joined(children: list[set[Outcome]], combine: Any) -> set[Outcome]:
        """Every child well, or any child's error."""
        good = [sorted({value for how, value in child if how == "ok"}) for child in children]
        results: set[Outcome] = {end for child in children for end in child if end[0] == "error"}
        if all(good) or not children:
            for values in list(product(*good))[:_OUTCOMES_MAX]:
                results.add(("ok", combine(list(values))))
        return results
