"""Text to tokens. Positions are offsets in UTF-16 units, as jsonata-js counts them, after the token."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.numbers import normal
from newel.expr.jsonata.regexes import Regex, compile_regex

__all__ = ["OPERATORS", "Token", "Tokenizer", "join_surrogates"]

#: Binding powers, by operator. ``!`` and ``~`` only end a name.
OPERATORS: Final[dict[str, int]] = {
    ".": 75, "[": 80, "]": 0, "{": 70, "}": 0, "(": 80, ")": 0, ",": 0, "@": 80, "#": 80, ";": 80, ":": 80, "?": 20,
    "+": 50, "-": 50, "*": 60, "/": 60, "%": 60, "|": 20, "=": 40, "<": 40, ">": 40, "^": 40, "**": 60, "..": 20,
    ":=": 10, "!=": 40, "<=": 40, ">=": 40, "~>": 40, "?:": 40, "??": 40, "and": 30, "or": 25, "in": 40, "&": 50,
    "!": 0, "~": 0,
}  # fmt: skip

_DOUBLE: Final = frozenset({"..", ":=", "!=", ">=", "<=", "**", "~>", "?:", "??"})
_SINGLE: Final = frozenset(operator for operator in OPERATORS if len(operator) == 1)
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WHITESPACE: Final = " \t\n\r\v"
_NUMBER: Final = re.compile(r"-?(0|([1-9][0-9]*))(\.[0-9]+)?([Ee][-+]?[0-9]+)?")
_NAME_END: Final = re.compile("[" + re.escape("".join(sorted(_SINGLE)) + _WHITESPACE) + "]")
_STRING_STOP: Final = {'"': re.compile(r'["\\]'), "'": re.compile(r"['\\]")}
_HEX4: Final = re.compile(r"[0-9a-fA-F]{1,4}")
_WORDS: Final[dict[str, tuple[str, Any]]] = {
    "or": ("operator", "or"),
    "in": ("operator", "in"),
    "and": ("operator", "and"),
    "true": ("value", True),
    "false": ("value", False),
    "null": ("value", None),
}


class Token:
    """``kind`` is operator, string, number, value (true, false, null), name, variable or regex."""

    __slots__ = ("kind", "position", "value")

    def __init__(self, kind: str, value: Any, position: int) -> None:
        self.kind = kind
        self.value = value
        self.position = position


def join_surrogates(text: str) -> str:
    """Pairs of surrogates, as JavaScript writes characters beyond U+FFFF, joined to characters."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class Tokenizer:
    """Hands out one token at a time; the parser says whether a slash divides or opens a regular expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._length = len(text)
        self._at = 0
        self._wide = not text.isascii() and any(character > "\uffff" for character in text)

    def units(self, at: int) -> int:
        """An offset in UTF-16 units."""
        if not self._wide:
            return at
        return at + sum(1 for character in self.text[:at] if character > "\uffff")

    def next(self, *, infix: bool) -> Token | None:
        """The next token, or None at the end."""
        self._skip()
        text, at = self.text, self._at
        if at >= self._length:
            return None
        character = text[at]
        if not infix and character == "/":
            self._at += 1
            return self._token("regex", self._regex())
        if text[at : at + 2] in _DOUBLE:
            self._at += 2
            return self._token("operator", text[at : at + 2])
        if character in _SINGLE:
            self._at += 1
            return self._token("operator", character)
        if character in "\"'":
            return self._token("string", self._string(character))
        number = _NUMBER.match(text, at)
        if number is not None:
            return self._token("number", self._number(number))
        if character == "`":
            return self._token("name", self._quoted_name())
        return self._word()

    def _token(self, kind: str, value: Any) -> Token:
        return Token(kind, value, self.units(self._at))

    def _skip(self) -> None:
        text = self.text
        while self._at < self._length:
            if text[self._at] in _WHITESPACE:
                self._at += 1
            elif text.startswith("/*", self._at):
                self._comment()
            else:
                return

    def _comment(self) -> None:
        end = self.text.find("*/", self._at + 2)
        # jsonata-js also refuses a comment whose closing tag is its only content.
        if end == -1:
            raise JsonataError("S0106", position=self.units(self._at))
        self._at = end + 2

    def _string(self, quote: str) -> str:
        text, parts = self.text, []
        self._at += 1
        stop = _STRING_STOP[quote]
        while True:
            found = stop.search(text, self._at)
            if found is None:
                self._at = self._length
                raise JsonataError("S0101", position=self.units(self._at))
            parts.append(text[self._at : found.start()])
            self._at = found.end()
            if found.group() == quote:
                return join_surrogates("".join(parts))
            parts.append(self._escape())

    def _escape(self) -> str:
        character = self.text[self._at : self._at + 1]
        plain = _ESCAPES.get(character)
        if plain is not None:
            self._at += 1
            return plain
        if character != "u":
            raise JsonataError("S0103", position=self.units(self._at), token=character)
        digits = self.text[self._at + 1 : self._at + 5]
        if not _HEX4.fullmatch(digits):
            raise JsonataError("S0104", position=self.units(self._at))
        self._at += 5
        return chr(int(digits, 16))

    def _number(self, match: re.Match[str]) -> int | float:
        text = match.group()
        value = float(text)
        if math.isinf(value):
            raise JsonataError("S0102", position=self.units(self._at), token=text)
        self._at = match.end()
        return normal(value)

    def _quoted_name(self) -> str:
        end = self.text.find("`", self._at + 1)
        if end == -1:
            raise JsonataError("S0105", position=self.units(self._length))
        name = self.text[self._at + 1 : end]
        self._at = end + 1
        return name

    def _word(self) -> Token:
        found = _NAME_END.search(self.text, self._at)
        end = found.start() if found else self._length
        word = self.text[self._at : end]
        self._at = end
        if word.startswith("$"):
            return self._token("variable", word[1:])
        kind, value = _WORDS.get(word, ("name", word))
        return self._token(kind, value)

    def _regex(self) -> Regex:
        text, start, depth = self.text, self._at, 0
        while self._at < self._length:
            character = text[self._at]
            escaped = text[self._at - 1] == "\\"
            if character == "/" and depth == 0 and not self._odd_backslashes():
                return self._regex_end(start)
            if character in "([{" and not escaped:
                depth += 1
            if character in ")]}" and not escaped:
                depth -= 1
            self._at += 1
        raise JsonataError("S0302", position=self.units(self._at))

    def _odd_backslashes(self) -> bool:
        at = self._at
        while at > 0 and self.text[at - 1] == "\\":
            at -= 1
        return (self._at - at) % 2 == 1

    def _regex_end(self, start: int) -> Regex:
        pattern = self.text[start : self._at]
        if pattern == "":
            raise JsonataError("S0301", position=self.units(self._at))
        self._at += 1
        flags = self._at
        while self.text[self._at : self._at + 1] in ("i", "m"):
            self._at += 1
        return compile_regex(pattern, self.text[flags : self._at])
