"""Tuple streams: steps that bind variables (``@``, ``#``) or remember where they came from (``%``).

A tuple is a dict: the context under ``@``, each binding under its name (``!0`` and so on for ancestors).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from newel.expr.jsonata.runtime.grouping import append, group_context, grouped, in_order, items_of
from newel.expr.jsonata.runtime.paths import finish, flat, hits, pick
from newel.expr.jsonata.runtime.sorting import order_by
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import LISTS, UNDEFINED, Seq, TupleStream

__all__ = [
    "group_tuples",
    "plain_step",
    "reduce_tuples",
    "sort_tuples",
    "tuple_contexts",
    "tuple_filter",
    "tuple_stages",
    "tuple_step",
]

#: A step, filter or key: from a context and the tuple it stands in (None outside a tuple stream).
StepFn = Callable[[Any, Any], Any]
#: A stage: a literal position, a filter, or the name that a position is bound to.
Stage = tuple[str, Any]


def plain_step(items: Sequence[Any], step: StepFn, stages: list[Stage], last: bool) -> Any:
    """One step without bindings."""
    results = []
    for item in items:
        found = step(item, None)
        for kind, what in stages:
            if kind == "at":
                found = pick(found, what)
            elif kind == "filter":
                found = tuple_filter(what, found)
        if found is not UNDEFINED:
            results.append(found)
    return finish(results) if last else flat(results)


def tuple_step(
    items: Sequence[Any],
    tuples: Any,
    step: StepFn,
    bindings: tuple[str | None, str | None, str | None],
    stages: list[Stage],
) -> TupleStream:
    """One step with bindings (focus, index, ancestor), from the items or, if there are any, from the tuples so far."""
    focus, index, ancestor = bindings
    if tuples is UNDEFINED:
        tuples = [{"@": item} for item in items]
    out = TupleStream()
    for row in tuples:
        context = row["@"]
        found = step(context, row)
        if found is UNDEFINED:
            continue
        members = found if found.__class__ in LISTS else (found,)
        for at, member in enumerate(members):
            if found.__class__ is TupleStream:
                out.append({**row, **member})
                continue
            fresh = dict(row)
            if focus:
                fresh[focus] = member
                fresh["@"] = context
            else:
                fresh["@"] = member
            if index:
                fresh[index] = at
            if ancestor:
                fresh[ancestor] = context
            out.append(fresh)
    rows: TupleStream = tuple_stages(stages, out)
    return rows


def tuple_stages(stages: list[Stage], rows: Any) -> Any:
    """The stages of a step, over its tuples."""
    for kind, what in stages:
        if kind == "at":
            rows = pick(rows, what)
        elif kind == "filter":
            rows = tuple_filter(what, rows)
        else:
            for at, row in enumerate(rows):
                row[what] = at
    return rows


def tuple_filter(predicate: StepFn, value: Any) -> Any:
    """A filter over a tuple stream or any other value."""
    bound = value.__class__ is TupleStream
    items = value if value.__class__ in LISTS else [value]
    out: list[Any] = TupleStream() if bound else Seq()
    size = len(items)
    for at, item in enumerate(items):
        outcome = predicate(item["@"], item) if bound else predicate(item, None)
        out.extend([item] * hits(outcome, at, size))
    return out


def sort_tuples(items: Any, tuples: Any, terms: Any, position: int, index: str | None, stages: list[Stage]) -> Any:
    """An order-by clause among steps with bindings."""
    out: Any
    if tuples is not UNDEFINED:
        # As in jsonata-js, what has really been sorted is a plain array of tuples from here on.
        out = order_by(tuples, terms, position)
    else:
        out = TupleStream()
        for at, item in enumerate(order_by(items, terms, position)):
            row = {"@": item}
            row[index or "undefined"] = at
            out.append(row)
    return tuple_stages(stages, out)


def tuple_contexts(tuples: Any) -> Seq:
    """The contexts of a tuple stream."""
    return Seq([row["@"] for row in tuples])


def reduce_tuples(rows: list[Any]) -> Any:
    """The tuples of one group as one: each binding holds the values of all."""
    merged = dict(rows[0])
    for row in rows[1:]:
        for key, value in row.items():
            merged[key] = append(merged.get(key, UNDEFINED), value)
    return merged


def group_tuples(runtime: Runtime, value: Any, pairs: list[tuple[StepFn, StepFn]], position: int) -> dict[str, Any]:
    """A grouping expression over a tuple stream (or anything else); each pair is its key and its value."""
    bound = value.__class__ is TupleStream
    items = value if bound else items_of(value)
    groups: dict[str, tuple[int, list[Any]]] = {}
    for item in items:
        for number, (key, _) in enumerate(pairs):
            found = key(item["@"], item) if bound else key(item, None)
            grouped(groups, found, number, item, position)
    out: dict[str, Any] = {}
    for name, (number, members) in in_order(groups).items():
        if bound:
            row = reduce_tuples(members)
            context = row.pop("@")
        else:
            row, context = None, group_context(members)
        result = pairs[number][1](context, row)
        if result is not UNDEFINED:
            out[name] = result
            runtime.dirty = runtime.dirty or result.__class__ in LISTS
    return out
