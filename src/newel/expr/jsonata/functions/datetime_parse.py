"""``$toMillis``: ISO 8601 timestamps, and any text by a picture."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.calendar import DAY_MS, fragment, moment, utc
from newel.expr.jsonata.functions.datetime import DAYS, MONTHS, Part, analyse_picture
from newel.expr.jsonata.functions.integer_pictures import WORD_VALUES, IntegerFormat, parse_int, parse_whole
from newel.expr.jsonata.numbers import is_nan, normal, to_double
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_ISO: Final = re.compile(
    r"(\d{4})(-[01]\d)?(-[0-3]\d)?(T[0-2]\d:[0-5]\d:[0-5]\d)?(\.\d+)?([+-][0-2]\d:?[0-5]\d|Z)?", re.ASCII
)
_SPECIAL: Final = re.compile(r"[.*+?^${}()|\[\]\\]")
_WORDS_PATTERN: Final = "(?:" + "|".join([*WORD_VALUES, "and", r"[\-, ]"]) + ")+"
_Reader = Callable[[str], Any]


def to_millis(runtime: Runtime, text: Any, picture: Any = UNDEFINED) -> Any:
    """``$toMillis(timestamp, picture)``: milliseconds since the epoch; undefined when the text doesn't fit the picture.

    Raises:
        JsonataError: D3110 for what isn't ISO 8601, D3136 for a picture with gaps.
    """
    if text is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        return _iso(text)
    return _by_picture(runtime, text, picture)


def _iso(text: str) -> Any:
    found = _ISO.fullmatch(text)
    if found is None:
        raise JsonataError("D3110", value=text)
    year, month, day, time, fraction, zone = found.groups()
    if time is None and (fraction or zone):
        return _iso_without_time(year, month, day, fraction, zone)
    months, days = int((month or "-01")[1:]), int((day or "-01")[1:])
    if month is None and day is not None:
        return math.nan
    hours, minutes, seconds = (int(part) for part in time[1:].split(":")) if time else (0, 0, 0)
    ms = int((fraction or ".0")[1:4].ljust(3, "0"))
    if not (1 <= months <= 12 and 1 <= days <= _days_in(int(year), months)):
        return math.nan
    if hours > 24 or (hours == 24 and (minutes or seconds or ms)):
        return math.nan
    offset = _offset(zone)
    base = _year_start(int(year), months - 1, days)
    return base + hours * 3_600_000 + minutes * 60_000 + seconds * 1000 + ms - offset


def _iso_without_time(year: str, month: str | None, day: str | None, fraction: str | None, zone: str | None) -> Any:
    # JavaScript's grammar has no such form; V8 reads a zone after a plain date all the same.
    if fraction is not None or zone is None:
        return math.nan
    months, days = int((month or "-01")[1:]), int((day or "-01")[1:])
    if not (1 <= months <= 12 and 1 <= days <= 31):
        return math.nan
    return _year_start(int(year), months - 1, days) - _offset(zone)


def _days_in(year: int, month: int) -> int:
    # V8 takes any day up to 31 for any month and carries over.
    del year, month
    return 31


def _year_start(year: int, month: int, day: int) -> Any:
    base = utc(2000 + year % 400, month, day)
    return base + (year - 2000 - year % 400) // 400 * 146_097 * DAY_MS


def _offset(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    digits = zone[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return (-minutes if zone[0] == "-" else minutes) * 60_000


def _by_picture(runtime: Runtime, text: str, picture: str) -> Any:
    parts = analyse_picture(picture)
    readers = [_reader(part) for part in parts]
    pattern = "".join(f"({pattern})" for pattern, _ in readers)
    found = re.compile(pattern, re.IGNORECASE).fullmatch(text)
    if found is None:
        return UNDEFINED
    values: dict[str, Any] = {}
    for number, (part, (_, reader)) in enumerate(zip(parts, readers, strict=True), 1):
        if reader is not None:
            values[part.component] = reader(found.group(number))
    return _assemble(runtime, values) if values else UNDEFINED


def _reader(part: Part) -> tuple[str, _Reader | None]:
    if not part.component and part.literal:
        return _SPECIAL.sub(r"\\\g<0>", part.literal), None
    if part.component in ("Z", "z"):
        return _zone_reader(part)
    if part.component == "f":
        return "[0-9]+", lambda text: normal(float("0." + text[:3]) * 1000)
    if part.integer is not None:
        return _whole_pattern(part.integer), lambda text: parse_whole(text, part.integer)
    names = _names(part)
    return "[a-zA-Z]+", lambda text: names.get(text, UNDEFINED)


def _names(part: Part) -> dict[str, int]:
    width = None if part.width_max is None or part.width_max != part.width_max else part.width_max
    if part.component in ("M", "x"):
        return {name[:width] if width else name: number for number, name in enumerate(MONTHS, 1)}
    if part.component == "F":
        return {name[:width] if width else name: number for number, name in enumerate(DAYS) if number}
    if part.component == "P":
        return {"am": 0, "AM": 0, "pm": 1, "PM": 1}
    raise JsonataError("D3133", value=part.component)


def _whole_pattern(picture: IntegerFormat) -> str:
    upper = picture.case == "upper"
    if picture.primary == "letters":
        return "[A-Z]+" if upper else "[a-z]+"
    if picture.primary == "roman":
        return "[MDCLXVI]+" if upper else "[mdclxvi]+"
    if picture.primary == "words":
        return _WORDS_PATTERN
    if picture.primary != "decimal":
        raise JsonataError("D3130", value=picture.token)
    digits = "[0-9]" + (f"{{{int(picture.parse_width)}}}" if picture.parse_width else "+")
    return digits + ("(?:th|st|nd|rd)" if picture.ordinal else "")


def _zone_reader(part: Part) -> tuple[str, _Reader]:
    picture = part.integer
    assert picture is not None
    separator = picture.separators[0][1] if picture.regular else ""
    prefix = "GMT" if part.component == "z" else ""
    pattern = prefix + "[-+][0-9]+" + (f"{separator}[0-9]+" if separator else "")

    def read(text: str) -> Any:
        text = text[len(prefix) :]
        if separator:
            hours, _, minutes = text.partition(separator)
            return parse_int(hours) * 60 + parse_int(minutes)
        if len(text) <= 3:
            return parse_int(text) * 60
        return parse_int(text[:3]) * 60 + parse_int(text[3:])

    return pattern, read


def _present(values: dict[str, Any], letters: str) -> int:
    """A bit for each component that is there and isn't zero, the first letter the highest."""
    mask = 0
    for letter in letters:
        value = values.get(letter, UNDEFINED)
        mask = mask * 2 + (value is not UNDEFINED and not is_nan(value) and value != 0)
    return mask


