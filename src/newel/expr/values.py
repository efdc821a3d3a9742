"""A string that is a path or an intrinsic call: what `.$` fields, ErrorPath and CausePath hold."""

from collections.abc import Callable

from newel.expr.env import Scope
from newel.expr.intrinsics import compile_intrinsic, is_intrinsic
from newel.expr.jsonpath import PathNotFound, compile_path
from newel.json import Json

Read = Callable[[Scope], Json]


def compile_value(text: str, field: str | None = None) -> Read:
    """Compile a path or an intrinsic call. Raises `ExpressionSyntaxError` for any other text.

    With `field`, a path that leads to nothing fails as `The JSONPath '…' specified for the field '<field>' could not be
    found in the input '…'`; without it as `Invalid path '…' : …`.
    """
    if is_intrinsic(text):
        return compile_intrinsic(text)
    read = compile_path(text).read
    return read if field is None else _named(read, field)


def _named(read: Read, field: str) -> Read:
    def run(scope: Scope) -> Json:
        try:
            return read(scope)
        except PathNotFound as error:
            raise error.in_field(field) from None

    return run
