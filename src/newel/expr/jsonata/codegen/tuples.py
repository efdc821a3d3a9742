"""Paths with bindings (``@``, ``#``, ``%``): every step is a function of a context and the tuple it stands in."""

from __future__ import annotations

from collections.abc import Iterator

from newel.expr.jsonata.codegen.expressions import declare
from newel.expr.jsonata.codegen.generator import Context, Generator, Val
from newel.expr.jsonata.codegen.scopes import Scope, frame_binds
from newel.expr.jsonata.nodes import Node, Stage

__all__ = ["function_of", "order_terms", "row_names", "stage_list", "tuple_path"]


def row_names(node: Node) -> frozenset[str]:
    """Every name that the tuples of a path can bind, those of paths and blocks within its steps included."""
    names: set[str] = set()
    for step in node.steps:
        names.update(_step_names(step))
    return frozenset(names)


def _step_names(step: Node) -> Iterator[str]:
    for name in (step.focus, step.index):
        if name:
            yield name
    if step.ancestor is not None:
        yield step.ancestor.label
    for stage in step.stages or []:
        if stage.index:
            yield stage.index
    if step.kind == "path":
        yield from row_names(step)
    elif step.kind == "block" and step.expressions:
        yield from _step_names(step.expressions[-1])
    elif step.kind == "sort":
        yield "undefined"


def function_of(g: Generator, node: Node, names: frozenset[str]) -> str:
    """A node as a function of a context and a tuple, whose bindings are variables in it."""
    item, row = g.name("i"), g.name("r")
    with g.define(f"{item}, {row}=None") as function:
        outer = g.scope
        if names:
            g.emit(f"{row} = {row} or NO_ROW")
        g.scope = Scope(outer, g.function, row, names)
        declare(g, g.scope, frame_binds([node]))
        g.emit(f"return {g.expr(node, Context(item)).code}")
        g.scope = outer
    return function


def order_terms(g: Generator, step: Node, names: frozenset[str] = frozenset()) -> str:
    """The terms of an order-by clause as a Python list of (key function, descending)."""
    terms = [f"({_key(g, term.expression, names)}, {term.descending})" for term in step.terms]
    return f"[{', '.join(terms)}]"


def _key(g: Generator, node: Node, names: frozenset[str]) -> str:
    if names:
        return function_of(g, node, names)
    item = g.name("i")
    with g.define(f"{item}, _=None") as function:
        g.emit(f"return {g.expr(node, Context(item)).code}")
    return function


def stage_list(g: Generator, stages: list[Stage], names: frozenset[str]) -> str:
    """Stages as a Python list of (kind, what)."""
    parts = []
    for stage in stages:
        if stage.expr is None:
            parts.append(f"('index', {g.constant(stage.index)})")
        elif stage.expr.kind == "number" and not stage.expr.predicate and stage.expr.group is None:
            parts.append(f"('at', {int(stage.expr.value // 1)})")
        else:
            parts.append(f"('filter', {function_of(g, stage.expr, names)})")
    return f"[{', '.join(parts)}]"


def tuple_path(g: Generator, node: Node, context: Context) -> Val:
    names = row_names(node)
    code = context.code
    items = (
        g.temp(f"({code},)")
        if context.outer or node.steps[0].kind == "variable"
        else g.temp(f"{code} if {code}.__class__ in LISTS else ({code},)")
    )
    result = items
    rows = g.temp("U")
    bound = False
    for number, step in enumerate(node.steps):
        bound = bound or step.tuple
        last = number == len(node.steps) - 1
        if number == 0 and step.cons_array:
            inner = g.temp(f"{items} if {items}.__class__ in LISTS else Seq({items})")
            result = g.hold(g.expr(step, Context(inner))).code
        elif bound:
            g.emit(f"{rows} = {_bound_step(g, step, items, rows, names)}")
        else:
            result = g.temp(_free_step(g, step, items, last))
        if step.focus is None and not bound:
            items = result
    return _result(g, node, result, rows, bound, names)


def _free_step(g: Generator, step: Node, items: str, last: bool) -> str:
    if step.kind == "sort":
        sort = f"order_by({items}, {order_terms(g, step)}, {step.position or 0})"
        return f"tuple_stages({stage_list(g, step.stages or [], frozenset())}, {sort})"
    function, stages = _step_function(g, step, frozenset())
    return f"plain_step({items}, {function}, {stages}, {last})"


def _bound_step(g: Generator, step: Node, items: str, rows: str, names: frozenset[str]) -> str:
    if step.kind == "sort":
        index = g.constant(step.index) if step.index else "None"
        terms, stages = order_terms(g, step, names), stage_list(g, step.stages or [], names)
        return f"sort_tuples({items}, {rows}, {terms}, {step.position or 0}, {index}, {stages})"
    function, stages = _step_function(g, step, names)
    label = step.ancestor.label if step.ancestor is not None else None
    bindings = g.constant((step.focus, step.index, label))
    return f"tuple_step({items}, {rows}, {function}, {bindings}, {stages})"


def _step_function(g: Generator, step: Node, names: frozenset[str]) -> tuple[str, str]:
    if step.kind == "name":
        with g.define("it, _=None") as function:
            g.emit(f"return name_of(it, {g.constant(step.value)})")
    else:
        function = function_of(g, step, names)
    return function, stage_list(g, step.stages or [], names)


def _result(g: Generator, node: Node, result: str, rows: str, bound: bool, names: frozenset[str]) -> Val:
    if bound:
        result = rows if node.tuple else g.temp(f"tuple_contexts({rows})")
    if node.keep_singleton:
        result = g.temp(f"keep({result})")
    if node.group is not None:
        groups = Context(rows if bound else result)
        return g._handlers["(tuple group)"](g, Node("path", group=node.group, steps=node.steps), groups)
    if node.keep_singleton:
        return Val(g.temp(f"collapse({result})"))
    del names
    return Val(g.writable(result), open=True)
