"""The items in the data that an ItemReader would have read (`mapItemReaderData`), by its ReaderConfig."""

from __future__ import annotations

import csv
from typing import Final

from newel.errors import StatesError
from newel.json import InvalidJson, Json, loads

_DELIMITERS: Final = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def items_of(text: str, config: dict[str, Json]) -> Json:
    """The array or object that the Map iterates. Raises `StatesError` `States.ItemReaderFailed`."""
    read = _READERS.get(str(config.get("InputType", "JSON")), _json)
    items = read(text, config)
    return _limited(items, config)


def _failed(cause: str) -> StatesError:
    return StatesError("States.ItemReaderFailed", cause)


def _limited(items: Json, config: dict[str, Json]) -> Json:
    given = config.get("MaxItems")
    if given is None:
        return items
    try:
        most = int(given)
    except (TypeError, ValueError):
        most = 0
    if most <= 0:
        raise _failed("field MaxItems must be positive")
    if isinstance(items, dict):
        return dict(list(items.items())[:most])
    return items[:most]


def _json(text: str, config: dict[str, Json]) -> Json:
    try:
        value = loads(text)
    except InvalidJson as error:
        raise _failed(f"The item reader's data is not valid JSON: {error}") from None
    pointer = config.get("ItemsPointer")
    if isinstance(pointer, str):
        value = _pointed(value, pointer)
    if not isinstance(value, list | dict):
        raise _failed("Attempting to map over non-iterable node.")
    return value


def _pointed(value: Json, pointer: str) -> Json:
    """The value at a JSON Pointer (RFC 6901)."""
    for step in pointer.split("/")[1:] if pointer else []:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            raise _failed(f"The ItemsPointer '{pointer}' leads to nothing in the item reader's data.")
    return value


def _jsonl(text: str, _config: dict[str, Json]) -> Json:
    try:
        return [loads(line) for line in text.splitlines() if line.strip()]
    except InvalidJson as error:
        raise _failed(f"The item reader's data is not valid JSON Lines: {error}") from None


def _csv(text: str, config: dict[str, Json]) -> Json:
    delimiter = _DELIMITERS.get(str(config.get("CSVDelimiter", "COMMA")), ",")
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=False))
    except csv.Error as error:
        raise _failed(f"The item reader's data is not valid CSV: {error}") from None
    rows = [row for row in rows if row]
    if config.get("CSVHeaderLocation") == "GIVEN":
        headers = config.get("CSVHeaders")
        if not isinstance(headers, list):
            raise _failed("CSV headers must be given.")
    else:
        headers, rows = (rows[0], rows[1:]) if rows else ([], [])
    if len(set(headers)) < len(headers):
        raise _failed("CSV headers cannot contain duplicates.")
    return [dict(zip(headers, row + [""] * (len(headers) - len(row)), strict=False)) for row in rows]


def _parquet(_text: str, _config: dict[str, Json]) -> Json:
    raise _failed("A test cannot give Parquet data as text.")


_READERS: Final = {"JSON": _json, "JSONL": _jsonl, "CSV": _csv, "MANIFEST": _json, "PARQUET": _parquet}
