"""A Runtime on a store that fails or dawdles when told, with scripted targets and a clock moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from newel.language.resource import Resource
from newel.limits import DEFAULT_LIMITS, Limits
from newel.ports.store import Execution, JournalRow, Machine, Revision, Turn
from newel.ports.tasks import Outcome, Succeeded, TaskEvents, TaskRequest
from newel.runtime.orders import StartOrder
from newel.runtime.runtime import Runtime
from newel.runtime.tokens import TaskTokens
from newel.store.memory import MemoryStore

START_MS = 1_700_000_000_000
PREFIX = "arn:aws:states:us-east-1:000000000000"
ACTIVITY = f"{PREFIX}:activity:work"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
TOKEN_TASK = "arn:aws:states:::lambda:invoke.waitForTaskToken"
NESTED = "arn:aws:states:::states:startExecution.sync"

#: What a target does: an outcome, or None for one that a callback brings.
Work = Callable[[TaskRequest, TaskEvents], Awaitable[Outcome | None]]


class ManualClock:
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        self._now_ms = START_MS
        self._moved = asyncio.Event()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep_until(self, due_ms: int) -> None:
        while self._now_ms < due_ms:
            self._moved.clear()
            await self._moved.wait()

    def advance(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)
        self._moved.set()


class TroubledStore(MemoryStore):
    """A store in memory. `faults` are raised by the next commits, a None among them lets one through; while `held`,
    commits take place but nobody is told until `release`.
    """

    def __init__(self, *, retain_ended: bool = True) -> None:
        super().__init__(retain_ended=retain_ended)
        self.faults: list[Exception | None] = []
        self.held = False
        self.loads = 0
        self.looking: Callable[[], None] = lambda: None
        self._waiting: list[tuple[asyncio.Future[None], asyncio.Future[None]]] = []

    def _commit(self, commit: Callable[[], asyncio.Future[None]]) -> asyncio.Future[None]:
        error = self.faults.pop(0) if self.faults else None
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if error is not None:
            future.set_exception(error)
        elif self.held:
            self._waiting.append((future, commit()))
        else:
            return commit()
        return future

    def release(self) -> None:
        self.held = False
        for future, done in self._waiting:
            if not future.cancelled():
                error = done.exception()
                future.set_exception(error) if error else future.set_result(None)
        self._waiting.clear()

    def create(self, execution: Execution, turn: Turn) -> asyncio.Future[None]:
        parent = super()
        return self._commit(lambda: parent.create(execution, turn))

    def append(self, turn: Turn) -> asyncio.Future[None]:
        parent = super()
        return self._commit(lambda: parent.append(turn))

    async def load(self, arn: str) -> Any:
        self.loads += 1
        await asyncio.sleep(0)
        return await super().load(arn)

    async def execution(self, arn: str) -> Execution | None:
        found = await super().execution(arn)
        self.looking()
        await asyncio.sleep(0)
        return found


class Target:
    """Performs every task by `work`; remembers the requests."""

    def __init__(self) -> None:
        self.requests: list[TaskRequest] = []
        self.work: Work = answered

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        self.requests.append(request)
        return await self.work(request, events)


async def answered(request: TaskRequest, events: TaskEvents) -> Outcome | None:
    return Succeeded('"done"')


async def for_ever(request: TaskRequest, events: TaskEvents) -> Outcome | None:
    await asyncio.get_running_loop().create_future()
    return None


async def submitted(request: TaskRequest, events: TaskEvents) -> Outcome | None:
    """A request of a callback task that was accepted."""
    await events.submitted("{}")
    return None


class Records:
    """`ExecutionLogs` that keeps what it is given, by stream."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Any]] = {}

    def write(self, group_arn: str, stream: str, records: Sequence[tuple[int, Any]]) -> None:
        self.streams.setdefault(stream, []).extend(record for _, record in records)


