"""The second pass over the tree: paths become lists of steps, predicates become their stages, ``%`` finds its
ancestor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.nodes import Group, Node, Slot, Stage, Term
from newel.expr.jsonata.numbers import normal

__all__ = ["desugar"]


def desugar(tree: Node) -> Node:
    """The tree an evaluator works from.

    Raises:
        JsonataError: S0201-S0217.
    """
    result = _Desugarer().process(tree)
    if result.kind == "parent" or result.seeking is not None:
        raise JsonataError("S0217", position=result.position, token=result.kind)
    return result


class _Desugarer:
    def __init__(self) -> None:
        self._ancestry: list[Node] = []

    def process(self, node: Node) -> Node:
        handler = _HANDLERS.get(node.kind)
        if handler is None:
            code = "S0207" if node.id == "(end)" else "S0206"
            raise JsonataError(code, position=node.position, token=node.value)
        result = handler(self, node)
        if node.keep_array:
            result.keep_array = True
        return result

    # -- operators ---------------------------------------------------------------------------------------------------

    def binary(self, node: Node) -> Node:
        handler = _BINARY.get(node.value)
        if handler is not None:
            return handler(self, node)
        # A chain of operators leans to the left: it is worked through without recursion, however long.
        spine = [node]
        while spine[-1].lhs.kind == "binary" and spine[-1].lhs.value not in _BINARY:
            spine.append(spine[-1].lhs)
        left = self.process(spine[-1].lhs)
        for operation in reversed(spine):
            result = Node("binary", operation.value, operation.position, lhs=left, rhs=self.process(operation.rhs))
            _push_ancestry(result, left)
            _push_ancestry(result, result.rhs)
            result.keep_array = operation.keep_array
            left = result
        return left

    def path(self, node: Node) -> Node:
        left = self.process(node.lhs)
        result = left if left.kind == "path" else Node("path", steps=[left])
        if left.kind == "parent" and left.slot is not None:
            result.seeking = [left.slot]
        rest = self.process(node.rhs)
        if rest.kind == "path":
            result.steps.extend(rest.steps)
        else:
            if rest.predicate is not None:
                rest.stages, rest.predicate = rest.predicate, None
            result.steps.append(rest)
        for step in result.steps:
            if step.kind in ("number", "value"):
                raise JsonataError("S0213", position=step.position, value=step.value)
        for step in result.steps:
            if step.kind == "string":
                step.kind = "name"
        if any(step.keep_array for step in result.steps):
            result.keep_singleton = True
        for step in (result.steps[0], result.steps[-1]):
            if step.kind == "unary" and step.value == "[":
                step.cons_array = True
        self._resolve_ancestry(result)
        return result

    def predicate(self, node: Node) -> Node:
        result = self.process(node.lhs)
        step, staged = (result.steps[-1], True) if result.kind == "path" else (result, False)
        if step.group is not None:
            raise JsonataError("S0209", position=node.position)
        predicate = self.process(node.rhs)
        if predicate.seeking is not None:
            for slot in predicate.seeking:
                if slot.level == 1:
                    self._seek_parent(step, slot)
                else:
                    slot.level -= 1
            _push_ancestry(step, predicate)
        stage = Stage(predicate, None, node.position or 0)
        if staged:
            step.stages = [*(step.stages or []), stage]
        else:
            step.predicate = [*(step.predicate or []), stage]
        return result

    def group(self, node: Node) -> Node:
        result = self.process(node.lhs)
        if result.group is not None:
            raise JsonataError("S0210", position=node.position)
        result.group = Group([(self.process(key), self.process(value)) for key, value in node.rhs], node.position or 0)
        return result

    def order_by(self, node: Node) -> Node:
        result = self.process(node.lhs)
        if result.kind != "path":
            result = Node("path", steps=[result])
        step = Node("sort", position=node.position)
        for term in node.rhs:
            expression = self.process(term.expression)
            _push_ancestry(step, expression)
            step.terms.append(Term(expression, term.descending))
        result.steps.append(step)
        self._resolve_ancestry(result)
        return result

    def bind(self, node: Node) -> Node:
        result = Node("bind", node.value, node.position)
        result.lhs = self.process(node.lhs)
        result.rhs = self.process(node.rhs)
        _push_ancestry(result, result.rhs)
        return result

    def focus(self, node: Node) -> Node:
        result = self.process(node.lhs)
        step = result.steps[-1] if result.kind == "path" else result
        if step.stages is not None or step.predicate is not None:
            raise JsonataError("S0215", position=node.position)
        if step.kind == "sort":
            raise JsonataError("S0216", position=node.position)
        if node.keep_array:
            step.keep_array = True
        step.focus = node.rhs.value
        step.tuple = True
        return result

    def index(self, node: Node) -> Node:
        result = self.process(node.lhs)
        step = result
        if result.kind == "path":
            step = result.steps[-1]
        else:
            result = Node("path", steps=[result])
            if step.predicate is not None:
                step.stages, step.predicate = step.predicate, None
        if step.stages is None:
            step.index = node.rhs.value
        else:
            step.stages.append(Stage(None, node.rhs.value, node.position or 0))
        step.tuple = True
        return result

    def apply(self, node: Node) -> Node:
        result = Node("apply", node.value, node.position)
        result.lhs = self.process(node.lhs)
        result.rhs = self.process(node.rhs)
        result.keep_array = result.lhs.keep_array or result.rhs.keep_array
        return result

    # -- other nodes -------------------------------------------------------------------------------------------------

    def unary(self, node: Node) -> Node:
        result = Node(node.kind, node.value, node.position)
        if node.value == "[":
            result.expressions = [self._part(result, item) for item in node.expressions]
        elif node.value == "{":
            result.pairs = [(self._part(result, key), self._part(result, value)) for key, value in node.pairs]
        else:
            assert node.expression is not None
            expression = self.process(node.expression)
            result.expression = expression
            if expression.kind == "number":
                expression.value = normal(-expression.value)
                return expression
            _push_ancestry(result, expression)
        return result

    def _part(self, owner: Node, node: Node) -> Node:
        part = self.process(node)
        _push_ancestry(owner, part)
        return part

    def call(self, node: Node) -> Node:
        assert node.procedure is not None
        result = Node(node.kind, node.value, node.position)
        result.arguments = [self._part(result, argument) for argument in node.arguments]
        result.procedure = self.process(node.procedure)
        return result

    def function(self, node: Node) -> Node:
        assert node.body is not None
        result = Node(node.kind, position=node.position, arguments=node.arguments, signature=node.signature)
        result.body = _tail_calls(self.process(node.body))
        return result

    def condition(self, node: Node) -> Node:
        assert node.condition is not None
        assert node.then is not None
        # The operator is kept for analysis: AWS knows "?" only.
        result = Node(node.kind, node.value, node.position)
        result.condition = self._part(result, node.condition)
        result.then = self._part(result, node.then)
        if node.otherwise is not None:
            result.otherwise = self._part(result, node.otherwise)
        return result

    def transform(self, node: Node) -> Node:
        assert node.pattern is not None
        assert node.update is not None
        result = Node(node.kind, position=node.position)
        result.pattern = self.process(node.pattern)
        result.update = self.process(node.update)
        result.delete = self.process(node.delete) if node.delete is not None else None
        return result

    def block(self, node: Node) -> Node:
        result = Node(node.kind, position=node.position)
        result.expressions = [self._part(result, item) for item in node.expressions]
        result.cons_array = any(
            part.cons_array or (part.kind == "path" and part.steps[0].cons_array) for part in result.expressions
        )
        return result

    def name(self, node: Node) -> Node:
        return Node("path", steps=[node], keep_singleton=node.keep_array)

    def parent(self, node: Node) -> Node:
        number = len(self._ancestry)
        result = Node("parent", position=None, slot=Slot(f"!{number}", 1, number))
        self._ancestry.append(result)
        return result

    def leaf(self, node: Node) -> Node:
        return node

    def operator(self, node: Node) -> Node:
        if node.value in ("and", "or", "in"):
            node.kind = "name"
            return self.process(node)
        if node.value == "?":
            return node
        raise JsonataError("S0201", position=node.position, token=node.value)

    # -- the parent operator -----------------------------------------------------------------------------------------

    def _seek_parent(self, node: Node, slot: Slot) -> Slot:
        if node.kind in ("name", "wildcard"):
            slot.level -= 1
            if slot.level == 0:
                self._bind_ancestor(node, slot)
        elif node.kind == "parent":
            slot.level += 1
        elif node.kind == "block":
            if node.expressions:
                node.tuple = True
                slot = self._seek_parent(node.expressions[-1], slot)
        elif node.kind == "path":
            node.tuple = True
            at = len(node.steps) - 1
            slot = self._seek_parent(node.steps[at], slot)
            at -= 1
            while slot.level > 0 and at >= 0:
                slot = self._seek_parent(node.steps[at], slot)
                at -= 1
        else:
            raise JsonataError("S0217", position=node.position, token=node.kind)
        return slot

    def _bind_ancestor(self, node: Node, slot: Slot) -> None:
        if node.ancestor is not None:
            owner = self._ancestry[slot.index].slot
            assert owner is not None
            owner.label = node.ancestor.label
        node.ancestor = slot
        node.tuple = True

    def _resolve_ancestry(self, path: Node) -> None:
        last = path.steps[-1]
        slots = last.seeking if last.seeking is not None else []
        if last.kind == "parent" and last.slot is not None:
            slots.append(last.slot)
        for slot in slots:
            at = len(path.steps) - 2
            while slot.level > 0:
                if at < 0:
                    if path.seeking is None:
                        path.seeking = []
                    path.seeking.append(slot)
                    break
                step = path.steps[at]
                at -= 1
                # Contiguous steps that bind the focus share one context.
                while at >= 0 and step.focus and path.steps[at].focus:
                    step = path.steps[at]
                    at -= 1
                slot = self._seek_parent(step, slot)


def _push_ancestry(owner: Node, part: Node) -> None:
    if part.seeking is None and part.kind != "parent":
        return
    slots = part.seeking if part.seeking is not None else []
    if part.kind == "parent" and part.slot is not None:
        slots.append(part.slot)
    if owner.seeking is None:
        owner.seeking = slots
    else:
        owner.seeking.extend(slots)


def _tail_calls(node: Node) -> Node:
    """A call in tail position becomes a thunk, which the trampoline unpacks: tail recursion doesn't grow the stack."""
    if node.kind == "function" and not node.predicate:
        return Node("lambda", position=node.position, thunk=True, body=node)
    if node.kind == "condition":
        assert node.then is not None
        node.then = _tail_calls(node.then)
        if node.otherwise is not None:
            node.otherwise = _tail_calls(node.otherwise)
    elif node.kind == "block" and node.expressions:
        node.expressions[-1] = _tail_calls(node.expressions[-1])
    return node


_Handler = Callable[[_Desugarer, Node], Node]
_BINARY: Final[dict[str, _Handler]] = {
    ".": _Desugarer.path,
    "[": _Desugarer.predicate,
    "{": _Desugarer.group,
    "^": _Desugarer.order_by,
    ":=": _Desugarer.bind,
    "@": _Desugarer.focus,
    "#": _Desugarer.index,
    "~>": _Desugarer.apply,
}
_HANDLERS: Final[dict[str, _Handler]] = {
    "binary": _Desugarer.binary,
    "unary": _Desugarer.unary,
    "function": _Desugarer.call,
    "partial": _Desugarer.call,
    "lambda": _Desugarer.function,
    "condition": _Desugarer.condition,
    "transform": _Desugarer.transform,
    "block": _Desugarer.block,
    "name": _Desugarer.name,
    "parent": _Desugarer.parent,
    "operator": _Desugarer.operator,
    **dict.fromkeys(("string", "number", "value", "wildcard", "descendant", "variable", "regex"), _Desugarer.leaf),
}
