"""What a Map Run reads and writes one at a time: inline items, its children's records, the parts of its spec."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from newel.engine.codec import NO_EVENTS
from newel.json import Json
from newel.ports.items import ChildResult, Items, WriterSpec
from newel.ports.store import End, Ended, EndedTogether, Execution, Turn
from newel.runtime.map_runs.children import parse_parent

#: How children that a redrive runs again have ended.
UNSUCCESSFUL: Final = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})


def only_turn(record: Execution) -> Turn:
    """The turn that stands for the whole of an Express child, whose events are not kept."""
    assert record.stop_ms is not None
    end = End(
        status=record.status, stop_ms=record.stop_ms, output=record.output, error=record.error, cause=record.cause
    )
    return Turn(execution_arn=record.arn, seq=1, at_ms=record.start_ms, events=NO_EVENTS, end=end)


def ended_together(prefix: str, records: Sequence[Execution]) -> EndedTogether:
    """Express children of one Map Run that are over; `prefix` is what their ARNs begin with."""
    each = [
        Ended(
            *(record.arn.removeprefix(prefix), record.status, record.start_ms, record.stop_ms or 0, record.input),
            *(record.output, record.error, record.cause, record.parent),
        )
        for record in records
    ]
    each.sort(key=attrgetter("tail"))
    return EndedTogether(prefix=prefix, common=records[0], each=each, events=NO_EVENTS)


def ran_before(record: Execution, redrive_ms: int | None) -> bool:
    """Whether a child last began before the Map Run was redriven."""
    return redrive_ms is not None and max(record.start_ms, record.redrive_ms or 0) < redrive_ms


def items_of(record: Execution) -> int:
    """How many items a child has."""
    parent = parse_parent(record.parent)
    return 1 if parent is None else parent.items


def inline_items(value: Json, after: str | None) -> Items:
    """Items that stand in the state's input; a position is how many came before."""
    start = 0 if after is None else int(after)

    def position(at: int) -> str:
        return str(start + at + 1)

    if isinstance(value, dict):
        return Items(list(value.values())[start:], position, "STATE_DATA", list(value)[start:])
    return Items(value[start:], position, "STATE_DATA")


def writer_spec(writer: Json) -> WriterSpec:
    """An evaluated ResultWriter. Without WriterConfig, exported results are whole records (NONE), others COMPACT."""
    arguments = writer.get("arguments") or {}
    config = writer.get("config") or {}
    bucket = arguments.get("Bucket")
    return WriterSpec(
        bucket=bucket,
        prefix=arguments.get("Prefix", ""),
        transformation=config.get("Transformation", "NONE" if bucket is not None else "COMPACT"),
        output_type=config.get("OutputType", "JSON"),
    )


def child_result(record: Execution) -> ChildResult:
    """A child as result files show it."""
    redrivable = record.status in ("FAILED", "TIMED_OUT", "ABORTED") and record.type == "STANDARD"
    reason = "" if redrivable else f"Execution is {record.status} and cannot be redriven"
    return ChildResult(
        execution_arn=record.arn,
        name=record.name,
        state_machine_arn=record.machine_arn,
        status=record.status,
        input=record.input,
        start_ms=record.start_ms,
        stop_ms=record.stop_ms,
        output=record.output,
        error=record.error,
        cause=record.cause,
        redrive_count=record.redrive_count,
        redrive_status="REDRIVABLE_BY_MAP_RUN" if redrivable else "NOT_REDRIVABLE",
        redrive_status_reason=reason,
    )
