"""The values an expression works on, beyond plain JSON.

JSON values are Python's own (dict, list, str, int, float, bool, None) and are never copied or changed. What the
language adds is told apart by class, so that a check is one identity test:

- ``UNDEFINED``: the absence of a value (not null);
- ``Seq``: a sequence, which collapses to its only member, or to nothing, wherever an expression ends;
- ``KeepSeq``: a sequence that stays an array when it has one member (``a[]``);
- ``Cons``: an array written as a path step (``a.[b, c]``), which the next step doesn't flatten;
- ``TupleStream``: a sequence of variable bindings, which carries ``@``, ``#`` and ``%``;
- functions: ``Lambda``, ``Builtin``, ``Wrapped`` (a function handed over as an argument) and ``Matcher`` (a regular
  expression).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from newel.expr.jsonata.signature import Signature

__all__ = [
    "FUNCTIONS",
    "LISTS",
    "SEQUENCES",
    "SYMBOLS",
    "UNDEFINED",
    "Builtin",
    "Cons",
    "Function",
    "KeepSeq",
    "Lambda",
    "Matcher",
    "Seq",
    "Tail",
    "TupleStream",
    "Undefined",
    "Wrapped",
    "is_function",
    "symbol",
]


class Undefined:
    """The class of ``UNDEFINED``; there is one instance."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> Undefined:
        return self

    def __deepcopy__(self, memo: object) -> Undefined:
        return self

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


class Seq(list[Any]):
    """A sequence: collapses when it has no member or one."""

    __slots__ = ()


class KeepSeq(list[Any]):
    """A sequence that stays an array when it has one member; with none it is still nothing."""

    __slots__ = ()


class Cons(list[Any]):
    """An array constructed as the first or last step of a path."""

    __slots__ = ()


class TupleStream(list[Any]):
    """A list of tuples; each tuple is a dict with the context under ``@`` and the bindings under their names."""

    __slots__ = ()


LISTS: Final = frozenset({list, Seq, KeepSeq, Cons, TupleStream})
SEQUENCES: Final = frozenset({Seq, KeepSeq, TupleStream})


class Function:
    """What every callable value shares: ``arity`` is how many arguments a higher-order function hands it."""

    __slots__ = ("arity",)

    arity: int


class Lambda(Function):
    """A function written in the expression, or made from one by partial application.

    ``fn`` takes exactly ``arity`` arguments. ``plain`` is true when it can be called directly: no signature to check,
    and it never answers with a tail call.
    """

    __slots__ = ("fn", "plain", "signature")

    def __init__(
        self, fn: Callable[..., Any], arity: int, signature: Signature | None = None, *, tail: bool = False
    ) -> None:
        self.fn = fn
        self.arity = arity
        self.signature = signature
        self.plain = signature is None and not tail


class Builtin(Function):
    """A function of the library: ``impl(runtime, *arguments)`` with the arguments its signature has checked.

    ``params`` are the names jsonata-js gives the parameters: partial application goes by them.
    """

    __slots__ = ("impl", "name", "params", "signature")

    def __init__(
        self, name: str, impl: Callable[..., Any], signature: Signature | None, params: str, arity: int | None = None
    ) -> None:
        self.name = name
        self.impl = impl
        self.signature = signature
        self.params = tuple(params.split(" ")) if params else ("",)
        self.arity = len(params.split(" ")) if arity is None and params else arity or 0


class Wrapped(Function):
    """A function that was handed over as an argument: it no longer sees the caller's context."""

    __slots__ = ("target",)

    def __init__(self, target: Function) -> None:
        self.target = target
        self.arity = target.arity


class Matcher(Function):
    """A regular expression, which is a function from a string to a match, or ``next`` of a match."""

    __slots__ = ("find", "regex")

    def __init__(self, find: Callable[..., Any], regex: Any = None, arity: int = 2) -> None:
        self.find = find
        self.regex = regex
        self.arity = arity


class Tail:
    """A call in tail position, not made yet: the trampoline of ``apply`` makes it, so that the stack doesn't grow."""

    __slots__ = ("args", "function", "position", "token", "visible")

    def __init__(
        self, function: Any, args: tuple[Any, ...], position: int | None, token: str | None, visible: Any = None
    ) -> None:
        self.function = function
        self.args = args
        self.position = position
        self.token = token
        #: The variables that ``$eval`` can see, if that is the function.
        self.visible = visible


FUNCTIONS: Final = frozenset({Lambda, Builtin, Wrapped, Matcher})

#: One letter for each class of value, as signatures write them (m: missing).
SYMBOLS: Final[dict[type, str]] = {
    str: "s",
    int: "n",
    float: "n",
    bool: "b",
    type(None): "l",
    dict: "o",
    Undefined: "m",
    **dict.fromkeys(LISTS, "a"),
    **dict.fromkeys(FUNCTIONS, "f"),
}


def symbol(value: Any) -> str:
    """The letter of a value's type, subclasses included."""
    found = SYMBOLS.get(value.__class__)
    if found is not None:
        return found
    for base, letter in SYMBOLS.items():
        if isinstance(value, base):
            return letter
    return "m"


def is_function(value: Any) -> bool:
    """Whether a value is a function rather than data."""
    return value.__class__ in FUNCTIONS
