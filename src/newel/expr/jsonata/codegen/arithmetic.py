"""Arithmetic: plain numbers in place, a whole tree of operations at a time; everything else by calls that know the
rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from newel.expr.jsonata.codegen.generator import Context, Generator, Val
from newel.expr.jsonata.codegen.scopes import frame_binds
from newel.expr.jsonata.nodes import Node
from newel.expr.jsonata.numbers import SAFE

__all__ = ["NAMES", "arithmetic", "fused", "has_trailer", "is_number", "loosen"]

#: The general form of each operator.
NAMES: Final = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
_FUSED_MAX: Final = 12
_SPARE_MAX: Final = 2**40


def has_trailer(node: Node) -> bool:
    """Whether something is applied to the node's value before it is used."""
    return bool(node.predicate) or node.group is not None or node.keep_array


def is_number(value: Val) -> str:
    """A Python condition for a value being a number, empty when it is known to be one."""
    if value.kind == "n":
        return ""
    return f"({value.code}.__class__ is int or {value.code}.__class__ is float)"


def _is_exact(value: Val) -> str:
    """The same for a division, which Python makes exact for integers that are no doubles."""
    if value.kind == "n" and value.const is not None and -SAFE <= value.const <= SAFE:
        return ""
    code = value.code
    return f"({code}.__class__ is float or ({code}.__class__ is int and {-SAFE} <= {code} <= {SAFE}))"


def _all(conditions: list[str]) -> str:
    return " and ".join(dict.fromkeys(condition for condition in conditions if condition)) or "True"


def arithmetic(g: Generator, operator: str, left: Val, right: Val) -> Val:
    """One operation."""
    kind = "n" if left.kind == right.kind == "n" else "n?"
    if operator == "%":
        return Val(g.temp(f"modulo({left.code}, {right.code})"), kind)
    result = g.name()
    general = f"{result} = {NAMES[operator]}({left.code}, {right.code})"
    if operator == "/":
        test = _all([_is_exact(left), _is_exact(right), "" if right.const else right.code])
    else:
        test = _all([is_number(left), is_number(right)])
    with g.block(f"if {test}:"):
        g.emit(f"{result} = {left.code} {operator} {right.code}")
        _settle(g, result, general, operator)
    if test != "True":
        with g.block("else:"):
            g.emit(general)
    return Val(result, kind)


def _settle(g: Generator, result: str, general: str, operator: str) -> None:
    """Results that aren't what JavaScript would have: whole doubles, big integers, and what came from infinities."""
    if operator == "/":
        # A quotient may hide an infinite divisor, but it is whole then.
        with g.block(f"if {result}.is_integer() or {result} - {result} != 0.0:"):
            g.emit(general)
        return
    with g.block(f"if {result}.__class__ is int:"), g.block(f"if not {-SAFE} < {result} < {SAFE}:"):
        g.emit(general)
    with g.block(f"elif {result}.is_integer() or {result} - {result} != 0.0:"):
        g.emit(general)


@dataclass(slots=True, eq=False)
class _Operation:
    node: Node
    left: _Operation | Val
    right: _Operation | Val
    result: str = ""


def _inner(node: Node) -> Node:
    while (
        node.kind == "block"
        and len(node.expressions) == 1
        and not has_trailer(node)
        and not frame_binds(node.expressions)
    ):
        node = node.expressions[0]
    return node


def _is_operation(node: Node) -> bool:
    if node.kind != "binary" or has_trailer(node) or node.value not in ("+", "-", "*", "/"):
        return False
    divisor = _inner(node.rhs)
    return node.value != "/" or (divisor.kind == "number" and divisor.value != 0 and not has_trailer(divisor))


def _is_safe(node: Node) -> bool:
    """Whether a leaf can be worked out ahead of the operations before it: no error, no effect."""
    if has_trailer(node):
        return False
    if node.kind in ("number", "variable"):
        return True
    return node.kind == "path" and all(
        not step.tuple and (step.kind == "name" or (number == 0 and step.kind == "variable" and not has_trailer(step)))
        and not step.stages
        for number, step in enumerate(node.steps)
    )  # fmt: skip


def _count(node: Node, depth: int = 0) -> int:
    """The operations of a tree, or a number beyond all bounds when it can't be done at once."""
    node = _inner(node)
    if depth > _FUSED_MAX:
        return _FUSED_MAX + 1
    if _is_operation(node):
        return 1 + _count(node.lhs, depth + 1) + _count(node.rhs, depth + 1)
    return 0 if _is_safe(node) else _FUSED_MAX + 1


