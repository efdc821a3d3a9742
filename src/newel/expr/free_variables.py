"""The variables that a JSONata expression takes from outside: what it reads without binding it itself."""

from collections.abc import Iterator
from typing import Any

from newel.expr.jsonata import JsonataError
from newel.expr.jsonata.nodes import Node, Term
from newel.expr.jsonata.parser import parse_tree


def free_variables(body: str) -> frozenset[str]:
    """Names without `$`, functions of the library and `states` included; none for text that does not parse."""
    found: set[str] = set()
    try:
        _collect(parse_tree(body), set(), found)
    except (JsonataError, RecursionError):
        return frozenset()
    return frozenset(found - {"", "$"})


def _collect(node: Node, bound: set[str], found: set[str]) -> None:
    """Add the free variables of `node` to `found`. `bound` grows with what the node binds for those after it."""
    if node.kind == "variable":
        if node.value not in bound:
            found.add(node.value)
        return
    if node.kind == "lambda":
        inner = bound | {argument.value for argument in node.arguments}
        if node.body is not None:
            _collect(node.body, inner, found)
        return
    if node.kind == "block":
        bound = set(bound)
    if node.kind == "binary" and node.value in (":=", "@", "#") and isinstance(node.rhs, Node):
        _collect_binding(node, bound, found)
        return
    for child in _children(node):
        _collect(child, bound, found)


def _collect_binding(node: Node, bound: set[str], found: set[str]) -> None:
    """`$x := value` (which may call itself by name) and the bindings of a step, `@$x` and `#$i`."""
    target, value = (node.lhs, node.rhs) if node.value == ":=" else (node.rhs, node.lhs)
    if node.value == ":=" and value.kind == "lambda":
        bound.add(target.value)
    _collect(value, bound, found)
    bound.add(target.value)


def _children(node: Node) -> Iterator[Node]:
    """The parts of an unprocessed node, in the order of the text."""
    parts: tuple[Any, ...] = (
        node.procedure,
        node.lhs,
        node.rhs,
        node.expression,
        node.expressions,
        node.arguments,
        node.pairs,
        node.condition,
        node.then,
        node.otherwise,
        node.body,
        node.pattern,
        node.update,
        node.delete,
    )
    for part in parts:
        yield from _nodes(part)


def _nodes(part: Any) -> Iterator[Node]:
    if isinstance(part, Node):
        yield part
    elif isinstance(part, Term):
        yield part.expression
    elif isinstance(part, (list, tuple)):
        for item in part:
            yield from _nodes(item)
