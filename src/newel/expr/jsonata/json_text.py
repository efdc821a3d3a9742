"""``JSON.stringify`` as the language uses it: in ``$string``, ``&``, ``$clone`` and error messages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any, Final

from newel.expr.jsonata.numbers import number_text
from newel.expr.jsonata.values import FUNCTIONS, LISTS, UNDEFINED

__all__ = ["js_string", "quote", "to_json"]

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"\\u00([0-9a-f]{2})")


def quote(text: str) -> str:
    """A string as JSON, escaping what JavaScript escapes (lone surrogates too)."""
    quoted = encode_basestring(text)
    if text.isascii() or not _LONE_SURROGATE.search(quoted):
        return quoted
    return _LONE_SURROGATE.sub(lambda match: f"\\u{ord(match.group()):04x}", quoted)


def to_json(
    value: Any, *, number: Callable[[Any], str] | None = None, function: str | None = None, indent: int = 0
) -> str | None:
    """JSON text, or None for what JSON leaves out (undefined, functions without ``function``).

    ``number`` prints a number in its own way; ``function`` is the text that stands for a function.
    """
    return _Writer(number or _plain_number, function, indent).text(value, "")


def _plain_number(value: Any) -> str:
    if value.__class__ is float and not math.isfinite(value):
        return "null"
    return number_text(value)


class _Writer:
    __slots__ = ("_function", "_number", "_step")

    def __init__(self, number: Callable[[Any], str], function: str | None, indent: int) -> None:
        self._number = number
        self._function = function
        self._step = " " * indent

    def text(self, value: Any, margin: str) -> str | None:
        kind = value.__class__
        if kind is str:
            return quote(value)
        if kind is int or kind is float:
            return self._number(value)
        if value is None:
            return "null"
        if kind is bool:
            return "true" if value else "false"
        if kind is dict or isinstance(value, dict):
            return self._object(value, margin)
        if kind in LISTS or isinstance(value, (list, tuple)):
            return self._array(value, margin)
        if kind in FUNCTIONS:
            return self._function
        if value is UNDEFINED:
            return None
        if isinstance(value, str):
            return quote(str(value))
        return self._number(value)

    def _object(self, value: dict[str, Any], margin: str) -> str:
        inner = margin + self._step
        colon = ": " if self._step else ":"
        pairs = ((key, self.text(item, inner)) for key, item in value.items())
        members = [f"{quote(key)}{colon}{text}" for key, text in pairs if text is not None]
        return self._wrap("{", members, "}", margin)

    def _array(self, value: list[Any], margin: str) -> str:
        inner = margin + self._step
        return self._wrap("[", [self.text(item, inner) or "null" for item in value], "]", margin)

    def _wrap(self, opening: str, members: list[str], closing: str, margin: str) -> str:
        if not self._step or not members:
            return f"{opening}{','.join(members)}{closing}"
        inner = f",\n{margin}{self._step}".join(members)
        return f"{opening}\n{margin}{self._step}{inner}\n{margin}{closing}"


def js_string(value: Any) -> str:
    """JavaScript's ``String(value)``, where the language lets a value of the wrong kind through."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is int or kind is float:
        return number_text(value)
    if kind in LISTS:
        return ",".join("" if item is None or item is UNDEFINED else js_string(item) for item in value)
    return "undefined" if value is UNDEFINED else "[object Object]"
