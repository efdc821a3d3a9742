"""Reads recorded cases: the Pass states a history went through, and the Choice rules with what they answered."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PassVisit:
    """One visit of a Pass state: its definition, what it saw, and what AWS answered (text where it was recorded so)."""

    case: str
    state: dict[str, Any]
    input: Any
    variables: dict[str, Any]
    output: Any
    assigned: dict[str, Any]


@dataclass(frozen=True)
class Decision:
    """One run of a Choice state with a single rule."""

    case: str
    rule: dict[str, Any]
    input: Any
    matched: bool


def cases(shared: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((shared / "conformance" / "cases").glob("*.json")):
        yield path.stem, json.loads(path.read_text())


def decisions(shared: Path) -> Iterator[Decision]:
    for name, case in cases(shared):
        if name.startswith("choice_operators."):
            yield from _decisions(name, case)


def _decisions(name: str, case: dict[str, Any]) -> Iterator[Decision]:
    rule: dict[str, Any] = {}
    document: Any = None
    for step in case["steps"]:
        if step["do"].endswith("CreateStateMachine"):
            rule = step["params"]["definition"]["States"]["CheckValues"]["Choices"][0]
        if step["do"].endswith("StartExecution"):
            document = json.loads(step["params"]["input"])
        for match in step.get("match", ()):
            if match["key"] == "cases":
                output = case["expected"]["cases"][match["item"]]["output"]
                yield Decision(name, rule, document, output["TestResult.$"] == "ConditionTrue")


def pass_visits(shared: Path) -> Iterator[PassVisit]:
    """Visits in histories of machines without Map or Parallel, whose variables have one scope."""
    for name, case in cases(shared):
        machines = [step["params"]["definition"] for step in case["steps"] if step["do"].endswith("CreateStateMachine")]
        if len(machines) != 1 or not isinstance(machines[0], dict) or '"Branches"' in json.dumps(machines):
            continue
        for answer in case["expected"].values():
            if isinstance(answer, dict) and "events" in answer:
                yield from _visits(name, machines[0], answer["events"])


def _visits(name: str, machine: dict[str, Any], events: list[dict[str, Any]]) -> Iterator[PassVisit]:
    variables: dict[str, Any] = {}
    entered: Any = None
    for event in events:
        entered = event.get("stateEnteredEventDetails", {}).get("input") if "Entered" in event["type"] else entered
        left = event.get("stateExitedEventDetails")
        if left is None:
            continue
        assigned = {key: value_of(value) for key, value in left.get("assignedVariables", {}).items()}
        state = machine["States"].get(left["name"])
        if state is not None and event["type"] == "PassStateExited":
            state = {"QueryLanguage": machine.get("QueryLanguage", "JSONPath"), **state}
            yield PassVisit(name, state, value_of(entered), dict(variables), value_of(left["output"]), assigned)
        variables.update(assigned)


def value_of(recorded: Any) -> Any:
    """Objects were recorded parsed, everything else as its JSON text."""
    if not isinstance(recorded, str):
        return recorded
    try:
        return json.loads(recorded)
    except ValueError:
        return recorded
