"""What an expression refers to, found without running it: for the validator, for editors and for the studio."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from newel.expr.jsonata.codegen.scopes import frame_binds
from newel.expr.jsonata.codegen.tuples import row_names
from newel.expr.jsonata.expression import Expression
from newel.expr.jsonata.nodes import Node

__all__ = ["Analysis", "Reference", "analyse"]

_IMPURE: Final = frozenset({"now", "millis", "random", "shuffle", "uuid", "eval"})


@dataclass(frozen=True, slots=True)
class Reference:
    """A place in the text: a name, the names that follow it in its path, and the position after its token."""

    name: str
    path: tuple[str, ...]
    position: int | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an expression refers to.

    ``variables``: those it doesn't set itself, functions of the library left out. ``functions``: those of the library
    that it mentions. ``fields``: names, wildcards and ``$`` that read the input itself (in Step Functions there is
    none). ``root``: uses of ``$$``. ``newer_operators``: uses of ``?:`` and ``??``, which AWS doesn't have.
    ``constant``: it gives the same for any input, bindings and environment.
    """

    variables: tuple[Reference, ...]
    functions: frozenset[str]
    fields: tuple[Reference, ...]
    root: tuple[Reference, ...]
    newer_operators: tuple[Reference, ...]
    constant: bool

    def paths_of(self, variable: str) -> tuple[tuple[str, ...], ...]:
        """The paths read below a variable: of ``$states``, ``(("input", "id"), ("context", "Execution"))``."""
        return tuple(reference.path for reference in self.variables if reference.name == variable)


@dataclass(slots=True)
class _Found:
    variables: list[Reference] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    fields: list[Reference] = field(default_factory=list)
    root: list[Reference] = field(default_factory=list)
    newer: list[Reference] = field(default_factory=list)


def analyse(expression: Expression) -> Analysis:
    """What a compiled expression refers to."""
    visitor = _Visitor(expression)
    visitor.visit(expression.tree, frozenset(frame_binds([expression.tree])), top=True)
    found = visitor.found
    pure = not found.functions & _IMPURE
    return Analysis(
        variables=tuple(found.variables),
        functions=frozenset(found.functions),
        fields=tuple(found.fields),
        root=tuple(found.root),
        newer_operators=tuple(found.newer),
        constant=pure and not (found.variables or found.fields or found.root),
    )


class _Visitor:
    """``bound`` are the variables set around a node; ``top`` says that its context is the input itself."""

    def __init__(self, expression: Expression) -> None:
        self.found = _Found()
        self._library = expression.library

    def visit(self, node: Node, bound: frozenset[str], *, top: bool) -> None:
        if node.kind == "path":
            self._path(node, bound, top=top)
        elif node.kind == "binary":
            self._chain(node, bound, top=top)
        elif node.kind == "variable":
            self._variable(node, (), bound, top=top)
        elif node.kind in ("wildcard", "descendant"):
            self._field(node, "*" if node.kind == "wildcard" else "**", (), top=top)
        elif node.kind == "lambda" and not node.thunk:
            self._function(node, bound)
        elif node.kind == "block":
            self._all(node.expressions, bound | frame_binds(node.expressions).keys(), top=top)
        elif node.kind == "transform":
            self._all([part for part in (node.pattern, node.update, node.delete) if part is not None], bound, top=False)
        else:
            if node.kind == "condition" and node.value in ("?:", "??"):
                self.found.newer.append(Reference(node.value, (), node.position))
            self._all(_parts(node), bound, top=top)
        self._trailers(node, bound)

    def _chain(self, node: Node, bound: frozenset[str], *, top: bool) -> None:
        """A chain of operators, which leans to the left, without recursion."""
        spine = [node]
        while spine[-1].lhs.kind == "binary":
            spine.append(spine[-1].lhs)
        self.visit(spine[-1].lhs, bound, top=top)
        for operation in reversed(spine):
            self.visit(operation.rhs, bound, top=top)
            if operation is not node:
                self._trailers(operation, bound)

    def _all(self, nodes: Iterable[Node], bound: frozenset[str], *, top: bool) -> None:
        for node in nodes:
            self.visit(node, bound, top=top)

    def _function(self, node: Node, bound: frozenset[str]) -> None:
        assert node.body is not None
        params = {argument.value for argument in node.arguments}
        self.visit(node.body, bound | params | frame_binds([node.body]).keys(), top=False)

    def _path(self, node: Node, bound: frozenset[str], *, top: bool) -> None:
        bound = bound | row_names(node)
        names = _leading_names(node.steps[1:])
        first = node.steps[0]
        if first.kind == "name":
            self._field(first, first.value, names, top=top)
        elif first.kind == "variable":
            self._variable(first, () if first.predicate else names, bound, top=top)
            self._trailers(first, bound)
        else:
            self.visit(first, bound, top=top)
        self._stages(first, bound)
        for step in node.steps[1:]:
            if step.kind == "sort":
                self._all([term.expression for term in step.terms], bound, top=False)
            elif step.kind != "name":
                self.visit(step, bound, top=False)
            self._stages(step, bound)

    def _stages(self, node: Node, bound: frozenset[str]) -> None:
        self._all([stage.expr for stage in node.stages or [] if stage.expr is not None], bound, top=False)

    def _trailers(self, node: Node, bound: frozenset[str]) -> None:
        self._all([stage.expr for stage in node.predicate or [] if stage.expr is not None], bound, top=False)
        if node.group is not None:
            self._all([part for pair in node.group.pairs for part in pair], bound, top=False)

    def _field(self, node: Node, name: str, path: tuple[str, ...], *, top: bool) -> None:
        if top:
            self.found.fields.append(Reference(name, path, node.position))

    def _variable(self, node: Node, path: tuple[str, ...], bound: frozenset[str], *, top: bool) -> None:
        name = node.value
        if name == "":
            self._field(node, "$", path, top=top)
        elif name == "$":
            self.found.root.append(Reference("$$", path, node.position))
        elif name not in bound:
            if name in self._library:
                self.found.functions.add(name)
            else:
                self.found.variables.append(Reference(name, path, node.position))


def _leading_names(steps: list[Node]) -> tuple[str, ...]:
    names = []
    for step in steps:
        if step.kind != "name":
            break
        names.append(step.value)
        if step.stages:
            break
    return tuple(names)


def _parts(node: Node) -> list[Node]:
    parts = [part for part in (node.lhs, node.rhs, node.expression, node.procedure) if isinstance(part, Node)]
    if node.kind == "bind":
        parts = [node.rhs]
    parts += [part for part in (node.condition, node.then, node.otherwise) if part is not None]
    if node.thunk and node.body is not None:
        parts.append(node.body)
    return [*parts, *node.arguments, *node.expressions, *(part for pair in node.pairs for part in pair)]
