"""The JSONPath comparison operators of a Choice state, each as a closure `test(scope) -> bool`.

A value of another type than the operator's is no match, not an error. A Variable that leads to nothing is
`States.Runtime`, except for IsPresent.
"""

import operator as operators
from collections.abc import Callable
from typing import Any, Final

from newel.errors import RuntimeFailure
from newel.expr import java
from newel.expr.env import Scope
from newel.expr.jsonpath import Path, PathNotFound, compile_path
from newel.expr.syntax import ExpressionSyntaxError
from newel.expr.timestamps import parse_timestamp
from newel.json import Json

Test = Callable[[Scope], bool]
Read = Callable[[Scope], Json]
#: Brings a value into the form that is compared; `_OTHER` for a value of another type.
Prepare = Callable[[Json], Any]
Relation = Callable[[Any, Any], bool]

_OTHER: Final[Any] = object()
_ABSENT: Final[Any] = object()

_NUMBERS: Final = frozenset((int, float))


def compile_comparison(operator: str, variable: str, operand: Json) -> Test:
    """Compile one data test: `operator` as in ASL, the path of `Variable`, and the operand (a path for `…Path` twins).

    Raises `ExpressionSyntaxError` for an unknown operator, a bad path or an operand of the wrong type.
    """
    path = compile_path(variable)
    if operator in _TYPE_TESTS or operator == "IsPresent":
        return _compile_type_test(operator, path, operand)
    name = operator.removesuffix("Path")
    if name == "StringMatches" and name == operator:
        return _compile_matches(path, operand)
    if name not in _RELATIONS:
        raise ExpressionSyntaxError(f"Unknown comparison operator '{operator}'")
    prepare, relation = _RELATIONS[name]
    if name != operator:
        return _compile_twin(path, _operand_path(operator, operand), prepare, relation)
    expected = prepare(operand)
    if expected is _OTHER:
        raise ExpressionSyntaxError(f"The value of the field '{operator}' has an invalid format")
    return _compile_constant(path, expected, prepare, relation)


def is_comparison_operator(operator: str) -> bool:
    """Whether ASL has a comparison operator of this name."""
    return operator in OPERATORS


def _operand_path(operator: str, operand: Json) -> Path:
    if not isinstance(operand, str):
        raise ExpressionSyntaxError(f"The value of the field '{operator}' must be a Reference Path")
    return compile_path(operand)


def _invalid(error: PathNotFound) -> RuntimeFailure:
    return RuntimeFailure(
        f"Invalid path '{error.path}': The choice state's condition path references an invalid value."
    )


def _compile_constant(path: Path, expected: Any, prepare: Prepare, relation: Relation) -> Test:
    read = path.read
    if prepare is _number:
        return _compile_number(read, expected, relation)
    if prepare is _string and relation is operators.eq:
        return _compile_equal(read, expected)

    def test(scope: Scope) -> bool:
        try:
            value = prepare(read(scope))
        except PathNotFound as error:
            raise _invalid(error) from None
        return value is not _OTHER and relation(value, expected)

    return test


def _compile_number(read: Read, expected: float, relation: Relation) -> Test:
    def test(scope: Scope) -> bool:
        try:
            value = read(scope)
        except PathNotFound as error:
            raise _invalid(error) from None
        return type(value) in _NUMBERS and relation(value, expected)

    return test


def _compile_equal(read: Read, expected: str) -> Test:
    """A string equals a string only, so no type needs to be asked for."""

    def test(scope: Scope) -> bool:
        try:
            return bool(read(scope) == expected)
        except PathNotFound as error:
            raise _invalid(error) from None

    return test


def _compile_twin(path: Path, other: Path, prepare: Prepare, relation: Relation) -> Test:
    read, read_other = path.read, other.read

    def test(scope: Scope) -> bool:
        try:
            value, expected = prepare(read(scope)), prepare(read_other(scope))
        except PathNotFound as error:
            raise _invalid(error) from None
        return value is not _OTHER and expected is not _OTHER and relation(value, expected)

    return test


