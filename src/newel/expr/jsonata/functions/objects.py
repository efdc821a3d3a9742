"""Functions of objects, and those that ask what a value is."""

from __future__ import annotations

from typing import Any

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.numbers import precise
from newel.expr.jsonata.runtime.calls import callback
from newel.expr.jsonata.runtime.grouping import in_order
from newel.expr.jsonata.runtime.operators import boolean, is_numeric, truthy
from newel.expr.jsonata.runtime.paths import lookup
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import FUNCTIONS, LISTS, UNDEFINED, Seq


def keys(_: Runtime, value: Any) -> Seq:
    """``$keys(object)``; of an array of objects, every key once."""
    return Seq(in_order(_key_set(value)))


def _key_set(value: Any) -> dict[str, Any]:
    if value.__class__ is dict:
        return in_order(value)
    merged: dict[str, Any] = {}
    if value.__class__ in LISTS:
        for item in value:
            merged.update(dict.fromkeys(_key_set(item)))
    return merged


def look_up(_: Runtime, value: Any, key: Any) -> Any:
    """``$lookup(object, key)``."""
    return lookup(value, "undefined" if key is UNDEFINED else key)


def spread(_: Runtime, value: Any) -> Any:
    """``$spread(object)``: one object for each member."""
    if value.__class__ is dict:
        return Seq([{key: item} for key, item in in_order(value).items()])
    if value.__class__ not in LISTS:
        return value
    out: list[Any] | None = None
    for item in value:
        parts = spread(_, item)
        if parts is UNDEFINED:
            continue
        out = [] if out is None else out
        if parts.__class__ in LISTS:
            out.extend(parts)
        else:
            out.append(parts)
    return Seq() if out is None else out


def merge(_: Runtime, values: Any) -> Any:
    """``$merge(array)``: the later of equal keys wins."""
    if values is UNDEFINED:
        return UNDEFINED
    merged: dict[str, Any] = {}
    for value in values:
        merged.update(in_order(value))
    return in_order(merged)


def each(runtime: Runtime, value: Any, function: Any) -> Seq:
    """``$each(object, function)``: the results of ``function(value, key, object)``."""
    run = callback(runtime, function, 3)
    out = Seq()
    if value.__class__ is dict:
        runtime.charge(len(value))
        for key, item in in_order(value).items():
            result = run(item, key, value)
            if result is not UNDEFINED:
                if result.__class__ is Seq:
                    runtime.dirty = True
                out.append(result)
    return out


def sift(runtime: Runtime, value: Any, function: Any) -> Any:
    """``$sift(object, function)``: the members for which ``function(value, key, object)`` holds."""
    if value.__class__ is not dict or not value:
        return UNDEFINED
    if function is UNDEFINED:
        raise JsonataError("", message="Cannot read properties of undefined (reading 'arity')")
    run = callback(runtime, function, 3)
    runtime.charge(len(value))
    kept = {key: item for key, item in in_order(value).items() if truthy(run(item, key, value))}
    return kept or UNDEFINED


def exists(_: Runtime, value: Any) -> bool:
    """``$exists(value)``."""
    return value is not UNDEFINED


def to_boolean(_: Runtime, value: Any) -> Any:
    """``$boolean(value)``."""
    return boolean(value)


def negation(_: Runtime, value: Any) -> Any:
    """``$not(value)``."""
    return UNDEFINED if value is UNDEFINED else not truthy(value)


def type_of(_: Runtime, value: Any) -> Any:
    """``$type(value)``."""
    if value is UNDEFINED:
        return UNDEFINED
    if value is None:
        return "null"
    if is_numeric(value):
        return "number"
    kind = value.__class__
    if kind is str:
        return "string"
    if kind is bool:
        return "boolean"
    if kind in LISTS:
        return "array"
    return "function" if kind in FUNCTIONS else "object"


def error(_: Runtime, message: Any = UNDEFINED) -> Any:
    """``$error(message)``.

    Raises:
        JsonataError: D3137, always.
    """
    raise JsonataError(
        "D3137",
        message="$error() function evaluated" if message is UNDEFINED else message or "$error() function evaluated",
    )


def check(_: Runtime, condition: Any, message: Any = UNDEFINED) -> Any:
    """``$assert(condition, message)``.

    Raises:
        JsonataError: D3141 when the condition doesn't hold.
    """
    if condition is True:
        return UNDEFINED
    raise JsonataError(
        "D3141",
        message="$assert() statement failed" if message is UNDEFINED else message or "$assert() statement failed",
    )


def clone(_: Runtime, value: Any) -> Any:
    """``$clone(value)``: a copy by way of JSON text, numbers that aren't whole with 15 digits."""
    kind = value.__class__
    if kind is dict:
        return in_order({key: clone(_, item) for key, item in value.items()})
    if kind in LISTS:
        return [None if item is UNDEFINED else clone(_, item) for item in value]
    if kind is float:
        return precise(value) if is_numeric(value) else None
    return "" if kind in FUNCTIONS else value
