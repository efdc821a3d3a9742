"""Operators: the general cases. Generated code handles plain numbers and strings itself and comes here for the rest."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.json_text import to_json
from newel.expr.jsonata.numbers import SAFE, is_nan, normal, number_text, precise, to_double
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import FUNCTIONS, LISTS, UNDEFINED, Seq

__all__ = [
    "add",
    "boolean",
    "compare",
    "concat",
    "deep_equal",
    "divide",
    "equal",
    "includes",
    "is_numeric",
    "less_units",
    "modulo",
    "multiply",
    "negate",
    "span",
    "string_of",
    "subtract",
    "truthy",
    "unequal",
]

_RANGE_MAX: Final = 10_000_000


def is_numeric(value: Any) -> bool:
    """Whether a value counts as a number; NaN doesn't.

    Raises:
        JsonataError: D1001 for an infinity.
    """
    kind = value.__class__
    if kind is int:
        return True
    if kind is not float or is_nan(value):
        return False
    if math.isinf(value):
        raise JsonataError("D1001", value=value)
    return True


def _numbers(left: Any, right: Any) -> bool:
    """Whether both sides are there; they must be numbers then."""
    if left is not UNDEFINED and not is_numeric(left):
        raise JsonataError("T2001", value=left)
    if right is not UNDEFINED and not is_numeric(right):
        raise JsonataError("T2002", value=right)
    return left is not UNDEFINED and right is not UNDEFINED


def _small(left: Any, right: Any) -> bool:
    return left.__class__ is int and right.__class__ is int and -SAFE <= left <= SAFE and -SAFE <= right <= SAFE


def add(left: Any, right: Any) -> Any:
    """``left + right``."""
    return normal(to_double(left) + to_double(right)) if _numbers(left, right) else UNDEFINED


def subtract(left: Any, right: Any) -> Any:
    """``left - right``."""
    return normal(to_double(left) - to_double(right)) if _numbers(left, right) else UNDEFINED


def multiply(left: Any, right: Any) -> Any:
    """``left * right``."""
    return normal(to_double(left) * to_double(right)) if _numbers(left, right) else UNDEFINED


def divide(left: Any, right: Any) -> Any:
    """``left / right``; by zero it is infinite, or NaN for 0 / 0."""
    if not _numbers(left, right):
        return UNDEFINED
    if right == 0:
        if left == 0:
            return math.nan
        return math.inf if left > 0 else -math.inf
    if _small(left, right):
        whole, rest = divmod(left, right)
        return whole if rest == 0 else left / right
    return normal(to_double(left) / to_double(right))


def modulo(left: Any, right: Any) -> Any:
    """``left % right``, with the sign of the left side."""
    if not _numbers(left, right):
        return UNDEFINED
    if right == 0:
        return math.nan
    return normal(math.fmod(to_double(left), to_double(right)))


def negate(value: Any) -> Any:
    """``-value``."""
    if value is UNDEFINED:
        return UNDEFINED
    if is_numeric(value):
        return -value if value.__class__ is int else normal(-value)
    raise JsonataError("D1002", value=value)


def deep_equal(left: Any, right: Any) -> bool:
    """Equality of values, member by member; true is not 1."""
    kind, other = left.__class__, right.__class__
    if kind is other and (kind is str or kind is int or kind is float or kind is bool):
        return bool(left == right)
    if left is right:
        return True
    if kind in LISTS:
        return other in LISTS and len(left) == len(right) and all(map(deep_equal, left, right))
    if kind is dict:
        return other is dict and left.keys() == right.keys() and all(deep_equal(left[key], right[key]) for key in left)
    if kind in (int, float) and other in (int, float):
        return bool(left == right)
    return False


def equal(left: Any, right: Any) -> bool:
    """``left = right``; false when a side is missing."""
    return left is not UNDEFINED and right is not UNDEFINED and deep_equal(left, right)


def unequal(left: Any, right: Any) -> bool:
    """``left != right``; false when a side is missing."""
    return left is not UNDEFINED and right is not UNDEFINED and not deep_equal(left, right)


def less_units(left: str, right: str) -> bool:
    """Whether a string comes first by UTF-16 units, JavaScript's order."""
    if left.isascii() or right.isascii():
        return left < right
    return left.encode("utf-16-be", "surrogatepass") < right.encode("utf-16-be", "surrogatepass")


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {"<": lt, "<=": le, ">": gt, ">=": ge}