def _compile_type_test(operator: str, path: Path, operand: Json) -> Test:
    if not isinstance(operand, bool):
        raise ExpressionSyntaxError(f"The value of the field '{operator}' must be a boolean")
    if operator == "IsPresent":
        find = path.find
        return lambda scope: (find(scope, _ABSENT) is not _ABSENT) is operand
    holds, read = _TYPE_TESTS[operator], path.read

    def test(scope: Scope) -> bool:
        try:
            return holds(read(scope)) is operand
        except PathNotFound as error:
            raise _invalid(error) from None

    return test


def _compile_matches(path: Path, pattern: Json) -> Test:
    if not isinstance(pattern, str):
        raise ExpressionSyntaxError("The value of the field 'StringMatches' must be a string")
    pieces, read = wildcard_pieces(pattern), path.read

    def test(scope: Scope) -> bool:
        try:
            value = read(scope)
        except PathNotFound as error:
            raise _invalid(error) from None
        return isinstance(value, str) and matches_pieces(value, pieces)

    return test


def wildcard_pieces(pattern: str) -> tuple[str, ...]:
    """The constant parts between the `*`. A backslash makes the next `*` or backslash an ordinary character."""
    pieces: list[str] = []
    piece: list[str] = []
    characters = iter(range(len(pattern)))
    for position in characters:
        char = pattern[position]
        following = pattern[position + 1 : position + 2]
        if char == "\\" and following in ("*", "\\") and following:
            piece.append(following)
            next(characters)
        elif char == "*":
            pieces.append("".join(piece))
            piece = []
        else:
            piece.append(char)
    return (*pieces, "".join(piece))


def matches_pieces(text: str, pieces: tuple[str, ...]) -> bool:
    """Whether `text` is the pieces in order with anything between them. Linear: each piece takes its first place."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    position, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


def _string(value: Json) -> Any:
    return value if isinstance(value, str) else _OTHER


def _number(value: Json) -> Any:
    return value if type(value) in _NUMBERS else _OTHER


def _boolean(value: Json) -> Any:
    return value if isinstance(value, bool) else _OTHER


def _timestamp(value: Json) -> Any:
    instant = parse_timestamp(value) if isinstance(value, str) else None
    return _OTHER if instant is None else instant


def _is_timestamp(value: Json) -> bool:
    return isinstance(value, str) and parse_timestamp(value) is not None


_ORDERS: Final[dict[str, Relation]] = {
    "Equals": operators.eq,
    "LessThan": operators.lt,
    "GreaterThan": operators.gt,
    "LessThanEquals": operators.le,
    "GreaterThanEquals": operators.ge,
}
_TEXT_ORDERS: Final[dict[str, Relation]] = {
    "Equals": operators.eq,
    "LessThan": java.less,
    "GreaterThan": lambda left, right: java.less(right, left),
    "LessThanEquals": lambda left, right: not java.less(right, left),
    "GreaterThanEquals": lambda left, right: not java.less(left, right),
}

_RELATIONS: Final[dict[str, tuple[Prepare, Relation]]] = {
    "BooleanEquals": (_boolean, operators.eq),
    **{f"String{name}": (_string, relation) for name, relation in _TEXT_ORDERS.items()},
    **{f"Numeric{name}": (_number, relation) for name, relation in _ORDERS.items()},
    **{f"Timestamp{name}": (_timestamp, relation) for name, relation in _ORDERS.items()},
}
_TYPE_TESTS: Final[dict[str, Callable[[Json], bool]]] = {
    "IsNull": lambda value: value is None,
    "IsString": lambda value: isinstance(value, str),
    "IsNumeric": lambda value: type(value) in _NUMBERS,
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": _is_timestamp,
}

#: Every comparison operator of ASL.
OPERATORS: Final = frozenset(
    (*_RELATIONS, *(f"{name}Path" for name in _RELATIONS), *_TYPE_TESTS, "IsPresent", "StringMatches")
)
