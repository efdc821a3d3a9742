"""How executions and turns look in the tables."""

from __future__ import annotations

from typing import Any, Final

from newel.ports.store import End, Execution, ExecutionStatus, ExecutionSummary, MachineType, Turn
from newel.store.sqlite.words import Words

#: A status is stored as its place here; never reorder.
STATUSES: Final[tuple[ExecutionStatus, ...]] = (
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "TIMED_OUT",
    "ABORTED",
    "PENDING_REDRIVE",
)
STATUS_CODES: Final[dict[ExecutionStatus, int]] = {status: code for code, status in enumerate(STATUSES)}
_TYPES: Final[tuple[MachineType, ...]] = ("STANDARD", "EXPRESS")

#: A turn's key is its execution's id * 2^24 + its number.
SEQ_BITS: Final = 24
SEQ_MAX: Final = (1 << SEQ_BITS) - 1

Row = tuple[Any, ...]


def split_arn(arn: str) -> tuple[str, str]:
    """The part that a machine's executions share, and the rest: a name, or an Express execution's name and UUID."""
    cut = arn.rfind(":") + 1
    if ":express:" in arn:
        cut = arn.rfind(":", 0, cut - 1) + 1
    return arn[:cut], arn[cut:]


def name_in(tail: str) -> str:
    """What an execution is called where its row does not say."""
    return tail.partition(":")[0]


def execution_row(number: int, execution: Execution, turn: Turn, words: Words) -> Row:
    """A row of `execution` as its first turn leaves it."""
    prefix, tail = split_arn(execution.arn)
    name = execution.name
    prefix_word, machine_arn, machine, revision, map_run = words.numbers(
        (prefix, execution.machine_arn, execution.machine_id, execution.revision_id, execution.map_run_arn)
    )
    end: End | Execution = turn.end or execution
    running = end.stop_ms is None
    return (
        number,
        prefix_word,
        tail,
        None if name == name_in(tail) else name,
        machine_arn,
        machine,
        revision,
        map_run,
        execution.type == "EXPRESS",
        execution.version,
        execution.alias,
        execution.start_ms,
        1,
        turn.wake_ms if running else None,
        turn.owes and running,
        STATUS_CODES[end.status],
        end.stop_ms,
        None if running else 1,
        execution.redrive_count,
        execution.redrive_ms,
        execution.test_case,
    )


def first_turn_row(number: int, execution: Execution, turn: Turn) -> Row:
    """A row of `turn` that carries the execution's input, and its result if it ends at once."""
    end: End | Execution = turn.end or execution
    return (
        (number << SEQ_BITS) + 1,
        turn.at_ms,
        execution.trace_header,
        execution.parent,
        end.error,
        end.cause,
        execution.input,
        end.output,
        turn.events,
    )


def turn_row(number: int, turn: Turn) -> Row:
    """A row of `turn` for a later turn."""
    key = (number << SEQ_BITS) + turn.seq
    end = turn.end
    if end is None:
        return (key, turn.at_ms, None, None, None, None, None, None, turn.events)
    return (key, turn.at_ms, None, None, end.error, end.cause, None, end.output, turn.events)


def read_execution(row: Row, arn: str, words: Words) -> Execution:
    """The record of a row of the `execution` query (its id and last turn left out)."""
    name, machine_arn, machine, revision, map_run, express, version, alias, start_ms, status, stop_ms = row[:11]
    redrive_count, redrive_ms, input_text, trace_header, parent, output, error, cause, test_case = row[11:]
    return Execution(
        arn=arn,
        machine_arn=words.text(machine_arn),
        machine_id=words.text(machine),
        revision_id=words.text(revision),
        name=name_in(split_arn(arn)[1]) if name is None else name,
        status=STATUSES[status],
        start_ms=start_ms,
        input=input_text,
        type=_TYPES[express],
        stop_ms=stop_ms,
        output=output,
        error=error,
        cause=cause,
        version=version,
        alias=alias,
        trace_header=trace_header,
        map_run_arn=words.text(map_run) if map_run else None,
        redrive_count=redrive_count,
        redrive_ms=redrive_ms,
        parent=parent,
        test_case=test_case,
    )


def read_summary(row: Row, words: Words) -> ExecutionSummary:
    """The record of a row of the `summaries` query."""
    arn, name, machine_arn, machine, revision, map_run, express, version, alias, start_ms = row[:10]
    status, stop_ms, redrive_count, redrive_ms = row[10:]
    return ExecutionSummary(
        arn=arn,
        machine_arn=words.text(machine_arn),
        machine_id=words.text(machine),
        revision_id=words.text(revision),
        name=name_in(split_arn(arn)[1]) if name is None else name,
        status=STATUSES[status],
        start_ms=start_ms,
        type=_TYPES[express],
        stop_ms=stop_ms,
        version=version,
        alias=alias,
        map_run_arn=words.text(map_run) if map_run else None,
        redrive_count=redrive_count,
        redrive_ms=redrive_ms,
    )
