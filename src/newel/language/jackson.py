"""A scanner of JSON text that fails in Jackson's words and knows where every value stands.

AWS parses definitions with Jackson; its message and `[Source: (String)"…"; line: 1, column: 4]` reach the user. The
scanner runs only when a text is broken or when a position is asked for: decoding is msgspec's work. It never recurses.
"""

from __future__ import annotations

import bisect
import re
from typing import Final

Path = tuple[str | int, ...]

_VALID: Final = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_WORD: Final = re.compile(r"[\w$]+")
_PLAIN: Final = re.compile(r'[^"\\\x00-\x1f]*')
_DIGITS: Final = re.compile(r"[0-9]*")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_HEX: Final = "0123456789abcdefABCDEF"
_ESCAPES: Final = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_SOURCE_CHARS_MAX: Final = 500  # Jackson quotes no more of the text
_TOKEN_CHARS_MAX: Final = 256
DEPTH_MAX: Final = 500


class JacksonError(ValueError):
    """Broken JSON. `message` is Jackson's, `source` its location text."""

    def __init__(self, message: str, source: str) -> None:
        super().__init__(f"{message}\n at {source}")
        self.message = message
        self.source = source


class Lines:
    """Offset -> one-based line and column."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in _LINE_END.finditer(text))]

    def at(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class _Frame:
    """An open container: how far it is, what was seen in it, and the key or index it is at."""

    __slots__ = ("count", "is_object", "keys", "start", "step")

    def __init__(self, is_object: bool, start: int) -> None:
        self.is_object = is_object
        self.start = start
        self.step: str | int = 0
        self.count = 0
        self.keys: set[str] = set()

    @property
    def noun(self) -> str:
        return "Object" if self.is_object else "Array"


class JsonScan:
    """One pass over a text.

    `duplicates` lists the paths of fields that appear again in their object. With `record`, `positions` maps the path
    of every member (where its key starts) and item (where it starts) to an offset. What lies deeper than `DEPTH_MAX` is
    left out: the paths of a text that is all brackets would fill the memory.
    """

    def __init__(self, text: str, *, record: bool = False) -> None:
        self.text = text
        self._record = record
        self.positions: dict[Path, int] = {}
        self.duplicates: list[Path] = []
        self._at = 0
        self._stack: list[_Frame] = []
        self._lines: Lines | None = None

    def run(self) -> JsonScan:
        """Scan to the end. Raises `JacksonError`."""
        self._space()
        self._mark(self._at)
        self._value()
        while self._stack:
            self._entry(self._stack[-1])
        self._space()
        if self._at < len(self.text):
            self._value()
            raise self._error("Trailing token found after value: not allowed")
        return self

    def _path(self) -> Path:
        return tuple(frame.step for frame in self._stack)

    def _mark(self, offset: int) -> None:
        if self._record and len(self._stack) <= DEPTH_MAX:
            self.positions[self._path()] = offset

    # --- errors

    def _source(self, offset: int) -> str:
        if self._lines is None:
            self._lines = Lines(self.text)
        # Jackson counts lines in white space only: a line end that is refused inside a string opens no line.
        line, column = self._lines.at(max(offset - 1, 0))
        column += offset > 0
        quoted = "".join(_visible(char) for char in self.text[:_SOURCE_CHARS_MAX])
        left = len(self.text) - _SOURCE_CHARS_MAX
        cut = f"[truncated {left} chars]" if left > 0 else ""
        return f'[Source: (String)"{quoted}"{cut}; line: {line}, column: {column}]'

    def _error(self, message: str) -> JacksonError:
        return JacksonError(message, self._source(self._at))

    def _unexpected(self, comment: str) -> JacksonError:
        """The character under the cursor is wrong; Jackson's cursor has already passed it."""
        char = self.text[self._at]
        self._at += 1
        return self._error(f"Unexpected character ({_described(char)}): {comment}")

    def _end_of_input(self) -> JacksonError:
        if not self._stack:
            return self._error("No content to map due to end-of-input")
        frame = self._stack[-1]
        start = self._source(frame.start)
        return self._error(f"Unexpected end-of-input: expected close marker for {frame.noun} (start marker at {start})")

    # --- structure

    def _space(self) -> None:
        found = _SPACE.match(self.text, self._at)
        assert found is not None
        self._at = found.end()

    def _next(self) -> str:
        """The next character that is not white space; the cursor stays on it."""
        self._space()
        if self._at >= len(self.text):
            raise self._end_of_input()
        return self.text[self._at]

    def _entry(self, frame: _Frame) -> None:
        char = self._next()
        if char in "}]":
            self._close(frame, char)
            return
        if frame.count:
            if char != ",":
                raise self._unexpected(f"was expecting comma to separate {frame.noun} entries")
            self._at += 1
            char = self._next()
        if frame.is_object:
            self._member(frame, char)
        else:
            frame.step = frame.count
            frame.count += 1
            self._mark(self._at)
            self._value()

    def _close(self, frame: _Frame, char: str) -> None:
        expected = "}" if frame.is_object else "]"
        self._at += 1
        if char != expected:
            start = self._source(frame.start)
            raise self._error(
                f"Unexpected close marker '{char}': expected '{expected}' (for {frame.noun} starting at {start})"
            )
        self._stack.pop()

    def _member(self, frame: _Frame, char: str) -> None:
        if char != '"':
            raise self._unexpected("was expecting double-quote to start field name")
        start = self._at
        key = self._string("name", "Unexpected end-of-input in field name")
        frame.step = key
        frame.count += 1
        if key in frame.keys and len(self._stack) <= DEPTH_MAX:
            self.duplicates.append(self._path())
        frame.keys.add(key)
        self._mark(start)
        self._space()
        if self._at >= len(self.text):
            raise self._error("Unexpected end-of-input within/between Object entries")
        if self.text[self._at] != ":":
            raise self._unexpected("was expecting a colon to separate field name and value")
        self._at += 1
        self._value()

    def _value(self) -> None:
        char = self._next()
        if char in "{[":
            self._stack.append(_Frame(char == "{", self._at))
            self._at += 1
        elif char == '"':
            self._string("string value", "Unexpected end-of-input: was expecting closing quote for a string value")
        elif char == "-" or char in "0123456789":
            self._number()
        else:
            self._token()

    # --- scalars

    def _token(self) -> None:
        found = _WORD.match(self.text, self._at)
        if found is None:
            raise self._unexpected(f"expected a valid value {_VALID}")
        self._at = found.end()
        word = found.group()
        if word not in ("true", "false", "null"):
            shown = word if len(word) <= _TOKEN_CHARS_MAX else f"{word[:_TOKEN_CHARS_MAX]}..."
            raise self._error(f"Unrecognized token '{shown}': was expecting {_VALID}")

    def _string(self, what: str, unterminated: str) -> str:
        parts: list[str] = []
        self._at += 1
        while True:
            found = _PLAIN.match(self.text, self._at)
            assert found is not None
            parts.append(found.group())
            self._at = found.end()
            if self._at >= len(self.text):
                raise self._error(unterminated)
            char = self.text[self._at]
            self._at += 1
            if char == '"':
                return "".join(parts)
            if char != "\\":
                raise self._error(
                    f"Illegal unquoted character ({_described(char)}): "
                    f"has to be escaped using backslash to be included in {what}"
                )
            parts.append(self._escape(unterminated))

    def _escape(self, unterminated: str) -> str:
        if self._at >= len(self.text):
            raise self._error(unterminated)
        char = self.text[self._at]
        if char == "u":
            return self._unicode(unterminated)
        self._at += 1
        if char not in _ESCAPES:
            raise self._error(f"Unrecognized character escape {_described(char)}")
        return _ESCAPES[char]

    def _unicode(self, unterminated: str) -> str:
        self._at += 1
        start = self._at
        for _ in range(4):
            if self._at >= len(self.text):
                raise self._error(unterminated)
            if self.text[self._at] not in _HEX:
                raise self._unexpected("expected a hex-digit for character escape sequence")
            self._at += 1
        return chr(int(self.text[start : self._at], 16))

    def _number(self) -> None:
        text = self.text
        if text[self._at] == "-":
            self._at += 1
        start = self._at
        self._digits("expected digit (0-9) to follow minus sign, for valid numeric value")
        if text[start] == "0" and self._at - start > 1:
            self._at = start + 1
            raise self._error("Invalid numeric value: Leading zeroes not allowed")
        if text[self._at : self._at + 1] == ".":
            self._at += 1
            self._digits("Decimal point not followed by a digit")
        if text[self._at : self._at + 1] in ("e", "E"):
            self._at += 1
            if text[self._at : self._at + 1] in ("+", "-"):
                self._at += 1
            self._digits("Exponent indicator not followed by a digit")

    def _digits(self, comment: str) -> None:
        found = _DIGITS.match(self.text, self._at)
        assert found is not None
        if found.end() > self._at:
            self._at = found.end()
            return
        if self._at >= len(self.text):
            raise self._end_of_input()
        char = self.text[self._at]
        self._at += 1
        raise self._error(f"Unexpected character ({_described(char)}) in numeric value: {comment}")


def _described(char: str) -> str:
    code = ord(char)
    if code < 32 or 127 <= code < 160:
        return f"(CTRL-CHAR, code {code})"
    if code > 255:
        return f"'{char}' (code {code} / 0x{code:x})"
    return f"'{char}' (code {code})"


def _visible(char: str) -> str:
    """As Jackson quotes the source: control characters escaped, line ends kept."""
    code = ord(char)
    return f"\\u{code:04X}" if char not in "\r\n" and (code < 32 or 127 <= code < 160) else char
