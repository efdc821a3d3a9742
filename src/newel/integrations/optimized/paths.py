"""Reading values out of results by path: the little that the tables of integrations need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Member names, indexes of lists, and `*` for every item of a list.
Path = tuple[str | int, ...]


def pick(value: Any, path: Path) -> Any:
    """The value at a path; None where there is none."""
    for position, step in enumerate(path):
        if step == "*":
            return [pick(item, path[position + 1 :]) for item in value or []]
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and len(value) > step else None
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return None
    return value


def picked(value: Any, what: Mapping[str, Path] | Path) -> Any:
    """The value at a path, or an object of such values; absent ones are left out of it."""
    if isinstance(what, tuple):
        return pick(value, what)
    return {name: found for name, path in what.items() if (found := pick(value, path)) is not None}
