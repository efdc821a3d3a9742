"""A child's result as JSON text: the whole record (NONE), its output (COMPACT), or its output's elements (FLATTEN)."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.engine.context import iso_time
from newel.json import dumps, loads
from newel.ports.items import ChildResult

_INCLUDED: Final = {"Included": True}


class _Record(msgspec.Struct, rename="pascal", omit_defaults=True, kw_only=True):
    """The members in AWS's order, which is that of the alphabet."""

    cause: str | None = None
    error: str | None = None
    execution_arn: str
    input: str
    input_details: dict[str, bool]
    name: str
    output: str | None = None
    output_details: dict[str, bool] | None = None
    redrive_count: int
    redrive_status: str
    redrive_status_reason: str = ""
    start_date: str | None = None
    state_machine_arn: str
    status: str
    stop_date: str | None = None


_encoder: Final = msgspec.json.Encoder()
_elements: Final = msgspec.json.Decoder(list[msgspec.Raw])


def texts(result: ChildResult, transformation: str) -> list[str]:
    """What a child adds to the results. Children that did not succeed are whole records in any transformation."""
    output = result.output
    if transformation == "NONE" or result.status != "SUCCEEDED" or output is None:
        return [record(result)]
    if transformation == "FLATTEN" and output.lstrip().startswith("["):
        return [bytes(element).decode() for element in _elements.decode(output)]
    return [output]


def record(result: ChildResult) -> str:
    """A child with all that is known of it."""
    pending = result.status == "PENDING"
    shown = _Record(
        execution_arn=result.execution_arn,
        input=result.input,
        input_details=_INCLUDED,
        name=result.name,
        output=result.output,
        output_details=None if pending else _INCLUDED,
        redrive_count=result.redrive_count,
        redrive_status=result.redrive_status,
        redrive_status_reason=result.redrive_status_reason,
        start_date=None if pending else iso_time(result.start_ms),
        state_machine_arn=result.state_machine_arn,
        status=result.status,
        stop_date=None if result.stop_ms is None else iso_time(result.stop_ms),
        error=result.error,
        cause=result.cause,
    )
    return _encoder.encode(shown).decode()


def one_line(text: str) -> str:
    """The same JSON without line ends, for JSON Lines."""
    return dumps(loads(text)) if "\n" in text or "\r" in text else text
