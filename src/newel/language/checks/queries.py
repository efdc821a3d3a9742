"""JSONata expressions: what AWS refuses when a machine is created.

An expression is evaluated without a context item, so a path that starts from a bare name, from `$` or from `$$` reads
nothing: AWS refuses it, and likewise a member of `$states` that the field doesn't have. Only the first step of a path
reads the (absent) context; later steps, predicates, sort terms and groupings read the value before them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from newel.expr.jsonata.desugar import desugar
from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.nodes import Node, Term, walk
from newel.expr.jsonata.parser import parse_tree
from newel.language.checks.report import Context

_SYNTAX: Final = "INVALID_JSONATA_EXPRESSION"
_UNSUPPORTED: Final = "UNSUPPORTED_JSONATA_EXPRESSION"
#: Operators of JSONata 2.1, which AWS's engine doesn't have.
_NEWER_OPERATORS: Final = ("?:", "??")


def check_expression(text: str, location: str, context: Context) -> None:
    """Check what stands between `{%` and `%}`."""
    try:
        tree = parse_tree(text)
        newer = sorted({node.value for node in _parsed(tree) if _is_newer(node)}) if "?" in text else ()
        root = desugar(tree)
    except JsonataError as refused:
        context.report.error(refused.message, location, _SYNTAX)
        return
    except RecursionError:
        context.report.error("The expression is nested too deeply", location, _SYNTAX)
        return
    for operator in newer:
        context.report.warning(
            "NOT_PORTABLE", f"AWS Step Functions does not support the JSONata operator '{operator}'", location
        )
    problems = dict.fromkeys([*_bare_references(root), *_absent_states(root, context.states)])
    for problem in problems:
        context.report.error(problem, location, _UNSUPPORTED)


def _bare_references(root: Node) -> Iterator[str]:
    """What reads the absent context item, in the order of the text."""
    for node in walk(root):
        if node.kind == "variable" and node.value == "$":
            yield "Reference to '$$' is not supported."
    for node in _at_top(root):
        if node.kind == "name":
            yield f"Reference to '{node.value}' at the top level is not supported."
        elif node.kind == "variable" and node.value == "":
            yield "Reference to '$' at the top level is not supported."


def _at_top(root: Node) -> Iterator[Node]:
    """The nodes evaluated against the context item of the whole expression."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(_same_context(node))))


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


def _absent_states(root: Node, visible: frozenset[str]) -> Iterator[str]:
    for node in walk(root):
        if node.kind != "path" or len(node.steps) < 2:
            continue
        first, second = node.steps[:2]
        names_states = first.kind == "variable" and first.value == "states"
        if names_states and second.kind == "name" and second.value not in visible:
            yield f"Field '$states.{second.value}' does not exist."


def _is_newer(node: Node) -> bool:
    return node.kind == "condition" and node.value in _NEWER_OPERATORS


def _parsed(tree: Node) -> Iterator[Node]:
    """Every node of a tree as the parser made it (before desugaring, which forgets how a condition was written)."""
    pending: list[Any] = [tree]
    while pending:
        part = pending.pop()
        if isinstance(part, list | tuple):
            pending.extend(part)
        elif isinstance(part, Term):
            pending.append(part.expression)
        elif isinstance(part, Node):
            yield part
            pending += [part.lhs, part.rhs, part.expression, part.expressions, part.pairs, part.procedure]
            pending += [part.arguments, part.condition, part.then, part.otherwise, part.body]
            pending += [part.pattern, part.update, part.delete]
