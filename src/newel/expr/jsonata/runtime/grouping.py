"""Grouping: ``{key: value}`` over a sequence, and JavaScript's order of members."""

from __future__ import annotations

from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.values import LISTS, UNDEFINED, Seq

__all__ = [
    "append",
    "check_key",
    "group_context",
    "group_item",
    "grouped",
    "in_order",
    "is_index",
    "items_of",
    "set_member",
]

_INDEX_MAX: Final = 2**32 - 2
_RESERVED: Final = frozenset({"_jsonata_lambda", "_jsonata_function"})


def is_index(key: str) -> bool:
    """Whether JavaScript takes a member's name for a position, and so moves it to the front."""
    return key.isdecimal() and key.isascii() and (key[0] != "0" or key == "0") and int(key) <= _INDEX_MAX


def in_order(members: dict[str, Any]) -> dict[str, Any]:
    """An object with its members in JavaScript's order: positions ascending, then the others as they came."""
    # No name that begins with a digit comes after ":", so most objects are done here.
    if not members or min(members) > ":":
        return members
    positions = [key for key in members if key[:1].isdecimal() and is_index(key)]
    if not positions:
        return members
    positions.sort(key=int)
    ordered = {key: members[key] for key in positions}
    for key, value in members.items():
        ordered.setdefault(key, value)
    return ordered


def set_member(target: dict[str, Any], key: str, value: Any) -> None:
    """Set a member in place, keeping JavaScript's order."""
    fresh = key not in target
    target[key] = value
    if fresh and key[:1].isdecimal() and is_index(key):
        ordered = in_order(target)
        if ordered is not target:
            target.clear()
            target.update(ordered)


def check_key(key: Any, position: int) -> str:
    """A computed key.

    Raises:
        JsonataError: T1003 when it isn't a string, D1013 when it is reserved.
    """
    if key.__class__ is not str:
        raise JsonataError("T1003", position=position, value=key)
    if key in _RESERVED:
        raise JsonataError("D1013", position=position, value=key)
    return str(key)


def append(left: Any, right: Any) -> Any:
    """``$append``: both as one array; what is missing doesn't count."""
    if left is UNDEFINED:
        return right
    if right is UNDEFINED:
        return left
    first = left if left.__class__ in LISTS else [left]
    return [*first, *(right if right.__class__ in LISTS else [right])]


def group_context(items: list[Any]) -> Any:
    """The context of a group's value: its only item, or all of them as an array (arrays among them flattened)."""
    if len(items) == 1:
        return items[0]
    present = [item for item in items if item is not UNDEFINED]
    if len(present) <= 1:
        return present[0] if present else UNDEFINED
    if LISTS.isdisjoint(map(type, present)):
        return present
    out: list[Any] = []
    for item in present:
        if item.__class__ in LISTS:
            out.extend(item)
        else:
            out.append(item)
    return out


def group_item(value: Any) -> Any:
    """The context of an object constructor: all of an array as one group."""
    return group_context(value or [UNDEFINED]) if value.__class__ in LISTS else value


def grouped(groups: dict[str, tuple[int, list[Any]]], key: Any, number: int, item: Any, position: int) -> None:
    """Put an item under a key that expression ``number`` of the group has given.

    Raises:
        JsonataError: T1003, D1013 for the key; D1009 when two expressions give the same.
    """
    if key is UNDEFINED:
        return
    name = check_key(key, position)
    found = groups.get(name)
    if found is None:
        groups[name] = (number, [item])
    elif found[0] != number:
        raise JsonataError("D1009", position=position, value=name)
    else:
        found[1].append(item)


def items_of(value: Any) -> list[Any]:
    """What a grouping iterates over: with nothing there it still runs once, to make a literal object."""
    if value.__class__ not in LISTS:
        return [value]
    return value or Seq((UNDEFINED,))
