"""Functions of numbers."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.numbers import SAFE, normal, number_text, round_half_up, to_double
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee][-+]?[0-9]+)?")
_OTHER_BASE: Final = re.compile(r"\A0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][0-1]+\Z")
_WHOLE_OTHER_BASE: Final = re.compile(r"0[xX][0-9A-Fa-f]+|0[oO][0-7]+|0[bB][0-1]+")
_BLANKS: Final = "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def number(_: Runtime, value: Any) -> Any:
    """``$number(value)``: from a string (decimal, 0x, 0o, 0b) or a boolean.

    Raises:
        JsonataError: D3030.
    """
    kind = value.__class__
    if value is UNDEFINED or kind is int or kind is float:
        return value
    if kind is bool:
        return int(value)
    if kind is str:
        if _DECIMAL.fullmatch(value):
            result = float(value)
            if math.isfinite(result):
                return normal(result)
        if _OTHER_BASE.search(value):
            text = value.strip(_BLANKS)
            return normal(to_double(int(text, 0))) if _WHOLE_OTHER_BASE.fullmatch(text) else math.nan
    raise JsonataError("D3030", value=value, index=1)


def absolute(_: Runtime, value: Any) -> Any:
    """``$abs(number)``."""
    return UNDEFINED if value is UNDEFINED else abs(value)


def floor(_: Runtime, value: Any) -> Any:
    """``$floor(number)``."""
    if value is UNDEFINED or value.__class__ is int or not math.isfinite(value):
        return value
    return normal(float(math.floor(value)))


def ceil(_: Runtime, value: Any) -> Any:
    """``$ceil(number)``."""
    if value is UNDEFINED or value.__class__ is int or not math.isfinite(value):
        return value
    return normal(float(math.ceil(value)))


def round_even(value: Any, precision: Any = UNDEFINED) -> Any:
    """Round to a precision (digits after the point; negative: before it), ties to the even neighbour."""
    shifted = precision is not UNDEFINED and precision != 0
    if shifted:
        value = _shift(value, precision)
    elif value.__class__ is int and -SAFE <= value <= SAFE:
        return value
    value = to_double(value)
    result = round_half_up(value)
    if abs(result - value) == 0.5 and abs(math.fmod(result, 2)) == 1:
        result -= 1
    if shifted:
        result = _shift(normal(result), -precision)
    return normal(result)


def _shift(value: Any, places: Any) -> float:
    """The decimal point moved by text, which doesn't round."""
    mantissa, _, exponent = number_text(value).partition("e")
    total = number_text(normal(to_double(int(exponent) + places if exponent else places)))
    try:
        return float(f"{mantissa}e{total}")
    except ValueError:
        return math.nan


def rounded(_: Runtime, value: Any, precision: Any = UNDEFINED) -> Any:
    """``$round(number, precision)``."""
    if value.__class__ not in (int, float):
        # Anything but undefined gets here by partial application only.
        return UNDEFINED if value is UNDEFINED else math.nan
    return round_even(value, precision)


def sqrt(_: Runtime, value: Any) -> Any:
    """``$sqrt(number)``.

    Raises:
        JsonataError: D3060 for a negative number.
    """
    if value is UNDEFINED:
        return UNDEFINED
    if value < 0:
        raise JsonataError("D3060", value=value, index=1)
    return normal(math.sqrt(to_double(value)))


def power(_: Runtime, base: Any, exponent: Any) -> Any:
    """``$power(base, exponent)``.

    Raises:
        JsonataError: D3061 when the result isn't finite.
    """
    if base is UNDEFINED:
        return UNDEFINED
    result = math.nan
    if exponent is not UNDEFINED:
        try:
            result = math.pow(to_double(base), to_double(exponent))
        except (ValueError, OverflowError, TypeError):
            result = math.nan
    if not math.isfinite(result):
        raise JsonataError("D3061", value=base, index=1, exp=exponent)
    return normal(result)


def format_base(_: Runtime, value: Any, radix: Any = UNDEFINED) -> Any:
    """``$formatBase(number, radix)``.

    Raises:
        JsonataError: D3100 for a radix that isn't from 2 to 36.
    """
    if value is UNDEFINED:
        return UNDEFINED
    value = round_even(value)
    base = 10 if radix is UNDEFINED else round_even(radix)
    if base < 2 or base > 36:
        raise JsonataError("D3100", value=base)
    if base == 10 or not math.isfinite(value):
        return number_text(value)
    return ("-" if value < 0 else "") + _in_base(abs(value), base)


def _in_base(value: Any, base: int) -> str:
    digits = []
    whole = to_double(value)
    # JavaScript fills up with zeros where a double has no more digits to give.
    while whole / base >= SAFE:
        whole /= base
        digits.append("0")
    while True:
        rest = math.fmod(whole, base)
        digits.append(_DIGITS[int(rest)])
        whole = (whole - rest) / base
        if whole <= 0:
            return "".join(reversed(digits))


def random(runtime: Runtime) -> float:
    """``$random()``: from 0 up to 1, out of the environment."""
    return normal(runtime.needed("random").random())
