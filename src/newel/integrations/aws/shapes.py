"""A Task's JSON against the shapes of a service model: parameters on the way in, results on the way out.

Parameters are taken as leniently as AWS takes them: what is not text where the service wants text becomes JSON text
(recorded: `Input` of sfn:startExecution, `Body` of s3:putObject), and null is the same as absent.

Blobs: the member that is the body of the request or the answer (S3's `Body`, Lambda's `Payload`) is text; any other
blob is base64, as in every JSON protocol of AWS. A body that is no UTF-8 is shown as base64 too, and a string that is
no base64 is taken as text.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from botocore.model import ListShape, MapShape, Shape, StructureShape  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]

from newel.integrations.aws.naming import members
from newel.json import Json, dumps

_INTEGERS: Final = frozenset({"integer", "long", "short", "byte", "bigInteger"})
_FLOATS: Final = frozenset({"float", "double", "bigDecimal"})
_BOOLEANS: Final = {"true": True, "false": False}


class RefusedParametersError(ValueError):
    """Parameters that do not fit the operation; `problems` in AWS's words."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


def request_parameters(shape: StructureShape | None, given: Json) -> dict[str, Any]:
    """Parameters in the model's member names and types. Raises `RefusedParametersError` with every problem."""
    if not isinstance(given, dict):
        raise RefusedParametersError(["The value must be a JSON object"])
    reader = _Reader(None if shape is None else shape.serialization.get("payload"))
    found: dict[str, Any] = {}
    if shape is not None:
        found = reader.structure(shape, given, top=True)
    elif given:
        reader.problems += [_unsupported(name) for name in given]
    if reader.problems:
        raise RefusedParametersError(reader.problems)
    return found


class _Reader:
    def __init__(self, payload: str | None) -> None:
        self._payload = payload
        self.problems: list[str] = []

    def structure(self, shape: StructureShape, given: dict[str, Json], *, top: bool = False) -> dict[str, Any]:
        names = members(shape)
        found: dict[str, Any] = {}
        for name, value in given.items():
            member = names.of(name)
            if member is None:
                self.problems.append(_unsupported(name))
            elif value is not None:
                as_text = top and member == self._payload
                found[member] = self.value(shape.members[member], value, names.shown[member], as_text=as_text)
        if top:
            self._require(shape, names.shown, {names.of(name) for name in given})
        return found

    def _require(self, shape: StructureShape, shown: Mapping[str, str], given: Container[str | None]) -> None:
        """What is given as null is not missing; it is left to the service to refuse it."""
        for member in shape.required_members:
            if member not in given and not _generated(shape.members[member]):
                self.problems.append(f"The field '{shown[member]}' is required but was missing")

    def value(self, shape: Shape, given: Json, name: str, *, as_text: bool = False) -> Any:
        """One value; a wrong one is noted as a problem of the field `name`."""
        try:
            return self._typed(shape, given, name, as_text=as_text)
        except (ValueError, OverflowError, TypeError):
            self.problems.append(f"The value of the field '{name}' has an invalid format")
            return None

    def _typed(self, shape: Shape, given: Json, name: str, *, as_text: bool) -> Any:
        kind = shape.type_name
        if kind == "structure":
            if getattr(shape, "is_document_type", False):
                return given
            return self.structure(shape, _of_type(given, dict))
        if kind == "list":
            return self._list(shape, _of_type(given, list), name)
        if kind == "map":
            return self._map(shape, _of_type(given, dict), name)
        if kind == "blob":
            return _blob(given, as_text=as_text)
        return _scalar(kind, given)

    def _list(self, shape: ListShape, given: list[Json], name: str) -> list[Any]:
        return [self.value(shape.member, value, name) for value in given if value is not None]

    def _map(self, shape: MapShape, given: dict[str, Json], name: str) -> dict[str, Any]:
        return {key: self.value(shape.value, value, name) for key, value in given.items() if value is not None}


def _unsupported(name: str) -> str:
    return f'The field "{name}" is not supported by Step Functions'


def _generated(shape: Shape) -> bool:
    """Whether the client fills a required member in that is not given."""
    return bool(shape.metadata.get("idempotencyToken"))


def _of_type(given: Json, wanted: type) -> Any:
    if not isinstance(given, wanted):
        raise TypeError
    return given


def _text(given: Json) -> str:
    return given if isinstance(given, str) else dumps(given)


def _blob(given: Json, *, as_text: bool) -> bytes:
    text = _text(given)
    if isinstance(given, str) and not as_text:
        try:
            return b64decode(text, validate=True)
        except binascii.Error:
            pass  # plain text, then
    return text.encode()


def _scalar(kind: str, given: Json) -> Any:
    if kind == "string":
        return _text(given)
    if kind == "boolean":
        return _of_type(_BOOLEANS.get(given.lower()) if isinstance(given, str) else given, bool)
    if kind == "timestamp":
        return _timestamp(given)
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise TypeError
    if kind in _INTEGERS:
        number = int(given) if isinstance(given, str) else given
        if number != int(number):
            raise ValueError
        return int(number)
    return float(given) if kind in _FLOATS else given


def _timestamp(given: Json) -> datetime:
    """From ISO 8601, or from epoch seconds."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise TypeError
    found: datetime = parse_timestamp(given)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def result_json(shape: StructureShape | None, found: Mapping[str, Any]) -> dict[str, Json]:
    """An answer as Step Functions shows it: members in alphabetical order, a body that was streamed last."""
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    streamed = payload if payload is not None and shape.members[payload].serialization.get("streaming") else None
    shown = _structure_out(shape, found, payload)
    if streamed is not None:
        name = members(shape).shown[streamed]
        if name in shown:
            shown[name] = shown.pop(name)
    return shown


def _structure_out(shape: StructureShape, found: Mapping[str, Any], payload: str | None = None) -> dict[str, Json]:
    names = members(shape).shown
    shown = {
        names[member]: _out(shape.members[member], value, as_text=member == payload)
        for member, value in found.items()
        if member in names and value is not None
    }
    return dict(sorted(shown.items()))


def _out(shape: Shape, value: Any, *, as_text: bool = False) -> Json:
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return _structure_out(shape, value)
    if kind == "list":
        return [_out(shape.member, item) for item in value]
    if kind == "map":
        return {key: _out(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, bytes | bytearray):
        return _blob_out(bytes(value), as_text=as_text)
    return value


def _blob_out(value: bytes, *, as_text: bool) -> str:
    if as_text:
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return b64encode(value).decode()


def instant(moment: datetime) -> str:
    """ISO 8601 in UTC as Java's Instant writes it: no fraction, or as many groups of three digits as it takes."""
    utc = moment.astimezone(UTC)
    if utc.microsecond == 0:
        digits = ""
    elif utc.microsecond % 1000 == 0:
        digits = f".{utc.microsecond // 1000:03d}"
    else:
        digits = f".{utc.microsecond:06d}"
    return f"{utc:%Y-%m-%dT%H:%M:%S}{digits}Z"
