"""JavaScript's regular expressions on Python's engines, so that no pattern can run away.

A pattern is parsed as JavaScript's grammar (without the ``u`` flag, with the web's leniencies) reads it, and written
anew. Text is matched in UTF-16 units, as JavaScript does. Patterns whose cost is bounded by the text's length run on
``re``; every other one runs on ``regex`` under a timeout.
"""

from __future__ import annotations

import re
from typing import Any, Final

import regex as timed

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.regex_syntax import Translation, translate

__all__ = ["Regex", "compile_regex", "from_units", "to_units"]

#: How long one search may take, in seconds; and the text up to which a pattern of quadratic cost runs without a clock.
SEARCH_SECONDS_MAX: Final = 1.0
_SHORT: Final = 256


def to_units(text: str) -> str:
    """A string as UTF-16 units: characters beyond U+FFFF become pairs of surrogates."""
    if text.isascii() or max(text) <= "\uffff":
        return text
    units = text.encode("utf-16-le", "surrogatepass")
    return "".join(chr(units[at] | units[at + 1] << 8) for at in range(0, len(units), 2))


def from_units(text: str) -> str:
    """The reverse of ``to_units``; a lone surrogate stays one."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


class Regex:
    """A compiled regular expression literal."""

    __slots__ = ("_fast", "_slow", "_translation", "flags", "source")

    def __init__(self, source: str, flags: str, translation: Translation) -> None:
        self.source = source
        self.flags = flags
        self._translation = translation
        self._fast: re.Pattern[str] | None = (
            re.compile(translation.pattern, translation.flags) if translation.simple else None
        )
        self._slow: Any = None

    def search(self, text: str, start: int) -> Any:
        """The first match at or after ``start`` (an object like ``re.Match``), or None. ``text`` is in UTF-16 units.

        Raises:
            JsonataError: D1012 when the search takes too long.
        """
        if self._fast is not None and len(text) <= _SHORT:
            return self._fast.search(text, start)
        if self._slow is None:
            self._slow = timed.compile(self._translation.pattern, self._translation.flags & ~re.ASCII | timed.V0)
        try:
            return self._slow.search(text, start, timeout=SEARCH_SECONDS_MAX)
        except TimeoutError:
            raise JsonataError("D1012", value=int(SEARCH_SECONDS_MAX * 1000)) from None

    def test(self, text: str) -> bool:
        """Whether the pattern occurs in a string."""
        if text.isascii() and self._fast is not None and len(text) <= _SHORT:
            return self._fast.search(text) is not None
        return self.search(to_units(text), 0) is not None

    def groups(self, match: Any) -> list[Any]:
        """The groups of a match in the order JavaScript numbers them; None for one that took no part."""
        return list(match.groups())


def compile_regex(source: str, flags: str) -> Regex:
    """A regular expression literal.

    Raises:
        JsonataError: without a code, as jsonata-js lets JavaScript's own SyntaxError through.
    """
    return Regex(source, flags, translate(source, ignore_case="i" in flags, multiline="m" in flags))
