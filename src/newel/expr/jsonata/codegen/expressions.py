"""Literals, variables, operators, conditions, blocks."""

from __future__ import annotations

from typing import Final

from newel.expr.jsonata.codegen.arithmetic import NAMES, arithmetic, fused, has_trailer, is_number
from newel.expr.jsonata.codegen.generator import Context, Generator, Val
from newel.expr.jsonata.codegen.scopes import Scope, Variable, frame_binds
from newel.expr.jsonata.nodes import Node

__all__ = ["declare", "read_variable"]

_COMPARISONS: Final = frozenset({"<", "<=", ">", ">="})


# -- leaves ----------------------------------------------------------------------------------------------------------


def literal(g: Generator, node: Node, _: Context) -> Val:
    value = node.value
    if value is None:
        return Val("None", "null")
    if value is True or value is False:
        return Val(repr(value), "b")
    if isinstance(value, int):
        return Val(f"({value!r})", "n", const=value)
    if isinstance(value, float):
        return Val(g.constant(value), "n", const=value)
    return Val(g.constant(value), "s", const=value)


def regex(g: Generator, node: Node, _: Context) -> Val:
    return Val(g.temp(f"make_matcher(rt, {g.constant(node.value)}, {node.position or 0})"), "f")


def variable(g: Generator, node: Node, context: Context) -> Val:
    if node.value == "":
        # A copy, where collapsing it would change the context.
        code = g.temp(context.code) if context.code.startswith("t") else context.code
        return Val(code, open=not context.outer and not context.pure, pure=context.pure)
    return read_variable(g, node.value)


def read_variable(g: Generator, name: str) -> Val:
    """The value of a variable: the innermost scope's that has set it."""
    builtin = g.library.get(name)
    if builtin is not None and name not in g.shadowed and not g.scope.binds_anywhere(name):
        return Val(g.constant(builtin), "f")
    result = ""
    for scope in g.scope.chain():
        found = scope.variables.get(name)
        if found is not None:
            if found.definite and not result:
                return _definite(g, found)
            result = _or_else(g, result, found.code)
            if found.definite:
                return Val(result, open=True)
        if name in scope.row_names:
            result = _or_else(g, result, f"{scope.row}.get({g.constant(name)}, N)")
    outside = global_value(g, name)
    # What comes from outside is plain JSON, which has no sequences.
    return Val(_or_else(g, result, outside), open=bool(result), pure=not result)


def _definite(g: Generator, found: Variable) -> Val:
    code = g.temp(found.code) if found.writes > 1 else found.code
    return Val(code, found.kind, open=found.kind in ("x", "a") and not found.pure, pure=found.pure)


def _or_else(g: Generator, so_far: str, code: str) -> str:
    if not so_far:
        return g.temp(code)
    with g.block(f"if {so_far} is N:"):
        g.emit(f"{so_far} = {code}")
    return so_far


def global_value(g: Generator, name: str) -> str:
    """A variable that the expression never sets: from the bindings, or of the library."""
    if name == "$" and name not in g.shadowed:
        return "inp"
    builtin = g.library.get(name)
    fallback = g.constant(builtin) if builtin is not None else "U"
    return f"b.get({g.constant(name)}, {fallback})"


def declare(g: Generator, scope: Scope, binds: dict[str, int]) -> None:
    """Make the variables a frame can set; they hold ``N`` until they are."""
    for name, count in binds.items():
        if name in scope.variables:
            scope.variables[name].writes += count
            continue
        found = Variable(g.name("v"), g.function, writes=count + (g.function.loops > 0))
        scope.variables[name] = found
        g.emit(f"{found.code} = N")


# -- structure -------------------------------------------------------------------------------------------------------


def block(g: Generator, node: Node, context: Context) -> Val:
    binds = frame_binds(node.expressions)
    outer = g.scope
    if binds:
        g.scope = Scope(outer, g.function)
        declare(g, g.scope, binds)
    value = Val("U", "u")
    for expression in node.expressions:
        value = g.expr(expression, context)
    g.scope = outer
    return Val(value.code, value.kind, open=value.kind == "x")


def bind(g: Generator, node: Node, context: Context) -> Val:
    value = g.hold(g.expr(node.rhs, context))
    found = g.scope.variables.get(node.lhs.value)
    assert found is not None, "every frame declares what it binds"
    if found.function is not g.function:
        g.function.assigned.add(found.code)
    g.emit(f"{found.code} = {value.code}")
    if found.function is g.function:
        found.definite = True
        found.kind = value.kind if found.writes == 1 else "x"
    return Val(value.code, value.kind, open=value.kind == "x")


def condition(g: Generator, node: Node, context: Context) -> Val:
    assert node.condition is not None
    assert node.then is not None
    result = g.name()
    kinds: set[str] = set()
    test = g.truth(g.expr(node.condition, context))
    with g.conditional(), g.block(f"if {test}:"):
        kinds.add(_assign(g, result, node.then, context))
    otherwise = node.otherwise
    if otherwise is None:
        with g.block("else:"):
            g.emit(f"{result} = U")
        return Val(result, open=True)
    if _plain_condition(otherwise):
        return _chain(g, otherwise, context, result, kinds)
    with g.conditional(), g.block("else:"):
        kinds.add(_assign(g, result, otherwise, context))
    kind = kinds.pop() if len(kinds) == 1 else "x"
    return Val(result, kind, open=kind == "x")


def _plain_condition(node: Node) -> bool:
    return node.kind == "condition" and not node.predicate and node.group is None and not node.keep_array


