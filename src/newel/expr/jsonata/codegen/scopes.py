"""Scopes at compile time: which Python variable a variable of the expression is.

A frame of the language is a scope; its variables are found where they are written, so a look-up needs no dictionary.
Whether a variable has been set when it is read may depend on the run: it then holds ``N`` until it is set, and the next
scope's is tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from newel.expr.jsonata.nodes import Node

__all__ = ["PyFunction", "Scope", "Variable", "frame_binds"]


@dataclass(slots=True)
class PyFunction:
    """A Python function being written: ``assigned`` are the outer variables it sets."""

    parent: PyFunction | None
    header: int
    loops: int = 0
    assigned: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Variable:
    """A variable: its Python name, how often the text sets it, and what is known of its value."""

    code: str
    function: PyFunction
    writes: int = 0
    definite: bool = False
    kind: str = "x"
    pure: bool = False


class Scope:
    """One frame; ``row`` is the tuple whose bindings are variables here, ``row_names`` those it can have."""

    def __init__(
        self, parent: Scope | None, function: PyFunction, row: str = "", row_names: frozenset[str] = frozenset()
    ) -> None:
        self.parent = parent
        self.function = function
        self.variables: dict[str, Variable] = {}
        self.row = row
        self.row_names = row_names

    def chain(self) -> Iterator[Scope]:
        """The scope and those around it, the innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def surely(self, name: str) -> Variable | None:
        """The variable a name means here whatever happens, if that is known."""
        for scope in self.chain():
            found = scope.variables.get(name)
            if found is not None:
                return found if found.definite else None
            if name in scope.row_names:
                return None
        return None

    def binds_anywhere(self, name: str) -> bool:
        """Whether any scope here has a variable of this name."""
        return any(name in scope.variables or name in scope.row_names for scope in self.chain())

    def definite_variables(self) -> set[int]:
        """The variables that are surely set now."""
        return {id(v) for scope in self.chain() for v in scope.variables.values() if v.definite}

    def restore_definite(self, definite: set[int]) -> None:
        """Forget what conditional code has set."""
        for scope in self.chain():
            for variable in scope.variables.values():
                if variable.definite and id(variable) not in definite:
                    variable.definite = False
                    variable.kind = "x"


def frame_binds(nodes: list[Node]) -> dict[str, int]:
    """The names that expressions of one frame bind, and how often; frames of their own (blocks, functions) left out."""
    counts: dict[str, int] = {}
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if node.kind == "bind":
            counts[node.lhs.value] = counts.get(node.lhs.value, 0) + 1
        pending.extend(_same_frame(node))
    return counts


def _same_frame(node: Node) -> Iterator[Node]:
    if node.kind == "block" or (node.kind == "lambda" and not node.thunk):
        yield from _trailers(node)
        return
    for part in (node.lhs, node.rhs, node.expression, node.procedure, node.condition, node.then, node.otherwise):
        if isinstance(part, Node):
            yield part
    if node.thunk and node.body is not None:
        yield node.body
    for part in (node.pattern, node.update, node.delete):
        if part is not None:
            yield part
    yield from node.expressions
    yield from node.arguments
    for key, value in node.pairs:
        yield key
        yield value
    for term in node.terms:
        yield term.expression
    yield from _steps(node)
    yield from _trailers(node)


def _steps(node: Node) -> Iterator[Node]:
    for step in node.steps:
        if step.tuple:
            return
        yield step


def _trailers(node: Node) -> Iterator[Node]:
    for stage in (node.stages or []) + (node.predicate or []):
        if stage.expr is not None:
            yield stage.expr
    if node.group is not None and not (node.kind == "path" and any(step.tuple for step in node.steps)):
        for key, value in node.group.pairs:
            yield key
            yield value
