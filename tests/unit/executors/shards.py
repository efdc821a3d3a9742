"""Shards of children of one Map, and what workers of a pool do in tests; importable from other processes."""

from __future__ import annotations

import json
from typing import Any

from newel.limits import DEFAULT_LIMITS
from newel.ports.executor import Shard, Starting
from newel.ports.store import Revision
from newel.runtime.env import Entropy
from newel.runtime.first_turns import InProcess
from newel.runtime.programs import Programs
from newel.runtime.tokens import TaskTokens
from newel.store.memory import MemoryStore

ARN = "arn:aws:states:us-east-1:000000000000"
WAITS = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "End": True}}}
ADDS = {
    "StartAt": "A",
    "States": {"A": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "End": True}},
}
SUMS = {
    "StartAt": "S",
    "States": {
        "S": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": "{% $sum($map([1..20000], function($v) { $v * $states.input })) %}",
            "End": True,
        }
    },
}
CALLS_BACK = {
    "StartAt": "T",
    "States": {
        "T": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}},
            "End": True,
        }
    },
}


def shard(flow: dict[str, Any], inputs: list[Any], kind: str = "STANDARD") -> Shard:
    """Children that run `flow`, one for each input."""
    processor = {**flow, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": kind}}
    definition = {"StartAt": "M", "States": {"M": {"Type": "Map", "ItemProcessor": processor, "End": True}}}
    revision = Revision(
        machine_id=json.dumps(flow), revision_id="r", definition=json.dumps(definition), role_arn="role", created_ms=0
    )
    children = [
        Starting(f"{ARN}:execution:m/L:{number}", str(number), json.dumps(value)) for number, value in enumerate(inputs)
    ]
    return Shard(
        revision=revision,
        scope="",
        state_name="M",
        machine_arn=f"{ARN}:stateMachine:m/L",
        type=kind,  # type: ignore[arg-type]
        children=children,
        seconds_max=60,
        now_ms=1_000,
        activities=frozenset(),
        keep_events=kind == "STANDARD",
    )


def at_home() -> InProcess:
    """What the server computes with."""
    return InProcess(Programs(MemoryStore()), Entropy(1), TaskTokens(b"key"), DEFAULT_LIMITS)
