"""The public face: ``compile`` a text once, ``evaluate`` it as often as needed, from any thread."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from newel.expr.jsonata.codegen.program import Program, generate
from newel.expr.jsonata.desugar import desugar
from newel.expr.jsonata.environment import Environment, Limits
from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.library import LIBRARY
from newel.expr.jsonata.nodes import Node, walk
from newel.expr.jsonata.parser import parse_tree
from newel.expr.jsonata.runtime.state import Runtime, runtime_class
from newel.expr.jsonata.signature import parse_signature
from newel.expr.jsonata.values import LISTS, UNDEFINED, Builtin, Cons, KeepSeq, Seq, TupleStream

__all__ = ["DEFAULT_LIMITS", "Expression", "compile", "compile_with", "parse"]

DEFAULT_LIMITS: Final = Limits()
_NO_BINDINGS: Final[Mapping[str, Any]] = MappingProxyType({})
_SEQUENCES: Final = frozenset({Seq, KeepSeq, Cons, TupleStream})


def parse(text: str) -> Node:
    """The processed tree of an expression.

    Raises:
        JsonataError: the expression isn't well-formed (codes S...).
    """
    try:
        return desugar(parse_tree(text))
    except RecursionError:
        raise JsonataError("D1011") from None


class Expression:
    """A compiled expression. It has no state: threads may share it."""

    __slots__ = ("_fast", "_library", "_limits", "_names", "_plain", "_programs", "_runtime", "text", "tree")

    def __init__(self, text: str, tree: Node, library: dict[str, Builtin], limits: Limits) -> None:
        self.text = text
        self.tree = tree
        self._library = library
        self._limits = limits
        self._runtime = runtime_class(limits)
        self._plain: Program | None = None
        #: The function of a program that needs neither a runtime nor a clean-up of its result.
        self._fast: Callable[[Any, Any, Any], Any] | None = None
        self._programs: dict[frozenset[str], Program] = {}
        #: The functions of the library that the text mentions: bindings of these names need a program of their own.
        self._names = frozenset(node.value for node in walk(tree) if node.kind == "variable" and node.value in library)

    @property
    def library(self) -> Mapping[str, Builtin]:
        """The functions of the expression's dialect."""
        return self._library

    def program(self, shadowed: frozenset[str] = frozenset()) -> Program:
        """The program for bindings that override these names of the library."""
        found = self._programs.get(shadowed)
        if found is None:
            try:
                found = generate(self.tree, self._library, shadowed, self._limits)
            except (RecursionError, IndentationError, SyntaxError, MemoryError):
                raise JsonataError("D1011") from None
            self._programs[shadowed] = found
            if not shadowed:
                self._plain = found
                self._fast = found.run if found.light and found.scalar else None
        return found

    def evaluate(self, value: Any, bindings: Mapping[str, Any] | None = None, *, env: Environment | None = None) -> Any:
        """The value of the expression for an input (``UNDEFINED`` for none): plain JSON, ``UNDEFINED``, or a function.

        Input and bindings are neither copied nor changed, and may be shared by the result. ``env`` is needed by
        expressions that ask for the time or for randomness.

        Raises:
            JsonataError: with the code, message and position of jsonata-js.
        """
        fast = self._fast
        if fast is not None and (bindings is None or not self._names):
            try:
                return fast(value, bindings or _NO_BINDINGS, None)
            except (JsonataError, RecursionError) as error:
                raise self._located(error) from None
        if bindings is None:
            bindings = _NO_BINDINGS
            program = self._plain or self.program()
        elif not self._names or self._names.isdisjoint(bindings):
            program = self._plain or self.program()
        else:
            program = self.program(frozenset(self._names & bindings.keys()))
        runtime = None if program.light else self._runtime(env, self)
        try:
            result = program.run(value, bindings, runtime)
            if runtime is not None and runtime.dirty:
                return _plain(result)
        except JsonataError as error:
            program.locate(error, error.__traceback__)
            raise
        except RecursionError:
            raise JsonataError("D1011") from None
        return list(result) if result.__class__ in _SEQUENCES else result

    def _located(self, error: JsonataError | RecursionError) -> JsonataError:
        if isinstance(error, RecursionError):
            return JsonataError("D1011")
        if self._plain is not None:
            self._plain.locate(error, error.__traceback__)
        return error

    def run_inside(self, text: Any, focus: Any, context: Any, visible: Any, runtime: Runtime) -> Any:
        """``$eval``: an expression given as a string, in the middle of this one.

        Raises:
            JsonataError: D3120 when it isn't well-formed, D3121 when it fails.
        """
        try:
            inner = Expression(text, parse(text), self._library, self._limits)
        except JsonataError as error:
            raise JsonataError("D3120", value=error.message) from None
        value = context if focus is UNDEFINED else focus
        program = inner.program(frozenset(inner._names & visible.keys()) | {"$"})
        try:
            return program.run(value, visible, runtime)
        except JsonataError as error:
            program.locate(error, error.__traceback__)
            raise JsonataError("D3121", value=error.message) from None


def _plain(value: Any) -> Any:
    """A result without sequences and missing members; what is plain already is shared, not copied."""
    kind = value.__class__
    if kind is dict:
        changed = {key: fresh for key, item in value.items() if (fresh := _plain(item)) is not item}
        return {**value, **changed} if changed else value
    if kind in LISTS:
        items = [None if item is UNDEFINED else _plain(item) for item in value]
        if kind is list and all(map(_same, items, value)):
            return value
        return items
    return value


def _same(left: Any, right: Any) -> bool:
    return left is right


def _evaluate_text(
    runtime: Runtime, text: Any, focus: Any = UNDEFINED, *, context: Any = UNDEFINED, visible: Any = None
) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    return runtime.evaluator.run_inside(text, focus, context, visible if visible is not None else {}, runtime)


_PLAIN_LIBRARY: Final[dict[str, Builtin]] = {
    **LIBRARY,
    "eval": Builtin("eval", _evaluate_text, parse_signature("<sx?:x>"), "expr focus"),
}


def compile_with(text: str, library: dict[str, Builtin], limits: Limits) -> Expression:
    """Compile an expression of a dialect.

    Raises:
        JsonataError: the expression isn't well-formed (codes S...).
    """
    return Expression(text, parse(text), library, limits)


def compile(text: str, *, limits: Limits = DEFAULT_LIMITS) -> Expression:  # noqa: A001 - what every such package calls it
    """Compile an expression of the language as jsonata-js 2.2.2 defines it.

    Raises:
        JsonataError: the expression isn't well-formed (codes S...).
    """
    return compile_with(text, _PLAIN_LIBRARY, limits)
