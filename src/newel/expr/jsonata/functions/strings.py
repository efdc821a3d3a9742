"""Functions of strings. Lengths and positions count characters, as jsonata-js does here."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from newel.expr.jsonata.json_text import js_string
from newel.expr.jsonata.numbers import is_nan
from newel.expr.jsonata.runtime.operators import string_of
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_BLANKS: Final = re.compile("[ \t\n\r]+")


def string(runtime: Runtime, value: Any, prettify: Any = False) -> Any:
    """``$string(value, prettify)``: JSON text; a string as it is; a function as nothing."""
    if value is UNDEFINED:
        return UNDEFINED
    text = string_of(value, prettify)
    runtime.check_text(len(text))
    return text


def to_integer(value: Any) -> int:
    """JavaScript's conversion of a number to a position."""
    if value.__class__ is int:
        return int(value)
    if value is UNDEFINED or is_nan(value):
        return 0
    if math.isinf(value):
        return 2**60 if value > 0 else -(2**60)
    return int(value)


def substring(_: Runtime, text: Any, start: Any, length: Any = UNDEFINED) -> Any:
    """``$substring(str, start, length)``; a negative start counts from the end."""
    if text is UNDEFINED:
        return UNDEFINED
    size = len(text)
    if start.__class__ not in (int, float):
        return _substring_from_nowhere(text, length)
    if size + start < 0:
        start = 0
    if length is UNDEFINED:
        return text[to_integer(start) :]
    if length <= 0:
        return ""
    end = start + length if start >= 0 else size + start + length
    return text[to_integer(start) : to_integer(end)]


def _substring_from_nowhere(text: str, length: Any) -> str:
    # Sums with undefined are NaN, which slices read as 0.
    return text if length is UNDEFINED else ""


def _searched(chars: Any) -> str:
    # indexOf(undefined) looks for the word.
    return "undefined" if chars is UNDEFINED else chars


def substring_before(_: Runtime, text: Any, chars: Any) -> Any:
    """``$substringBefore(str, chars)``; the whole string when chars isn't in it."""
    if text is UNDEFINED:
        return UNDEFINED
    at = text.find(_searched(chars))
    return text[:at] if at >= 0 else text


def substring_after(_: Runtime, text: Any, chars: Any) -> Any:
    """``$substringAfter(str, chars)``; the whole string when chars isn't in it."""
    if text is UNDEFINED:
        return UNDEFINED
    chars = _searched(chars)
    at = text.find(chars)
    return text[at + len(chars) :] if at >= 0 else text


def lowercase(_: Runtime, text: Any) -> Any:
    """``$lowercase(str)``."""
    return UNDEFINED if text is UNDEFINED else text.lower()


def uppercase(_: Runtime, text: Any) -> Any:
    """``$uppercase(str)``."""
    return UNDEFINED if text is UNDEFINED else text.upper()


def length(_: Runtime, text: Any) -> Any:
    """``$length(str)``."""
    return UNDEFINED if text is UNDEFINED else len(text)


def trim(_: Runtime, text: Any) -> Any:
    """``$trim(str)``: runs of blanks become one space, none at the ends."""
    if text is UNDEFINED:
        return UNDEFINED
    text = _BLANKS.sub(" ", text)
    text = text.removeprefix(" ")
    return text.removesuffix(" ")


def pad(runtime: Runtime, text: Any, width: Any, char: Any = UNDEFINED) -> Any:
    """``$pad(str, width, char)``; a negative width pads on the left."""
    if text is UNDEFINED:
        return UNDEFINED
    if char is UNDEFINED or char == "":
        char = " "
    width = to_integer(width)
    missing = abs(width) - len(text)
    if missing <= 0:
        return text
    runtime.check_text(abs(width))
    padding = (char * (missing // len(char) + 1))[:missing]
    return text + padding if width > 0 else padding + text


def join(runtime: Runtime, texts: Any, separator: Any = UNDEFINED) -> Any:
    """``$join(array, separator)``."""
    if texts is UNDEFINED:
        return UNDEFINED
    between = "" if separator is UNDEFINED else separator
    try:
        joined = between.join(texts)
    except TypeError:
        # Only partial application gets here with anything but strings.
        joined = between.join("" if text is None else js_string(text) for text in texts)
    runtime.check_text(len(joined))
    return joined
