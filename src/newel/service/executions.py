"""Executions: start, start and wait, stop, describe, list."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from newel.errors import ServiceError, ValidationError
from newel.ports.store import AlreadyExists, Execution, ExecutionFilter, ExecutionSummary, Machine, Revision
from newel.runtime.map_runs.records import items_of
from newel.runtime.orders import StartOrder
from newel.service.aliases import pick
from newel.service.arns import ExecutionArn, execution_arn, plain_state_machine_arn
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.errors import (
    execution_already_exists,
    execution_does_not_exist,
    state_machine_deleting,
    state_machine_does_not_exist,
    type_not_supported,
)
from newel.service.machines import revision_answer, revision_of
from newel.service.map_runs import filter_of_map_run, item_counts
from newel.service.names import check_name
from newel.service.pages import page_size
from newel.service.payloads import why_not_json
from newel.service.test_cases import check_test_case, split_test_case

_DAY_MS: Final = 86_400_000
_REDRIVABLE_MS: Final = 14 * _DAY_MS  # "closed at most 14 days ago"
_YEAR_MS: Final = 365 * _DAY_MS
_BILLED_STEP_MS: Final = 100
_BILLED_MEMORY_MB: Final = 64


class Target(NamedTuple):
    """What an ARN given to StartExecution means."""

    machine: Machine
    revision: Revision
    version: int | None
    alias: str | None
    test_case: str | None = None


async def resolve(core: Core, text: str) -> Target:
    """Find what to start. Raises InvalidArn, StateMachineDoesNotExist, StateMachineDeleting, ValidationException."""
    qualified, test_case = split_test_case(text)
    arn = plain_state_machine_arn(qualified)
    machine = await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(text)
    if machine.status == "DELETING":
        raise state_machine_deleting(text)
    number = arn.version
    if arn.alias is not None:
        alias = await core.store.alias(machine.id, arn.alias)
        if alias is None:
            raise state_machine_does_not_exist(text)
        number = pick(alias.routes, core.entropy.random())
    revision_id = machine.revision_id
    if number is not None:
        version = await core.store.version(machine.id, number)
        if version is None:
            raise state_machine_does_not_exist(text)
        revision_id = version.revision_id
    revision = await revision_of(core, machine.id, revision_id)
    if test_case is not None:
        check_test_case(core.mock_file, machine, revision, test_case)
    return Target(machine, revision, number, arn.alias, test_case)


def input_of(request: Mapping[str, Any]) -> str:
    """The execution input, `{}` by default. Raises InvalidExecutionInput for what is not JSON."""
    text: str | None = request.get("input")
    if text is None:
        return "{}"
    reason = why_not_json(text)
    if reason is not None:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")
    return text


def _order(core: Core, target: Target, request: Mapping[str, Any], parent: str | None) -> StartOrder:
    machine, revision, version, alias, test_case = target
    name = request.get("name")
    if name is None:
        name = core.entropy.uuid()
    else:
        check_name(name)
    prefix = machine.arn.replace(":stateMachine:", ":execution:" if machine.type == "STANDARD" else ":express:", 1)
    return StartOrder(
        machine=machine,
        revision=revision,
        arn=f"{prefix}:{name}" if machine.type == "STANDARD" else f"{prefix}:{name}:{core.entropy.uuid()}",
        name=name,
        input=input_of(request),
        version=version,
        alias=alias,
        trace_header=request.get("traceHeader"),
        parent=parent,
        test_case=test_case,
    )


async def begin(core: Core, request: Mapping[str, Any], *, parent: str | None = None) -> Execution:
    """Start an execution as StartExecution does; also for nested workflows, whose `parent` is told of the end.

    A Standard name that is taken gives the running execution with the same input, or, for the same parent, the
    execution whatever its status. Raises StartExecution's errors.
    """
    target = await resolve(core, request["stateMachineArn"])
    order = _order(core, target, request, parent)
    await core.open_executions.check()
    try:
        return await core.runtime.start(order)
    except AlreadyExists:
        existing = await core.runtime.describe(order.arn)
        same_attempt = existing is not None and parent is not None and existing.parent == parent
        same_request = (
            existing is not None
            and existing.status == "RUNNING"
            and (existing.input, existing.test_case) == (order.input, order.test_case)
        )
        if existing is None or not (same_attempt or same_request):
            raise execution_already_exists(order.arn) from None
        return existing


async def start_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """StartExecution."""
    execution = await begin(core, request)
    return {"executionArn": execution.arn, "startDate": execution.start_ms / 1000}


async def start_sync_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """StartSyncExecution: Express only; a failed execution is an answer, not an error."""
    target = await resolve(core, request["stateMachineArn"])
    if target.machine.type != "EXPRESS":
        raise type_not_supported()
    execution = await core.runtime.start_sync(_order(core, target, request, None))
    assert execution.stop_ms is not None, "a synchronous execution has ended"
    used_ms = execution.stop_ms - execution.start_ms
    answer = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "startDate": seconds(execution.start_ms),
        "stopDate": seconds(execution.stop_ms),
        "status": execution.status,
        "billingDetails": {
            "billedMemoryUsedInMB": _BILLED_MEMORY_MB,
            "billedDurationInMilliseconds": max(-(-used_ms // _BILLED_STEP_MS), 1) * _BILLED_STEP_MS,
        },
    }
    if execution.trace_header is not None:
        answer["traceHeader"] = execution.trace_header
    return _with_data(answer, execution, included=request.get("includedData") != "METADATA_ONLY")


def _with_data(answer: Answer, execution: Execution, *, included: bool) -> Answer:
    """Add input and output, and error and cause; without data, only that they were left out."""
    answer["inputDetails"] = {"included": included}
    if execution.output is not None:
        answer["outputDetails"] = {"included": included}
    if included:
        answer["input"] = execution.input
        for member in ("output", "error", "cause"):
            value = getattr(execution, member)
            if value is not None:
                answer[member] = value
    return answer


async def stop_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """StopExecution of a Standard execution."""
    arn = execution_arn(request["executionArn"])
    return {"stopDate": seconds(await core.runtime.stop(arn.text, request.get("error"), request.get("cause")))}


async def existing_execution(core: Core, text: str) -> Execution:
    """A Standard execution by ARN. Raises InvalidArn (also for Express), ExecutionDoesNotExist."""
    arn: ExecutionArn = execution_arn(text, express="/" in text)  # an Express child of a Map Run has a record
    execution = await core.runtime.describe(arn.text)
    if execution is None:
        raise execution_does_not_exist(text)
    return execution


async def describe_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeExecution."""
    execution = await existing_execution(core, request["executionArn"])
    answer = _listed(execution)
    answer["redriveCount"] = execution.redrive_count
    if execution.trace_header is not None:
        answer["traceHeader"] = execution.trace_header
    reason = await why_not_redrivable(core, execution)
    answer["redriveStatus"] = "NOT_REDRIVABLE" if reason else "REDRIVABLE"
    if reason:
        answer["redriveStatusReason"] = reason
    elif execution.map_run_arn is not None:
        answer["redriveStatus"] = "REDRIVABLE_BY_MAP_RUN"
        if execution.arn in core.runtime.map_runs.pending_redrive(execution.map_run_arn):
            answer["status"] = "PENDING_REDRIVE"
    return _with_data(answer, execution, included=request.get("includedData") != "METADATA_ONLY")


