"""JSONata, compiled to Python: the language of jsonata-js 2.2.2.

AWS Step Functions' dialect of it is in ``step_functions``.

    expression = compile("$sum(items.price)")
    expression.evaluate({"items": [{"price": 1}, {"price": 2}]})  # 3

Pure: no clock, no randomness. What needs them gets an ``Environment``.
"""

from __future__ import annotations

from newel.expr.jsonata.environment import Environment, Limits
from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.expression import Expression, compile  # noqa: A004 - the package's public name
from newel.expr.jsonata.values import UNDEFINED, Undefined, is_function

__all__ = ["UNDEFINED", "Environment", "Expression", "JsonataError", "Limits", "Undefined", "compile", "is_function"]
