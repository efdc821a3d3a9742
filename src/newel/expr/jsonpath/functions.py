"""Functions that may end a path: `$.prices.max()`, `$..price.sum()`, `$.list.length()`.

A function receives what the path before it gives (for an indefinite path the array of results) and its arguments.
It raises LookupError or TypeError where it has no answer, which the path reports as not found.
"""

import math
from collections.abc import Callable
from typing import Final

from newel.expr.java import to_string
from newel.json import Json

PathFunction = Callable[[Json, list[Json]], Json]


def _numbers(value: Json, arguments: list[Json]) -> list[float]:
    """The numbers of the array and of the arguments; strings and the like are passed over, as Jayway does."""
    items: list[Json] = list(value) if isinstance(value, list) else []
    for argument in arguments:
        items.extend(argument if isinstance(argument, list) else [argument])
    numbers = [item for item in items if isinstance(item, (int, float)) and not isinstance(item, bool)]
    if not numbers:
        raise LookupError("Aggregation function attempted to calculate value using empty array")
    return numbers


def _min(value: Json, arguments: list[Json]) -> float:
    return float(min(_numbers(value, arguments)))


def _max(value: Json, arguments: list[Json]) -> float:
    return float(max(_numbers(value, arguments)))


def _sum(value: Json, arguments: list[Json]) -> float:
    return float(math.fsum(_numbers(value, arguments)))


def _avg(value: Json, arguments: list[Json]) -> float:
    numbers = _numbers(value, arguments)
    return math.fsum(numbers) / len(numbers)


def _stddev(value: Json, arguments: list[Json]) -> float:
    numbers = _numbers(value, arguments)
    mean = math.fsum(numbers) / len(numbers)
    return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / len(numbers))


def _length(value: Json, arguments: list[Json]) -> Json:
    target = arguments[0] if arguments else value
    return len(target) if isinstance(target, (list, dict)) else None


def _keys(value: Json, _arguments: list[Json]) -> Json:
    if not isinstance(value, dict):
        raise TypeError("keys() needs an object")
    return list(value)


def _concat(value: Json, arguments: list[Json]) -> str:
    parts = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    for argument in arguments:
        parts.extend(map(to_string, argument) if isinstance(argument, list) else [to_string(argument)])
    return "".join(parts)


def _append(value: Json, arguments: list[Json]) -> Json:
    if not isinstance(value, list):
        raise TypeError("append() needs an array")
    return [*value, *arguments]


def _first(value: Json, _arguments: list[Json]) -> Json:
    return _at(value, 0)


def _last(value: Json, _arguments: list[Json]) -> Json:
    return _at(value, -1)


def _index(value: Json, arguments: list[Json]) -> Json:
    if len(arguments) != 1 or not isinstance(arguments[0], int):
        raise LookupError("index() needs an integer")
    return _at(value, arguments[0])


def _at(value: Json, index: int) -> Json:
    if not isinstance(value, list):
        raise TypeError("an array is needed")
    return value[index]


FUNCTIONS: Final[dict[str, PathFunction]] = {
    "min": _min,
    "max": _max,
    "avg": _avg,
    "stddev": _stddev,
    "sum": _sum,
    "length": _length,
    "size": _length,
    "keys": _keys,
    "concat": _concat,
    "append": _append,
    "first": _first,
    "last": _last,
    "index": _index,
}