def _chain(g: Generator, node: Node, context: Context, result: str, kinds: set[str]) -> Val:
    """``a ? b : c ? d : e`` side by side instead of one within the other, however long."""
    with g.block("else:"):
        g.emit(f"{result} = N")
    current: Node | None = node
    while current is not None:
        assert current.condition is not None
        assert current.then is not None
        following = current.otherwise
        with g.conditional(), g.block(f"if {result} is N:"):
            test = g.truth(g.expr(current.condition, context))
            with g.block(f"if {test}:"):
                kinds.add(_assign(g, result, current.then, context))
            if following is None:
                with g.block("else:"):
                    g.emit(f"{result} = U")
                kinds.add("x")
            elif not _plain_condition(following):
                with g.block("else:"):
                    kinds.add(_assign(g, result, following, context))
        current = following if following is not None and _plain_condition(following) else None
    kind = kinds.pop() if len(kinds) == 1 else "x"
    return Val(result, kind, open=kind == "x")


def _assign(g: Generator, result: str, node: Node, context: Context) -> str:
    value = g.expr(node, context)
    g.emit(f"{result} = {value.code}")
    return value.kind


# -- operators -------------------------------------------------------------------------------------------------------


def binary(g: Generator, node: Node, context: Context) -> Val:
    """An operator; a long chain of them to the left is written without recursion."""
    spine = [node]
    whole = fused(g, node, context, Generator.expr)
    if whole is not None:
        return whole
    while True:
        left = spine[-1].lhs
        if left.kind != "binary" or has_trailer(left):
            break
        spine.append(left)
    value = g.expr(spine[-1].lhs, context)
    for operation in reversed(spine):
        value = g.collapse(_operate(g, operation, value, context))
    return value


def _operate(g: Generator, node: Node, left: Val, context: Context) -> Val:
    operator = node.value
    if operator in ("and", "or"):
        return _logical(g, node, left, context)
    left = g.hold(left) if left.const is None else left
    right = g.expr(node.rhs, context)
    if right.const is None or left.const is not None:
        # Python warns of comparisons between literals.
        left, right = g.hold(left), Val(g.hold(right).code, right.kind)
    with g.region(node.position, operator, force=True):
        if operator in NAMES:
            return arithmetic(g, operator, left, right)
        if operator in ("=", "!="):
            return _equality(g, operator, left, right)
        if operator in _COMPARISONS:
            return _comparison(g, operator, left, right)
        if operator == "&":
            return _concat(g, left, right)
        if operator == "..":
            return Val(g.temp(f"span(rt, {left.code}, {right.code})"), open=True)
        return Val(g.temp(f"includes({left.code}, {right.code})"), "b")


def _logical(g: Generator, node: Node, left: Val, context: Context) -> Val:
    result = g.name()
    with g.region(node.position, node.value, force=True):
        g.emit(f"{result} = True if {g.truth(left)} else False" if left.kind != "b" else f"{result} = {left.code}")
        with g.conditional(), g.block(f"if {result}:" if node.value == "and" else f"if not {result}:"):
            right = g.expr(node.rhs, context)
            g.emit(
                f"{result} = {right.code}" if right.kind == "b" else f"{result} = True if {g.truth(right)} else False"
            )
    return Val(result, "b")


def _both(*conditions: str) -> str:
    return " and ".join(condition for condition in conditions if condition) or "True"


def _equality(g: Generator, operator: str, left: Val, right: Val) -> Val:
    if left.const is not None and right.const is None:
        left, right = right, left
    a, b = left.code, right.code
    if right.kind == "s" and right.const is not None:
        test = f"{a} == {b}" if operator == "=" else f"({a} != {b} and {a} is not U)"
        return Val(g.temp(test), "b")
    if right.kind == "n" and right.const is not None:
        same = f"({a} == {b} and {a}.__class__ is not bool)"
        test = same if operator == "=" else f"(not {same} and {a} is not U)"
        return Val(g.temp(test), "b")
    if right.kind == "null":
        return Val(g.temp(f"{a} is None" if operator == "=" else f"({a} is not None and {a} is not U)"), "b")
    name, sign = ("equal", "==") if operator == "=" else ("unequal", "!=")
    test = f"({a} {sign} {b}) if {a}.__class__ is str and {b}.__class__ is str else {name}({a}, {b})"
    return Val(g.temp(test), "b")


def _comparison(g: Generator, operator: str, left: Val, right: Val) -> Val:
    a, b = left.code, right.code
    general = f"compare({a}, {b}, {operator!r})"
    for value, other in ((right, left), (left, right)):
        if value.kind == "s" and value.const is not None and value.const.isascii():
            kind = "b" if other.kind == "s" else "b?"
            return Val(g.temp(f"({a} {operator} {b}) if {other.code}.__class__ is str else {general}"), kind)
    kind = "b" if left.kind == right.kind == "n" else "b?"
    test = _both(is_number(left), is_number(right))
    return Val(g.temp(f"({a} {operator} {b}) if {test} else {general}"), kind)


def _concat(g: Generator, left: Val, right: Val) -> Val:
    def is_text(value: Val) -> str:
        return "" if value.kind == "s" else f"{value.code}.__class__ is str"

    result = g.name()
    with g.block(f"if {_both(is_text(left), is_text(right))}:"):
        g.emit(f"{result} = {left.code} + {right.code}")
        with g.block(f"if len({result}) > TEXT_MAX:"):
            g.emit(f"rt.check_text(len({result}))")
    if left.kind != "s" or right.kind != "s":
        with g.block("else:"):
            g.emit(f"{result} = concat(rt, {left.code}, {right.code})")
    return Val(result, "s")


def negation(g: Generator, node: Node, context: Context) -> Val:
    assert node.expression is not None
    value = g.expr(node.expression, context)
    with g.region(node.position, "-", force=True):
        return Val(g.temp(f"negate({value.code})"), "n" if value.kind == "n" else "n?")