async def why_not_redrivable(core: Core, execution: Execution) -> str | None:
    """AWS's reason; None for an execution that can be redriven, by itself or with its Map Run."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    now_ms = core.clock.now_ms()
    if now_ms - execution.start_ms > _YEAR_MS:
        return "Execution has exceeded the max execution time"
    if execution.stop_ms is not None and now_ms - execution.stop_ms > _REDRIVABLE_MS:
        return "Execution redrivable period exceeded"
    if execution.type == "STANDARD" and await core.runtime.history_is_full(execution.arn):
        return "Execution history event limit exceeded"
    machine = await core.store.machine(execution.machine_arn.partition("/")[0])
    if machine is not None and machine.id == execution.machine_id and machine.status == "DELETING":
        return "State machine is in DELETING status"
    return None


def _listed(execution: Execution | ExecutionSummary) -> Answer:
    """What DescribeExecution and ListExecutions both show."""
    answer: Answer = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_ms / 1000,
    }
    if execution.stop_ms is not None:
        answer["stopDate"] = execution.stop_ms / 1000
    if execution.version is not None:
        answer["stateMachineVersionArn"] = f"{execution.machine_arn}:{execution.version}"
    if execution.alias is not None:
        answer["stateMachineAliasArn"] = f"{execution.machine_arn}:{execution.alias}"
    if execution.map_run_arn is not None:
        answer["mapRunArn"] = execution.map_run_arn
    if execution.redrive_ms is not None:
        answer["redriveDate"] = seconds(execution.redrive_ms)
    return answer


async def describe_state_machine_for_execution(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeStateMachineForExecution: the definition and role that the execution runs with."""
    execution = await existing_execution(core, request["executionArn"])
    revision = await revision_of(core, execution.machine_id, execution.revision_id)
    answer: Answer = {
        "stateMachineArn": execution.machine_arn,
        "name": execution.machine_arn.rpartition(":")[2],
        "updateDate": seconds(revision.created_ms),
        **revision_answer(core, revision, metadata_only=request.get("includedData") == "METADATA_ONLY"),
    }
    if execution.map_run_arn is not None:
        answer["mapRunArn"] = execution.map_run_arn
    return answer