def compare(left: Any, right: Any, operator: str) -> Any:
    """``left < right`` and its kin: undefined when a side is missing.

    Raises:
        JsonataError: T2010 for what has no order, T2009 for a number with a string.
    """
    kind, other = _ordered(left), _ordered(right)
    if kind == "" or other == "":
        raise JsonataError("T2010", value=left if kind in ("", "m") else right)
    if kind == "m" or other == "m":
        return UNDEFINED
    if kind != other:
        raise JsonataError("T2009", value=left, value2=right)
    if kind == "s" and not (left.isascii() or right.isascii()):
        left = left.encode("utf-16-be", "surrogatepass")
        right = right.encode("utf-16-be", "surrogatepass")
    return _COMPARISONS[operator](left, right)


def _ordered(value: Any) -> str:
    """N for a number, s for a string, m for a missing value, nothing for what has no order."""
    kind = value.__class__
    if kind is int or kind is float:
        return "n"
    if kind is str:
        return "s"
    return "m" if value is UNDEFINED else ""


def boolean(value: Any) -> Any:
    """A value's truth: undefined for undefined.

    Raises:
        JsonataError: D1001 for an infinity.
    """
    kind = value.__class__
    if kind is bool:
        return value
    if kind is str or kind is dict:
        return len(value) > 0
    if value is UNDEFINED:
        return UNDEFINED
    if kind in LISTS:
        if len(value) == 1:
            return boolean(value[0])
        return any(truthy(item) for item in value)
    return kind in (int, float) and is_numeric(value) and value != 0


def truthy(value: Any) -> bool:
    """A value's truth, undefined being false."""
    return boolean(value) is True


def _precise_number(value: Any) -> str:
    if value.__class__ is int:
        return int.__repr__(value)
    if is_nan(value):
        return "null"
    if math.isinf(value):
        raise JsonataError("D1001", value=value)
    return number_text(value if value.is_integer() else precise(value))


def string_of(value: Any, prettify: Any = False) -> str:
    """``$string`` of a value that is there.

    Raises:
        JsonataError: D3001 for an infinity or NaN, D1001 for an infinity inside.
    """
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is int:
        return int.__repr__(value)
    if kind in FUNCTIONS:
        return ""
    if kind is float:
        if not math.isfinite(value):
            raise JsonataError("D3001", value=value)
        return _precise_number(value)
    return to_json(value, number=_precise_number, function='""', indent=2 if truthy(prettify) else 0) or ""


def concat(runtime: Runtime, left: Any, right: Any) -> str:
    """``left & right``; what is missing is the empty string."""
    text = ("" if left is UNDEFINED else string_of(left)) + ("" if right is UNDEFINED else string_of(right))
    runtime.check_text(len(text))
    return text


def span(runtime: Runtime, low: Any, high: Any) -> Any:
    """``low..high``.

    Raises:
        JsonataError: T2003, T2004 for what isn't whole; D2014, D2015 for too many.
    """
    if low is not UNDEFINED and not _is_whole(low):
        raise JsonataError("T2003", value=low)
    if high is not UNDEFINED and not _is_whole(high):
        raise JsonataError("T2004", value=high)
    if low is UNDEFINED or high is UNDEFINED or low > high:
        return UNDEFINED
    low, high = int(low), int(high)
    size = high - low + 1
    if size > _RANGE_MAX:
        raise JsonataError("D2014", value=size)
    if size > runtime.sequence_max:
        raise JsonataError("D2015", value=size)
    runtime.charge(size)
    return Seq(range(low, high + 1))


def _is_whole(value: Any) -> bool:
    return value.__class__ is int or (value.__class__ is float and value.is_integer())


def includes(left: Any, right: Any) -> bool:
    """``left in right``: equal to a member, by identity for arrays and objects."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    members = right if right.__class__ in LISTS else [right]
    kind = left.__class__
    if kind is str:
        return left in members
    if kind is int or kind is float:
        return any(item.__class__ in (int, float) and item == left for item in members)
    return any(item is left for item in members)
