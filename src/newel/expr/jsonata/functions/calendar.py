"""The proleptic Gregorian calendar in UTC, by JavaScript's rules, for any year a timestamp can have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from newel.expr.jsonata.numbers import is_nan

__all__ = ["DAY_MS", "Moment", "fragment", "moment", "utc"]

DAY_MS: Final = 86_400_000
_TIME_MAX: Final = 8.64e15


@dataclass(frozen=True, slots=True)
class Moment:
    """A timestamp taken apart; months from 0, days of the week from Sunday."""

    ms: int
    year: int
    month: int
    day: int
    weekday: int
    hour: int
    minute: int
    second: int
    fraction: int


def _days(year: int, month: int, day: int) -> int:
    """Days since the epoch; ``month`` from 0, ``day`` any number."""
    year += month // 12
    month = month % 12 + 1
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468 + day - 1


def utc(
    year: Any, month: Any = 0, day: Any = 1, hour: Any = 0, minute: Any = 0, second: Any = 0, fraction: Any = 0
) -> Any:
    """``Date.UTC``: milliseconds since the epoch, or NaN. Years 0 to 99 mean 1900 to 1999."""
    parts = (year, month, day, hour, minute, second, fraction)
    if any(is_nan(part) for part in parts):
        return math.nan
    year, month, day, hour, minute, second, fraction = (int(part) for part in parts)
    if 0 <= year <= 99:
        year += 1900
    result = _days(year, month, day) * DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000 + fraction
    return result if abs(result) <= _TIME_MAX else math.nan


def moment(ms: Any) -> Moment | None:
    """A timestamp taken apart, or None when it is no date."""
    if is_nan(ms) or abs(ms) > _TIME_MAX:
        return None
    whole = int(ms)
    days, rest = divmod(whole, DAY_MS)
    shifted = days + 719_468
    era, of_era = divmod(shifted, 146_097)
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year = year_of_era + era * 400 + (month <= 2)
    hour, rest = divmod(rest, 3_600_000)
    minute, rest = divmod(rest, 60_000)
    second, fraction = divmod(rest, 1000)
    return Moment(whole, year, month - 1, day, (days + 4) % 7, hour, minute, second, fraction)


def _first_week(year: int, month: int) -> Any:
    """When the first week of a year or month begins: the one with its first Thursday; weeks begin on Monday."""
    first = utc(year, month)
    start = moment(first)
    if start is None:
        return math.nan
    weekday = start.weekday or 7
    return first + (8 - weekday) * DAY_MS if weekday > 4 else first - (weekday - 1) * DAY_MS


def _weeks(start: Any, end: Any) -> Any:
    return (end - start) / (DAY_MS * 7) + 1


def _next_month(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 0) if month == 11 else (year, month + 1)


def _previous_month(year: int, month: int) -> tuple[int, int]:
    return (year - 1, 11) if month == 0 else (year, month - 1)


def _week_of_year(date: Moment) -> Any:
    today = utc(date.year, date.month, date.day)
    week = _weeks(_first_week(date.year, 0), today)
    if week > 52:
        if today >= _first_week(date.year + 1, 0):
            week = 1
    elif week < 1:
        week = _weeks(_first_week(date.year - 1, 0), today)
    return math.floor(week) if not is_nan(week) else week


def _week_of_month(date: Moment) -> Any:
    today = utc(date.year, date.month, date.day)
    week = _weeks(_first_week(date.year, date.month), today)
    if week > 4:
        if today >= _first_week(*_next_month(date.year, date.month)):
            week = 1
    elif week < 1:
        week = _weeks(_first_week(*_previous_month(date.year, date.month)), today)
    return math.floor(week) if not is_nan(week) else week


def _week_year(date: Moment) -> int:
    if date.ms < _first_week(date.year, 0):
        return date.year - 1
    return date.year + 1 if date.ms >= _first_week(date.year + 1, 0) else date.year


def _week_month(date: Moment) -> int:
    following = _next_month(date.year, date.month)
    if date.ms < _first_week(date.year, date.month):
        return _previous_month(date.year, date.month)[1] + 1
    return following[1] + 1 if date.ms >= _first_week(*following) else date.month + 1


def _day_of_year(date: Moment) -> Any:
    days = (utc(date.year, date.month, date.day) - utc(date.year)) / DAY_MS + 1
    return int(days) if not is_nan(days) else days


_FRAGMENTS: Final[dict[str, Callable[[Moment], Any]]] = {
    "Y": lambda date: date.year,
    "M": lambda date: date.month + 1,
    "D": lambda date: date.day,
    "d": _day_of_year,
    "F": lambda date: date.weekday or 7,
    "W": _week_of_year,
    "w": _week_of_month,
    "X": _week_year,
    "x": _week_month,
    "H": lambda date: date.hour,
    "h": lambda date: date.hour % 12 or 12,
    "P": lambda date: "pm" if date.hour >= 12 else "am",
    "m": lambda date: date.minute,
    "s": lambda date: date.second,
    "f": lambda date: date.fraction,
}


def fragment(date: Moment | None, component: str) -> Any:
    """One component of a date, by its letter in a picture; NaN when there is no date."""
    if component in "CE":
        return "ISO"
    if date is None:
        return "am" if component == "P" else math.nan
    return _FRAGMENTS[component](date)
