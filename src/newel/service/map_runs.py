"""Map Runs: list, describe, update, and the executions of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from newel.errors import ServiceError, ValidationError
from newel.ports.store import ExecutionFilter, MapRun
from newel.runtime.map_runs.manager import MapRunView
from newel.runtime.map_runs.records import items_of
from newel.service.arns import execution_arn, invalid_arn
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.errors import execution_does_not_exist
from newel.service.pages import page_size

#: Children that are read at once.
_TOGETHER: Final = 64
#: Members of UpdateMapRun that change something.
_SETTINGS: Final = ("maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage")


def map_run_arn(text: str) -> str:
    """Check an ARN of a Map Run and give it back. Raises InvalidArn."""
    parts = text.split(":")
    if not text.startswith("arn:") or len(parts) != 8 or not all(parts):
        invalid_arn(f"Invalid ARN prefix: {text}")
    if parts[5] != "mapRun":
        invalid_arn(f"Resource type not valid in this context: {parts[5]}")
    return text


async def _view(core: Core, text: str) -> MapRunView:
    view = await core.runtime.map_runs.describe(map_run_arn(text))
    if view is None:
        raise ServiceError("ResourceNotFound", f"Resource not found: '{text}'", extra={"resourceName": text})
    return view


async def describe_map_run(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeMapRun, with live counts."""
    view = await _view(core, request["mapRunArn"])
    run = view.run
    answer: Answer = {
        "mapRunArn": run.arn,
        "executionArn": run.execution_arn,
        "status": run.status,
        "startDate": seconds(run.start_ms),
        "maxConcurrency": run.max_concurrency,
        "toleratedFailurePercentage": float(run.tolerated_percentage),
        "toleratedFailureCount": run.tolerated_count,
        "itemCounts": view.items.as_api(),
        "executionCounts": view.executions.as_api(),
        "redriveCount": run.redrive_count,
    }
    if run.stop_ms is not None:
        answer["stopDate"] = seconds(run.stop_ms)
    if run.redrive_ms is not None:
        answer["redriveDate"] = seconds(run.redrive_ms)
    return answer


async def list_map_runs(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ListMapRuns of an execution, the newest first."""
    arn = execution_arn(request["executionArn"]).text
    start = core.tokens.read("ListMapRuns", request) or 0
    if await core.runtime.describe(arn) is None:
        raise execution_does_not_exist(arn)
    found = [*reversed(await core.store.map_runs(arn))]
    size = page_size(request)
    answer: Answer = {"mapRuns": [_list_item(run) for run in found[start : start + size]]}
    if len(found) > start + size:
        answer["nextToken"] = core.tokens.issue("ListMapRuns", request, start + size)
    return answer


def _list_item(run: MapRun) -> dict[str, Any]:
    item = {
        "executionArn": run.execution_arn,
        "mapRunArn": run.arn,
        "stateMachineArn": run.machine_arn,
        "startDate": seconds(run.start_ms),
    }
    if run.stop_ms is not None:
        item["stopDate"] = seconds(run.stop_ms)
    return item


async def update_map_run(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """UpdateMapRun of a running Map Run."""
    arn = map_run_arn(request["mapRunArn"])
    changes = {name: request[name] for name in _SETTINGS if name in request}
    if not changes:
        message = (
            "At least one of maxConcurrency, toleratedFailureCount and toleratedFailurePercentage must be specified"
        )
        raise ValidationError(message, "MISSING_REQUIRED_PARAMETER")
    await core.runtime.map_runs.update(arn, changes)
    return {}


async def filter_of_map_run(core: Core, request: Request, cursor: Any, limit: int) -> ExecutionFilter:
    """Which executions ListExecutions wants of a Map Run. Raises ResourceNotFound."""
    run = (await _view(core, request["mapRunArn"])).run
    parent = await core.runtime.describe(run.execution_arn)
    if parent is None:
        raise execution_does_not_exist(run.execution_arn)
    return ExecutionFilter(
        machine_id=parent.machine_id,
        status=request.get("statusFilter"),
        map_run_arn=run.arn,
        after=(cursor[0], cursor[1]) if cursor else None,
        limit=limit,
    )


async def item_counts(core: Core, arns: Sequence[str]) -> list[int]:
    """How many items child workflows have; their payloads are not held all at once."""
    counts: list[int] = []
    for start in range(0, len(arns), _TOGETHER):
        some = arns[start : start + _TOGETHER]
        records = await core.store.executions_of(some)
        counts += [1 if arn not in records else items_of(records[arn]) for arn in some]
    return counts
