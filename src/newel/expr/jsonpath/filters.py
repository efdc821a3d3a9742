"""Filters as closures: a predicate becomes `test(item, document) -> bool`. Jayway's comparison rules.

A path that finds nothing is equal to nothing, so `!=` holds for it. A number and a string are equal when the string
spells the number; they are never ordered. Regular expressions match the whole value and are bounded in time.
"""

import operator
from collections.abc import Callable
from typing import Any, Final

import regex

from newel.expr.java import to_string
from newel.expr.jsonpath.nodes import (
    All,
    AnyOf,
    Compare,
    Constant,
    Exists,
    Fixed,
    Not,
    Operand,
    Predicate,
    Regex,
    Step,
    SubPath,
    is_definite,
)
from newel.expr.syntax import PathSyntaxError
from newel.json import InvalidJson, Json, loads

Test = Callable[[Json, Json], bool]
Read = Callable[[Json, Json], Json]
#: Compiles steps to `find(document_of_the_path, root) -> value`, raising LookupError or TypeError for nothing.
CompileSteps = Callable[[tuple[Step, ...]], Callable[[Json, Json], Json]]

#: What an operand is when its path finds nothing.
NOTHING: Final[Any] = object()

#: What a finder raises for nothing (the last two: an aggregate beyond a float, data nested beyond a comparison).
FAILURES: Final = (LookupError, TypeError, ArithmeticError, RecursionError)

_REGEX_SECONDS_MAX: Final = 0.5
_FLAGS: Final = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE, "u": 0, "d": 0}
_ORDERINGS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def compile_predicate(predicate: Predicate, steps: CompileSteps) -> Test:
    """A predicate as a closure over the tested item and the document."""
    match predicate:
        case Constant(value):
            return lambda _item, _root: value
        case Not(part):
            inner = compile_predicate(part, steps)
            return lambda item, root: not inner(item, root)
        case All(parts):
            tests = tuple(compile_predicate(part, steps) for part in parts)
            return lambda item, root: all(test(item, root) for test in tests)
        case AnyOf(parts):
            tests = tuple(compile_predicate(part, steps) for part in parts)
            return lambda item, root: any(test(item, root) for test in tests)
        case Exists(path):
            return _compile_exists(path, steps)
        case Compare(left, symbol, right):
            return _compile_comparison(left, symbol, right, steps)


def _compile_exists(path: SubPath, steps: CompileSteps) -> Test:
    read = compile_operand(path, steps)
    if is_definite(path.steps):
        return lambda item, root: read(item, root) is not NOTHING
    return lambda item, root: bool(read(item, root))


def compile_operand(operand: Operand, steps: CompileSteps) -> Read:
    """An operand as a closure; `NOTHING` when its path finds nothing."""
    match operand:
        case Fixed(value):
            return lambda _item, _root: value
        case SubPath(root, parts):
            return _compile_sub_path(root, steps(parts))
        case Regex():
            raise PathSyntaxError("A regular expression may stand only beside '=~'")


def _compile_sub_path(start: str, find: Callable[[Json, Json], Json]) -> Read:
    def from_item(item: Json, root: Json) -> Json:
        try:
            return find(item, root)
        except FAILURES:
            return NOTHING

    def from_root(_item: Json, root: Json) -> Json:
        try:
            return find(root, root)
        except FAILURES:
            return NOTHING

    return from_item if start == "@" else from_root


def _compile_comparison(left: Operand, symbol: str, right: Operand, steps: CompileSteps) -> Test:
    if symbol == "=~":
        return _compile_match(left, right, steps)
    compare = _COMPARISONS[symbol]
    read_left, read_right = compile_operand(left, steps), compile_operand(right, steps)
    return lambda item, root: compare(read_left(item, root), read_right(item, root))


def _compile_match(left: Operand, right: Operand, steps: CompileSteps) -> Test:
    """`=~` with the expression on either side."""
    value, pattern = (left, right) if isinstance(right, Regex) else (right, left)
    if isinstance(pattern, Fixed) and isinstance(pattern.value, str):
        pattern = Regex(pattern.value, "")
    if not isinstance(pattern, Regex):
        raise PathSyntaxError("'=~' needs a regular expression")
    compiled = _compile_regex(pattern)
    read = compile_operand(value, steps)

    def test(item: Json, root: Json) -> bool:
        found = read(item, root)
        return any(_matches(compiled, one) for one in found) if isinstance(found, list) else _matches(compiled, found)

    return test


def _compile_regex(pattern: Regex) -> "regex.Pattern[str]":
    flags = 0
    for flag in pattern.flags:
        if flag not in _FLAGS:
            raise PathSyntaxError(f"Unknown flag '{flag}' of the regular expression /{pattern.pattern}/")
        flags |= _FLAGS[flag]
    try:
        return regex.compile(pattern.pattern, flags)
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise PathSyntaxError(f"Invalid regular expression /{pattern.pattern}/: {error}") from None


def _matches(pattern: "regex.Pattern[str]", value: Json) -> bool:
    if value is NOTHING or value is None or isinstance(value, (dict, list)):
        return False
    try:
        return pattern.fullmatch(to_string(value), timeout=_REGEX_SECONDS_MAX) is not None
    except TimeoutError:
        return False


def equal(left: Json, right: Json) -> bool:
    """Equality of a filter: types must agree, save a number and the string that spells it."""
    if left is NOTHING or right is NOTHING:
        return False
    if _is_number(left) and isinstance(right, str):
        return _spells(right, left)
    if isinstance(left, str) and _is_number(right):
        return _spells(left, right)
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _is_number(value: Json) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _spells(text: str, number: float) -> bool:
    try:
        value = loads(text)
    except InvalidJson:
        return False
    return _is_number(value) and bool(value == number)


def _ordering(symbol: str) -> Callable[[Json, Json], bool]:
    compare = _ORDERINGS[symbol]

    def test(left: Json, right: Json) -> bool:
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return bool(compare(left, right))
        return False

    return test


def _contained(item: Json, items: Json) -> bool:
    return isinstance(items, list) and any(equal(item, one) for one in items)


def _in(left: Json, right: Json) -> bool:
    return left is not NOTHING and _contained(left, right)


def _subset_of(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list) and all(_contained(one, right) for one in left)


def _any_of(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list) and any(_contained(one, right) for one in left)


def _none_of(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not any(_contained(one, right) for one in left)


def _all(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list) and all(_contained(one, left) for one in right)


def _size(left: Json, right: Json) -> bool:
    if isinstance(right, (list, str)):
        right = len(right)
    return isinstance(left, (list, str)) and _is_number(right) and len(left) == right


def _empty(left: Json, right: Json) -> bool:
    return isinstance(left, (list, str, dict)) and isinstance(right, bool) and (not left) == right


def _contains(left: Json, right: Json) -> bool:
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    return right is not NOTHING and _contained(right, left)


_COMPARISONS: Final[dict[str, Callable[[Json, Json], bool]]] = {
    "==": equal,
    "===": lambda left, right: left is not NOTHING and type(left) is type(right) and bool(left == right),
    "!=": lambda left, right: not equal(left, right),
    "!==": lambda left, right: left is NOTHING or type(left) is not type(right) or bool(left != right),
    **{symbol: _ordering(symbol) for symbol in _ORDERINGS},
    "in": _in,
    "nin": lambda left, right: not _in(left, right),
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "all": _all,
    "size": _size,
    "empty": _empty,
    "contains": _contains,
}
