"""The generator's state: the lines written so far, constants, regions for error positions, and scopes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from newel.expr.jsonata.codegen.scopes import PyFunction, Scope, Variable
from newel.expr.jsonata.nodes import Node, walk
from newel.expr.jsonata.values import Builtin

__all__ = ["NOT_LISTS", "Context", "Generator", "Region", "Val"]

#: Kinds of values that are never arrays; ``?`` means it may be undefined.
NOT_LISTS: Final = frozenset({"n", "n?", "s", "s?", "b", "b?", "o", "o?", "f", "u", "null"})
#: Loops in one Python function; CPython allows 20.
_LOOPS_MAX: Final = 12


@dataclass(frozen=True, slots=True)
class Val:
    """An emitted value: the Python name (or literal) that holds it, and what is known of it.

    ``kind``: n number, s string, b boolean, o object, a array that isn't a sequence, f function, u undefined, null, x
    anything. ``open``: it may be a sequence that hasn't collapsed yet. ``members``: the kind of its members, if it is
    one. ``sequence``: it surely is one. ``pure``: it is from outside, so nothing inside it is a sequence.
    """

    code: str
    kind: str = "x"
    open: bool = False
    const: Any = None
    members: str = ""
    sequence: bool = False
    pure: bool = False

    @property
    def defined(self) -> bool:
        """Whether it is surely not undefined."""
        return self.kind in ("n", "s", "b", "o", "f", "a", "null")


@dataclass(frozen=True, slots=True)
class Context:
    """The name of the variable that holds the context. ``outer``: it is the input itself, which counts as one item
    even if an array.
    """

    code: str
    outer: bool = False
    pure: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """Lines whose errors get a position and a token: an operator's always (``force``), a call's token only where there
    is none yet.
    """

    start: int
    end: int
    position: int | None
    token: Any
    force: bool


Handler = Callable[["Generator", Node, Context], Val]


class Generator:
    """Writes one program."""

    def __init__(self, handlers: dict[str, Handler], library: dict[str, Builtin], shadowed: frozenset[str]) -> None:
        self._handlers = handlers
        self.library = library
        self.shadowed = shadowed
        self.lines: list[str] = []
        self.indent = 0
        self.regions: list[Region] = []
        self.constants: dict[str, Any] = {}
        self._constant_names: dict[Any, str] = {}
        self._counter = 0
        self.function = PyFunction(None, 0)
        self.scope = Scope(None, self.function)
        self.makes_objects = False
        #: Operations whose result only goes into a sum, so that a whole double needn't become an integer.
        self.loose: set[int] = set()
        self._closures: dict[int, bool] = {}

    # -- lines -------------------------------------------------------------------------------------------------------

    def emit(self, text: str) -> None:
        """Write a line."""
        self.lines.append(" " * self.indent + text)

    @contextmanager
    def block(self, header: str) -> Iterator[None]:
        """Write a compound statement; nothing within it is a missing body."""
        self.emit(header)
        before = len(self.lines)
        self.indent += 1
        yield
        if len(self.lines) == before:
            self.emit("pass")
        self.indent -= 1

    @contextmanager
    def loop(self, header: str) -> Iterator[None]:
        """A loop: assignments in it may not happen."""
        self.function.loops += 1
        with self.conditional(), self.block(header):
            yield
        self.function.loops -= 1

    @contextmanager
    def conditional(self) -> Iterator[None]:
        """Code that may not run: variables it sets are not surely set afterwards."""
        definite = self.scope.definite_variables()
        yield
        self.scope.restore_definite(definite)

    @contextmanager
    def region(self, position: int | None, token: Any, *, force: bool) -> Iterator[None]:
        """Errors raised by the lines written inside get this position and token."""
        start = len(self.lines) + 1
        yield
        self.regions.append(Region(start, len(self.lines), position, token, force))

    def name(self, prefix: str = "t") -> str:
        """A fresh name."""
        self._counter += 1
        return f"{prefix}{self._counter}"

    def temp(self, expression: str) -> str:
        """Assign an expression to a fresh name."""
        name = self.name()
        self.emit(f"{name} = {expression}")
        return name

    def constant(self, value: Any) -> str:
        """The name of a constant in the program's table."""
        key = (value.__class__, value) if isinstance(value, (str, int, float, tuple)) else id(value)
        name = self._constant_names.get(key)
        if name is None:
            name = self.name("K")
            self._constant_names[key] = name
            self.constants[name] = value
        return name

    def charge(self, items: str) -> None:
        """Use up a step for each item of a loop."""
        self.emit(f"rt.steps -= len({items})")
        with self.block("if rt.steps < 0:"):
            self.emit("rt.charge(0)")

    # -- functions ---------------------------------------------------------------------------------------------------

    @contextmanager
    def define(self, params: str) -> Iterator[str]:
        """A nested Python function."""
        name = self.name("f")
        self.emit(f"def {name}({params}):")
        self.indent += 1
        header = len(self.lines)
        self.emit("pass")
        outer, self.function = self.function, PyFunction(self.function, header)
        yield name
        if self.function.assigned:
            self.lines[header] = " " * self.indent + "nonlocal " + ", ".join(sorted(self.function.assigned))
        self.function = outer
        self.indent -= 1

    def needs_function(self, *nodes: Node) -> bool:
        """Whether code in a loop must be a function of its own: closures must catch each round's variables."""
        return self.function.loops >= _LOOPS_MAX or any(self._has_closure(node) for node in nodes)

    def _has_closure(self, node: Node) -> bool:
        found = self._closures.get(id(node))
        if found is None:
            found = any(part.kind == "transform" or (part.kind == "lambda" and not part.thunk) for part in walk(node))
            self._closures[id(node)] = found
        return found

    # -- values ------------------------------------------------------------------------------------------------------

    def expr(self, node: Node, context: Context) -> Val:
        """Write an expression; its value has collapsed."""
        value = self._handlers[node.kind](self, node, context)
        if node.predicate:
            value = self._handlers["(filters)"](self, node, Context(self.hold(value).code, pure=value.pure))
        if node.group is not None and node.kind != "path":
            value = self._handlers["(group)"](self, node, Context(self.hold(value).code, pure=value.pure))
        return self.collapse(value, keep=node.keep_array)

    def bare(self, node: Node, context: Context) -> Val:
        """The same without the node's own predicates and grouping, and not collapsed."""
        return self._handlers[node.kind](self, node, context)

    def collapse(self, value: Val, *, keep: bool = False) -> Val:
        """Collapse a value that may be an open sequence."""
        if not value.open:
            return value
        code = self.writable(value.code)
        if keep:
            self.emit(f"{code} = keep_collapse({code})")
        else:
            with self.block(f"if {code}.__class__ is Seq:"):
                self.emit(f"{code} = ({code}[0] if len({code}) == 1 else {code}) if {code} else U")
        return Val(code, value.kind, members=value.members, pure=value.pure)

    def writable(self, code: str) -> str:
        """A name that may be assigned again: a temporary."""
        return code if code.startswith("t") else self.temp(code)

    def hold(self, value: Val) -> Val:
        """A value under a name."""
        if value.code.isidentifier():
            return value
        return Val(self.temp(value.code), value.kind, value.open, value.const, pure=value.pure)

    def truth(self, value: Val) -> str:
        """A Python condition for a value's truth."""
        code = value.code
        if value.kind == "b":
            return code
        if value.kind in ("null", "u", "f"):
            return "False"
        if value.const is not None:
            return "True" if value.const else "False"
        if value.kind == "b?":
            return f"{code} is True"
        if value.kind in ("s", "s?", "o", "o?"):
            return code
        code = self.hold(value).code
        return f"({code} is True or ({code} is not False and truthy({code})))"

    def variable(self, name: str) -> Variable | None:
        """The variable a name surely means here: the innermost one, when it is surely set."""
        return self.scope.surely(name)

    def builtin(self, node: Node | None) -> Builtin | None:
        """The function of the library that a procedure surely is."""
        if node is None or node.kind != "variable" or node.predicate or node.group is not None:
            return None
        if node.value in self.shadowed or self.scope.binds_anywhere(node.value):
            return None
        return self.library.get(node.value)
