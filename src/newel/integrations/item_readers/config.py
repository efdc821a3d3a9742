"""ReaderConfig, checked: what an evaluated one may still get wrong."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.integrations.item_readers.blocks import reader_failed
from newel.json import Json

_ITEMS_MAX: Final = 100_000_000
_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}
_KNOWN: Final = frozenset(
    """
    InputType Transformation ManifestType CSVHeaderLocation CSVHeaders CSVDelimiter ItemsPointer MaxItems
    """.split()  # noqa: SIM905  (a table of words reads better)
)


class ReaderConfig(msgspec.Struct, frozen=True, kw_only=True):
    """`headers` are the given ones, None where the first row has them; `items_max` bounds the items read."""

    input_type: str | None = None
    flatten: bool = False
    manifest_type: str | None = None
    delimiter: str = ","
    headers: tuple[str, ...] | None = None
    pointer: str | None = None
    items_max: int = _ITEMS_MAX


def reader_config(given: dict[str, Json]) -> ReaderConfig:
    """Raises `StatesError` `States.ItemReaderFailed`."""
    for name in given:
        if name not in _KNOWN:
            raise reader_failed(f"The field {name} of ReaderConfig is not supported.")
    return ReaderConfig(
        items_max=_items_max(given.get("MaxItems")),
        input_type=_one_of(given, "InputType", ("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")),
        flatten=_one_of(given, "Transformation", ("NONE", "LOAD_AND_FLATTEN")) == "LOAD_AND_FLATTEN",
        manifest_type=_one_of(given, "ManifestType", ("ATHENA_DATA", "S3_INVENTORY")),
        delimiter=_DELIMITERS[_one_of(given, "CSVDelimiter", tuple(_DELIMITERS)) or "COMMA"],
        headers=_headers(given),
        pointer=_pointer(given.get("ItemsPointer")),
    )


def _one_of(given: dict[str, Json], name: str, values: tuple[str, ...]) -> str | None:
    value = given.get(name)
    if value is None or value in values:
        found: str | None = value
        return found
    raise reader_failed(f"The field {name} of ReaderConfig must be one of {', '.join(values)}.")


def _items_max(value: Json) -> int:
    """No MaxItems, and zero (recorded), mean all items; a larger number than may be read is cut (recorded)."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or value == 0:
        return _ITEMS_MAX
    if not isinstance(value, int) or isinstance(value, bool):
        raise reader_failed("field MaxItems must be an integer")
    if value < 0:
        raise reader_failed("field MaxItems must be positive")
    return min(value, _ITEMS_MAX)


def _headers(given: dict[str, Json]) -> tuple[str, ...] | None:
    location = _one_of(given, "CSVHeaderLocation", ("FIRST_ROW", "GIVEN"))
    if location != "GIVEN":
        return None
    headers = given.get("CSVHeaders")
    if not isinstance(headers, list) or not headers or not all(isinstance(header, str) for header in headers):
        raise reader_failed("CSVHeaders must be an array of strings.")
    return tuple(headers)


def _pointer(value: Json) -> str | None:
    if value is None or (isinstance(value, str) and (value == "" or value.startswith("/"))):
        pointer: str | None = value
        return pointer
    raise reader_failed("ItemsPointer must be a JSON Pointer, which begins with '/'.")
