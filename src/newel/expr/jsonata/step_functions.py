"""AWS Step Functions' dialect: its functions and its limits.

Added: ``$partition``, ``$range``, ``$hash``, ``$random(seed)``, ``$uuid``, ``$parse``. Removed: ``$eval``. There is no
input: everything is read from ``$states`` and the workflow's variables, so ``$``, ``$$`` and bare names mean nothing at
the top level: the validator of definitions refuses them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from newel.expr.jsonata.environment import Environment, Limits
from newel.expr.jsonata.expression import Expression, parse
from newel.expr.jsonata.functions import aws
from newel.expr.jsonata.functions.library import LIBRARY, define
from newel.expr.jsonata.nodes import Node, walk
from newel.expr.jsonata.numbers import is_nan
from newel.expr.jsonata.values import LISTS, UNDEFINED, Builtin

__all__ = ["LIMITS", "StatesExpression", "compile"]

#: Measured on AWS: [1..873782] is accepted and 873783 isn't; strings of 2^22 characters are, of 2^23 aren't;
#: functions may
#: be within one another 95 deep and not 125; endless tail recursion fails.
LIMITS: Final = Limits(steps=20_000_000, depth=110, sequence_length=873_782, string_length=2**23 - 1)

_LIBRARY: Final[dict[str, Builtin]] = {
    **LIBRARY,
    "partition": define("partition", "<an:a>", aws.partition, "array size"),
    "range": define("range", "<nnn:a>", aws.span, "start end step"),
    "hash": define("hash", "<s-s:s>", aws.digest, "str algorithm"),
    "random": define("random", "<n?:n>", aws.random, "seed"),
    "uuid": define("uuid", "<:s>", aws.uuid, ""),
    "parse": define("parse", "<s-:x>", aws.parse, "str"),
}


class StatesExpression(Expression):
    """An expression of the dialect: bindings are ``{"states": {...}, "variable": ...}`` and there is no input."""

    __slots__ = ("_unbounded",)

    def __init__(self, text: str, tree: Node) -> None:
        super().__init__(text, tree, _LIBRARY, LIMITS)
        self._unbounded = any(node.kind == "binary" and node.value in ("/", "%", "*") for node in walk(tree))

    def evaluate(
        self, value: Any = UNDEFINED, bindings: Mapping[str, Any] | None = None, *, env: Environment | None = None
    ) -> Any:
        """The value for ``bindings``; infinities and NaN become strings, as on AWS.

        Raises:
            JsonataError: what it says, after its code, is what AWS reports.
        """
        result = super().evaluate(value, bindings, env=env)
        return _finite(result) if self._unbounded else result


def _finite(value: Any) -> Any:
    kind = value.__class__
    if kind is float and not math.isfinite(value):
        return "NaN" if is_nan(value) else "Infinity" if value > 0 else "-Infinity"
    if kind is dict:
        changed = {key: fresh for key, item in value.items() if (fresh := _finite(item)) is not item}
        return {**value, **changed} if changed else value
    if kind in LISTS:
        items = [_finite(item) for item in value]
        return items if any(fresh is not item for fresh, item in zip(items, value, strict=True)) else value
    return value


def compile(text: str) -> StatesExpression:  # noqa: A001 - what every such package calls it
    """Compile the text between ``{%`` and ``%}``.

    Raises:
        JsonataError: the expression isn't well-formed (codes S...).
    """
    return StatesExpression(text, parse(text))
