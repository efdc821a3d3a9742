"""Function signatures (``<s-nn?:s>``): what arguments a function takes, and how they are fitted to it.

A signature becomes a regular expression over one letter for each argument, as in jsonata-js. What follows from the
letters is worked out once for each combination of types and kept, so a later call costs a dictionary look-up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.values import LISTS, SYMBOLS, UNDEFINED, symbol

__all__ = ["Signature", "parse_signature"]

_PLURALS: Final = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}
_ANY: Final = "[asnblfom]"
_REGEX_OF: Final = {
    **{letter: f"[{letter}m]" for letter in "snblo"},
    "a": _ANY,
    "f": "f",
    "j": "[asnblom]",
    "x": _ANY,
}
_PLANS_MAX: Final = 256


class _Param:
    __slots__ = ("context", "kind", "regex", "subtype")

    def __init__(self) -> None:
        self.regex: str | None = None
        self.kind: str | None = None
        self.subtype: str | None = None
        self.context: re.Pattern[str] | None = None


#: What to do for one argument: ("arg", index), ("context", param, index) or ("array", index, letter, param, matched).
_Step = tuple[Any, ...]


class Signature:
    """A parsed signature; ``validate`` fits arguments to it."""

    __slots__ = ("_params", "_plans", "_regex", "definition")

    def __init__(self, definition: str, params: list[_Param]) -> None:
        self.definition = definition
        self._params = params
        self._regex = re.compile("".join(f"({param.regex})" for param in params) + r"\Z")
        self._plans: dict[str, tuple[_Step, ...] | None] = {}

    def validate(self, args: Sequence[Any], context: Any) -> Sequence[Any]:
        """The arguments as the function expects them.

        Raises:
            JsonataError: T0410 (types), T0411 (context), T0412 (array members).
        """
        try:
            supplied = "".join([SYMBOLS[arg.__class__] for arg in args])
        except KeyError:
            supplied = "".join([symbol(arg) for arg in args])
        try:
            plan = self._plans[supplied]
        except KeyError:
            plan = self._plan(supplied, args)
        return args if plan is None else self._fit(plan, args, context)

    def _plan(self, supplied: str, args: Sequence[Any]) -> tuple[_Step, ...] | None:
        match = self._regex.match(supplied)
        if match is None:
            raise self._mismatch(args, supplied)
        steps: list[_Step] = []
        at = 0
        for number, param in enumerate(self._params, 1):
            letters = match.group(number)
            if letters == "" and param.context is not None:
                steps.append(("context", param, at))
                continue
            for letter in letters or "m":
                if param.kind == "a" and letters:
                    steps.append(("array", at, letter, param, letters))
                else:
                    steps.append(("arg", at))
                at += 1
        plan = None if all(_is_identity(step) for step in steps) and len(steps) == len(args) else tuple(steps)
        if len(self._plans) < _PLANS_MAX:
            self._plans[supplied] = plan
        return plan

    def _fit(self, plan: tuple[_Step, ...], args: Sequence[Any], context: Any) -> list[Any]:
        fitted = []
        for step in plan:
            if step[0] == "arg":
                fitted.append(args[step[1]] if step[1] < len(args) else UNDEFINED)
            elif step[0] == "context":
                fitted.append(_context(step[1], context, step[2]))
            else:
                fitted.append(_array(args[step[1]], step))
        return fitted

    def _mismatch(self, args: Sequence[Any], supplied: str) -> JsonataError:
        good, pattern = 0, ""
        for param in self._params:
            pattern += param.regex or ""
            match = re.match(pattern, supplied)
            if match is None:
                break
            good = match.end()
        value = args[good] if good < len(args) else UNDEFINED
        return JsonataError("T0410", value=value, index=good + 1)


def _is_identity(step: _Step) -> bool:
    return step[0] == "arg" or (step[0] == "array" and (step[2] == "m" or (step[2] == "a" and step[3].subtype is None)))


def _context(param: _Param, context: Any, at: int) -> Any:
    assert param.context is not None
    if param.context.match(symbol(context)):
        return context
    raise JsonataError("T0411", value=context, index=at + 1)


def _array(arg: Any, step: _Step) -> Any:
    _, at, letter, param, letters = step
    if letter == "m":
        return UNDEFINED
    if param.subtype is not None and not _members_fit(arg, letter, param.subtype, letters):
        raise JsonataError("T0412", value=arg, index=at + 1, type=_PLURALS.get(param.subtype, UNDEFINED))
    return arg if letter == "a" else [arg]


def _members_fit(arg: Any, letter: str, subtype: str, letters: str) -> bool:
    if letter != "a":
        return letters == subtype
    wanted = subtype[:1]
    if arg.__class__ in LISTS:
        kinds = set(map(type, arg))
        try:
            return all(SYMBOLS[kind] == wanted for kind in kinds)
        except KeyError:
            pass
    return all(symbol(item) == wanted for item in arg)


def parse_signature(text: str) -> Signature:
    """A signature from its text, angle brackets included.

    Raises:
        JsonataError: S0401, S0402, with the ``offset`` in the text among its fields.
    """
    params: list[_Param] = []
    current = previous = _Param()
    at = 1
    while at < len(text) and text[at] != ":":
        letter = text[at]
        if letter in _REGEX_OF:
            current.regex, current.kind = _REGEX_OF[letter], letter
            params.append(current)
            previous, current = current, _Param()
        elif letter == "-":
            previous.context = re.compile(previous.regex or "undefined")
            previous.regex = f"{previous.regex}?"
        elif letter in "?+":
            previous.regex = f"{previous.regex}{letter}"
        elif letter == "(":
            at = _choice(text, at, current)
            params.append(current)
            previous, current = current, _Param()
        elif letter == "<":
            at = _subtype(text, at, previous)
        at += 1
    return Signature(text, params)


def _choice(text: str, at: int, param: _Param) -> int:
    end = _closing(text, at, "(", ")")
    choice = text[at + 1 : end]
    if "<" in choice:
        raise JsonataError("S0402", value=choice, offset=at)
    param.regex, param.kind = f"[{choice}m]", f"({choice})"
    return end


def _subtype(text: str, at: int, param: _Param) -> int:
    if param.kind not in ("a", "f"):
        raise JsonataError("S0401", value=UNDEFINED if param.kind is None else param.kind, offset=at)
    end = _closing(text, at, "<", ">")
    param.subtype = text[at + 1 : end]
    return end


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    depth, at = 1, start
    while at < len(text):
        at += 1
        letter = text[at : at + 1]
        depth += (letter == opening) - (letter == closing)
        if depth == 0:
            break
    return at
