"""What a Map iterates over, and how much of it at once."""

from __future__ import annotations

from newel.engine.errors import EnteredEvaluationError, UnplacedFailure
from newel.engine.program import CompiledState
from newel.engine.states.dataflow import integer, integer_by_path
from newel.errors import QueryEvaluationError, RuntimeFailure
from newel.expr.env import Scope
from newel.json import Payload, dumps


def iterated(state: CompiledState, scope: Scope, given: Payload) -> Payload:
    """The array to iterate, or for Distributed Map also an object."""
    wanted: tuple[type, ...] = (list, dict) if state.distributed else (list,)
    if state.items is None:
        if not isinstance(given.value, wanted):
            if state.jsonata:
                raise QueryEvaluationError(f"Map state input must be an array but was: {dumps(given.value)}")
            raise UnplacedFailure('Reference path "$" must point to array.')
        return given
    items = state.items(scope)
    if not isinstance(items, wanted):
        if state.jsonata:
            raise QueryEvaluationError(f"Map state input must be an array but was: {dumps(items)}", "Items")
        # Recorded: AWS shows a path into the context object (`$$.a`) as if it led into the input.
        path = str(state.model.items_path).replace("$$", "$", 1)
        raise UnplacedFailure(f'Reference path "{path}" must point to array.')
    return Payload.of(items)


def max_concurrency(state: CompiledState, scope: Scope) -> int:
    """MaxConcurrency as the definition has it; zero: no limit."""
    if state.max_concurrency is not None:
        number = integer(state.max_concurrency(scope))
        if number is None or number < 0:
            raise EnteredEvaluationError("The MaxConcurrency field must be a non-negative integer.", "MaxConcurrency")
        return number
    return 0 if state.max_concurrency_path is None else _max_concurrency_path(state, scope)


def _max_concurrency_path(state: CompiledState, scope: Scope) -> int:
    assert state.max_concurrency_path is not None
    value = state.max_concurrency_path(scope)
    number = integer_by_path(value)
    path = state.model.max_concurrency_path
    if number is None:
        shown = value if isinstance(value, str) else dumps(value)
        refers = f'The MaxConcurrencyPath field refers to value "{shown}"'
        raise RuntimeFailure(f"{refers} which is not a valid integer: {path}")
    if number < 0:
        raise RuntimeFailure("MaxConcurrency cannot be negative.")
    return number
