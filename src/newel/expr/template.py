"""Payload templates: JSON whose marked strings are replaced by values.

JSONPath: the value of a key that ends in `.$` is a path or an intrinsic call, everything else is constant.
JSONata: every string `{% … %}` is an expression, at any depth.
What is constant is shared with the definition, never copied: values are immutable by convention.
"""

from collections.abc import Callable

from newel.expr.env import Scope
from newel.expr.java import hash_order
from newel.expr.jsonpath import PathNotFound
from newel.expr.query import compile_query, is_query
from newel.expr.syntax import ExpressionSyntaxError, TemplateSyntaxError
from newel.expr.values import compile_value
from newel.json import Json

Build = Callable[[Scope], Json]
#: A closure, or None for a constant part.
Part = Build | None

_NESTING_MAX = 200


def compile_jsonpath_template(json: Json, field: str) -> Build:
    """Compile a payload template; `field` is its name in the definition (`Parameters`).

    Raises `TemplateSyntaxError` in AWS's words. The closure raises `States.Runtime` naming the field of a lost path.
    """
    return _or_constant(_jsonpath(json, field, 0), json)


def compile_jsonata_template(json: Json, location: str) -> Build:
    """Compile a JSONata template. `location` is its field's slash path (`Arguments`): members add `/name`, items `[i]`.

    Raises `QuerySyntaxError`; the closure raises `States.QueryEvaluationError` with the location of the expression.
    """
    return _or_constant(_jsonata(json, location, 0), json)


def _or_constant(part: Part, json: Json) -> Build:
    return (lambda _scope: json) if part is None else part


def _check_depth(depth: int, field: str) -> None:
    if depth > _NESTING_MAX:
        raise TemplateSyntaxError(f"The field '{field}' is nested too deeply", field)


def _jsonpath(json: Json, field: str, depth: int) -> Part:
    _check_depth(depth, field)
    if isinstance(json, dict):
        return _jsonpath_object(json, depth)
    if isinstance(json, list):
        return _list(json, [_jsonpath(item, field, depth + 1) for item in json])
    return None


def _jsonpath_object(json: dict[str, Json], depth: int) -> Part:
    """AWS leaves constant members in place and appends the computed ones, in the order of a hash map (recorded)."""
    skeleton: dict[str, Json] = {}
    nested: list[tuple[str, Build]] = []
    computed: dict[str, Build] = {}
    for key, value in json.items():
        if key.endswith(".$"):
            computed[key[:-2]] = _compile_field(key, value)
            continue
        skeleton[key] = value
        part = _jsonpath(value, key, depth + 1)
        if part is not None:
            nested.append((key, part))
    if not nested and not computed:
        return None
    last = [(key, computed[key]) for key in hash_order(computed)]
    return _build_jsonpath_object(skeleton, tuple(nested + last))


def _build_jsonpath_object(skeleton: dict[str, Json], parts: tuple[tuple[str, Build], ...]) -> Build:
    def build(scope: Scope) -> Json:
        out = skeleton.copy()
        key = ""
        try:
            for key, part in parts:
                out[key] = part(scope)
        except PathNotFound as error:
            raise error.in_field(f"{key}.$") from None
        return out

    return build


def _compile_field(key: str, value: Json) -> Build:
    if isinstance(value, str):
        try:
            return compile_value(value)
        except ExpressionSyntaxError:
            pass
    raise TemplateSyntaxError(
        f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call", key
    )


def _jsonata(json: Json, location: str, depth: int) -> Part:
    _check_depth(depth, location)
    if isinstance(json, str):
        return compile_query(json, location) if is_query(json) else None
    if isinstance(json, dict):
        parts = ((key, _jsonata(value, f"{location}/{key}", depth + 1)) for key, value in json.items())
        return _object(json, tuple((key, part) for key, part in parts if part is not None))
    if isinstance(json, list):
        return _list(json, [_jsonata(item, f"{location}[{at}]", depth + 1) for at, item in enumerate(json)])
    return None


def _object(skeleton: dict[str, Json], parts: tuple[tuple[str, Build], ...]) -> Part:
    if not parts:
        return None

    def build(scope: Scope) -> Json:
        out = skeleton.copy()
        for key, part in parts:
            out[key] = part(scope)
        return out

    return build


def _list(skeleton: list[Json], items: list[Part]) -> Part:
    parts = tuple((at, part) for at, part in enumerate(items) if part is not None)
    if not parts:
        return None

    def build(scope: Scope) -> Json:
        out = skeleton.copy()
        for at, part in parts:
            out[at] = part(scope)
        return out

    return build
