"""What every adapter makes of an execution's record when a turn changes it."""

from __future__ import annotations

import msgspec

from newel.ports.store import End, Execution, ExecutionSummary, Turn


def after_turn(execution: Execution, turn: Turn) -> Execution:
    """The execution as DescribeExecution shows it once `turn` is committed."""
    if turn.redrive_ms is not None:
        execution = _redriven(execution, turn.redrive_ms)
    return execution if turn.end is None else _ended(execution, turn.end)


def _ended(execution: Execution, end: End) -> Execution:
    return msgspec.structs.replace(
        execution, status=end.status, stop_ms=end.stop_ms, output=end.output, error=end.error, cause=end.cause
    )


def _redriven(execution: Execution, redrive_ms: int) -> Execution:
    return msgspec.structs.replace(
        execution,
        status="RUNNING",
        stop_ms=None,
        output=None,
        error=None,
        cause=None,
        redrive_count=execution.redrive_count + 1,
        redrive_ms=redrive_ms,
    )


def summary(execution: Execution) -> ExecutionSummary:
    """The execution without its payloads."""
    return ExecutionSummary(
        arn=execution.arn,
        machine_arn=execution.machine_arn,
        machine_id=execution.machine_id,
        revision_id=execution.revision_id,
        name=execution.name,
        status=execution.status,
        start_ms=execution.start_ms,
        type=execution.type,
        stop_ms=execution.stop_ms,
        version=execution.version,
        alias=execution.alias,
        map_run_arn=execution.map_run_arn,
        redrive_count=execution.redrive_count,
        redrive_ms=execution.redrive_ms,
    )
