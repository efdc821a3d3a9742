"""``|pattern|update, delete|``: a function that makes changes in a copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.runtime.calls import apply
from newel.expr.jsonata.runtime.grouping import in_order, set_member
from newel.expr.jsonata.runtime.paths import collapse
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.signature import parse_signature
from newel.expr.jsonata.values import FUNCTIONS, LISTS, UNDEFINED, Builtin

__all__ = ["make_transform", "truth_of"]

_SIGNATURE: Final = parse_signature("<(oa):o>")
_Part = Callable[[Any], Any]


def truth_of(value: Any) -> bool:
    """JavaScript's own truth: whether a name is bound to something at all."""
    return value is not UNDEFINED and value is not None and value is not False and value not in (0, "")


def make_transform(
    runtime: Runtime,
    cloner: Callable[[], Any],
    pattern: _Part,
    update: _Part,
    delete: _Part | None,
    positions: tuple[int | None, int | None, int | None],
) -> Builtin:
    """The function a transform stands for. ``positions``: of the transform, of its update and of its delete clause."""

    def run(_: Runtime, value: Any) -> Any:
        if value is UNDEFINED:
            return UNDEFINED
        clone = cloner()
        if clone.__class__ not in FUNCTIONS:
            raise JsonataError("T2013", position=positions[0])
        copy = collapse(apply(runtime, clone, [value], None))
        matches = pattern(copy)
        if matches is UNDEFINED:
            return copy
        for match in matches if matches.__class__ in LISTS else [matches]:
            runtime.charge(1)
            _update(runtime, match, update(match), positions[1])
            if delete is not None:
                _delete(match, delete(match), positions[2])
        return copy

    return Builtin("transform", run, _SIGNATURE, "obj")


def _update(runtime: Runtime, match: Any, changes: Any, position: int | None) -> None:
    if changes is UNDEFINED:
        return
    if changes.__class__ is not dict:
        raise JsonataError("T2011", position=position, value=changes)
    if match.__class__ is dict:
        for key, value in in_order(changes).items():
            if _holds(value, match):
                # The object will contain itself, which no JSON can show: the clean-up of the result will find out.
                runtime.dirty = True
            set_member(match, key, value)
    elif changes and match.__class__ not in LISTS and match.__class__ not in FUNCTIONS:
        raise JsonataError("", message="Cannot create property on a value that isn't an object")


def _delete(match: Any, names: Any, position: int | None) -> None:
    if names is UNDEFINED:
        return
    keys = names if names.__class__ in LISTS else [names]
    if not all(key.__class__ is str for key in keys):
        raise JsonataError("T2012", position=position, value=names)
    if match.__class__ is dict:
        for key in keys:
            match.pop(key, None)


def _holds(value: Any, target: Any) -> bool:
    """Whether an object is somewhere in a value."""
    pending, seen = [value], set()
    while pending:
        current = pending.pop()
        if current is target:
            return True
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.__class__ is dict:
            pending.extend(current.values())
        elif current.__class__ in LISTS:
            pending.extend(current)
    return False
