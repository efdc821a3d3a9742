"""The syntax tree.

One class for every node, because the language's own rules move properties from node to node after parsing (a predicate
becomes a stage of its step, a step learns that it carries ancestry); ``desugar`` is the only place that changes a node,
and nothing does afterwards. ``kind`` says which of the properties count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Node", "Pair", "Slot", "Stage", "Term", "clone", "walk"]


@dataclass(slots=True)
class Slot:
    """What a ``%`` refers to: ``level`` steps back; ``label`` is the name the ancestor is bound to."""

    label: str
    level: int
    index: int


@dataclass(slots=True)
class Term:
    """One term of an order-by clause."""

    expression: Node
    descending: bool = False


@dataclass(slots=True)
class Stage:
    """A filter (``expr``) or a position binding (``index``) applied to the result of a step."""

    expr: Node | None
    index: str | None
    position: int


@dataclass(slots=True)
class Group:
    """A grouping expression: key and value of each pair."""

    pairs: list[Pair]
    position: int


Pair = tuple["Node", "Node"]


@dataclass(slots=True, eq=False)
class Node:
    """A node; ``position`` is the offset after its token, in UTF-16 units."""

    kind: str
    value: Any = None
    position: int | None = None
    id: str = ""
    lhs: Any = None
    rhs: Any = None
    expression: Node | None = None
    expressions: list[Node] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    procedure: Node | None = None
    arguments: list[Node] = field(default_factory=list)
    condition: Node | None = None
    then: Node | None = None
    otherwise: Node | None = None
    body: Node | None = None
    signature: Any = None
    terms: list[Term] = field(default_factory=list)
    pattern: Node | None = None
    update: Node | None = None
    delete: Node | None = None
    steps: list[Node] = field(default_factory=list)
    stages: list[Stage] | None = None
    predicate: list[Stage] | None = None
    group: Group | None = None
    keep_array: bool = False
    keep_singleton: bool = False
    cons_array: bool = False
    thunk: bool = False
    focus: str | None = None
    index: str | None = None
    tuple: bool = False
    ancestor: Slot | None = None
    seeking: list[Slot] | None = None
    slot: Slot | None = None


def clone(node: Node) -> Node:
    """A deep copy of an unprocessed node (``?:`` and ``??`` evaluate their left side twice)."""
    copy = Node(node.kind, node.value, node.position, node.id if node.id == "(end)" else "")
    copy.lhs = _clone_any(node.lhs)
    copy.rhs = _clone_any(node.rhs)
    for name in ("expression", "procedure", "condition", "then", "otherwise", "body", "pattern", "update", "delete"):
        part = getattr(node, name)
        if part is not None:
            setattr(copy, name, clone(part))
    copy.expressions = [clone(item) for item in node.expressions]
    copy.arguments = [clone(item) for item in node.arguments]
    copy.pairs = [(clone(key), clone(value)) for key, value in node.pairs]
    copy.signature = node.signature
    copy.keep_array = node.keep_array
    return copy


def _clone_any(part: Any) -> Any:
    if isinstance(part, Node):
        return clone(part)
    if isinstance(part, Term):
        return Term(clone(part.expression), part.descending)
    if isinstance(part, list):
        return [_clone_any(item) for item in part]
    if isinstance(part, tuple):
        return tuple(_clone_any(item) for item in part)
    return part


def walk(node: Node) -> Iterator[Node]:
    """A processed node and everything below it."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(list(_children(current))))


def _children(node: Node) -> Iterator[Node]:
    for part in (node.lhs, node.rhs, node.expression, node.procedure):
        if isinstance(part, Node):
            yield part
    yield from node.steps
    yield from node.expressions
    yield from node.arguments
    for key, value in node.pairs:
        yield key
        yield value
    for part in (node.condition, node.then, node.otherwise, node.body, node.pattern, node.update, node.delete):
        if part is not None:
            yield part
    for term in node.terms:
        yield term.expression
    for stage in (node.stages or []) + (node.predicate or []):
        if stage.expr is not None:
            yield stage.expr
    if node.group is not None:
        for key, value in node.group.pairs:
            yield key
            yield value
