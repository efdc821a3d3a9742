"""Text of a path to its parts: the Jayway dialect with what AWS tolerates beyond it.

Tolerated, all seen in published definitions: a dot before a bracket (`$.[1]`, `$.a.[0]`), `[*]['a','b']`,
and in filters the unquoted words that `predicate` reads.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from newel.expr.jsonpath import predicate
from newel.expr.jsonpath.nodes import (
    Filter,
    Function,
    Index,
    Indexes,
    Name,
    Names,
    Operand,
    Scan,
    Slice,
    Step,
    Wildcard,
)
from newel.expr.jsonpath.scanner import Scanner
from newel.expr.syntax import PathSyntaxError

#: Functions of the dialect that may end a path.
FUNCTIONS: Final = frozenset(
    ("min", "max", "avg", "stddev", "length", "size", "sum", "keys", "concat", "append", "first", "last", "index")
)
#: A name after a dot ends at these; inside a filter also at the operators.
_NAME_STOPS: Final = ".[()] \t\r\n"
_FILTER_NAME_STOPS: Final = _NAME_STOPS + ",=<>!~&|"
_NESTING_MAX: Final = 50

_INTEGER = re.compile(r"-?\d{1,18}")
_INDEXES = re.compile(r"\s*-?\d{1,18}\s*(?:,\s*-?\d{1,18}\s*)*")
_SLICE = re.compile(r"\s*(-?\d{1,18})?\s*:\s*(-?\d{1,18})?\s*")

RootKind = Literal["input", "context", "variable"]


@dataclass(frozen=True, slots=True)
class ParsedPath:
    """A path: what it starts from and its steps. `variable` is the name after `$`, for the root `variable`."""

    root: RootKind
    variable: str
    steps: tuple[Step, ...]


def parse_path(text: str) -> ParsedPath:
    """Parse a whole path. Raises `PathSyntaxError`, and nothing else, for any other text."""
    if not text.startswith("$"):
        raise PathSyntaxError(f"Invalid JSONPath '{text}': a path must begin with '$'")
    scanner = Scanner(text.rstrip())
    root, variable = _root(scanner)
    steps = _steps(scanner, _NAME_STOPS, 0)
    if not scanner.ended:
        scanner.fail(f"unexpected '{scanner.peek()}'")
    return ParsedPath(root, variable, steps)


def _root(scanner: Scanner) -> tuple[RootKind, str]:
    scanner.position += 1
    if scanner.take("$"):
        return "context", ""
    start = scanner.position
    while scanner.text[start : scanner.position + 1].isidentifier() and not scanner.ended:
        scanner.position += 1
    name = scanner.text[start : scanner.position]
    return ("variable", name) if name else ("input", "")


def _steps(scanner: Scanner, stops: str, depth: int) -> tuple[Step, ...]:
    """The steps from the cursor on, until a character that begins none."""
    if depth > _NESTING_MAX:
        scanner.fail("filters are nested too deeply")
    steps: list[Step] = []
    while True:
        if steps and isinstance(steps[-1], Function):
            break
        if scanner.take(".."):
            steps.append(_scan(scanner, stops, depth))
        elif scanner.take("."):
            steps.append(_bracket(scanner, depth) if scanner.take("[") else _dotted(scanner, stops, depth))
        elif scanner.take("["):
            steps.append(_bracket(scanner, depth))
        else:
            break
    return tuple(steps)


def _scan(scanner: Scanner, stops: str, depth: int) -> Scan | Function:
    if scanner.peek() == ".":
        scanner.fail("unexpected '.'")
    step = _bracket(scanner, depth) if scanner.take("[") else _dotted(scanner, stops, depth)
    if isinstance(step, Function):
        scanner.fail("a function cannot follow '..'")
    assert not isinstance(step, Scan)
    return Scan(step)


def _dotted(scanner: Scanner, stops: str, depth: int) -> Step:
    """What follows a dot: `*`, a name, or a function with its arguments."""
    if scanner.take("*"):
        return Wildcard()
    name = scanner.take_until(stops)
    if not name:
        scanner.fail("a path must not end with '.'" if scanner.ended else "a name is missing")
    if not scanner.take("("):
        return Name(name)
    if name not in FUNCTIONS:
        scanner.fail(f"unknown function '{name}'")
    return Function(name, _arguments(scanner, depth))


def _arguments(scanner: Scanner, depth: int) -> tuple[Operand, ...]:
    arguments: list[Operand] = []
    scanner.skip_blanks()
    if scanner.take(")"):
        return ()
    while True:
        arguments.append(predicate.parse_operand(scanner, sub_steps, depth + 1))
        scanner.skip_blanks()
        if scanner.take(")"):
            return tuple(arguments)
        scanner.expect(",")


def sub_steps(scanner: Scanner, depth: int) -> tuple[Step, ...]:
    """The steps of a path inside a filter, where operators end a name."""
    return _steps(scanner, _FILTER_NAME_STOPS, depth)


def _bracket(scanner: Scanner, depth: int) -> Step:
    """What stands in brackets, after the opening one."""
    scanner.skip_blanks()
    char = scanner.peek()
    if char in ("'", '"') and char:
        return _quoted_names(scanner)
    if scanner.take("*"):
        scanner.expect("]")
        return Wildcard()
    if scanner.take("?"):
        scanner.expect("(")
        test = predicate.parse_predicate(scanner, sub_steps, depth + 1)
        scanner.expect(")")
        scanner.expect("]")
        return Filter(test)
    return _numbers(scanner)


def _quoted_names(scanner: Scanner) -> Name | Names:
    names: list[str] = []
    while True:
        scanner.skip_blanks()
        if scanner.peek() not in ("'", '"') or scanner.ended:
            scanner.fail("a quoted name is missing")
        names.append(scanner.take_quoted())
        scanner.skip_blanks()
        if scanner.take("]"):
            return Name(names[0]) if len(names) == 1 else Names(tuple(names))
        scanner.expect(",")


def _numbers(scanner: Scanner) -> Index | Indexes | Slice:
    body = scanner.take_until("]")
    if scanner.ended:
        scanner.fail("a bracket is not closed")
    scanner.position += 1
    if _INDEXES.fullmatch(body):
        indexes = tuple(int(number) for number in _INTEGER.findall(body))
        return Index(indexes[0]) if len(indexes) == 1 else Indexes(indexes)
    match = _SLICE.fullmatch(body)
    if match is None or (match[1] is None and match[2] is None):
        scanner.fail(f"'[{body}]' is not a name, an index, a slice or a filter")
    start, stop = match[1], match[2]
    return Slice(None if start is None else int(start), None if stop is None else int(stop))
