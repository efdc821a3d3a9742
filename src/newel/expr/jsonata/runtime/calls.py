"""Calls: signatures, tail calls, partial application, chaining."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.runtime.paths import collapse
from newel.expr.jsonata.runtime.state import CALL_STEPS, Runtime
from newel.expr.jsonata.values import (
    FUNCTIONS,
    UNDEFINED,
    Builtin,
    Lambda,
    Matcher,
    Tail,
    Wrapped,
)

__all__ = ["PLACEHOLDER", "apply", "apply_to", "call", "callback", "invoke", "partial", "tail_result", "wrap"]

#: Stands for ``?`` among the arguments of a partial application.
PLACEHOLDER = object()


def wrap(value: Any) -> Any:
    """An argument as the function called sees it: a function no longer knows the caller's context."""
    kind = value.__class__
    if kind is Lambda or kind is Builtin or kind is Matcher:
        return Wrapped(value)
    return value


def call(runtime: Runtime, function: Any, args: Sequence[Any], context: Any, hint: str | None = None) -> Any:
    """A call written in the expression: arguments are wrapped; ``hint`` is a name that lacks its ``$``.

    Raises:
        JsonataError: T1005, T1006 when it isn't a function.
    """
    if function.__class__ not in FUNCTIONS:
        if function is UNDEFINED and hint is not None:
            raise JsonataError("T1005", token=hint)
        raise JsonataError("T1006")
    return apply(runtime, function, [wrap(arg) for arg in args], context)


def invoke(runtime: Runtime, function: Builtin, args: Sequence[Any], context: Any, visible: Any = None) -> Any:
    """A call of a function of the library; ``visible`` are the variables that ``$eval`` can see."""
    if function.signature is not None:
        args = function.signature.validate(args, context)
    if visible is not None:
        return function.impl(runtime, *args, context=context, visible=visible)
    return function.impl(runtime, *args)


def apply(runtime: Runtime, function: Any, args: Sequence[Any], context: Any) -> Any:
    """Call a function with exactly these arguments; the result isn't collapsed."""
    kind = function.__class__
    if kind is Wrapped:
        return apply(runtime, function.target, args, None)
    if kind is Builtin:
        if function.signature is not None:
            args = function.signature.validate(args, context)
        return function.impl(runtime, *args)
    if kind is Lambda:
        if function.signature is not None:
            args = function.signature.validate(args, context)
        result = function.fn(*_fitted(args, function.arity))
        return tail_result(runtime, result, context) if result.__class__ is Tail else result
    if kind is Matcher:
        return function.find(*args[: function.arity])
    raise JsonataError("T1006")


def _fitted(args: Sequence[Any], arity: int) -> Sequence[Any]:
    size = len(args)
    if size == arity:
        return args
    return args[:arity] if size > arity else [*args, *([UNDEFINED] * (arity - size))]


def tail_result(runtime: Runtime, tail: Any, context: Any) -> Any:
    """The trampoline: make tail calls until one of them answers."""
    while tail.__class__ is Tail:
        runtime.charge(CALL_STEPS)
        tail = _bounce(runtime, tail, context)
    return tail


def _bounce(runtime: Runtime, tail: Tail, context: Any) -> Any:
    function, args = tail.function, tail.args
    try:
        if tail.visible is not None:
            return invoke(runtime, function, args, context, tail.visible)
        while function.__class__ is Wrapped:
            function, context = function.target, None
        if function.__class__ is Lambda:
            if function.signature is not None:
                args = function.signature.validate(args, context)  # type: ignore[assignment]
            return function.fn(*_fitted(args, function.arity))
        return apply(runtime, function, args, context)
    except JsonataError as error:
        error.token = tail.token if error.token is None else error.token
        error.position = tail.position or error.position
        raise


def callback(runtime: Runtime, function: Any, most: int) -> Callable[..., Any]:
    """A function argument as a callable that takes ``most`` arguments and hands on as many as the function can take."""
    takes = max(1, min(function.arity, most))
    if function.__class__ is Wrapped:
        function = function.target
    if function.__class__ is Lambda and function.plain and function.arity <= most:
        fn: Callable[..., Any] = function.fn
        if function.arity == most:
            return fn
        if function.arity == 1:
            return lambda value, *_: fn(value)
        return lambda *args: fn(*args[: function.arity])
    return lambda *args: apply(runtime, function, args[:takes], None)


def apply_to(runtime: Runtime, left: Any, function: Any, position: int | None) -> Any:
    """``left ~> function``: a call, or a new function when the left side is one too.

    Raises:
        JsonataError: T2006 when the right side isn't a function.
    """
    if function.__class__ not in FUNCTIONS:
        raise JsonataError("T2006", position=position, value=function)
    if left.__class__ not in FUNCTIONS:
        return apply(runtime, function, [left], None)

    def chained(value: Any) -> Any:
        return Tail(function, (collapse(apply(runtime, left, [wrap(value)], None)),), None, None)

    return Lambda(chained, 1, tail=True)


def partial(
    runtime: Runtime, function: Any, args: Sequence[Any], name: str | None, position: int | None, hint: str | None
) -> Any:
    """``f(a, ?)``: a function of the arguments left open.

    Raises:
        JsonataError: T1007, T1008 when it isn't a function.
    """
    if function.__class__ is Lambda:
        return _partial(function.fn, function.arity, args, tail=not function.plain)
    if function.__class__ is Builtin:
        _check_names(function.params)
        return _partial(_unchecked(runtime, function), len(function.params), args, tail=False)
    if function.__class__ in FUNCTIONS:
        # jsonata-js reads the parameters' names from the function's text, here "...params", and fails to parse them.
        raise JsonataError("S0202", position=12, token="..", value=")")  # noqa: S106
    if function is UNDEFINED and hint is not None:
        raise JsonataError("T1007", position=position, token=hint)
    raise JsonataError("T1008", position=position, token=name)


def _check_names(params: tuple[str, ...]) -> None:
    for number, param in enumerate(params, 1):
        if "=" in param:
            raise JsonataError("S0208", token="=", value=number)  # noqa: S106


def _unchecked(runtime: Runtime, function: Builtin) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        if function.params == ("",):
            args = ()
        try:
            return function.impl(runtime, *args)
        except (TypeError, AttributeError) as error:
            # No signature guards the function here, in jsonata-js either.
            raise JsonataError("", message=str(error)) from None

    return run


def _partial(fn: Callable[..., Any], arity: int, args: Sequence[Any], *, tail: bool) -> Lambda:
    given = [*args[:arity], *([UNDEFINED] * (arity - len(args)))]
    holes = [at for at, arg in enumerate(given) if arg is PLACEHOLDER]

    def bound(*rest: Any) -> Any:
        whole = list(given)
        for at, value in zip(holes, rest, strict=True):
            whole[at] = value
        return fn(*whole)

    return Lambda(bound, len(holes), tail=tail)
