"""``$formatNumber``: the decimal-format pictures of XPath (F&O 4.7), as jsonata-js reads them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.numbers import round_even
from newel.expr.jsonata.numbers import fixed_text, to_double
from newel.expr.jsonata.runtime.grouping import in_order
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "infinity": "Infinity",
    "minus-sign": "-",
    "NaN": "NaN",
    "percent": "%",
    "per-mille": "\u2030",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}


class _Symbols:
    """The characters with a meaning in a picture."""

    def __init__(self, options: Any) -> None:
        properties = dict(_DEFAULTS)
        if options is not UNDEFINED:
            properties.update(in_order(options))
        self.decimal = properties["decimal-separator"]
        self.grouping = properties["grouping-separator"]
        self.exponent = properties["exponent-separator"]
        self.minus = properties["minus-sign"]
        self.percent = properties["percent"]
        self.per_mille = properties["per-mille"]
        self.zero = properties["zero-digit"]
        self.digit = properties["digit"]
        self.pattern = properties["pattern-separator"]
        if not all(value.__class__ is str for value in vars(self).values()):
            raise JsonataError("", message="The options of formatNumber must be strings")
        first = ord(self.zero[0]) if self.zero else 0
        self.family = [chr(first + number) for number in range(10)] if self.zero else []
        self.active = {*self.family, self.decimal, self.exponent, self.grouping, self.digit, self.pattern}

    def digits(self, text: str) -> int:
        return sum(1 for character in text if character in self.family)

    def places(self, text: str) -> int:
        return sum(1 for character in text if character in self.family or character == self.digit)


@dataclass(frozen=True, slots=True)
class _Parts:
    picture: str
    prefix: str
    suffix: str
    active: str
    mantissa: str
    exponent: str | None
    integer: str
    fraction: str


def _split(picture: str, symbols: _Symbols) -> _Parts:
    ends = [at for at, character in enumerate(picture) if character in symbols.active and character != symbols.exponent]
    prefix = picture[: ends[0]] if ends else ""
    suffix = picture[ends[-1] + 1 :] if ends else ""
    active = picture[len(prefix) : max(len(prefix), len(picture) - len(suffix))]
    at = picture.find(symbols.exponent, len(prefix))
    exponent: str | None = None
    mantissa = active
    if at != -1 and at <= len(picture) - len(suffix):
        mantissa, exponent = active[:at], active[at + 1 :]
    point = mantissa.find(symbols.decimal)
    integer, fraction = (mantissa, suffix) if point == -1 else (mantissa[:point], mantissa[point + 1 :])
    return _Parts(picture, prefix, suffix, active, mantissa, exponent, integer, fraction)


def _check(parts: _Parts, symbols: _Symbols) -> None:
    """The rules of F&O 4.7.3; of several broken ones the last counts."""
    broken = [code for code, is_broken in _rules(parts, symbols) if is_broken]
    if broken:
        raise JsonataError(broken[-1])


def _rules(parts: _Parts, symbols: _Symbols) -> list[tuple[str, bool]]:
    picture, fraction, exponent = parts.picture, parts.fraction, parts.exponent
    point = picture.find(symbols.decimal)
    percent, per_mille = symbols.percent in picture, symbols.per_mille in picture
    beside = (picture[point - 1 : point] if point > 0 else "", picture[point + 1 : point + 2])
    optional = parts.integer.find(symbols.digit)
    last_optional = fraction.rfind(symbols.digit)
    return [
        ("D3081", point != picture.rfind(symbols.decimal)),
        ("D3082", picture.find(symbols.percent) != picture.rfind(symbols.percent)),
        ("D3083", picture.find(symbols.per_mille) != picture.rfind(symbols.per_mille)),
        ("D3084", percent and per_mille),
        ("D3085", symbols.places(parts.mantissa) == 0),
        ("D3086", any(character not in symbols.active for character in parts.active)),
        ("D3087", point != -1 and symbols.grouping in beside),
        ("D3088", point == -1 and parts.integer[-1:] == symbols.grouping),
        ("D3089", symbols.grouping * 2 in picture),
        ("D3090", optional != -1 and symbols.digits(parts.integer[:optional]) > 0),
        ("D3091", last_optional != -1 and symbols.digits(fraction[last_optional:]) > 0),
        ("D3092", bool(exponent) and (percent or per_mille)),
        ("D3093", exponent is not None and (not exponent or symbols.digits(exponent) < len(exponent))),
    ]


@dataclass(frozen=True, slots=True)
class _Layout:
    picture: str
    prefix: str
    suffix: str
    groups: list[int]
    regular: int
    fraction_groups: list[int]
    integer_min: int
    scaling: int
    fraction_min: int
    fraction_max: int
    exponent_min: int


def _group_positions(part: str, integer: str, symbols: _Symbols, *, to_left: bool) -> list[int]:
    positions = []
    at = part.find(symbols.grouping)
    while at != -1:
        positions.append(symbols.places(part[:at] if to_left else part[at:]))
        # jsonata-js goes on searching in the integer part, for the fraction too.
        at = integer.find(symbols.grouping, at + 1)
    return positions


def regular_interval(positions: list[int]) -> int:
    """The interval of evenly spaced grouping separators, or 0."""
    if not positions:
        return 0
    factor = math.gcd(*positions)
    return factor if all(factor * number in positions for number in range(1, len(positions) + 1)) else 0


def _analyse(parts: _Parts, symbols: _Symbols) -> _Layout:
    """F&O 4.7.4."""
    groups = _group_positions(parts.integer, parts.integer, symbols, to_left=False)
    integer_min = scaling = symbols.digits(parts.integer)
    fraction_min, fraction_max = symbols.digits(parts.fraction), symbols.places(parts.fraction)
    exponent = parts.exponent
    if integer_min == 0 and fraction_max == 0:
        if exponent is not None:
            fraction_min = fraction_max = 1
        else:
            integer_min = 1
    if exponent is not None and integer_min == 0 and symbols.digit in parts.integer:
        integer_min = 1
    if integer_min == 0 and fraction_min == 0:
        fraction_min = 1
    return _Layout(
        picture=parts.picture,
        prefix=parts.prefix,
        suffix=parts.suffix,
        groups=groups,
        regular=regular_interval(groups),
        fraction_groups=_group_positions(parts.fraction, parts.integer, symbols, to_left=True),
        integer_min=integer_min,
        scaling=scaling,
        fraction_min=fraction_min,
        fraction_max=fraction_max,
        exponent_min=symbols.digits(exponent) if exponent is not None else 0,
    )


def _scale(value: float, layout: _Layout) -> tuple[float, int | None]:
    if layout.exponent_min == 0:
        return value, None
    top, bottom = 10.0**layout.scaling, 10.0 ** (layout.scaling - 1)
    exponent = 0
    if value != 0 and math.isfinite(value):
        while abs(value) < bottom:
            value *= 10
            exponent -= 1
        while abs(value) > top:
            value /= 10
            exponent += 1
    return value, exponent


def _digits(value: float, places: int, symbols: _Symbols) -> str:
    text = fixed_text(value, places)
    if symbols.zero == "0":
        return text
    return "".join(symbols.family[ord(digit) - 48] if "0" <= digit <= "9" else digit for digit in text)


def format_number(runtime: Runtime, value: Any, picture: Any, options: Any = UNDEFINED) -> Any:
    """``$formatNumber(number, picture, options)``.

    Raises:
        JsonataError: D3080-D3093 for the picture.
    """
    if value is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        raise JsonataError("", message="Cannot read properties of undefined (reading 'split')")
    symbols = _Symbols(options)
    pictures = picture.split(symbols.pattern) if symbols.pattern else list(picture)
    if len(pictures) > 2:
        raise JsonataError("D3080")
    runtime.check_text(len(picture))
    split = [_split(part, symbols) for part in pictures]
    for parts in split:
        _check(parts, symbols)
    layouts = [_analyse(parts, symbols) for parts in split]
    if len(layouts) == 1:
        layouts.append(replace(layouts[0], prefix=symbols.minus + layouts[0].prefix))
    return _formatted(to_double(value), layouts[0] if value >= 0 else layouts[1], symbols)


def _formatted(value: float, layout: _Layout, symbols: _Symbols) -> str:
    if symbols.percent in layout.picture:
        value *= 100
    elif symbols.per_mille in layout.picture:
        value *= 1000
    mantissa, exponent = _scale(value, layout)
    rounded = round_even(mantissa, layout.fraction_max)
    text = _digits(to_double(rounded), layout.fraction_max, symbols)
    text = text + symbols.decimal if "." not in text else text.replace(".", symbols.decimal, 1)
    text = _pad(text, layout, symbols)
    text = _group(text, layout, symbols)
    point = text.find(symbols.decimal)
    if symbols.decimal not in layout.picture or point == len(text) - 1:
        text = text[:-1]
    if exponent is not None:
        digits = _digits(exponent, 0, symbols)
        digits = symbols.zero * max(0, layout.exponent_min - len(digits)) + digits
        text += symbols.exponent + (symbols.minus if exponent < 0 else "") + digits
    return layout.prefix + text + layout.suffix


def _pad(text: str, layout: _Layout, symbols: _Symbols) -> str:
    zero = symbols.zero
    start, end = 0, len(text)
    while start < end and text[start] == zero:
        start += 1
    while end > start and text[end - 1] == zero:
        end -= 1
    text = text[start:end]
    point = text.find(symbols.decimal)
    left = layout.integer_min - point
    right = layout.fraction_min - (len(text) - point - 1)
    return zero * max(0, left) + text + zero * max(0, right)


def _group(text: str, layout: _Layout, symbols: _Symbols) -> str:
    point = text.find(symbols.decimal)
    if layout.regular > 0:
        for number in range(1, (point - 1) // layout.regular + 1):
            at = point - number * layout.regular
            text = _insert(text, at, symbols.grouping)
    else:
        for position in layout.groups:
            text = _insert(text, point - position, symbols.grouping)
            point += 1
    point = text.find(symbols.decimal)
    for position in layout.fraction_groups:
        text = _insert(text, position + point + 1, symbols.grouping)
    return text


def _insert(text: str, at: int, what: str) -> str:
    return text[:at] + what + text[at:]
