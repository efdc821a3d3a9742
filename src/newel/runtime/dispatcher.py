"""Performing tasks: a command that a committed turn owes becomes a call of its target, and its outcome an input."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from typing import Final, Protocol

from newel.engine import inputs as i
from newel.engine.pending import Command, PerformTask, RunMap
from newel.json import InvalidJson, Payload, loads
from newel.ports.clock import Clock
from newel.ports.metrics import Metrics, TaskKind, TaskOutcome
from newel.ports.store import StoreUnavailable
from newel.ports.tasks import DETACH, Failed, Outcome, Succeeded, TargetLookup, TaskRequest
from newel.runtime.active import Active
from newel.runtime.activities import ActivityQueues, Offer
from newel.runtime.tokens import TaskTokens

_log = logging.getLogger(__name__)

_KINDS: dict[str, TaskKind] = {"activity": "activity", "lambda": "lambda_function", "service": "service_integration"}


#: Seconds between attempts while the store cannot write: twice as many each time, up to the second number.
_PAUSE_SECONDS: Final = (0.05, 5.0)
#: Seconds that results in hand are given to be committed when the server stops.
_CLOSE_SECONDS: Final = 2.0


class Deliver(Protocol):
    """Hands an input to an execution and waits for its commit; whether it was more than stale."""

    def __call__(self, arn: str, given: i.Input) -> Awaitable[bool]: ...


class Dispatcher:
    """Runs one asyncio task for each call of a target that is under way, and no other.

    Calls belong to an execution's ARN and not to its state in memory, which may be dropped and brought back meanwhile.
    """

    def __init__(
        self,
        targets: TargetLookup,
        deliver: Deliver,
        activities: ActivityQueues,
        tokens: TaskTokens,
        clock: Clock,
        metrics: Metrics,
        settled: Callable[[str], None],
        map_runs: Callable[[Active, RunMap], Awaitable[i.MapRunEnded | None]],
    ) -> None:
        self._targets = targets
        self._deliver = deliver
        self._activities = activities
        self._tokens = tokens
        self._clock = clock
        self._metrics = metrics
        self._settled = settled
        self._map_runs = map_runs
        self._calls: dict[str, dict[int, asyncio.Task[None]]] = {}
        self._reporting: set[asyncio.Task[None]] = set()  # their target has answered
        self._cancelled: set[asyncio.Task[None]] = set()  # their task has ended; they stop their job
        self._closed = False

    @property
    def idle(self) -> bool:
        """Whether no call is under way."""
        return not self._calls

    def working(self, execution_arn: str) -> bool:
        """Whether a call of an execution is under way."""
        return execution_arn in self._calls

    def issue(self, active: Active, command: Command) -> None:
        """Carry out a command; one that is already being carried out is left alone."""
        arn = active.record.arn
        if self._closed:
            return
        if isinstance(command, PerformTask) and command.wait == "offer":
            resource = command.resource
            if self._activities.offer(resource.text, Offer(arn, command.task_id, command.parameters)):
                self._metrics.task_scheduled("activity", resource.text)
            return
        calls = self._calls.setdefault(arn, {})
        if command.task_id not in calls:
            work = self._perform if isinstance(command, PerformTask) else self._perform_map_run
            task = asyncio.get_running_loop().create_task(work(active, command))  # type: ignore[arg-type]
            calls[command.task_id] = task
            task.add_done_callback(lambda task: self._done(arn, command.task_id, task))

    def cancel_all_but(self, execution_arn: str, task_ids: Container[int]) -> None:
        """Cancel an execution's calls whose task has ended: it timed out, or was aborted."""
        calls = self._calls.get(execution_arn)
        if calls:
            for task_id, task in list(calls.items()):
                if task_id not in task_ids and task not in self._reporting:
                    self._cancelled.add(task)
                    self._leave(execution_arn, task_id)
                    task.cancel()

    async def close(self) -> None:
        """Leave every call; what it was for is owed, and issued again at the next start."""
        self._closed = True
        calls = [task for tasks in self._calls.values() for task in tasks.values()]
        for task in calls:
            if task not in self._reporting:
                task.cancel(DETACH)
        ending = [*calls, *self._cancelled]
        if ending:
            _, late = await asyncio.wait(ending, timeout=_CLOSE_SECONDS)
            for task in late:
                task.cancel(DETACH)
            await asyncio.gather(*late, return_exceptions=True)

    def _done(self, arn: str, task_id: int, task: asyncio.Task[None]) -> None:
        self._reporting.discard(task)
        if task in self._cancelled:
            self._cancelled.remove(task)
        else:
            self._leave(arn, task_id)
        if not task.cancelled() and (error := task.exception()) is not None and not self._closed:
            _log.error("a task of %s failed", arn, exc_info=error)

    def _leave(self, arn: str, task_id: int) -> None:
        calls = self._calls[arn]
        del calls[task_id]
        if not calls:
            del self._calls[arn]
            self._settled(arn)

    async def _perform(self, active: Active, command: PerformTask) -> None:
        arn = active.record.arn
        kind, target_name = _KINDS[command.resource.kind], command.resource.text
        began_ms = self._clock.now_ms()
        self._metrics.task_scheduled(kind, target_name)
        self._metrics.task_started(kind, target_name, 0.0)
        outcome = await self._run(active, command)
        seconds = (self._clock.now_ms() - began_ms) / 1000
        if outcome is None:
            return  # a callback brings the result
        task = asyncio.current_task()
        assert task is not None
        self._reporting.add(task)
        self._metrics.task_ended(kind, target_name, _outcome_name(outcome), seconds, seconds)
        await self.report(arn, _as_input(command.task_id, outcome))

    async def _perform_map_run(self, active: Active, command: RunMap) -> None:
        ended = await self._map_runs(active, command)
        if ended is not None:
            task = asyncio.current_task()
            assert task is not None
            self._reporting.add(task)
            await self.report(active.record.arn, ended)

    async def report(self, arn: str, given: i.Input) -> None:
        """Deliver what a target has done, which must not be lost: a store that cannot write is waited for."""
        pause, longest = _PAUSE_SECONDS
        while True:
            try:
                await self._deliver(arn, given)
            except StoreUnavailable:
                if self._closed:
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
            else:
                return

    async def _run(self, active: Active, command: PerformTask) -> Outcome | None:
        target = self._targets(command.resource)
        assert target is not None, command.resource.text
        progress = _Progress(self, active.record.arn, command.task_id)
        pause, longest = _PAUSE_SECONDS
        while True:
            try:
                return await target.run(self._request(active, command), progress)
            except StoreUnavailable:  # the target's own work is kept in our store: a nested execution
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
            except Exception:  # a bug in one target must not stop the others
                _log.exception("the target of %s failed", command.resource.text)
                return Failed("Newel.InternalError", "The task's target failed because of a bug of Newel; see its log.")

    def _request(self, active: Active, command: PerformTask) -> TaskRequest:
        record, resource = active.record, command.resource
        parts = record.machine_arn.split(":")
        token = None
        if resource.pattern == "WAIT_FOR_TASK_TOKEN":
            token = self._tokens.sign(record.arn, command.task_id)
        credentials = None if command.credentials is None else loads(command.credentials).get("RoleArn")
        return TaskRequest(
            execution_arn=record.arn,
            execution_name=record.name,
            machine_arn=record.machine_arn,
            state_name=command.state_name,
            task_id=command.task_id,
            resource=resource,
            parameters=command.parameters,
            region=parts[3],
            account=parts[4],
            role_arn=active.compiled.revision.role_arn,
            idempotency_key=f"{record.arn}/{command.task_id}",
            token=token,
            credentials_role_arn=credentials,
            job=command.job,
            timeout_ms=_left_ms(command, self._clock),
            test_case=record.test_case,
        )


class _Progress:
    """`TaskEvents` for one attempt."""

    def __init__(self, dispatcher: Dispatcher, arn: str, task_id: int) -> None:
        self._dispatcher = dispatcher
        self._arn = arn
        self._task_id = task_id

    async def submitted(self, output: str, job: str | None = None) -> None:
        await self._dispatcher.report(self._arn, i.TaskSubmitted(self._task_id, Payload(output), job))


def _left_ms(command: PerformTask, clock: Clock) -> int | None:
    return None if command.timeout_due_ms is None else max(0, command.timeout_due_ms - clock.now_ms())


def _as_input(task_id: int, outcome: Outcome) -> i.Input:
    if isinstance(outcome, Failed):
        return i.TaskFailed(task_id, outcome.error, outcome.cause, outcome.kind)
    try:
        loads(outcome.output)
    except InvalidJson:
        return i.TaskFailed(task_id, "States.Runtime", "The task's output is not valid JSON.")
    return i.TaskSucceeded(task_id, Payload(outcome.output))


def _outcome_name(outcome: Outcome) -> TaskOutcome:
    if isinstance(outcome, Succeeded):
        return "succeeded"
    return "timed_out" if outcome.kind == "TIMED_OUT" else "failed"
