"""Journal events and snapshots as bytes. Payloads are written as their JSON text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from newel.engine.events import AnyEvent
from newel.engine.evolve import evolve
from newel.engine.state import ExecutionState, Identity
from newel.json import Payload


def _encode_payload(value: Any) -> Any:
    if isinstance(value, Payload):
        return value.text
    raise NotImplementedError(type(value))


def _decode_payload(kind: type, value: Any) -> Any:
    if kind is Payload and isinstance(value, str):
        return Payload(value)
    raise NotImplementedError(kind)


_events_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_encode_payload)
_events_decoder: Final = msgspec.msgpack.Decoder(list[AnyEvent], dec_hook=_decode_payload)
# JSON, because MessagePack has no integers beyond 64 bits and variables hold any JSON value.
_state_encoder: Final = msgspec.json.Encoder(enc_hook=_encode_payload)
_state_decoder: Final = msgspec.json.Decoder(ExecutionState, dec_hook=_decode_payload)


def encode_events(events: Sequence[AnyEvent]) -> bytes:
    """One turn's events as one journal row."""
    return _events_encoder.encode(events)


#: The row of a turn whose events nobody keeps.
NO_EVENTS: Final = encode_events([])


def decode_events(row: bytes) -> list[AnyEvent]:
    """The events of one journal row. Raises `msgspec.ValidationError` for bytes that are not."""
    return _events_decoder.decode(row)


def encode_state(execution: ExecutionState) -> bytes:
    """A snapshot."""
    return _state_encoder.encode(execution)


def decode_state(snapshot: bytes) -> ExecutionState:
    """An ExecutionState from its snapshot."""
    return _state_decoder.decode(snapshot)


def new_state(identity: Identity, input: Payload, timeout_due_ms: int | None) -> ExecutionState:  # noqa: A002
    """An execution before its first event."""
    return ExecutionState(identity=identity, input=input, timeout_due_ms=timeout_due_ms)


def fold(execution: ExecutionState, rows: Sequence[tuple[int, bytes]]) -> ExecutionState:
    """Apply journal rows, each (turn's time in ms, events), to a state."""
    for at_ms, row in rows:
        for event in decode_events(row):
            evolve(execution, event, at_ms)
    return execution
