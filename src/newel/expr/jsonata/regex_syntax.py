r"""The grammar of JavaScript's regular expressions, read and written anew for Python.

What differs: ``\\d``, ``\\w`` and ``\\b`` know ASCII only; ``\\s`` and ``.`` have JavaScript's own lists of characters;
``$`` doesn't match before a final newline; ``[^]`` is anything and ``[]`` nothing; a reference to a group that took no
part matches nothing at all; braces that aren't a quantifier stand for themselves; Python's extensions are syntax
errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from newel.expr.jsonata.errors import JsonataError

__all__ = ["Translation", "translate"]

_SPACE: Final = r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NEWLINE: Final = r"\n\r\u2028\u2029"
_WORD: Final = "A-Za-z0-9_"
_CLASSES: Final = {
    "d": "[0-9]",
    "D": "[^0-9]",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACE}]",
    "S": f"[^{_SPACE}]",
}
#: The same inside a class; the negated ones as ranges.
_IN_CLASS: Final = {
    "d": "0-9",
    "D": r"\x00-/:-\uffff",
    "w": _WORD,
    "W": r"\x00-/:-@\[-\^`{-\uffff",
    "s": _SPACE,
    "S": (
        r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e\u2060-\u2fff"
        r"\u3001-\ufefe\uff00-\uffff"
    ),
}
_BOUNDARY: Final = f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))"
_NO_BOUNDARY: Final = f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))"
_CONTROLS: Final = {"t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r"}
_QUANTIFIER: Final = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
_GROUP_NAME: Final = re.compile(r"\(\?<([A-Za-z_$][\w$]*)>")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
_REPEAT_MAX: Final = 65535
_GROUPS: Final = (("(?:", "(?:"), ("(?=", "(?="), ("(?!", "(?!"), ("(?<=", "(?<="), ("(?<!", "(?<!"))


@dataclass(frozen=True, slots=True)
class Translation:
    """``simple``: every quantifier applies to one character or class, at most two of them are open-ended, and nothing
    refers back.
    """

    pattern: str
    flags: int
    simple: bool


def translate(source: str, *, ignore_case: bool, multiline: bool) -> Translation:
    """A JavaScript pattern as a Python one.

    Raises:
        JsonataError: without a code; JavaScript's message.
    """
    return _Translator(source, multiline).translate(re.IGNORECASE if ignore_case else 0)


class _Translator:
    def __init__(self, source: str, multiline: bool) -> None:
        self.source = source
        self.at = 0
        self.multiline = multiline
        self.names = _GROUP_NAME.findall(_without_classes(source))
        self.group_total = _count_groups(source)
        self.opened = 0
        self.open_ended = 0
        self.simple = True

    def translate(self, flags: int) -> Translation:
        if len(set(self.names)) != len(self.names):
            raise self._error("Duplicate capture group name")
        pattern = self._alternatives(depth=0)
        if self.at < len(self.source):
            raise self._error("Unmatched ')'")
        return Translation(pattern, flags, self.simple and self.open_ended <= 2)

    def _error(self, reason: str) -> JsonataError:
        return JsonataError("", message=f"Invalid regular expression: /{self.source}/: {reason}")

    def _alternatives(self, depth: int) -> str:
        parts: list[str] = []
        while self.at < len(self.source):
            character = self.source[self.at]
            if character == ")":
                if depth == 0:
                    raise self._error("Unmatched ')'")
                break
            if character == "|":
                self.at += 1
                parts.append("|")
            else:
                parts.append(self._term(depth))
        return "".join(parts)

    def _term(self, depth: int) -> str:
        before = self.open_ended
        atom, repeatable, compound = self._atom(depth)
        suffix = self._quantifier()
        if not suffix:
            return atom
        if not repeatable:
            raise self._error("Nothing to repeat")
        if compound:
            # A group that holds a quantifier or a choice, repeated, can take exponential time.
            self.simple = self.simple and before == self.open_ended and compound != "choice"
        return f"(?:{atom}){suffix}" if compound == "reference" else atom + suffix

    def _quantifier(self) -> str:
        source, at = self.source, self.at
        character = source[at : at + 1]
        if character and character in "*+?":
            self.at += 1
            text = character
            self.open_ended += character != "?"
        elif character == "{":
            match = _QUANTIFIER.match(source, at)
            if match is None:
                return ""
            text = self._counted(match)
        else:
            return ""
        if source[self.at : self.at + 1] == "?":
            self.at += 1
            text += "?"
        return text

    def _counted(self, match: re.Match[str]) -> str:
        self.at = match.end()
        low, comma, high = match.groups()
        if high and int(high) < int(low):
            raise self._error("numbers out of order in {} quantifier")
        if comma and not high:
            self.open_ended += 1
            return f"{{{min(int(low), _REPEAT_MAX)},}}"
        top = int(high) if high else int(low)
        if top > _SIMPLE_REPEAT_MAX or top != int(low):
            self.open_ended += 1
        return f"{{{min(int(low), _REPEAT_MAX)},{min(top, _REPEAT_MAX)}}}"

    def _atom(self, depth: int) -> tuple[str, bool, str]:
        """An atom's text, whether a quantifier may follow, and what kind of compound it is ('' for a single
        character).
        """
        character = self.source[self.at]
        if character == "(":
            return self._group(depth)
        if character == "\\":
            return self._escape()
        self.at += 1
        if character == "[":
            return self._class(), True, ""
        if character == ".":
            return f"[^{_NEWLINE}]", True, ""
        if character == "^":
            return (f"(?:(?<=[{_NEWLINE}])|\\A)" if self.multiline else r"\A"), False, ""
        if character == "$":
            return (f"(?=[{_NEWLINE}]|\\Z)" if self.multiline else r"\Z"), False, ""
        if character in "*+?":
            raise self._error("Nothing to repeat")
        if character == "{" and _QUANTIFIER.match(self.source, self.at - 1):
            raise self._error("Nothing to repeat")
        return re.escape(character), True, ""

    def _group(self, depth: int) -> tuple[str, bool, str]:
        source, start = self.source, self.at
        opening, lookbehind, lookaround = "(", False, False
        if source.startswith("(?", start):
            opening, lookbehind, lookaround = self._special_opening()
        else:
            self.at += 1
            self.opened += 1
        before = self.open_ended
        body = self._alternatives(depth + 1)
        if self.at >= len(source):
            raise self._error("Unterminated group")
        self.at += 1
        if lookaround:
            self.simple = False
            return f"{opening}{body})", not lookbehind, "lookaround"
        compound = "choice" if "|" in body or before != self.open_ended else "group"
        return f"{opening}{body})", True, compound

    def _special_opening(self) -> tuple[str, bool, bool]:
        for prefix, opening in _GROUPS:
            if self.source.startswith(prefix, self.at):
                self.at += len(prefix)
                return opening, prefix.startswith("(?<"), prefix != "(?:"
        named = _GROUP_NAME.match(self.source, self.at)
        if named is None:
            raise self._error(
                "Invalid group" if not self.source.startswith("(?<", self.at) else "Invalid capture group name"
            )
        self.at = named.end()
        self.opened += 1
        return "(", False, False

    def _escape(self) -> tuple[str, bool, str]:
        source, at = self.source, self.at
        if at + 1 >= len(source):
            raise self._error("\\ at end of pattern")
        character = source[at + 1]
        self.at += 2
        if character in "bB":
            self.simple = False
            return (_BOUNDARY if character == "b" else _NO_BOUNDARY), False, ""
        if character in _CLASSES:
            return _CLASSES[character], True, ""
        if character in "123456789":
            reference = self._reference()
            if reference:
                return reference, True, "reference"
        if character == "k" and self.names:
            return self._named_reference(), True, "reference"
        return re.escape(self._character_escape(character)), True, ""

    def _reference(self) -> str:
        match = re.compile(r"\d+").match(self.source, self.at - 1)
        assert match is not None
        number = int(match.group())
        if number > self.group_total:
            return ""
        self.at = match.end()
        return self._back(number)

    def _named_reference(self) -> str:
        match = re.compile(r"<([^>]*)>").match(self.source, self.at)
        if match is None or match.group(1) not in self.names:
            raise self._error("Invalid named reference" if match is None else "Invalid named capture referenced")
        self.at = match.end()
        before = self.source[: self.source.index(f"(?<{match.group(1)}>")]
        return self._back(_count_groups(before) + 1)

    def _back(self, number: int) -> str:
        self.simple = False
        # A group that isn't closed yet, or took no part, matches the empty string.
        return f"(?({number})\\{number}|)" if number <= self.opened else "(?:)"

    def _character_escape(self, character: str) -> str:
        """The character an escape stands for; ``at`` is after ``character``."""
        source = self.source
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character == "c":
            letter = source[self.at : self.at + 1]
            if letter.isascii() and letter.isalpha():
                self.at += 1
                return chr(ord(letter) % 32)
            self.at -= 1
            return "\\"
        for prefix, digits in (("x", 2), ("u", 4)):
            if character == prefix:
                found = re.compile(rf"[0-9a-fA-F]{{{digits}}}").match(source, self.at)
                if found is None:
                    return character
                self.at = found.end()
                return chr(int(found.group(), 16))
        if character in "01234567":
            octal = re.compile("[0-3][0-7]{0,2}|[4-7][0-7]?").match(source, self.at - 1)
            assert octal is not None
            self.at = octal.end()
            return chr(int(octal.group(), 8))
        return character

    def _class(self) -> str:
        source = self.source
        negated = source.startswith("^", self.at)
        self.at += negated
        members: list[str] = []
        while True:
            if self.at >= len(source):
                raise self._error("Unterminated character class")
            if source[self.at] == "]":
                self.at += 1
                break
            members.append(self._class_member())
        if not members:
            return r"[\x00-\uffff]" if negated else "(?!)"
        return f"[{'^' if negated else ''}{''.join(members)}]"

    def _class_member(self) -> str:
        first = self._class_atom()
        source = self.source
        if source.startswith("-", self.at) and source[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            last = self._class_atom()
            if len(first) > 1 or len(last) > 1:
                return f"{_members(first)}\\-{_members(last)}"
            if first > last:
                raise self._error("Range out of order in character class")
            return f"{_literal(first)}-{_literal(last)}"
        return _members(first)

    def _class_atom(self) -> str:
        """A character, or the letter of a class after a backslash (two characters)."""
        character = self.source[self.at]
        self.at += 1
        if character != "\\":
            return character
        if self.at >= len(self.source):
            raise self._error("\\ at end of pattern")
        character = self.source[self.at]
        self.at += 1
        if character in _IN_CLASS:
            return "\\" + character
        if character == "b":
            return "\b"
        if character == "c" and re.compile(r"[0-9_]").match(self.source, self.at):
            self.at += 1
            return chr(ord(self.source[self.at - 1]) % 32)
        return self._character_escape(character)


_SIMPLE_REPEAT_MAX: Final = 64


def _literal(character: str) -> str:
    return "\\" + character if character in "\\[]^-&~|" else character


def _members(atom: str) -> str:
    return _IN_CLASS[atom[1]] if len(atom) > 1 else _literal(atom)


def _without_classes(source: str) -> str:
    return re.sub(
        r"\\.|\[(?:\\.|[^\]\\])*\]",
        lambda match: "\\\\" if match.group().startswith("\\") else "",
        source,
        flags=re.DOTALL,
    )


def _count_groups(source: str) -> int:
    return len(re.findall(r"\((?!\?)|\(\?<(?![=!])", _without_classes(source)))
