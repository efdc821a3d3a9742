"""The AWS SDK for Java 1's names and types, where they differ from those of AWS SDK integrations (`aws.shapes`).

A member is written with a capital first letter whatever the API does (`JobName` for Batch's `jobName`). Times are
epoch milliseconds, blobs base64, and the members of a structure come in alphabetical order.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from botocore.model import Shape, StructureShape  # type: ignore[import-untyped]

from newel.integrations.aws.naming import members
from newel.json import Json


def renamed_parameters(shape: StructureShape, given: Json) -> Json:
    """Parameters with the few names that SDK 2 spells differently (`OSReleaseLabel`) as it spells them."""
    if not _irregular_names(shape):
        return given
    return _renamed(shape, given)


def _renamed(shape: Shape, given: Json) -> Json:
    if shape.type_name == "list" and isinstance(given, list):
        return [_renamed(shape.member, item) for item in given]
    if shape.type_name == "map" and isinstance(given, dict):
        return {key: _renamed(shape.value, item) for key, item in given.items()}
    if shape.type_name != "structure" or not isinstance(given, dict):
        return given
    shown = members(shape).shown
    names = {capitalized(member): member for member in shape.members}
    return {
        (shown[names[name]] if name in names else name): (
            _renamed(shape.members[names[name]], item) if name in names else item
        )
        for name, item in given.items()
    }


_irregular: dict[StructureShape, bool] = {}


def _irregular_names(shape: StructureShape) -> bool:
    """Whether anything within a request is spelt differently by SDK 2; worked out once."""
    found = _irregular.get(shape)
    if found is None:
        structures = _structures(shape, set())
        found = any(members(inner).of(capitalized(m)) != m for inner in structures for m in inner.members)
        _irregular[shape] = found
    return found


def _structures(shape: Shape, seen: set[str]) -> Iterator[StructureShape]:
    if shape.name in seen:
        return
    seen.add(shape.name)
    if shape.type_name == "structure":
        yield shape
        for member in shape.members.values():
            yield from _structures(member, seen)
    elif shape.type_name == "list":
        yield from _structures(shape.member, seen)
    elif shape.type_name == "map":
        yield from _structures(shape.value, seen)


def capitalized(name: str) -> str:
    """`jobName` is `JobName`; `MD5OfMessageBody` stays."""
    return name[:1].upper() + name[1:]


def shown_result(shape: StructureShape | None, found: Mapping[str, Any]) -> dict[str, Json]:
    """An answer's result in the SDK's names and types."""
    return {} if shape is None else _structure(shape, found)


def _structure(shape: StructureShape, found: Mapping[str, Any]) -> dict[str, Json]:
    shown = {
        capitalized(member): _shown(shape.members[member], value)
        for member, value in found.items()
        if member in shape.members and value is not None
    }
    return dict(sorted(shown.items()))


def _shown(shape: Shape, value: Any) -> Json:
    kind = shape.type_name
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return _structure(shape, value)
    if kind == "list":
        return [_shown(shape.member, item) for item in value]
    if kind == "map":
        return {key: _shown(shape.value, item) for key, item in value.items()}
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    return value
