"""Steps of a path, filters, wildcards: how sequences are built, flattened and collapsed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.runtime.grouping import in_order
from newel.expr.jsonata.runtime.operators import is_numeric, truthy
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import LISTS, UNDEFINED, Cons, KeepSeq, Seq, TupleStream

__all__ = [
    "as_list",
    "collapse",
    "descendants",
    "filtered_items",
    "finish",
    "flat",
    "hits",
    "is_empty",
    "keep",
    "keep_collapse",
    "lookup",
    "members",
    "name_of",
    "names",
    "names_end",
    "names_stream",
    "pick",
    "pick_end",
    "stream",
    "wildcard",
]

_LENGTH_MAX: Final = 10_000_000


def collapse(sequence: Any) -> Any:
    """What an expression gives for a sequence: nothing, its only member, or the sequence. Any other value is itself."""
    kind = sequence.__class__
    if kind is Seq:
        size = len(sequence)
        if size == 1:
            return sequence[0]
        return sequence if size else UNDEFINED
    if kind is KeepSeq and not sequence:
        return UNDEFINED
    return sequence


def keep_collapse(sequence: Any) -> Any:
    """The same where ``[]`` asks for an array."""
    if sequence.__class__ is Seq:
        return KeepSeq(sequence) if sequence else UNDEFINED
    return collapse(sequence)


def keep(sequence: Any) -> Any:
    """The result of a path that is marked to stay an array."""
    kind = sequence.__class__
    if kind is Cons:
        return KeepSeq((sequence,))
    return KeepSeq(sequence) if kind is Seq else sequence


def stream(value: Any) -> Sequence[Any]:
    """What the next step iterates over when the step before gave one value."""
    kind = value.__class__
    if kind in LISTS and kind is not Cons:
        items: Sequence[Any] = value
        return items
    return () if value is UNDEFINED else (value,)


def filtered_items(runtime: Runtime, value: Any) -> Sequence[Any]:
    """What a filter goes through: the members of an array, or the value as the only one, even if it is missing."""
    if value.__class__ in LISTS:
        runtime.charge(len(value))
        members: list[Any] = value
        return members
    if value is UNDEFINED:
        runtime.dirty = True
    return (value,)


def as_list(value: Any) -> list[Any]:
    """The result of a range as an array."""
    if value is UNDEFINED:
        return []
    return list(value) if value.__class__ in LISTS else [value]


def members(value: Any) -> Sequence[Any]:
    """What the next step iterates over after an array written in place, which predicates may have turned into
    anything.
    """
    if value.__class__ in LISTS:
        return value
    return list(value) if value.__class__ is str else ()


def is_empty(value: Any) -> bool:
    """Whether a path ends at its first step."""
    return value is UNDEFINED or (not value and (value.__class__ in LISTS or value == ""))


def flat(results: list[Any], most: int = _LENGTH_MAX) -> Seq:
    """The results of a step as one sequence: arrays are flattened, once.

    Raises:
        JsonataError: D2015 when there are too many.
    """
    out = Seq()
    for value in results:
        kind = value.__class__
        if kind in LISTS and kind is not Cons:
            out.extend(value)
            if len(out) > most:
                raise JsonataError("D2015", value=most)
        else:
            out.append(value)
    return out


def finish(results: list[Any], most: int = _LENGTH_MAX) -> Any:
    """The same for the last step, where a single array stays what it is."""
    if len(results) == 1:
        only = results[0]
        if only.__class__ is list or only.__class__ is Cons:
            return only
    return flat(results, most)


def lookup(value: Any, key: str) -> Any:
    """The member called ``key``; of an array, those of its members."""
    if value.__class__ is dict or isinstance(value, dict):
        return value.get(key, UNDEFINED)
    if value.__class__ not in LISTS and not isinstance(value, (list, tuple)):
        return UNDEFINED
    out = Seq()
    for item in value:
        found = lookup(item, key)
        if found.__class__ in LISTS:
            out.extend(found)
        elif found is not UNDEFINED:
            out.append(found)
    return out


def name_of(value: Any, key: str) -> Any:
    """A name as a step, for one context."""
    return collapse(lookup(value, key))


def _named(items: Sequence[Any], key: str) -> list[Any]:
    results = []
    for item in items:
        found = item.get(key, UNDEFINED) if item.__class__ is dict else lookup(item, key)
        if found.__class__ is Seq or found.__class__ is KeepSeq:
            found = collapse(found)
        if found is not UNDEFINED:
            results.append(found)
    return results


def names(context: Any, keys: tuple[str, ...]) -> Any:
    """A path of names from a context; the members of an array are contexts."""
    return collapse(names_end(context if context.__class__ in LISTS else (context,), keys))


def names_end(items: Sequence[Any], keys: tuple[str, ...]) -> Any:
    """The sequence (or array) that names give from a stream of contexts."""
    if len(keys) == 1 and len(items) > 1:
        # Objects that all have the member, none of them an array: the usual table.
        try:
            column = Seq(map(itemgetter(keys[0]), items))
        except (KeyError, TypeError, IndexError):
            column = Seq()
        if column and LISTS.isdisjoint(map(type, column)):
            return column
    last = len(keys) - 1
    for number, key in enumerate(keys):
        results = _named(items, key)
        if number == last:
            return finish(results)
        items = flat(results)
        if not items:
            break
    return Seq()


def names_stream(items: Sequence[Any], keys: tuple[str, ...]) -> Sequence[Any]:
    """The same within a path: always flattened."""
    for key in keys:
        results = _named(items, key)
        items = flat(results)
    return items


def hits(outcome: Any, at: int, size: int) -> int:
    """How many times a filter passes the member ``at`` of ``size``: numbers are positions, all else is truth."""
    if outcome.__class__ in LISTS:
        if all(is_numeric(item) for item in outcome):
            return sum(1 for item in outcome if _position(item, size) == at)
    elif is_numeric(outcome):
        return int(_position(outcome, size) == at)
    return int(truthy(outcome))


def _position(number: Any, size: int) -> int:
    at: int = math.floor(number)
    return size + at if at < 0 else at


def pick(value: Any, at: int) -> Any:
    """A filter that is a literal position, not collapsed."""
    if value.__class__ in LISTS:
        size = len(value)
        if at < 0:
            at += size
        if not 0 <= at < size:
            return type(value)() if value.__class__ is TupleStream else Seq()
        item = value[at]
        if value.__class__ is TupleStream:
            return TupleStream((item,))
    elif at not in (0, -1):
        return Seq()
    else:
        item = value
    if item.__class__ in LISTS:
        return item
    return Seq() if item is UNDEFINED else Seq((item,))


def pick_end(value: Any, at: int) -> Any:
    """The same, collapsed."""
    if value.__class__ in LISTS:
        try:
            item = value[at]
        except IndexError:
            return UNDEFINED
        return collapse(item) if item.__class__ in LISTS else item
    return value if at in (0, -1) else UNDEFINED


def wildcard(value: Any) -> Any:
    """``*``: every member of an object or array; arrays among them are flattened all the way down."""
    if value.__class__ is dict or isinstance(value, dict):
        members: Any = in_order(value).values()
    elif value.__class__ in LISTS:
        members = value
    else:
        return UNDEFINED
    out: list[Any] = Seq()
    for item in members:
        if item.__class__ in LISTS:
            # Appending an array makes the result an array, which no longer collapses.
            out = list(out)
            _flatten(item, out)
        else:
            out.append(item)
    return collapse(out)


def _flatten(value: list[Any], out: list[Any]) -> None:
    for item in value:
        if item.__class__ in LISTS:
            _flatten(item, out)
        else:
            out.append(item)


def descendants(value: Any) -> Any:
    """``**``: a value and everything below it, arrays left out."""
    if value is UNDEFINED:
        return UNDEFINED
    out = Seq()
    _descend(value, out)
    return collapse(out)


def _descend(value: Any, out: Seq) -> None:
    if value.__class__ in LISTS:
        for item in value:
            _descend(item, out)
        return
    out.append(value)
    if value.__class__ is dict or isinstance(value, dict):
        for item in in_order(value).values():
            _descend(item, out)
