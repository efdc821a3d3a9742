"""URL encoding of query parameters and form bodies.

Nested members become `a[b]=…`; how arrays are written is the definition's choice (Developer Guide, "Applying
URL-encoding on request body"). Pairs keep the order of the JSON. Null is an empty value, empty arrays and objects
leave nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from urllib.parse import parse_qsl, quote

from newel.json import Json, dumps

ArrayFormat = Literal["INDICES", "REPEAT", "COMMAS", "BRACKETS"]
Pair = tuple[str, str]


def form_encode(body: dict[str, Json], array_format: ArrayFormat) -> str:
    """A form body (`application/x-www-form-urlencoded`)."""
    return "&".join(f"{_quote(key)}={text}" for key, text in _encoded(body, array_format))


def query_encode(pairs: list[Pair]) -> str:
    """Pairs as a query string."""
    return "&".join(f"{_quote(key)}={_quote(value)}" for key, value in pairs)


def query_pairs(parameters: Json) -> list[Pair]:
    """`QueryParameters` as pairs: an object (an array repeats its key), a query string, or an array of either."""
    if parameters is None:
        return []
    if isinstance(parameters, str):
        return parse_qsl(parameters.removeprefix("?"), keep_blank_values=True)
    if isinstance(parameters, list):
        return [pair for item in parameters for pair in query_pairs(item)]
    if isinstance(parameters, dict):
        return [pair for key, value in parameters.items() for pair in _flat(key, value, "REPEAT")]
    return [(scalar_text(parameters), "")]


def scalar_text(value: Json) -> str:
    """A value where text is needed: strings as they are, null as nothing, anything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else dumps(value)


def _encoded(body: dict[str, Json], array_format: ArrayFormat) -> Iterator[Pair]:
    """Pairs whose values are quoted; a comma between the items of an array stays a comma."""
    if array_format != "COMMAS":
        for key, value in body.items():
            for name, text in _flat(key, value, array_format):
                yield name, _quote(text)
        return
    for key, value in body.items():
        yield from _with_commas(key, value)


def _with_commas(key: str, value: Json) -> Iterator[Pair]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _with_commas(f"{key}[{name}]", member)
    elif isinstance(value, list):
        if value:
            yield key, ",".join(_quote(scalar_text(item)) for item in value)
    else:
        yield key, _quote(scalar_text(value))


def _flat(key: str, value: Json, array_format: ArrayFormat) -> Iterator[Pair]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _flat(f"{key}[{name}]", member, array_format)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flat(_item_key(key, index, array_format), item, array_format)
    else:
        yield key, scalar_text(value)


def _item_key(key: str, index: int, array_format: ArrayFormat) -> str:
    if array_format == "INDICES":
        return f"{key}[{index}]"
    return f"{key}[]" if array_format == "BRACKETS" else key


def _quote(text: str) -> str:
    # Lone surrogates, which JSON can hold as escapes, have no UTF-8.
    return quote(text.encode("utf-8", "replace"), safe="*")
