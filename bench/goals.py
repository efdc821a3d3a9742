"""What a run of the API benchmark is held to: ratios within one run, never figures of another day."""

from dataclasses import dataclass
from typing import Literal

Results = dict[str, dict[str, dict]]  # server -> scenario -> what the harness printed


@dataclass(frozen=True, slots=True)
class Goal:
    """One comparison: a figure of ours, alone or divided by the same figure of another server."""

    name: str
    scenario: str
    figure: str  # a key of the scenario's result; a dot descends
    unit: str
    against: str | None
    sense: Literal[">=", "<="]
    bound: float


GOALS = (
    Goal("throughput", "throughput", "trans_s", "transitions/s", "ministack", ">=", 3),
    Goal("throughput", "throughput", "trans_s", "transitions/s", "ideal", ">=", 0.30),
    Goal("latency p50", "latency", "p50_ms", "ms", "moto", "<=", 1 / 3),
    Goal("express p50, one client", "express", "c1.p50_ms", "ms", "ideal", "<=", 6),
    Goal("express, 1 client", "express", "c1.exec_s", "executions/s", "ministack", ">=", 20),
    # MiniStack sleeps between states, so that more clients cost it nothing until it is saturated.
    Goal("express, 64 clients", "express", "c64.exec_s", "executions/s", "ministack", ">=", 5),
    Goal("map", "map", "items_s", "items/s", "ministack", ">=", 20),
    Goal("parallel", "parallel", "trans_s", "transitions/s", "ministack", ">=", 1),
    Goal("activity p50", "activity", "p50_ms", "ms", None, "<=", 20),
    Goal("token p50", "token", "p50_ms", "ms", None, "<=", 20),
)


def figure(results: Results, server: str, goal: Goal) -> float | None:
    value = results.get(server, {}).get(goal.scenario)
    for key in goal.figure.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, (int, float)) else None


@dataclass(frozen=True, slots=True)
class Verdict:
    goal: Goal
    ours: float | None
    theirs: float | None
    ratio: float | None
    met: bool | None  # None: a figure is missing

    @property
    def word(self) -> str:
        return {True: "met", False: "MISSED", None: "not measured"}[self.met]


def judge(results: Results, goal: Goal) -> Verdict:
    ours = figure(results, "newel", goal)
    theirs = figure(results, goal.against, goal) if goal.against else None
    if ours is None or (goal.against and not theirs):
        return Verdict(goal, ours, theirs, None, None)
    ratio = ours / theirs if theirs else ours
    return Verdict(goal, ours, theirs, ratio, ratio >= goal.bound if goal.sense == ">=" else ratio <= goal.bound)


def table(results: Results) -> list[Verdict]:
    """Prints one line per goal and returns the verdicts."""
    verdicts = [judge(results, goal) for goal in GOALS]
    print(f"{'':26}{'newel':>12} {'other':>12}  {'':10} {'ratio':>8}  goal")
    for v in verdicts:
        ours, theirs = (f"{n:,.1f}" if n is not None else "-" for n in (v.ours, v.theirs))
        ratio = f"{v.ratio:,.2f}" if v.ratio is not None and v.goal.against else "-"
        bound = f"{v.goal.sense} {v.goal.bound:.3g}{'x' if v.goal.against else ' ' + v.goal.unit}"
        print(
            f"{v.goal.name:26}{ours:>12} {theirs:>12}  {v.goal.against or '':10} {ratio:>8}  {bound:12} {v.word}  ({v.goal.unit})"
        )
    return verdicts
