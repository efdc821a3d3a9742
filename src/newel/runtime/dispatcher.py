"""Performing tasks: a command that a committed turn owes becomes a call of its target, and its outcome an input."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from newel.engine import inputs as i
from newel.engine.pending import PerformTask
from newel.json import InvalidJson, Payload, loads
from newel.ports.clock import Clock
from newel.ports.metrics import Metrics, TaskKind, TaskOutcome
from newel.ports.tasks import Failed, Outcome, Succeeded, TargetLookup, TaskRequest
from newel.runtime.active import Active
from newel.runtime.activities import ActivityQueues, Offer
from newel.runtime.tokens import TaskTokens

_log = logging.getLogger(__name__)

_KINDS: dict[str, TaskKind] = {"activity": "activity", "lambda": "lambda_function", "service": "service_integration"}


class Deliver(Protocol):
    """Hands an input to an execution and waits for its commit; whether it was more than stale."""

    def __call__(self, arn: str, given: i.Input) -> Awaitable[bool]: ...


class Dispatcher:
    """Runs one asyncio task for each call of a target that is under way, and no other."""

    def __init__(
        self,
        targets: TargetLookup,
        deliver: Deliver,
        activities: ActivityQueues,
        tokens: TaskTokens,
        clock: Clock,
        metrics: Metrics,
        settled: Callable[[Active], None],
    ) -> None:
        self._targets = targets
        self._deliver = deliver
        self._activities = activities
        self._tokens = tokens
        self._clock = clock
        self._metrics = metrics
        self._settled = settled

    def issue(self, active: Active, command: PerformTask) -> None:
        """Carry out a command; one that is already being carried out is left alone."""
        resource = command.resource
        if command.task_id in active.tasks:
            return
        if command.wait == "offer":
            self._metrics.task_scheduled("activity", resource.text)
            self._activities.offer(resource.text, Offer(active.record.arn, command.task_id, command.parameters))
            return
        task = asyncio.get_running_loop().create_task(self._perform(active, command))
        active.tasks[command.task_id] = task
        task.add_done_callback(lambda _task: self._done(active, command.task_id))

    def _done(self, active: Active, task_id: int) -> None:
        active.tasks.pop(task_id, None)
        self._settled(active)

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
        self._metrics.task_ended(kind, target_name, _outcome_name(outcome), seconds, seconds)
        await self._deliver(arn, _as_input(command.task_id, outcome))

    async def _run(self, active: Active, command: PerformTask) -> Outcome | None:
        target = self._targets(command.resource)
        assert target is not None, command.resource.text
        try:
            return await target.run(self._request(active, command), _Progress(self._deliver, active, command.task_id))
        except asyncio.CancelledError:
            raise
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
        )


class _Progress:
    """`TaskEvents` for one attempt."""

    def __init__(self, deliver: Deliver, active: Active, task_id: int) -> None:
        self._deliver = deliver
        self._arn = active.record.arn
        self._task_id = task_id

    async def submitted(self, output: str, job: str | None = None) -> None:
        await self._deliver(self._arn, i.TaskSubmitted(self._task_id, Payload(output), job))


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
