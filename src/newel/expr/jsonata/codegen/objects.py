"""Constructors of arrays and objects, and grouping."""

from __future__ import annotations

from typing import Any

from newel.expr.jsonata.codegen.generator import NOT_LISTS, Context, Generator, Val
from newel.expr.jsonata.codegen.tuples import function_of, row_names
from newel.expr.jsonata.nodes import Node, Pair
from newel.expr.jsonata.runtime.grouping import in_order

__all__ = ["array", "group", "object_", "tuple_group"]


def array(g: Generator, node: Node, context: Context) -> Val:
    """``[a, b..c]``: arrays among the items are joined in, except those written as arrays."""
    items = node.expressions
    kind = "Cons" if node.cons_array else "list"
    if len(items) == 1 and items[0].kind == "binary" and items[0].value == ".." and not node.cons_array:
        value = g.hold(g.expr(items[0], context))
        return Val(g.temp(f"as_list({value.code})"), "a")
    code = g.temp("[]")
    for item in items:
        value = g.hold(g.expr(item, context))
        add = f"{code}.append({value.code})"
        nested = item.value == "[" and item.kind == "unary"
        if nested or value.kind in NOT_LISTS:
            _when_defined(g, value, add)
            if nested and value.kind not in NOT_LISTS:
                _note_unusual(g, value)
        else:
            with g.block(f"if {value.code}.__class__ in LISTS:"):
                g.emit(f"{code}.extend({value.code})")
                with g.block(f"if len({code}) > SEQUENCE_MAX:"):
                    g.emit(f"rt.check_length(len({code}))")
            with g.block(f"elif {value.code} is not U:"):
                g.emit(add)
    if any(item.kind == "binary" and item.value == ".." for item in items):
        g.emit(f"rt.check_length(len({code}))")
    if kind == "Cons":
        g.emit("rt.dirty = True")
        return Val(g.temp(f"Cons({code})"), "a")
    return Val(code, "a")


def _when_defined(g: Generator, value: Val, statement: str) -> None:
    if value.defined:
        g.emit(statement)
    elif value.kind != "u":
        with g.block(f"if {value.code} is not U:"):
            g.emit(statement)


def _note_unusual(g: Generator, value: Val) -> None:
    with g.block(f"if {value.code}.__class__ in UNUSUAL:"):
        g.emit("rt.dirty = True")


def object_(g: Generator, node: Node, context: Context) -> Val:
    """``{key: value}`` over the context."""
    code = context.code
    if _constant_keys(node.pairs):
        inner = code if context.outer else g.temp(f"{code} if {code}.__class__ is dict else group_item({code})")
        return _members(g, node.pairs, Context(inner, pure=context.pure))
    items = g.temp(f"({code},)" if context.outer else f"items_of({code})")
    return _grouping(g, node.pairs, items, node.position or 0, pure=context.pure)


def _constant_keys(pairs: list[Pair]) -> bool:
    keys = [key.value for key, _ in pairs if key.kind == "string" and not key.predicate and key.group is None]
    return len(keys) == len(pairs) == len(set(keys)) and not any(key.startswith("_jsonata_") for key in keys)


def _members(g: Generator, pairs: list[Pair], context: Context) -> Val:
    ordered: dict[str, Any] = in_order({key.value: value for key, value in pairs})
    result = g.temp("{}")
    for key, node in ordered.items():
        value = g.hold(g.expr(node, context))
        statement = f"{result}[{g.constant(key)}] = {value.code}"
        if value.kind in NOT_LISTS or value.kind == "a":
            _when_defined(g, value, statement)
        else:
            with g.block(f"if {value.code} is not U:"):
                g.emit(statement)
                _note_unusual(g, value)
    return Val(result, "o")


def group(g: Generator, node: Node, context: Context) -> Val:
    """A grouping expression over the value in ``context``."""
    assert node.group is not None
    code = context.code
    if node.kind == "block" and node.tuple:
        return tuple_group(g, node, context)
    items = g.temp(f"items_of({code})")
    return _grouping(g, node.group.pairs, items, node.group.position, pure=context.pure)


