"""Functions that take a pattern: a string, a regular expression, or a function that finds matches.

A match is an object with ``match``, ``start``, ``end``, ``groups`` and ``next``, a function that finds the one after
it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.strings import to_integer
from newel.expr.jsonata.json_text import js_string
from newel.expr.jsonata.regexes import Regex, from_units, to_units
from newel.expr.jsonata.runtime.calls import apply
from newel.expr.jsonata.runtime.paths import collapse
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import FUNCTIONS, LISTS, UNDEFINED, Matcher, Seq, Wrapped

_LEADING_DIGITS: Final = re.compile(r"\s*[+-]?\d+")


def make_matcher(runtime: Runtime, regex: Regex, position: int) -> Matcher:
    """A regular expression literal as a function: ``regex(str, from)`` gives a match or undefined."""

    def find(text: Any, start: Any = 0) -> Any:
        subject = to_units(js_string(text))
        begin = start if start.__class__ is int and start > 0 else 0
        found = regex.search(subject, begin) if begin <= len(subject) else None
        if found is None:
            return UNDEFINED
        return _match_object(runtime, regex, subject, found, position)

    return Matcher(find, (regex, position))


def _match_object(runtime: Runtime, regex: Regex, subject: str, found: Any, position: int) -> dict[str, Any]:
    end = found.end()

    def after() -> Any:
        if end >= len(subject):
            return UNDEFINED
        following = regex.search(subject, end)
        if following is None:
            return UNDEFINED
        if following.end() == following.start():
            raise _no_progress(regex, position)
        return _match_object(runtime, regex, subject, following, position)

    return {
        "match": from_units(found.group()),
        "start": found.start(),
        "end": end,
        "groups": _groups(runtime, found),
        "next": Matcher(after, None, 0),
    }


def _groups(runtime: Runtime, found: Any) -> list[Any]:
    groups = found.groups()
    if None in groups:
        runtime.dirty = True
    return [UNDEFINED if group is None else from_units(group) for group in groups]


def _no_progress(regex: Regex, position: int) -> JsonataError:
    return JsonataError("D1004", position=position, value=regex.source)


class _Match:
    """A match, whether found by a regular expression or by a function: positions are in UTF-16 units."""

    __slots__ = ("end", "groups", "start", "text")

    def __init__(self, text: Any, start: Any, end: Any, groups: Any) -> None:
        self.text = text
        self.start = start
        self.end = end
        self.groups = groups


def _matches(runtime: Runtime, pattern: Any, text: str, subject: str) -> Iterator[_Match]:
    """The matches of a pattern, found one at a time as they are asked for."""
    target = pattern
    while target.__class__ is Wrapped:
        target = target.target
    if target.__class__ is Matcher and target.regex is not None:
        regex, position = target.regex
        found = regex.search(subject, 0)
        while found is not None:
            yield _Match(found.group(), found.start(), found.end(), _groups(runtime, found))
            end = found.end()
            if end >= len(subject):
                return
            found = regex.search(subject, end)
            if found is not None and found.start() == found.end():
                raise _no_progress(regex, position)
        return
    yield from _custom_matches(runtime, pattern, text)


def _custom_matches(runtime: Runtime, pattern: Any, text: str) -> Iterator[_Match]:
    if pattern.__class__ not in FUNCTIONS:
        raise JsonataError("", message="matcher.apply is not a function")
    found = _checked(collapse(apply(runtime, pattern, [text], None)))
    while found is not UNDEFINED:
        if found.__class__ is not dict:
            raise JsonataError("", message="matches.next is not a function")
        match = found.get("match", UNDEFINED)
        yield _Match(match, found.get("start", UNDEFINED), found.get("end", UNDEFINED), found.get("groups", UNDEFINED))
        following = found.get("next", UNDEFINED)
        if following.__class__ not in FUNCTIONS:
            raise JsonataError("", message="matcher.apply is not a function")
        runtime.charge(1)
        found = _checked(collapse(apply(runtime, following, [], None)))


def _checked(found: Any) -> Any:
    if found is UNDEFINED or found is None or found is False or found in (0, ""):
        return found
    if found.__class__ is dict:
        start, end = found.get("start"), found.get("end")
        if (
            (start.__class__ in (int, float))
            or end == "number"
            or found.get("groups").__class__ in LISTS
            or found.get("next").__class__ in FUNCTIONS
        ):
            return found
    raise JsonataError("T1010")


def contains(runtime: Runtime, text: Any, pattern: Any) -> Any:
    """``$contains(str, pattern)``."""
    if text is UNDEFINED or pattern is UNDEFINED:
        return UNDEFINED
    if pattern.__class__ is str:
        return pattern in text
    if pattern.__class__ is Matcher and pattern.regex is not None:
        return pattern.regex[0].search(to_units(text), 0) is not None
    if pattern.__class__ not in FUNCTIONS:
        raise JsonataError("", message="matcher.apply is not a function")
    if pattern.__class__ is Matcher or pattern.__class__ is Wrapped:
        return next(_matches(runtime, pattern, text, to_units(text)), None) is not None
    return _checked(collapse(apply(runtime, pattern, [text], None))) is not UNDEFINED


def match(runtime: Runtime, text: Any, pattern: Any, limit: Any = UNDEFINED) -> Any:
    """``$match(str, pattern, limit)``: objects of ``match``, ``index`` and ``groups``."""
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3040", value=limit, index=3)
    out = Seq()
    if limit is not UNDEFINED and limit <= 0:
        return out
    wanted = math.inf if limit is UNDEFINED else limit
    subject = to_units(text)
    for found in _matches(runtime, pattern, text, subject):
        if len(out) >= wanted:
            break
        row = {"match": _text_of(found.text), "index": found.start, "groups": found.groups}
        out.append({key: value for key, value in row.items() if value is not UNDEFINED})
        runtime.charge(1)
    return out


def _text_of(text: Any) -> Any:
    return from_units(text) if text.__class__ is str else text


def replace(runtime: Runtime, text: Any, pattern: Any, replacement: Any, limit: Any = UNDEFINED) -> Any:
    """``$replace(str, pattern, replacement, limit)``; the replacement is a string (``$1`` is a group) or a function."""
    if text is UNDEFINED:
        return UNDEFINED
    if pattern.__class__ is str and pattern == "":
        raise JsonataError("D3010", value=pattern, index=2)
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3011", value=limit, index=4)
    if limit is not UNDEFINED and limit <= 0:
        return text
    if pattern.__class__ is str:
        return _replace_text(runtime, text, pattern, replacement, limit)
    return _replace_matches(runtime, text, pattern, replacement, limit)


def _replace_text(runtime: Runtime, text: str, pattern: str, replacement: Any, limit: Any) -> str:
    if replacement.__class__ is not str:
        # JavaScript would add the text of whatever it is.
        replacement = "undefined" if replacement is UNDEFINED else ""
    count = -1 if limit is UNDEFINED else math.ceil(min(limit, len(text) + 1))
    pieces = text.split(pattern, count)
    runtime.check_text(len(text) + (len(pieces) - 1) * max(0, len(replacement) - len(pattern)))
    return replacement.join(pieces)  # type: ignore[no-any-return]


def _replace_matches(runtime: Runtime, text: str, pattern: Any, replacement: Any, limit: Any) -> Any:
    subject = to_units(text)
    wanted = math.inf if limit is UNDEFINED else limit
    parts: list[str] = []
    position, count, size = 0, 0, 0
    for found in _matches(runtime, pattern, text, subject):
        if count >= wanted:
            break
        substitute = _substitute(runtime, found, replacement)
        if substitute.__class__ is not str:
            raise JsonataError("D3012", value=substitute)
        parts.append(subject[position : found.start])
        parts.append(substitute)
        position = found.start + len(found.text)
        count += 1
        size += len(substitute)
        runtime.check_text(size)
        runtime.charge(1)
    if not count:
        return text
    parts.append(subject[position:])
    return from_units("".join(parts))


def _substitute(runtime: Runtime, found: _Match, replacement: Any) -> Any:
    if replacement.__class__ is str:
        return to_units(_expand(found, replacement))
    if replacement.__class__ not in FUNCTIONS:
        raise JsonataError("", message="replacer.apply is not a function")

    def after() -> Any:
        return UNDEFINED

    argument = {
        "match": _text_of(found.text),
        "start": found.start,
        "end": found.end,
        "groups": found.groups,
        "next": Matcher(after, None, 0),
    }
    result = apply(runtime, replacement, [argument], None)
    return to_units(result) if result.__class__ is str else result


def _expand(found: _Match, replacement: str) -> str:
    """``$0`` is the match, ``$n`` a group, ``$$`` a dollar sign."""
    if "$" not in replacement:
        return replacement
    groups = found.groups if found.groups.__class__ in LISTS else []
    out, position = "", 0
    at = replacement.find("$")
    while at != -1 and position < len(replacement):
        out += replacement[position:at]
        position = at + 1
        following = replacement[position : position + 1]
        if following == "$":
            out += "$"
            position += 1
        elif following == "0":
            out += from_units(found.text)
            position += 1
        else:
            text, used = _group_text(groups, replacement, position)
            out += text
            position += used
        at = replacement.find("$", position)
    return out + replacement[position:]


def _group_text(groups: list[Any], replacement: str, position: int) -> tuple[str, int]:
    digits = len(str(len(groups))) if groups else 1
    number = _parse_int(replacement[position : position + digits])
    if digits > 1 and number is not None and number > len(groups):
        number = _parse_int(replacement[position : position + digits - 1])
    if number is None:
        return "$", 0
    text = groups[number - 1] if 0 < number <= len(groups) else UNDEFINED
    return ("" if text is UNDEFINED else str(text)), len(str(number))


def _parse_int(text: str) -> int | None:
    found = _LEADING_DIGITS.match(text)
    return int(found.group()) if found else None


def split(runtime: Runtime, text: Any, separator: Any, limit: Any = UNDEFINED) -> Any:
    """``$split(str, separator, limit)``."""
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3020", value=limit, index=3)
    if limit is not UNDEFINED and limit <= 0:
        return []
    if separator.__class__ is str:
        pieces = text.split(separator) if separator else [from_units(unit) for unit in to_units(text)]
        runtime.check_length(len(pieces))
        return pieces if limit is UNDEFINED else pieces[: to_integer(limit) % 2**32 if math.isfinite(limit) else 0]
    return _split_matches(runtime, text, separator, limit)


def _split_matches(runtime: Runtime, text: str, separator: Any, limit: Any) -> list[str]:
    subject = to_units(text)
    wanted = math.inf if limit is UNDEFINED else limit
    out: list[str] = []
    start = 0
    for found in _matches(runtime, separator, text, subject):
        if len(out) >= wanted:
            break
        out.append(from_units(subject[start : found.start]))
        start = found.end
        runtime.charge(1)
    if len(out) < wanted:
        out.append(from_units(subject[start:]))
    return out
