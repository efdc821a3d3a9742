"""JSONata expressions: what AWS refuses when a machine is created.

An expression is evaluated without a context item, so a path that starts from a bare name, from `$` or from `$$` reads
nothing: AWS refuses it, and likewise a member of `$states` that the field doesn't have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from newel.expr.jsonata import JsonataError, step_functions
from newel.expr.jsonata.analysis import Analysis, analyse
from newel.expr.jsonata.nodes import Node
from newel.language.checks.report import Context

_SYNTAX: Final = "INVALID_JSONATA_EXPRESSION"
_UNSUPPORTED: Final = "UNSUPPORTED_JSONATA_EXPRESSION"
_TOO_DEEP: Final = "D1011"
_NESTED: Final = "The expression is nested too deeply"


def check_expression(text: str, location: str, context: Context) -> None:
    """Check what stands between `{%` and `%}`."""
    try:
        expression = step_functions.compile(text)
        found = analyse(expression)
        problems = sorted([*_bare_references(found, expression.tree), *_absent_states(found, context.states)])
    except JsonataError as refused:
        context.report.error(_NESTED if refused.code == _TOO_DEEP else refused.message, location, _SYNTAX)
        return
    except RecursionError:
        context.report.error(_NESTED, location, _SYNTAX)
        return
    for operator in sorted({use.name for use in found.newer_operators}):
        context.report.warning(
            "NOT_PORTABLE", f"AWS Step Functions does not support the JSONata operator '{operator}'", location
        )
    for problem in dict.fromkeys(problem for _, problem in problems):
        context.report.error(problem, location, _UNSUPPORTED)


def _bare_references(found: Analysis, tree: Node) -> Iterator[tuple[int, str]]:
    """(position, message) of what reads the absent context item."""
    for use in found.root:
        yield use.position or 0, "Reference to '$$' is not supported."
    for use in found.fields:
        if use.name == "$":
            yield use.position or 0, "Reference to '$' at the top level is not supported."
    for node in _names_at_top(tree):
        yield node.position or 0, f"Reference to '{node.value}' at the top level is not supported."


def _absent_states(found: Analysis, visible: frozenset[str]) -> Iterator[tuple[int, str]]:
    for use in found.variables:
        if use.name == "states" and use.path and use.path[0] not in visible:
            yield use.position or 0, f"Field '$states.{use.path[0]}' does not exist."


def _names_at_top(tree: Node) -> Iterator[Node]:
    """Bare names that are read from the context item of the whole expression.

    Only the first step of a path reads it; later steps, predicates, sort terms and groupings read the value before
    them. A function's body does too, as measured: `$map($states.input.a, function($x) { b })` is refused.
    """
    pending = [tree]
    while pending:
        node = pending.pop()
        if node.kind == "name":
            yield node
        pending.extend(_same_context(node))


def _same_context(node: Node) -> Iterator[Node]:
    """The parts of a node that see the same context item as the node itself."""
    if node.kind == "path":
        yield node.steps[0]
        return
    for part in (node.procedure, node.lhs, node.rhs, node.expression):
        if isinstance(part, Node):
            yield part
    yield from node.expressions
    if node.kind != "lambda":  # a lambda's arguments are the names of its parameters
        yield from node.arguments
    for key, value in node.pairs:
        yield key
        yield value
    for part in (node.condition, node.then, node.otherwise, node.body):
        if part is not None:
            yield part