def _grouping(g: Generator, pairs: list[Pair], items: str, position: int, *, pure: bool) -> Val:
    """Group items by their keys, then work out the value of each group."""
    groups = g.temp("{}")
    g.charge(items)
    _keys(g, pairs, items, groups, position, pure=pure)
    result = g.temp("{}")
    key, held = g.name("i"), g.name("i")
    nodes = [value for _, value in pairs]
    context = g.name("i")
    if g.needs_function(*nodes):
        with g.define(f"{context}, {held}") as function:
            g.emit(f"return {_value(g, pairs, Context(context, pure=pure), held)}")
        with g.loop(f"for {key}, {held} in in_order({groups}).items():"):
            members = held if len(pairs) == 1 else f"{held}[1]"
            value = g.temp(f"{function}(group_context({members}), {held})")
            _store(g, result, key, value)
    else:
        with g.loop(f"for {key}, {held} in in_order({groups}).items():"):
            members = held if len(pairs) == 1 else g.temp(f"{held}[1]")
            g.emit(f"{context} = {members}[0] if len({members}) == 1 else group_context({members})")
            _store(g, result, key, _value(g, pairs, Context(context, pure=pure), held))
    return Val(result, "o")


def _keys(g: Generator, pairs: list[Pair], items: str, groups: str, position: int, *, pure: bool) -> None:
    item = g.name("i")
    if g.needs_function(*(key for key, _ in pairs)):
        with g.define(item) as function:
            _sort_in(g, pairs, Context(item, pure=pure), groups, position)
        with g.loop(f"for {item} in {items}:"):
            g.emit(f"{function}({item})")
        return
    with g.loop(f"for {item} in {items}:"):
        _sort_in(g, pairs, Context(item, pure=pure), groups, position)


def _sort_in(g: Generator, pairs: list[Pair], context: Context, groups: str, position: int) -> None:
    item = context.code
    for number, (node, _) in enumerate(pairs):
        key = g.hold(g.expr(node, context))
        found = g.temp(f"{groups}.get({key.code}) if {key.code}.__class__ is str else None")
        if len(pairs) == 1:
            with g.block(f"if {found} is not None:"):
                g.emit(f"{found}.append({item})")
            with g.block(f"elif {key.code} is not U:"):
                g.emit(f"{groups}[check_key({key.code}, {position})] = [{item}]")
            continue
        with g.block(f"if {found} is not None and {found}[0] == {number}:"):
            g.emit(f"{found}[1].append({item})")
        with g.block("else:"):
            g.emit(f"grouped({groups}, {key.code}, {number}, {item}, {position})")


def _value(g: Generator, pairs: list[Pair], context: Context, held: str) -> str:
    """The code of a group's value, by the pair that made the group."""
    if len(pairs) == 1:
        return g.hold(g.expr(pairs[0][1], context)).code
    result = g.temp("U")
    for number, (_, node) in enumerate(pairs):
        with g.conditional(), g.block(f"if {held}[0] == {number}:"):
            g.emit(f"{result} = {g.expr(node, context).code}")
    return result


def _store(g: Generator, result: str, key: str, value: str) -> None:
    with g.block(f"if {value} is not U:"):
        g.emit(f"{result}[{key}] = {value}")
        with g.block(f"if {value}.__class__ in UNUSUAL:"):
            g.emit("rt.dirty = True")


def tuple_group(g: Generator, node: Node, context: Context) -> Val:
    """Grouping where the value may be a tuple stream: each pair is two functions of a context and a tuple."""
    assert node.group is not None
    names = row_names(node if node.kind == "path" else Node("path", steps=[node]))
    functions = [f"({function_of(g, key, names)}, {function_of(g, value, names)})" for key, value in node.group.pairs]
    return Val(g.temp(f"group_tuples(rt, {context.code}, [{', '.join(functions)}], {node.group.position})"), "o")
