"""Intrinsic calls as closures: `call(scope) -> value`.

A failure is `States.Runtime`, which nothing catches: that is what AWS answers, although its guide also lists
`States.IntrinsicFailure`. Its cause names the whole expression as written, even when an inner call failed.
"""

from collections.abc import Callable
from typing import Final

from newel.errors import RuntimeFailure
from newel.expr.env import Scope
from newel.expr.intrinsics import functions
from newel.expr.intrinsics.parse import Argument, Call, Constant, PathArgument, parse_call
from newel.expr.jsonpath import PathNotFound, PathSyntaxError, compile_path
from newel.expr.syntax import IntrinsicSyntaxError
from newel.json import InvalidJson, Json

Read = Callable[[Scope], Json]
Function = Callable[..., Json]

#: Name -> function, and the number of arguments it takes (fewest, most; None for any number).
_FUNCTIONS: Final[dict[str, tuple[Function, int, int | None]]] = {
    "States.Array": (functions.array, 0, None),
    "States.ArrayContains": (functions.array_contains, 2, 2),
    "States.ArrayGetItem": (functions.array_get_item, 2, 2),
    "States.ArrayLength": (functions.array_length, 1, 1),
    "States.ArrayPartition": (functions.array_partition, 2, 2),
    "States.ArrayRange": (functions.array_range, 3, 3),
    "States.ArrayUnique": (functions.array_unique, 1, 1),
    "States.Base64Decode": (functions.base64_decode, 1, 1),
    "States.Base64Encode": (functions.base64_encode, 1, 1),
    "States.Format": (functions.format_text, 1, None),
    "States.Hash": (functions.hash_text, 2, 2),
    "States.JsonMerge": (functions.json_merge, 3, 3),
    "States.JsonToString": (functions.json_to_string, 1, 1),
    "States.MathAdd": (functions.math_add, 2, 2),
    "States.MathRandom": (functions.math_random, 2, 3),
    "States.StringSplit": (functions.string_split, 2, 2),
    "States.StringToJson": (functions.string_to_json, 1, 1),
    "States.UUID": (functions.uuid, 0, 0),
}
#: Functions that also take the environment, first.
_IMPURE: Final = frozenset((functions.math_random, functions.uuid))

#: Names of all intrinsic functions.
NAMES: Final = frozenset(_FUNCTIONS)


class _Refused(Exception):  # noqa: N818
    """Arguments that a function refuses; becomes the failure of the whole expression."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"Invalid arguments in {name}" + (f": {detail}" if name == "States.Format" else ""))


def is_intrinsic(text: str) -> bool:
    """Whether `text` is meant as an intrinsic call, legal or not."""
    return text.startswith("States.")


def compile_intrinsic(text: str) -> Read:
    """Compile a call. Raises `IntrinsicSyntaxError` for bad syntax, an unknown function, or bad nesting."""
    try:
        evaluate = _compile_call(parse_call(text))
    except PathSyntaxError as error:
        raise IntrinsicSyntaxError(error.message) from None

    def run(scope: Scope) -> Json:
        try:
            return evaluate(scope)
        except PathNotFound as error:
            detail = error.in_argument()
        except _Refused as error:
            detail = str(error)
        raise RuntimeFailure(f"The function '{text}' had the following error: {detail}")

    return run


def _compile_call(call: Call) -> Read:
    if call.name not in _FUNCTIONS:
        raise IntrinsicSyntaxError(f"Unknown intrinsic function '{call.name}'")
    function, fewest, most = _FUNCTIONS[call.name]
    arguments = call.arguments
    if len(arguments) < fewest or (most is not None and len(arguments) > most):
        raise IntrinsicSyntaxError(f"Invalid number of arguments for {call.name}: {len(arguments)}")
    if call.name == "States.Format" and isinstance(arguments[0], Constant) and arguments[0].template is not None:
        return _compile_format(arguments[0].template, arguments[1:])
    reads = tuple(_compile_argument(argument) for argument in arguments)
    if function in _IMPURE:
        return _guard(call.name, lambda scope: function(scope.env, *[read(scope) for read in reads]))
    if len(reads) == 1:
        (only,) = reads
        return _guard(call.name, lambda scope: function(only(scope)))
    return _guard(call.name, lambda scope: function(*[read(scope) for read in reads]))


def _compile_format(template: str, arguments: tuple[Argument, ...]) -> Read:
    """`States.Format` with a literal template, which is split once."""
    parts = functions.pieces(template)
    reads = tuple(_compile_argument(argument) for argument in arguments)
    return _guard("States.Format", lambda scope: functions.fill(parts, tuple([read(scope) for read in reads])))


def _guard(name: str, call: Read) -> Read:
    def run(scope: Scope) -> Json:
        try:
            return call(scope)
        except (ValueError, OverflowError, RecursionError, InvalidJson) as error:
            raise _Refused(name, str(error)) from None

    return run


def _compile_argument(argument: Argument) -> Read:
    match argument:
        case Constant(value):
            return lambda _scope: value
        case PathArgument(text):
            return compile_path(text).read
        case Call():
            return _compile_call(argument)