async def list_executions(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ListExecutions of a Standard machine, one of its versions or aliases, or of a Map Run; newest first."""
    _check_list(request)
    size = page_size(request)
    cursor = core.tokens.read("ListExecutions", request)
    if request.get("statusFilter") == "PENDING_REDRIVE":
        return await _pending_redrive(core, request, cursor or 0, size)
    if "mapRunArn" in request:
        wanted = await filter_of_map_run(core, request, cursor, size + 1)
    else:
        wanted = await _filter_of_machine(core, request, cursor, size + 1)
    found = await core.store.executions(wanted)
    if "redriveFilter" in request:
        redriven = request["redriveFilter"] == "REDRIVEN"
        found = [execution for execution in found if (execution.redrive_count > 0) is redriven]
    answer: Answer = {"executions": [_list_item(core, execution) for execution in found[:size]]}
    if "mapRunArn" in request:
        counts = await item_counts(core, [item["executionArn"] for item in answer["executions"]])
        for item, count in zip(answer["executions"], counts, strict=True):
            item["itemCount"] = count
    if len(found) > size:
        last = found[size - 1]
        by_stop = wanted.status not in (None, "RUNNING") and last.stop_ms is not None
        cursor = [last.stop_ms if by_stop else last.start_ms, last.arn]
        answer["nextToken"] = core.tokens.issue("ListExecutions", request, cursor)
    return answer


async def _pending_redrive(core: Core, request: Request, start: int, size: int) -> Answer:
    """Children that the redrive of a Map Run is about to run again, in that order."""
    await filter_of_map_run(core, request, None, 1)  # raises for a Map Run that is not there
    arns = core.runtime.map_runs.pending_redrive(request["mapRunArn"])
    page = arns[start : start + size]
    found = await core.store.executions_of(page)
    answer: Answer = {
        "executions": [
            {
                **_listed(execution),
                "status": "PENDING_REDRIVE",
                "redriveCount": execution.redrive_count,
                "itemCount": items_of(execution),
            }
            for execution in (found[arn] for arn in page if arn in found)
        ]
    }
    if len(arns) > start + size:
        answer["nextToken"] = core.tokens.issue("ListExecutions", request, start + size)
    return answer


async def _filter_of_machine(core: Core, request: Request, cursor: Any, limit: int) -> ExecutionFilter:
    arn = plain_state_machine_arn(request["stateMachineArn"])
    machine = await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(arn.text)
    if machine.type == "EXPRESS":
        raise type_not_supported()
    return ExecutionFilter(
        machine_id=machine.id,
        status=request.get("statusFilter"),
        version=arn.version,
        alias=arn.alias,
        after=(cursor[0], cursor[1]) if cursor else None,
        limit=limit,
    )


def _check_list(request: Request) -> None:
    machine, map_run = request.get("stateMachineArn"), request.get("mapRunArn")
    if (machine is None) == (map_run is None):
        raise ValidationError("Exactly one of stateMachineArn and mapRunArn must be specified")
    if map_run is not None:
        return
    if request.get("statusFilter") == "PENDING_REDRIVE":
        raise ValidationError("The PENDING_REDRIVE status filter is only supported with a mapRunArn")
    if request.get("redriveFilter") is not None:
        raise ValidationError("The redriveFilter is only supported with a mapRunArn")


def _list_item(core: Core, execution: ExecutionSummary) -> Answer:
    answer = _listed(execution)
    if core.default_fields or execution.redrive_count:
        answer["redriveCount"] = execution.redrive_count
    return answer
