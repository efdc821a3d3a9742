"""TestState without the wire: requests in, answers out."""

import asyncio
import json

from newel.limits import Limits
from newel.ports.tasks import Succeeded
from newel.runtime.clock import VirtualClock
from newel.runtime.env import Entropy
from newel.service.core import Caller
from newel.service.test_state.operation import answer_of
from newel.service.test_state.perform import Targets
from newel.service.test_state.run import Tools

CALLER = Caller("123456789012", "eu-west-1")
ROLE = "arn:aws:iam::123456789012:role/r"
PUT_EVENTS = {
    "Type": "Task",
    "Resource": "arn:aws:states:::events:putEvents",
    "Parameters": {"Entries": [{"Source": "s", "DetailType": "t", "Detail": {}}]},
    "End": True,
}
PROCESSOR = {
    "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
    "StartAt": "P",
    "States": {"P": {"Type": "Pass", "End": True}},
}
MAP = {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}
PARALLEL = {
    "Type": "Parallel",
    "Branches": [{"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}],
    "End": True,
}


class Target:
    """Answers every call the same, and remembers them."""

    def __init__(self, outcome=None, work=None):
        self.outcome = outcome or Succeeded('{"ok":true}')
        self.work = work
        self.asked = []

    async def run(self, request, events):
        self.asked.append(request)
        if self.work is not None:
            await self.work()
        return self.outcome


def answer_to(definition, target=None, clock=None, http=None, **request):
    """The answer to a request; raises its errors."""
    for name in ("input", "variables", "context"):
        if name in request and not isinstance(request[name], str):
            request[name] = json.dumps(request[name])
    text = definition if isinstance(definition, str) else json.dumps(definition)
    tools = Tools(
        clock=clock or VirtualClock(1_700_000_000_000),
        entropy=Entropy(1),
        limits=Limits(),
        targets=Targets(lambda resource: target or Target(), http),
    )
    return asyncio.run(answer_of({"definition": text, **request}, tools, CALLER))


def mocked(definition, result, mode="STRICT", **request):
    return answer_to(definition, mock={"result": json.dumps(result), "fieldValidationMode": mode}, **request)
