"""JavaScript's numbers on Python's: how they print, and what arithmetic gives.

Whole numbers are ``int`` up to 1e21, everything else ``float``. An ``int`` beyond 2^53 that comes in with the data
passes through unchanged; as soon as it is calculated with, it is the double JavaScript would have had.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

__all__ = [
    "SAFE",
    "fixed_text",
    "is_nan",
    "normal",
    "number_text",
    "precise",
    "round_half_up",
    "to_double",
]

SAFE: Final = 2**53
_WHOLE_MAX: Final = 1e21
_FIFTEEN: Final = Context(prec=15, rounding=ROUND_HALF_UP)
_SHORT_REPR: Final = 16


def normal(value: float) -> int | float:
    """A double as the language shows it: whole numbers are ``int``, minus zero is zero."""
    if value.__class__ is float and value.is_integer() and -_WHOLE_MAX < value < _WHOLE_MAX:
        # Beyond 2^53 the digits are those JavaScript would print, which stand for the same double.
        return int(value) if -SAFE <= value <= SAFE else int(Decimal(repr(value)))
    return value


def is_nan(value: Any) -> bool:
    """Whether a value is the number that isn't one."""
    return value.__class__ is float and math.isnan(value)


def to_double(value: Any) -> float:
    """The double nearest to a number (an ``int`` of any size)."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def number_text(value: float) -> str:
    """``Number.prototype.toString`` for a finite number; an ``int`` of any size keeps its digits."""
    if isinstance(value, int):
        return int.__repr__(value)
    if value.is_integer() and -_WHOLE_MAX < value < _WHOLE_MAX:
        return repr(normal(value))
    if is_nan(value):
        return "NaN"
    if value in (math.inf, -math.inf):
        return "Infinity" if value > 0 else "-Infinity"
    return _fraction_text(value)


def _fraction_text(value: float) -> str:
    text = repr(value)
    if "e" not in text:
        # Python turns to exponents below 1e-4, JavaScript below 1e-6.
        return text
    mantissa, _, exponent = text.partition("e")
    power = int(exponent)
    sign = ""
    if mantissa.startswith("-"):
        sign, mantissa = "-", mantissa[1:]
    if -7 < power < 0:
        digits = mantissa.replace(".", "")
        return f"{sign}0.{'0' * (-power - 1)}{digits}"
    mantissa = mantissa.removesuffix(".0")
    return f"{sign}{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"


def precise(value: float) -> float:
    """``Number(value.toPrecision(15))``: what ``$string`` does to a number that isn't whole."""
    if len(repr(value)) < _SHORT_REPR:
        return value
    return float(_FIFTEEN.create_decimal_from_float(value))


def fixed_text(value: float, digits: int) -> str:
    """``Math.abs(value).toFixed(digits)``: exact, ties away from zero."""
    value = abs(value)
    if value >= _WHOLE_MAX or is_nan(value):
        return number_text(value)
    return format(
        Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=Context(prec=400)), "f"
    )


def round_half_up(value: float) -> float:
    """``Math.round``: ties towards plus infinity."""
    if not math.isfinite(value):
        return value
    floor = math.floor(value)
    return float(floor + 1) if value - floor >= 0.5 else float(floor)
