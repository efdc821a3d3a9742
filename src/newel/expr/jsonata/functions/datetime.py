"""Dates: ``$now``, ``$millis``, ``$fromMillis``, ``$toMillis`` and their pictures (XPath F&O 9.8)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.calendar import fragment, moment
from newel.expr.jsonata.functions.integer_pictures import IntegerFormat, analyse_integer, format_whole, parse_int
from newel.expr.jsonata.numbers import is_nan, normal, number_text, to_double
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_DEFAULT_PRESENTATION: Final = {
    "Y": "1", "M": "1", "D": "1", "d": "1", "F": "n", "W": "1", "w": "1", "X": "1", "x": "1", "H": "1", "h": "1",
    "P": "n", "m": "01", "s": "01", "f": "1", "Z": "01:01", "z": "01:01", "C": "n", "E": "n",
}  # fmt: skip
_WHOLE: Final = "YMDdFWwXxHhmsf"
DAYS: Final = ("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_YEAR_DIGITS_MAX: Final = 300
_ISO: Final = "[Y0001]-[M01]-[D01]T[H01]:[m01]:[s01].[f001][Z01:01t]"


@dataclass(slots=True)
class Part:
    """A literal (``component`` is empty) or a marker of a picture. ``names`` is upper, lower or title for names of
    days and months.
    """

    literal: str = ""
    component: str = ""
    presentation: str = ""
    modifier: str = ""
    names: str = ""
    integer: IntegerFormat | None = None
    width_min: Any = None
    width_max: Any = None
    year_digits: Any = -1


def analyse_picture(picture: str) -> list[Part]:
    """The parts of a date picture.

    Raises:
        JsonataError: D3132, D3135 and those of whole numbers.
    """
    parts: list[Part] = []
    start = at = 0
    while at < len(picture):
        if picture[at] != "[":
            at += 1
            continue
        _literal(parts, picture[start:at])
        if picture.startswith("[[", at):
            parts.append(Part("["))
            at += 2
            start = at
            continue
        end = picture.find("]", at)
        if end == -1:
            raise JsonataError("D3135")
        parts.append(_marker("".join(picture[at + 1 : end].split()), parts[-1] if parts else None))
        start = at = end + 1
    _literal(parts, picture[start:])
    return parts


def _literal(parts: list[Part], text: str) -> None:
    if text:
        parts.append(Part(text.replace("]]", "]")))


def _marker(marker: str, previous: Part | None) -> Part:
    part = Part(component=marker[:1])
    presentation, comma, width = marker[1:].rpartition(",")
    if comma:
        low, dash, high = width.partition("-")
        part.width_min = _width(low)
        part.width_max = _width(high) if dash else None
    else:
        presentation = marker[1:]
    if len(presentation) > 1 and presentation[-1] in "atco":
        part.modifier, presentation = presentation[-1], presentation[:-1]
    if not presentation:
        if part.component not in _DEFAULT_PRESENTATION:
            raise JsonataError("D3132", value=part.component)
        presentation = _DEFAULT_PRESENTATION[part.component]
    part.presentation = presentation
    if presentation[0] == "n":
        part.names = "lower"
    elif presentation[0] == "N":
        part.names = "title" if presentation[1:2] == "n" else "upper"
    elif part.component and part.component in _WHOLE:
        _whole_marker(part, previous)
    if part.component in ("Z", "z"):
        part.integer = analyse_integer(presentation)
    return part


def _width(text: str) -> Any:
    return None if text == "*" else parse_int(text)


def _whole_marker(part: Part, previous: Part | None) -> None:
    pattern = f"{part.presentation};{part.modifier}" if part.modifier else part.presentation
    part.integer = analyse_integer(pattern)
    # Formats that aren't digits have no number of mandatory digits in JavaScript, so a width changes nothing there.
    digits = part.integer.primary == "decimal"
    if digits and part.width_min is not None and part.integer.mandatory < part.width_min:
        part.integer.mandatory = part.width_min
    if part.component == "Y":
        if part.width_max is not None:
            part.year_digits = part.width_max
            if part.width_max == part.width_max:
                part.integer.mandatory = part.width_max
        elif digits and part.integer.mandatory + part.integer.optional >= 2:
            part.year_digits = part.integer.mandatory + part.integer.optional
    if previous is not None and previous.integer is not None:
        previous.integer.parse_width = previous.integer.mandatory


def format_moment(ms: Any, picture: Any, timezone: Any) -> str:
    """A timestamp by a picture (ISO 8601 by default) in a timezone (``+hhmm``, UTC by default).

    Raises:
        JsonataError: those of the picture; D3133, D3134.
    """
    hours = minutes = 0
    if timezone is not UNDEFINED:
        offset = parse_int(timezone)
        if is_nan(offset):
            hours = minutes = math.nan  # type: ignore[assignment]
        else:
            hours = math.floor(offset / 100)
            minutes = int(math.fmod(offset, 100))
    parts = analyse_picture(_ISO if picture is UNDEFINED else picture)
    date = moment(ms + (60 * hours + minutes) * 60_000)
    return "".join(part.literal or _component(date, part, hours, minutes) for part in parts)


def _component(date: Any, part: Part, hours: Any, minutes: Any) -> str:
    component = part.component
    if component in ("Z", "z"):
        return _timezone(part, hours, minutes)
    if component not in _DEFAULT_PRESENTATION:
        return "undefined"
    value = fragment(date, component)
    if component == "P":
        return value.upper() if part.names == "upper" else str(value)
    if component in "CE":
        return str(value)
    if component == "f":
        if part.integer is None:
            raise JsonataError("", message="Cannot read properties of undefined (reading 'primary')")
        return format_whole(value, part.integer)
    if component == "Y" and part.year_digits != -1 and part.year_digits < _YEAR_DIGITS_MAX:
        value = math.fmod(value, 10.0**part.year_digits) if not is_nan(value) else value
        value = int(value) if not is_nan(value) else value
    if part.names:
        return _name(part, value)
    assert part.integer is not None
    return format_whole(value, part.integer)


def _name(part: Part, value: Any) -> str:
    if part.component in "Mx":
        names: tuple[str, ...] = MONTHS
        value = value - 1
    elif part.component == "F":
        names = DAYS
    else:
        raise JsonataError("D3133", value=part.component)
    if is_nan(value):
        raise JsonataError("", message="Cannot read properties of undefined")
    name: str = names[value]
    name = {"upper": name.upper(), "lower": name.lower()}.get(part.names, name)
    if part.width_max is not None and len(name) > part.width_max:
        name = name[: part.width_max]
    return name


def _timezone(part: Part, hours: Any, minutes: Any) -> str:
    offset = hours * 100 + minutes
    picture = part.integer
    assert picture is not None
    digits = picture.mandatory
    if picture.regular:
        text = format_whole(offset, picture)
    elif digits in (1, 2):
        text = format_whole(hours, picture)
        if minutes != 0:
            text += ":" + format_whole(minutes, analyse_integer("00"))
    elif digits in (3, 4):
        text = format_whole(offset, picture)
    else:
        raise JsonataError("D3134", value=digits)
    if offset >= 0:
        text = "+" + text
    if part.component == "z":
        text = "GMT" + text
    return "Z" if offset == 0 and part.modifier == "t" else text


def from_millis(_: Runtime, ms: Any, picture: Any = UNDEFINED, timezone: Any = UNDEFINED) -> Any:
    """``$fromMillis(number, picture, timezone)``."""
    return UNDEFINED if ms is UNDEFINED else format_moment(ms, picture, timezone)


def now(runtime: Runtime, picture: Any = UNDEFINED, timezone: Any = UNDEFINED) -> str:
    """``$now(picture, timezone)``: the moment of the evaluation."""
    return format_moment(runtime.needed("now").now_ms, picture, timezone)


def millis(runtime: Runtime) -> int:
    """``$millis()``: the moment of the evaluation, in milliseconds since the epoch."""
    return runtime.needed("millis").now_ms


__all__ = [
    "analyse_picture",
    "format_moment",
    "from_millis",
    "millis",
    "normal",
    "now",
    "number_text",
    "re",
    "to_double",
]
