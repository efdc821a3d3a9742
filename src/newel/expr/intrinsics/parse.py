r"""Text of an intrinsic call to its parts: `States.Format('Hi {}', $.name)`.

Arguments are strings in single quotes (escapes `\'`, `\{`, `\}`, `\\` and no other), numbers, true, false, null,
paths from `$`, `$$` and `$variable`, and nested calls, at most ten deep.
"""

import re
from dataclasses import dataclass
from typing import Final, NoReturn

from newel.expr.syntax import IntrinsicSyntaxError
from newel.json import Json, loads
from newel.limits import INTRINSIC_NESTING_MAX

_NAME = re.compile(r"States\.[A-Za-z0-9]+")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z]+")
_BLANKS: Final = " \t\r\n"
_ESCAPED: Final = "'{}\\"
_CONSTANTS: Final[dict[str, Json]] = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Constant:
    """A literal argument; for a string `template` is its text with the escapes still in it."""

    value: Json
    template: str | None = None


@dataclass(frozen=True, slots=True)
class PathArgument:
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `name` includes `States.`."""

    name: str
    arguments: "tuple[Argument, ...]"


Argument = Constant | PathArgument | Call


def parse_call(text: str) -> Call:
    """Parse a whole call. Raises `IntrinsicSyntaxError`, and nothing else, for any other text."""
    parser = _Parser(text)
    call = parser.call(1)
    parser.blanks()
    if parser.position != len(text):
        parser.fail(f"unexpected '{text[parser.position]}'")
    return call


class _Parser:
    __slots__ = ("position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def fail(self, detail: str) -> NoReturn:
        raise IntrinsicSyntaxError(f"Invalid intrinsic function call '{self.text}': {detail} at {self.position}")

    def blanks(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in _BLANKS:
            self.position += 1

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self, token: str) -> bool:
        self.blanks()
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> str:
        """Consume what `pattern` matches here; empty when it does not."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def call(self, depth: int) -> Call:
        if depth > INTRINSIC_NESTING_MAX:
            self.fail(f"calls are nested more than {INTRINSIC_NESTING_MAX} deep")
        name = self.match(_NAME)
        if not name or not self.take("("):
            self.fail("a call of a function of 'States.' is missing")
        arguments: list[Argument] = []
        if self.take(")"):
            return Call(name, ())
        while True:
            arguments.append(self.argument(depth))
            if self.take(")"):
                return Call(name, tuple(arguments))
            if not self.take(","):
                self.fail("expected ',' or ')'")

    def argument(self, depth: int) -> Argument:
        self.blanks()
        char = self.peek()
        if char == "'":
            return self.string()
        if char == "$":
            return PathArgument(self.path())
        if self.text.startswith("States.", self.position):
            return self.call(depth + 1)
        number = self.match(_NUMBER)
        if number:
            return Constant(loads(number))
        word = self.match(_WORD)
        if word not in _CONSTANTS:
            self.fail("an argument is missing")
        return Constant(_CONSTANTS[word])

    def string(self) -> Constant:
        """A literal in single quotes. Escapes other than the four are refused, as AWS does at creation."""
        self.position += 1
        start = self.position
        value: list[str] = []
        while self.position < len(self.text):
            char = self.text[self.position]
            if char == "'":
                self.position += 1
                return Constant("".join(value), self.text[start : self.position - 1])
            if char == "\\":
                self.position += 1
                char = self.peek()
                if not char or char not in _ESCAPED:
                    self.fail(f"illegal escape '\\{char}'")
            value.append(char)
            self.position += 1
        return self.fail("a string is not closed")

    def path(self) -> str:
        """The text of a path argument: up to a comma or parenthesis outside its own brackets."""
        start = self.position
        depth = 0
        while self.position < len(self.text):
            char = self.text[self.position]
            if depth and char in "'\"":
                self.quoted(char)
                continue
            if not depth and char in ",)":
                break
            depth += (char in "[(") - (char in "])")
            self.position += 1
        return self.text[start : self.position].rstrip(_BLANKS)

    def quoted(self, quote: str) -> None:
        """Pass over a string inside a path's brackets."""
        self.position += 1
        while self.position < len(self.text) and self.text[self.position] != quote:
            self.position += 2 if self.text[self.position] == "\\" else 1
        self.position += 1
