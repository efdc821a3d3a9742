"""The items that AWS was recorded to read."""

import json

import pytest

from newel.errors import StatesError

from .reading import items, one, sliced, spec


def cases(shared):
    return sorted((shared / "conformance" / "cases").glob("scenarios.base_scenarios.map_item_reader_*.json"))


def map_state(step):
    states = step["params"]["definition"]["States"].values()
    return next(state for state in states if state["Type"] == "Map")


def recorded(case):
    """(body of the object, ReaderConfig, what came of it) of a case."""
    steps = {step["do"]: step for step in case["steps"]}
    config = dict(map_state(steps["stepfunctions.CreateStateMachine"])["ItemReader"]["ReaderConfig"])
    given = json.loads(steps["stepfunctions.StartExecution"]["params"]["input"])
    if "MaxItemsPath" in config:
        config["MaxItems"] = given[config.pop("MaxItemsPath").removeprefix("$.")]
    events = case["expected"]["get_execution_history"]["events"]
    failed = next((event["mapRunFailedEventDetails"] for event in events if event["type"] == "MapRunFailed"), None)
    output = events[-1].get("executionSucceededEventDetails", {}).get("output")
    return steps["s3.PutObject"]["params"]["Body"], config, failed or output


@pytest.mark.parametrize("size", [1, 1000])
def test_items(shared, size):
    read = cases(shared)
    assert len(read) >= 14
    for path in read:
        body, config, expected = recorded(json.loads(path.read_text()))
        store = one(body, cut=sliced(size))
        try:
            found = json.dumps([item.value for item in items(store, spec(config))], separators=(",", ":"))
        except StatesError as error:
            found = {"error": error.error, "cause": error.cause}
        assert found == expected, path.name
