"""Tokens to a tree: Pratt's algorithm over a table of symbols, left to ``desugar`` to give the tree its meaning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.nodes import Node, Pair, Term, clone
from newel.expr.jsonata.signature import Signature, parse_signature
from newel.expr.jsonata.tokenizer import OPERATORS, Tokenizer

__all__ = ["parse_tree"]

_UNARY_POWER: Final = 70
_SYMBOL_OF_KIND: Final = {
    "name": "(name)",
    "variable": "(name)",
    "string": "(literal)",
    "number": "(literal)",
    "value": "(literal)",
    "regex": "(regex)",
}
_BINARY: Final = frozenset(
    {".", "+", "-", "*", "/", "%", "=", "<", ">", "!=", "<=", ">=", "&", "and", "or", "in", "~>"}
)
_TERMINALS: Final = frozenset({"(end)", "(name)", "(literal)", "(regex)", "and", "or", "in"})
_NOT_SYMBOLS: Final = frozenset({"!", "~"})


class _Parser:
    def __init__(self, text: str) -> None:
        self._lexer = Tokenizer(text)
        self._end = self._lexer.units(len(text))
        self.node = Node("(end)", "(end)", self._end, "(end)")

    def parse(self) -> Node:
        self.advance()
        tree = self.expression(0)
        if self.node.id != "(end)":
            raise JsonataError("S0201", position=self.node.position, token=self.node.value)
        return tree

    def advance(self, expected: str | None = None, *, infix: bool = False) -> Node:
        if expected is not None and self.node.id != expected:
            code = "S0203" if self.node.id == "(end)" else "S0202"
            raise JsonataError(code, position=self.node.position, token=self.node.value, value=expected)
        token = self._lexer.next(infix=infix)
        if token is None:
            self.node = Node("(end)", "(end)", self._end, "(end)")
        elif token.kind == "operator":
            if token.value in _NOT_SYMBOLS:
                raise JsonataError("S0204", position=token.position, token=token.value)
            self.node = Node("operator", token.value, token.position, token.value)
        else:
            self.node = Node(token.kind, token.value, token.position, _SYMBOL_OF_KIND[token.kind])
        return self.node

    def expression(self, power: int) -> Node:
        node = self.node
        self.advance(infix=True)
        left = self._prefix(node)
        while power < _left_power(self.node):
            node = self.node
            self.advance()
            left = self._infix(node, left)
        return left

    def _prefix(self, node: Node) -> Node:
        if node.id in _TERMINALS:
            return node
        handler = _PREFIX.get(node.id)
        if handler is None:
            raise JsonataError("S0211", position=node.position, token=node.value)
        return handler(self, node)

    def _infix(self, node: Node, left: Node) -> Node:
        if node.id in _BINARY:
            node.kind = "binary"
            node.lhs = left
            node.rhs = self.expression(OPERATORS[node.id])
            return node
        return _INFIX[node.id](self, node, left)

    # -- prefix forms ------------------------------------------------------------------------------------------------

    def negation(self, node: Node) -> Node:
        node.expression = self.expression(_UNARY_POWER)
        node.kind = "unary"
        return node

    def wildcard(self, node: Node) -> Node:
        node.kind = "wildcard"
        return node

    def descendant(self, node: Node) -> Node:
        node.kind = "descendant"
        return node

    def parent(self, node: Node) -> Node:
        node.kind = "parent"
        return node

    def block(self, node: Node) -> Node:
        while self.node.id != ")":
            node.expressions.append(self.expression(0))
            if self.node.id != ";":
                break
            self.advance(";")
        self.advance(")", infix=True)
        node.kind = "block"
        return node

    def array(self, node: Node) -> Node:
        if self.node.id != "]":
            while True:
                node.expressions.append(self._array_item())
                if self.node.id != ",":
                    break
                self.advance(",")
        self.advance("]", infix=True)
        node.kind = "unary"
        return node

    def _array_item(self) -> Node:
        item = self.expression(0)
        if self.node.id != "..":
            return item
        span = Node("binary", "..", self.node.position, lhs=item)
        self.advance("..")
        span.rhs = self.expression(0)
        return span

    def object(self, node: Node) -> Node:
        node.pairs = self._pairs()
        node.kind = "unary"
        return node

    def group(self, node: Node, left: Node) -> Node:
        node.lhs = left
        node.rhs = self._pairs()
        node.kind = "binary"
        return node

    def _pairs(self) -> list[Pair]:
        pairs: list[Pair] = []
        if self.node.id != "}":
            while True:
                key = self.expression(0)
                self.advance(":")
                pairs.append((key, self.expression(0)))
                if self.node.id != ",":
                    break
                self.advance(",")
        self.advance("}", infix=True)
        return pairs

    def transform(self, node: Node) -> Node:
        node.kind = "transform"
        node.pattern = self.expression(0)
        self.advance("|")
        node.update = self.expression(0)
        if self.node.id == ",":
            self.advance(",")
            node.delete = self.expression(0)
        self.advance("|")
        return node

    # -- infix forms -------------------------------------------------------------------------------------------------

    def call(self, node: Node, left: Node) -> Node:
        node.procedure = left
        node.kind = "function"
        if self.node.id != ")":
            while True:
                if self.node.kind == "operator" and self.node.id == "?":
                    node.kind = "partial"
                    node.arguments.append(self.node)
                    self.advance("?")
                else:
                    node.arguments.append(self.expression(0))
                if self.node.id != ",":
                    break
                self.advance(",")
        self.advance(")", infix=True)
        if left.kind == "name" and left.value in ("function", "λ"):
            self._definition(node)
        return node

    def _definition(self, node: Node) -> None:
        for number, argument in enumerate(node.arguments, 1):
            if argument.kind != "variable":
                raise JsonataError("S0208", position=argument.position, token=argument.value, value=number)
        node.kind = "lambda"
        if self.node.id == "<":
            node.signature = self._signature()
        self.advance("{")
        node.body = self.expression(0)
        self.advance("}")

    def _signature(self) -> Signature:
        position, depth, text = self.node.position or 0, 1, "<"
        while depth > 0 and self.node.id not in ("{", "(end)"):
            token = self.advance()
            depth += (token.id == "<") - (token.id == ">")
            text += str(token.value)
        self.advance(">")
        try:
            return parse_signature(text)
        except JsonataError as error:
            error.position = position + int(error.fields["offset"])
            raise

    def predicate(self, node: Node, left: Node) -> Node:
        if self.node.id == "]":
            step = left
            while step.kind == "binary" and step.value == "[":
                step = step.lhs
            step.keep_array = True
            self.advance("]")
            return left
        node.lhs = left
        node.rhs = self.expression(OPERATORS["]"])
        node.kind = "binary"
        self.advance("]", infix=True)
        return node

    def order_by(self, node: Node, left: Node) -> Node:
        self.advance("(")
        terms: list[Term] = []
        while True:
            descending = self.node.id == ">"
            if self.node.id in ("<", ">"):
                self.advance(self.node.id)
            terms.append(Term(self.expression(0), descending))
            if self.node.id != ",":
                break
            self.advance(",")
        self.advance(")")
        node.lhs, node.rhs, node.kind = left, terms, "binary"
        return node

    def assign(self, node: Node, left: Node) -> Node:
        if left.kind != "variable":
            raise JsonataError("S0212", position=left.position, token=left.value)
        node.lhs = left
        node.rhs = self.expression(OPERATORS[":="] - 1)
        node.kind = "binary"
        return node

    def variable_binding(self, node: Node, left: Node) -> Node:
        node.lhs = left
        node.rhs = self.expression(OPERATORS[node.id])
        if node.rhs.kind != "variable":
            raise JsonataError("S0214", position=node.rhs.position, token=node.id)
        node.kind = "binary"
        return node

    def conditional(self, node: Node, left: Node) -> Node:
        node.kind = "condition"
        node.condition = left
        node.then = self.expression(0)
        if self.node.id == ":":
            self.advance(":")
            node.otherwise = self.expression(0)
        return node

    def default(self, node: Node, left: Node) -> Node:
        node.kind = "condition"
        node.condition = clone(left)
        node.then = left
        node.otherwise = self.expression(0)
        return node

    def coalesce(self, node: Node, left: Node) -> Node:
        node.kind = "condition"
        node.condition = Node("function", "(", procedure=Node("variable", "exists"), arguments=[clone(left)])
        node.then = left
        node.otherwise = self.expression(0)
        return node


def _left_power(node: Node) -> int:
    if node.kind != "operator" or node.id in _NO_LEFT:
        return 0
    return OPERATORS[node.id]


_PREFIX: Final[dict[str, Callable[[_Parser, Node], Node]]] = {
    "-": _Parser.negation,
    "*": _Parser.wildcard,
    "**": _Parser.descendant,
    "%": _Parser.parent,
    "(": _Parser.block,
    "[": _Parser.array,
    "{": _Parser.object,
    "|": _Parser.transform,
}
_INFIX: Final[dict[str, Callable[[_Parser, Node, Node], Node]]] = {
    "(": _Parser.call,
    "[": _Parser.predicate,
    "{": _Parser.group,
    "^": _Parser.order_by,
    ":=": _Parser.assign,
    "@": _Parser.variable_binding,
    "#": _Parser.variable_binding,
    "?": _Parser.conditional,
    "?:": _Parser.default,
    "??": _Parser.coalesce,
}
#: Operators that never follow an expression.
_NO_LEFT: Final = frozenset(OPERATORS) - _BINARY - frozenset(_INFIX)


def parse_tree(text: str) -> Node:
    """The unprocessed tree of an expression.

    Raises:
        JsonataError: S0101-S0402, with the position.
    """
    return _Parser(text).parse()
