"""A runtime that interprets nothing: enough to see what the API makes of executions.

A machine whose first state is a Wait keeps running; any other ends at once with its first state's Result (or the
input) as output, or fails if that state is a Fail.
"""

import asyncio
import json

import msgspec

from newel.errors import ServiceError
from newel.ports.clock import Clock
from newel.ports.store import End, Execution, Store, Turn
from newel.runtime.map_runs.manager import MapRunManager
from newel.runtime.orders import StartOrder


class FakeRuntime:
    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.map_runs = MapRunManager(store)
        self.clock = clock
        self.tasks: dict[str, asyncio.Queue[tuple[str, str]]] = {}
        self.polling = 0
        self.answers: list[tuple[str, ...]] = []
        self.poll_seconds = 0.2

    async def start(self, order: StartOrder) -> Execution:
        execution = self._execution(order)
        end = self._end(order)
        await self.store.create(execution, Turn(execution_arn=order.arn, seq=1, at_ms=0, events=b"", end=end))
        return execution if end is None else self._ended(execution, end)

    async def start_sync(self, order: StartOrder) -> Execution:
        end = self._end(order)
        assert end is not None
        return self._ended(self._execution(order), end)

    def _execution(self, order: StartOrder) -> Execution:
        return Execution(
            arn=order.arn,
            machine_arn=order.machine.arn,
            machine_id=order.machine.id,
            revision_id=order.revision.revision_id,
            name=order.name,
            status="RUNNING",
            start_ms=self.clock.now_ms(),
            input=order.input,
            type=order.machine.type,
            version=order.version,
            alias=order.alias,
            trace_header=order.trace_header,
            parent=order.parent,
        )

    def _end(self, order: StartOrder) -> End | None:
        definition = json.loads(order.revision.definition)
        state = definition["States"][definition["StartAt"]]
        now = self.clock.now_ms()
        if state["Type"] == "Wait":
            return None
        if state["Type"] == "Fail":
            return End(status="FAILED", stop_ms=now, error=state["Error"], cause=state["Cause"])
        output = json.dumps(state["Result"]) if "Result" in state else order.input
        return End(status="SUCCEEDED", stop_ms=now, output=output)

    def _ended(self, execution: Execution, end: End) -> Execution:
        return msgspec.structs.replace(
            execution, status=end.status, stop_ms=end.stop_ms, output=end.output, error=end.error, cause=end.cause
        )

    async def stop(self, arn: str, error: str | None, cause: str | None) -> int:
        execution = await self.store.execution(arn)
        if execution is None:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        if execution.stop_ms is not None:
            return execution.stop_ms
        end = End(status="ABORTED", stop_ms=self.clock.now_ms(), error=error, cause=cause)
        await self.store.append(Turn(execution_arn=arn, seq=2, at_ms=0, events=b"", end=end))
        return end.stop_ms

    async def describe(self, arn: str) -> Execution | None:
        return await self.store.execution(arn)

    async def history_is_full(self, arn: str) -> bool:
        return False

    async def history(self, arn: str) -> list[dict[str, object]]:
        execution = await self.store.execution(arn)
        assert execution is not None
        details = {"input": execution.input, "inputDetails": {"truncated": False}, "roleArn": "role"}
        events = [
            {
                "id": number,
                "previousEventId": number - 1,
                "timestamp": execution.start_ms / 1000,
                "type": "ExecutionStarted" if number == 1 else "PassStateEntered",
                "executionStartedEventDetails" if number == 1 else "stateEnteredEventDetails": dict(details),
            }
            for number in range(1, 251)
        ]
        for event in events[1:]:
            del event["stateEnteredEventDetails"]["roleArn"]
            event["stateEnteredEventDetails"]["name"] = "A"
        return events

    async def send_task_success(self, token: str, output: str) -> None:
        self.answers.append(("success", token, output))

    async def send_task_failure(self, token: str, error: str | None, cause: str | None) -> None:
        if token == "unknown":
            raise ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")
        self.answers.append(("failure", token, error or "", cause or ""))

    async def send_task_heartbeat(self, token: str) -> None:
        self.answers.append(("heartbeat", token))

    def offer(self, activity_arn: str, token: str, text: str) -> None:
        self.tasks.setdefault(activity_arn, asyncio.Queue()).put_nowait((token, text))

    async def get_activity_task(self, activity_arn: str, worker_name: str | None) -> tuple[str, str] | None:
        queue = self.tasks.setdefault(activity_arn, asyncio.Queue())
        self.polling += 1
        try:
            return await asyncio.wait_for(queue.get(), self.poll_seconds)
        except TimeoutError:
            return None
        finally:
            self.polling -= 1

    async def terminate_machine(self, machine_id: str) -> None:
        for arn in await self.store.running(machine_id):
            await self.stop(arn, None, None)