def _is_kind(kind: int, mask: int) -> bool:
    return not (~kind & mask) and bool(kind & mask)


def _assemble(runtime: Runtime, values: dict[str, Any]) -> Any:
    mask = _present(values, "YXMxWwdD")
    date_a = _is_kind(0b10100001, mask)
    date_b = not date_a and _is_kind(0b10000010, mask)
    date_c = _is_kind(0b01010100, mask)
    date_d = not date_c and _is_kind(0b01001000, mask)
    mask = _present(values, "PHhmsf")
    half_days = not _is_kind(0b010111, mask) and _is_kind(0b101111, mask)
    date = "YD" if date_b else "XxwF" if date_c else "XWF" if date_d else "YMD"
    _fill(runtime, values, date + ("Phmsf" if half_days else "Hmsf"))
    if date_c or date_d:
        raise JsonataError("D3136")
    month = values["M"] - 1 if _over_zero(values.get("M", UNDEFINED)) else 0
    day = values["D"]
    if date_b:
        derived = moment(utc(values["Y"], 0) + (values["d"] - 1) * DAY_MS)
        month, day = (derived.month, derived.day) if derived else (math.nan, math.nan)
    hour = values["h"] % 12 + (12 if values["P"] == 1 else 0) if half_days else values["H"]
    if half_days and values["h"] != 12:
        hour = values["h"] + (12 if values["P"] == 1 else 0)
    result = utc(*(_number(part) for part in (values["Y"], month, day, hour, values["m"], values["s"], values["f"])))
    zone = _zone(values)
    return normal(to_double(result - zone * 60_000)) if zone else result


def _over_zero(value: Any) -> bool:
    return value is not UNDEFINED and value > 0


def _number(value: Any) -> Any:
    return math.nan if value is UNDEFINED else value


def _zone(values: dict[str, Any]) -> Any:
    return values.get("Z") or values.get("z") or 0


def _fill(runtime: Runtime, values: dict[str, Any], components: str) -> None:
    """What is missing before the first component given is that of now, what is missing after it is the least; gaps are
    an error.
    """
    started = ended = False
    for component in components:
        if values.get(component, UNDEFINED) is UNDEFINED:
            if started:
                values[component] = 1 if component in "MDd" else 0
                ended = True
            else:
                values[component] = fragment(moment(runtime.needed("toMillis").now_ms), component)
        else:
            started = True
            if ended:
                raise JsonataError("D3136")
