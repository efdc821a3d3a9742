"""Functions that take a function."""

from __future__ import annotations

from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.runtime.calls import apply, callback
from newel.expr.jsonata.runtime.operators import truthy
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED, Cons, KeepSeq, Lambda, Seq, Undefined, Wrapped

_UNUSUAL: Final = frozenset({Seq, KeepSeq, Cons})


def mapped(runtime: Runtime, values: Any, function: Any) -> Any:
    """``$map(array, function)``: the results of ``function(value, index, array)``, undefined ones left out."""
    if values is UNDEFINED:
        return UNDEFINED
    runtime.charge(len(values))
    target = function.target if function.__class__ is Wrapped else function
    if target.__class__ is Lambda and target.plain and target.arity == 1:
        out = Seq(map(target.fn, values))
    else:
        run = callback(runtime, function, 3)
        out = Seq([run(value, at, values) for at, value in enumerate(values)])
    kinds = set(map(type, out))
    if Undefined in kinds:
        out = Seq([value for value in out if value is not UNDEFINED])
    if not _UNUSUAL.isdisjoint(kinds):
        runtime.dirty = True
    return out


def filtered(runtime: Runtime, values: Any, function: Any) -> Any:
    """``$filter(array, function)``: the members for which ``function(value, index, array)`` holds."""
    if values is UNDEFINED:
        return UNDEFINED
    runtime.charge(len(values))
    run = callback(runtime, function, 3)
    out = Seq()
    for at, value in enumerate(values):
        outcome = run(value, at, values)
        if outcome is True or (outcome is not False and truthy(outcome)):
            out.append(value)
    return out


def single(runtime: Runtime, values: Any, function: Any = UNDEFINED) -> Any:
    """``$single(array, function)``: the one member for which ``function(value, index, array)`` holds.

    Raises:
        JsonataError: D3138 when there are more, D3139 when there is none.
    """
    if values is UNDEFINED:
        return UNDEFINED
    runtime.charge(len(values))
    run = callback(runtime, function, 3) if function is not UNDEFINED else None
    found, result = False, UNDEFINED
    for at, value in enumerate(values):
        if run is not None and not truthy(run(value, at, values)):
            continue
        if found:
            raise JsonataError("D3138", index=at)
        found, result = True, value
    if not found:
        raise JsonataError("D3139")
    return result


def reduced(runtime: Runtime, values: Any, function: Any, init: Any = UNDEFINED) -> Any:
    """``$reduce(array, function, init)``: ``function(accumulator, value, index, array)`` over the members.

    Raises:
        JsonataError: D3050 when the function takes fewer than two arguments.
    """
    if values is UNDEFINED:
        return UNDEFINED
    arity = function.arity
    if arity < 2:
        raise JsonataError("D3050", index=1)
    runtime.charge(len(values))
    start = 0
    result = init
    if init is UNDEFINED and values:
        result, start = values[0], 1
    target = function.target if function.__class__ is Wrapped else function
    if target.__class__ is Lambda and target.plain and arity == 2:
        run = target.fn
        for value in values[start:] if start else values:
            result = run(result, value)
        return result
    for at in range(start, len(values)):
        args = [result, values[at], at, values][: min(arity, 4)]
        result = apply(runtime, function, args, None)
    return result
