"""A clock, a function host and executions that say what they were asked."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from newel.errors import ServiceError
from newel.functions.host import InvokeResult
from newel.language.resource import parse_resource
from newel.ports.store import Execution
from newel.ports.tasks import TaskRequest

ACCOUNT = "123456789012"
REGION = "eu-west-1"
CHILD_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:child:run"
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:child"


class FixedClock:
    def now_ms(self) -> int:
        return 1_787_542_294_123  # Mon, 24 Aug 2026 03:31:34.123 GMT

    async def sleep_until(self, due_ms: int) -> None:
        raise AssertionError("nothing here sleeps")


@dataclass
class Functions:
    """Answers every invocation with `answer`, or raises it."""

    answer: InvokeResult | Exception = field(
        default_factory=lambda: InvokeResult(200, b"{}", None, "$LATEST", b"", "req-1")
    )
    calls: list[dict] = field(default_factory=list)

    async def invoke(self, name_or_arn, payload, **options) -> InvokeResult:
        self.calls.append({"name": name_or_arn, "payload": payload, **options})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class Executions:
    """Starts children under CHILD_ARN; `ended` is what wait returns once `release` is set."""

    ended: Execution | None = None
    refusal: ServiceError | None = None
    started: list[dict] = field(default_factory=list)
    waited: list[str] = field(default_factory=list)
    stopped: list[tuple] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    starting: asyncio.Event | None = None

    async def start(self, state_machine_arn, name, text, **options):
        self.started.append({"machine": state_machine_arn, "name": name, "input": text, **options})
        if self.starting is not None:
            await self.starting.wait()
        if self.refusal is not None:
            raise self.refusal
        return CHILD_ARN, 1_700_000_000_123

    async def wait(self, execution_arn):
        self.waited.append(execution_arn)
        if self.ended is None:
            await self.release.wait()
        assert self.ended is not None
        return self.ended

    async def stop(self, execution_arn, error, cause):
        self.stopped.append((execution_arn, error, cause))


@dataclass
class Events:
    """What was reported as submitted."""

    reports: list[tuple[str, str | None]] = field(default_factory=list)

    async def submitted(self, output, job=None):
        self.reports.append((output, job))


def child(**changes) -> Execution:
    execution = Execution(
        arn=CHILD_ARN,
        machine_arn=MACHINE_ARN,
        machine_id="m",
        revision_id="r",
        name="run",
        status="SUCCEEDED",
        start_ms=1_700_000_000_123,
        stop_ms=1_700_000_000_456,
        input='{"k": 1}',
        output='{"Arg1":"argument1"}',
    )
    return msgspec.structs.replace(execution, **changes)


def request(resource: str, parameters: str, **changes) -> TaskRequest:
    given = {
        "execution_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:execution:parent:run",
        "execution_name": "run",
        "machine_arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:parent",
        "state_name": "Task",
        "task_id": 3,
        "resource": parse_resource(resource),
        "parameters": parameters,
        "region": REGION,
        "account": ACCOUNT,
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/r",
        "idempotency_key": "parent/run/3",
    }
    return TaskRequest(**{**given, **changes})