def fused(g: Generator, node: Node, context: Context, expr: Callable[[Generator, Node, Context], Val]) -> Val | None:
    """A tree of two or more operations over simple leaves: one check of the leaves, then plain arithmetic."""
    if not _is_operation(node) or not 1 <= _count(node) <= _FUSED_MAX:
        return None
    leaves: list[Val] = []
    operations: list[_Operation] = []
    known = _members(g, node, context)
    leaves.extend(known.values())
    root = _tree(g, node, context, expr, leaves, operations, known)
    assert isinstance(root, _Operation)
    divided = [operation.left for operation in operations if operation.node.value == "/" and not _halves(operation)]
    exact = {leaf.code: _is_exact(leaf) for leaf in divided if isinstance(leaf, Val)}
    test = _all([exact.get(leaf.code) or is_number(leaf) for leaf in leaves])
    result = root.result
    g.emit(f"{result} = N")
    with g.block(f"if {test}:"):
        for operation in operations:
            g.emit(f"{operation.result} = {_code(operation.left)} {operation.node.value} {_code(operation.right)}")
        # Comparing a double with a large integer is slow. All results are integers if the last one is.
        if root.node.value != "/":
            with (
                g.block(f"if {result}.__class__ is int:"),
                g.block(f"if not ({_bounds(root, operations, '')}):"),
            ):
                g.emit(f"{result} = N")
        otherwise = "if" if root.node.value == "/" else "elif"
        with g.block(f"{otherwise} not ({_bounds(root, operations, '.0')}):"):
            g.emit(f"{result} = N")
        if id(node) not in g.loose:
            with g.block(f"elif {result}.is_integer():"):
                g.emit(f"{result} = int({result})")
    with g.block(f"if {result} is N:"):
        settled = {leaf.code: g.temp(f"collapse({leaf.code})") for leaf in leaves if leaf.open}
        for operation in operations:
            with g.region(operation.node.position, operation.node.value, force=True):
                name = NAMES[operation.node.value]
                left, right = _code(operation.left), _code(operation.right)
                g.emit(f"{operation.result} = {name}({settled.get(left, left)}, {settled.get(right, right)})")
    return Val(result, "n" if all(leaf.kind == "n" for leaf in leaves) else "n?")


def _bounds(root: _Operation, operations: list[_Operation], fraction: str) -> str:
    """A condition for every result being exact, and finite; `fraction` makes the bounds integers or doubles.

    What only gets a constant added on its way to the root is exact if the root is, with the constant to spare.
    """
    spare, current, covered = 0, root, []
    while current.node.value in ("+", "-"):
        sides = (current.left, current.right)
        below = [side for side in sides if isinstance(side, _Operation)]
        constants = [side.const for side in sides if isinstance(side, Val) and side.const is not None]
        if len(below) != 1 or len(constants) != 1 or abs(constants[0]) > _SPARE_MAX:
            break
        spare += abs(int(constants[0])) + 1
        current = below[0]
        covered.append(current)
    tests = [f"{spare - SAFE}{fraction} < {root.result} < {SAFE - spare}{fraction}"]
    # A quotient is a double, exact as doubles go; if it is infinite, so is what becomes of it.
    checked = [
        operation
        for operation in operations
        if operation is not root and operation not in covered and operation.node.value != "/"
    ]
    tests += [f"{-SAFE}{fraction} < {operation.result} < {SAFE}{fraction}" for operation in checked]
    return " and ".join(tests)


def loosen(g: Generator, node: Node) -> None:
    """The numbers of a path are only added up: those that its last step calculates may stay doubles."""
    if node.kind == "path" and not node.keep_singleton and node.group is None and not node.steps[-1].stages:
        g.loose.add(id(_inner(node.steps[-1])))


def _is_member(node: Node) -> bool:
    return node.kind == "path" and len(node.steps) == 1 and node.steps[0].kind == "name" and _is_safe(node)


def _members(g: Generator, node: Node, context: Context) -> dict[str, Val]:
    """The members of the context that a tree reads, looked up together: the context's kind is asked once."""
    names: dict[str, None] = {}
    pending = [node]
    while pending:
        current = _inner(pending.pop())
        if _is_operation(current):
            pending += [current.rhs, current.lhs]
        elif _is_member(current) and not current.keep_singleton:
            names[current.steps[0].value] = None
    if len(names) < 2 or (g.makes_objects and not context.pure):
        return {}
    found = {name: Val(g.name(), pure=context.pure) for name in names}
    with g.block(f"if {context.code}.__class__ is dict:"):
        for name, value in found.items():
            g.emit(f"{value.code} = {context.code}.get({g.constant(name)}, U)")
    with g.block("else:"):
        for name, value in found.items():
            lookup = "name_of" if context.outer else "names"
            key = g.constant(name) if context.outer else g.constant((name,))
            g.emit(f"{value.code} = {lookup}({context.code}, {key})")
    return found


def _halves(operation: _Operation) -> bool:
    """Whether the divisor is a power of two, by which rounding before or after is the same."""
    divisor = operation.right.const if isinstance(operation.right, Val) else None
    return divisor in (2, 4, 8, 16)


def _code(part: _Operation | Val) -> str:
    return part.result if isinstance(part, _Operation) else part.code


def _tree(
    g: Generator,
    node: Node,
    context: Context,
    expr: Callable[[Generator, Node, Context], Val],
    leaves: list[Val],
    operations: list[_Operation],
    known: dict[str, Val],
) -> _Operation | Val:
    node = _inner(node)
    if not _is_operation(node):
        if _is_member(node) and node.steps[0].value in known:
            return known[node.steps[0].value]
        # A variable that holds a sequence fails the check, and collapses only then.
        leaf = g.bare(node, context) if node.kind == "variable" else expr(g, node, context)
        leaf = leaf if leaf.const is not None else g.hold(leaf)
        leaves.append(leaf)
        return leaf
    left = _tree(g, node.lhs, context, expr, leaves, operations, known)
    right = _tree(g, node.rhs, context, expr, leaves, operations, known)
    operation = _Operation(node, left, right, g.name())
    operations.append(operation)
    return operation
