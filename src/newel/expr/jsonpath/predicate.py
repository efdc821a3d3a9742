"""Text of a filter `[?(…)]` to its parts.

Operands may be quoted strings, numbers, true, false, null, JSON arrays, regular expressions, paths from `@` or `$`,
and, as AWS accepts, bare words: `[?(@.category==home)]`.
"""

import re
from collections.abc import Callable
from typing import Final

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
)
from newel.expr.jsonpath.scanner import Scanner
from newel.json import InvalidJson, Json, loads

ParseSteps = Callable[[Scanner, int], tuple[Step, ...]]

_SYMBOLS: Final = ("===", "!==", "==", "!=", "<=", ">=", "=~", "<", ">")
_WORDS: Final = frozenset(("in", "nin", "subsetof", "anyof", "noneof", "size", "empty", "contains", "all"))
_WORD_STOPS: Final = " \t\r\n)(&|=<>!~,]'\""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[A-Za-z]+")
_CONSTANTS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}
_NESTING_MAX: Final = 50


def parse_predicate(scanner: Scanner, parse_steps: ParseSteps, depth: int) -> Predicate:
    """An expression of `||`, `&&`, `!`, parentheses and comparisons, up to a character that continues none."""
    if depth > _NESTING_MAX:
        scanner.fail("filters are nested too deeply")
    parts = [_conjunction(scanner, parse_steps, depth)]
    while _take_operator(scanner, "||"):
        parts.append(_conjunction(scanner, parse_steps, depth))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _conjunction(scanner: Scanner, parse_steps: ParseSteps, depth: int) -> Predicate:
    parts = [_unary(scanner, parse_steps, depth)]
    while _take_operator(scanner, "&&"):
        parts.append(_unary(scanner, parse_steps, depth))
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _take_operator(scanner: Scanner, token: str) -> bool:
    scanner.skip_blanks()
    return scanner.take(token)


def _unary(scanner: Scanner, parse_steps: ParseSteps, depth: int) -> Predicate:
    scanner.skip_blanks()
    if scanner.peek() == "!" and scanner.peek(1) != "=":
        scanner.position += 1
        if depth > _NESTING_MAX:
            scanner.fail("filters are nested too deeply")
        return Not(_unary(scanner, parse_steps, depth + 1))
    if scanner.take("("):
        inner = parse_predicate(scanner, parse_steps, depth + 1)
        scanner.expect(")")
        return inner
    return _comparison(scanner, parse_steps, depth)


def _comparison(scanner: Scanner, parse_steps: ParseSteps, depth: int) -> Predicate:
    left = parse_operand(scanner, parse_steps, depth)
    operator = _operator(scanner)
    if operator:
        return Compare(left, operator, parse_operand(scanner, parse_steps, depth))
    if isinstance(left, SubPath):
        return Exists(left)
    if isinstance(left, Fixed) and isinstance(left.value, bool):
        return Constant(left.value)
    return scanner.fail("an operator is missing")


def _operator(scanner: Scanner) -> str:
    """Consume a comparison operator; empty when none follows."""
    scanner.skip_blanks()
    for symbol in _SYMBOLS:
        if scanner.take(symbol):
            return symbol
    match = _NAME.match(scanner.text, scanner.position)
    if match is None:
        return ""
    if match[0].lower() not in _WORDS:
        scanner.fail(f"unknown operator '{match[0]}'")
    scanner.position = match.end()
    return match[0].lower()


def parse_operand(scanner: Scanner, parse_steps: ParseSteps, depth: int) -> Operand:
    """One side of a comparison, or an argument of a function."""
    scanner.skip_blanks()
    char = scanner.peek()
    if char in {"@", "$"}:
        scanner.position += 1
        return SubPath("@" if char == "@" else "$", parse_steps(scanner, depth))
    if char in {"'", '"'}:
        return Fixed(scanner.take_quoted())
    if char == "/":
        return _regex(scanner)
    if char == "[":
        return Fixed(_json_array(scanner))
    word = scanner.take_until(_WORD_STOPS)
    if not word:
        scanner.fail("a value is missing")
    return Fixed(_word(word))


def _word(word: str) -> Json:
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if _NUMBER.fullmatch(word):
        try:
            return loads(word)
        except InvalidJson:  # a leading zero, or out of range: not a JSON number
            return word
    return word


def _json_array(scanner: Scanner) -> Json:
    """`['a', 1]`: JSON, whose strings may stand in single quotes."""
    scanner.position += 1
    items: list[Json] = []
    scanner.skip_blanks()
    if scanner.take("]"):
        return items
    while True:
        scanner.skip_blanks()
        if scanner.peek() in ("'", '"') and not scanner.ended:
            items.append(scanner.take_quoted())
        else:
            word = scanner.take_until(_WORD_STOPS)
            if not word:
                scanner.fail("a value is missing")
            items.append(_word(word))
        scanner.skip_blanks()
        if scanner.take("]"):
            return items
        scanner.expect(",")


def _regex(scanner: Scanner) -> Regex:
    scanner.position += 1
    start = scanner.position
    while not scanner.ended and scanner.peek() != "/":
        scanner.position += 2 if scanner.peek() == "\\" else 1
    if scanner.ended:
        scanner.fail("a regular expression is not closed")
    pattern = scanner.text[start : scanner.position]
    scanner.position += 1
    match = re.compile(r"[a-z]*").match(scanner.text, scanner.position)
    flags = match[0] if match else ""
    scanner.position += len(flags)
    return Regex(pattern, flags)