class World:
    def __init__(self, *, idle_max: int = 512, limits: Limits = DEFAULT_LIMITS) -> None:
        self.clock = ManualClock()
        self.store = TroubledStore()
        self.express = TroubledStore(retain_ended=False)
        self.target = Target()
        self.logs = Records()
        self.limits = limits
        self.idle_max = idle_max
        self.tokens = TaskTokens(b"k" * 32)
        self.runtime = self._runtime()
        self._orders: dict[str, tuple[Machine, Revision]] = {}

    def _runtime(self) -> Runtime:
        def find(resource: Resource) -> Target:
            return self.target

        return Runtime(
            store=self.store,
            express=self.express,
            clock=self.clock,
            targets=find,
            tokens=self.tokens,
            limits=self.limits,
            logs=self.logs,
            idle_max=self.idle_max,
        )

    async def again(self) -> None:
        """A new life on the same store."""
        await self.runtime.close()
        self.runtime = self._runtime()
        await self.runtime.open()

    async def order(self, definition: dict[str, Any], name: str, **more: Any) -> StartOrder:
        """What starts an execution; the machine has the name `m`, or that of its type."""
        kind, logged = more.pop("type", "STANDARD"), more.pop("logged", False)
        text = json.dumps(definition)
        if text not in self._orders:
            await self._register(text, kind, f"m{len(self._orders)}", logged=logged)
        machine, revision = self._orders[text]
        word = "execution" if kind == "STANDARD" else "express"
        arn = f"{PREFIX}:{word}:{machine.name}:{name}"
        return StartOrder(machine=machine, revision=revision, arn=arn, name=name, input=more.pop("input", "{}"), **more)

    async def _register(self, text: str, kind: Any, name: str, *, logged: bool) -> None:
        machine = Machine(
            arn=f"{PREFIX}:stateMachine:{name}",
            id=name,
            name=name,
            type=kind,
            status="ACTIVE",
            created_ms=START_MS,
            updated_ms=START_MS,
            revision_id="r",
        )
        group = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:g:*"}}
        logging = {"level": "ALL", "includeExecutionData": True, "destinations": [group]} if logged else {}
        revision = Revision(
            machine_id=name,
            revision_id="r",
            definition=text,
            role_arn="arn:aws:iam::000000000000:role/r",
            created_ms=START_MS,
            logging=json.dumps(logging),
        )
        await self.store.put_machine(machine, revision)
        self._orders[text] = machine, revision

    async def start(self, definition: dict[str, Any], name: str = "e", **more: Any) -> str:
        return (await self.runtime.start(await self.order(definition, name, **more))).arn

    async def record(self, arn: str) -> Execution:
        found = await self.runtime.describe(arn)
        assert found is not None
        return found

    async def events(self, arn: str) -> list[str]:
        return [event["type"] for event in await self.runtime.history(arn)]

    async def rows(self, arn: str) -> Sequence[JournalRow]:
        return await self.store.turns(arn)


@asynccontextmanager
async def world(**options: Any) -> AsyncIterator[World]:
    made = World(**options)
    await made.runtime.open()
    try:
        yield made
    finally:
        made.store.release()
        made.express.release()
        await made.runtime.close()


async def until(look: Callable[[], Any] | Callable[[], Awaitable[Any]], rounds: int = 2_000) -> Any:
    """Let others run until `look` gives something truthy."""
    for number in range(rounds):
        found = look()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0 if number < rounds // 2 else 0.01)
    raise AssertionError("it never came")


def machine(*states: tuple[str, dict[str, Any]], **top: Any) -> dict[str, Any]:
    """A definition whose states follow one another."""
    following = [*[name for name, _ in states[1:]], None]
    built = {
        name: state if "Default" in state else {**state, **({"Next": after} if after else {"End": True})}
        for (name, state), after in zip(states, following, strict=True)
    }
    return {"StartAt": states[0][0], "States": built, **top}


def wait(seconds: int) -> dict[str, Any]:
    return {"Type": "Wait", "Seconds": seconds}


def task(resource: str = FUNCTION, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, **more}


ASK = task(TOKEN_TASK, Parameters={"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}})
