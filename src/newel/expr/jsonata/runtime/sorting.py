"""Sorting: jsonata-js's merge sort, and a shortcut for keys that have an order of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.runtime.operators import less_units
from newel.expr.jsonata.values import UNDEFINED, Seq, TupleStream

__all__ = ["merge_sort", "order_by", "sort_values"]

#: A term: the key of an item, and whether it descends.
Term = tuple[Callable[[Any, Any], Any], bool]


def merge_sort(items: list[Any], after: Callable[[Any, Any], bool]) -> list[Any]:
    """Sort as jsonata-js does, so that a comparator without a consistent order gives the same result.

    ``after(a, b)`` says that a belongs after b.
    """
    if len(items) <= 1:
        return list(items)
    middle = len(items) // 2
    left = merge_sort(items[:middle], after)
    right = merge_sort(items[middle:], after)
    out: list[Any] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if after(left[i], right[j]):
            out.append(right[j])
            j += 1
        else:
            out.append(left[i])
            i += 1
    return [*out, *left[i:], *right[j:]]


def _utf16(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def sort_values(items: list[Any]) -> list[Any]:
    """Numbers or strings in their own order."""
    if items and items[0].__class__ is str and not all(map(str.isascii, items)):
        return sorted(items, key=_utf16)
    return sorted(items)


def order_by(items: Any, terms: list[Term], position: int) -> Any:
    """The members of a stream (or a tuple stream) in the order of the terms.

    Raises:
        JsonataError: T2007, T2008 for keys that can't be compared.
    """
    if len(items) <= 1:
        return items if items.__class__ is TupleStream else Seq(items)
    bound = items.__class__ is TupleStream
    rows = [(item["@"], item) if bound else (item, None) for item in items]
    order = _by_keys(rows, terms)
    if order is None:
        order = merge_sort(list(range(len(rows))), _comparator(rows, terms, position))
    return [items[at] for at in order]


def _by_keys(rows: list[tuple[Any, Any]], terms: list[Term]) -> list[int] | None:
    """The order of the rows, or None when the keys are mixed, missing or can't be worked out for all of them."""
    order = list(range(len(rows)))
    try:
        columns = [[key(context, bound) for context, bound in rows] for key, _ in terms]
    except JsonataError:
        if len(terms) == 1:
            raise
        return None
    for (_, descending), column in reversed(list(zip(terms, columns, strict=True))):
        kinds = set(map(type, column))
        if kinds == {str}:
            keys: list[Any] = column if all(map(str.isascii, column)) else [_utf16(text) for text in column]
        elif kinds and kinds <= {int, float}:
            keys = column
        else:
            return None
        order.sort(key=keys.__getitem__, reverse=descending)
    return order


def _comparator(rows: list[tuple[Any, Any]], terms: list[Term], position: int) -> Callable[[int, int], bool]:
    def after(left: int, right: int) -> bool:
        for key, descending in terms:
            a, b = key(*rows[left]), key(*rows[right])
            order = _compare(a, b, descending, position)
            if order:
                return order > 0
        return False

    return after


def _compare(a: Any, b: Any, descending: bool, position: int) -> int:
    if a is UNDEFINED:
        return 0 if b is UNDEFINED else 1
    if b is UNDEFINED:
        return -1
    kind, other = _kind(a), _kind(b)
    if not kind or not other:
        raise JsonataError("T2008", position=position, value=b if kind else a)
    if kind != other:
        raise JsonataError("T2007", position=position, value=a, value2=b)
    if a == b:
        return 0
    first = less_units(a, b) if kind == "s" else a < b
    return -1 if first != descending else 1


def _kind(value: Any) -> str:
    if value.__class__ is str:
        return "s"
    return "n" if value.__class__ is int or value.__class__ is float else ""
