"""Diagnostics at their lines and columns in the text of a definition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from newel.language.diagnostics import DefinitionError, Diagnostic
from newel.language.loader import position_map

#: What Jackson calls a place in a text.
SOURCE: Final = re.compile(r"\[Source: \(String\)\".*?\"; line: (\d+), column: (\d+)\]", re.DOTALL)
_FIELD: Final = re.compile(r"[Ff]ields? '([^']+)'")
_LAST_STEP: Final = re.compile(r"(/[^/\[\]]+|\[\d+\])$")


class Located(NamedTuple):
    """A diagnostic and its place; line and column count from one."""

    diagnostic: Diagnostic
    line: int
    column: int


def locate(text: str, diagnostics: Iterable[Diagnostic], *, yaml: bool = False) -> list[Located]:
    """The diagnostics of a definition in the order of their lines."""
    places = _places(text, yaml=yaml)
    found = [Located(diagnostic, *_place(diagnostic, places)) for diagnostic in diagnostics]
    return sorted(found, key=lambda located: (located.line, located.column))


def _places(text: str, *, yaml: bool) -> Mapping[str, tuple[int, int]]:
    try:
        return position_map(text, yaml=yaml)
    except DefinitionError:
        return {}


def _place(diagnostic: Diagnostic, places: Mapping[str, tuple[int, int]]) -> tuple[int, int]:
    """Where a finding stands: the field it names, its location, or the nearest part of that in the text."""
    location = diagnostic.location or "/"
    source = SOURCE.fullmatch(location)
    if source is not None:
        return int(source[1]), int(source[2])
    field = _FIELD.search(diagnostic.message)
    if field is not None and (inside := f"{location.rstrip('/')}/{field[1]}") in places:
        return places[inside]
    while location and location not in places:
        shorter = _LAST_STEP.sub("", location)
        location = shorter if shorter != location else ""
    return places.get(location, (1, 1))
