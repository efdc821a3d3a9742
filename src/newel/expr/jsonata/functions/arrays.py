"""Functions of arrays."""

from __future__ import annotations

import math
import sys
from collections import deque
from itertools import accumulate
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.numbers import SAFE, is_nan, normal, to_double
from newel.expr.jsonata.runtime import grouping
from newel.expr.jsonata.runtime.calls import callback
from newel.expr.jsonata.runtime.operators import deep_equal, is_numeric, truthy
from newel.expr.jsonata.runtime.sorting import merge_sort, sort_values
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import LISTS, UNDEFINED, KeepSeq, Seq

#: Before Python 3.12 the built-in sum adds doubles one after the other, as JavaScript does; later it compensates.
_PLAIN_SUM: Final = sys.version_info < (3, 12)


def total(values: list[Any]) -> int | float:
    """The sum of numbers, added one after the other as doubles."""
    try:
        result = sum(values) if _PLAIN_SUM or set(map(type, values)) == {int} else math.nan
    except OverflowError:
        result = math.nan
    if result.__class__ is int:
        if -SAFE < result < SAFE:
            return result
    elif -SAFE < result < SAFE:
        return normal(result)
    try:
        return normal(deque(accumulate(values, initial=0.0), maxlen=1)[0])
    except OverflowError:
        return normal(deque(accumulate(map(to_double, values), initial=0.0), maxlen=1)[0])


def summed(_: Runtime, values: Any) -> Any:
    """``$sum(array)``."""
    return UNDEFINED if values is UNDEFINED else total(values)


def count(_: Runtime, values: Any) -> int:
    """``$count(array)``."""
    return 0 if values is UNDEFINED else len(values)


def maximum(_: Runtime, values: Any) -> Any:
    """``$max(array)``."""
    if values is UNDEFINED or not values:
        return UNDEFINED
    return math.nan if any(is_nan(value) for value in values) else max(values)


def minimum(_: Runtime, values: Any) -> Any:
    """``$min(array)``."""
    if values is UNDEFINED or not values:
        return UNDEFINED
    return math.nan if any(is_nan(value) for value in values) else min(values)


def average(_: Runtime, values: Any) -> Any:
    """``$average(array)``."""
    if values is UNDEFINED or not values:
        return UNDEFINED
    return normal(to_double(total(values)) / len(values))


def append(runtime: Runtime, left: Any, right: Any) -> Any:
    """``$append(array1, array2)``."""
    joined = grouping.append(left, right)
    if joined.__class__ is list:
        runtime.check_length(len(joined))
        runtime.charge(len(joined))
    return joined


def reverse(_: Runtime, values: Any) -> Any:
    """``$reverse(array)``."""
    if values is UNDEFINED or len(values) <= 1:
        return values
    return list(reversed(values))


def shuffle(runtime: Runtime, values: Any) -> Any:
    """``$shuffle(array)``: Fisher-Yates, inside out, with randomness out of the environment."""
    if values is UNDEFINED or len(values) <= 1:
        return values
    draw = runtime.needed("shuffle").random
    out: list[Any] = [None] * len(values)
    for at, value in enumerate(values):
        other = math.floor(draw() * (at + 1))
        out[at] = out[other]
        out[other] = value
    return out


def distinct(runtime: Runtime, values: Any) -> Any:
    """``$distinct(array)``: the first of equal members stays."""
    if values.__class__ not in LISTS or len(values) <= 1:
        return values
    out: list[Any] = Seq() if values.__class__ in (Seq, KeepSeq) else []
    seen: set[Any] = set()
    others: list[Any] = []
    for value in values:
        kind = value.__class__
        if kind in (str, int, float, bool, type(None)):
            # True and 1 are one key to Python and two values here.
            mark = (kind is bool, value)
            if mark in seen:
                continue
            seen.add(mark)
        else:
            runtime.charge(len(others))
            if any(deep_equal(value, other) for other in others):
                continue
            others.append(value)
        out.append(value)
    return out


def zipped(_: Runtime, *arrays: Any) -> list[Any]:
    """``$zip(array1, ...)``: as long as the shortest."""
    if not all(array.__class__ in LISTS for array in arrays):
        return []
    return [list(row) for row in zip(*arrays, strict=False)]


def sort(runtime: Runtime, values: Any, comparator: Any = UNDEFINED) -> Any:
    """``$sort(array, comparator)``; the comparator says whether its first argument belongs after its second.

    Raises:
        JsonataError: D3070 for a mixture without a comparator.
    """
    if values is UNDEFINED or len(values) <= 1:
        return values
    runtime.charge(len(values))
    if comparator is UNDEFINED:
        if not all(is_numeric(value) for value in values) and not all(value.__class__ is str for value in values):
            raise JsonataError("D3070", index=1)
        return sort_values(values)
    # Unlike the other higher-order functions, this one always hands over two arguments.
    after = callback(runtime, comparator, 2)
    if comparator.arity < 2:
        one = after
        after = lambda left, _right: one(left)
    return merge_sort(values, lambda left, right: _js_truth(after(left, right)))


def _js_truth(value: Any) -> bool:
    """JavaScript's own idea of truth, which holds for any object."""
    kind = value.__class__
    if kind is bool:
        return bool(value)
    if kind in (int, float):
        return bool(not is_nan(value) and value != 0)
    if kind is str:
        return bool(value)
    return value is not None and value is not UNDEFINED


__all__ = [
    "append",
    "average",
    "count",
    "distinct",
    "maximum",
    "minimum",
    "reverse",
    "shuffle",
    "sort",
    "summed",
    "total",
    "truthy",
    "zipped",
]
