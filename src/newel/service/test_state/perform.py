"""Doing what a Task under test asks for: one call of its target, for five minutes at most."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

import msgspec

from newel.engine.pending import PerformTask
from newel.errors import ServiceError
from newel.integrations.http_task.inspection import inspection_data
from newel.integrations.http_task.messages import Exchange
from newel.integrations.http_task.target import HttpInvoke
from newel.integrations.patterns import ActionTarget
from newel.json import Json, loads
from newel.ports.store import StoreUnavailable
from newel.ports.tasks import Failed, Outcome, TargetLookup, TaskRequest, TaskTarget

_log = logging.getLogger(__name__)

_HTTP: Final = "http:invoke"


class Targets(msgspec.Struct, frozen=True):
    """Where the calls of tests go: the runtime's own targets, and the HTTP Task that can be watched."""

    lookup: TargetLookup
    http: HttpInvoke | None = None


class Performed(msgspec.Struct, frozen=True):
    """The outcome of a call; None: it took too long. `exchange` is InspectionData's `request` and `response`."""

    outcome: Outcome | None
    exchange: dict[str, Json]


class _NoEvents:
    """A test has no history to tell."""

    async def submitted(self, output: str, job: str | None = None) -> None:
        """Nobody asks."""


async def perform(targets: Targets, request: TaskRequest, seconds: float, *, reveal_secrets: bool = False) -> Performed:
    """Call the target once. Cancels it after `seconds`."""
    seen: list[Exchange] = []
    target = _target(targets, request, seen)
    outcome: Outcome | None
    try:
        async with asyncio.timeout(seconds):
            outcome = await target.run(request, _NoEvents())
    except TimeoutError:
        outcome = None
    except StoreUnavailable as error:
        raise ServiceError("ServiceUnavailable", str(error), status=503) from error
    except Exception:  # a bug in one target must not become an answer without words
        _log.exception("the target of %s failed in a test", request.resource.text)
        outcome = Failed("Newel.InternalError", "The task's target failed because of a bug of Newel; see its log.")
    exchange = inspection_data(seen[-1], reveal_secrets=reveal_secrets) if seen else {}
    return Performed(outcome, exchange)


def _target(targets: Targets, request: TaskRequest, seen: list[Exchange]) -> TaskTarget:
    resource = request.resource
    if targets.http is not None and f"{resource.service}:{resource.action}" == _HTTP:
        return ActionTarget(targets.http.observed(seen.append))
    target = targets.lookup(resource)
    assert target is not None, resource.text
    return target


def task_request(command: PerformTask, *, execution_arn: str, machine_arn: str, role_arn: str | None) -> TaskRequest:
    """What the target is told of an execution that exists only for the test."""
    parts = machine_arn.split(":")
    credentials = None if command.credentials is None else loads(command.credentials).get("RoleArn")
    name = execution_arn.rsplit(":", 1)[1]
    return TaskRequest(
        execution_arn=execution_arn,
        execution_name=name,
        machine_arn=machine_arn,
        state_name=command.state_name,
        task_id=command.task_id,
        resource=command.resource,
        parameters=command.parameters,
        region=parts[3],
        account=parts[4],
        role_arn=role_arn or "",
        idempotency_key=f"{execution_arn}/{command.task_id}",
        credentials_role_arn=credentials,
    )
