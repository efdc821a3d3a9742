"""Paths, intrinsic calls, payload templates and JSONata in a definition."""

from __future__ import annotations

from typing import Final

from newel.expr.intrinsics import is_intrinsic
from newel.expr.jsonpath import PathSyntaxError, compile_path
from newel.expr.query import is_query, query_text
from newel.expr.syntax import ExpressionSyntaxError
from newel.expr.values import compile_value
from newel.json import Json
from newel.language.checks.queries import check_expression
from newel.language.checks.report import Context

_NOT_REFERENCE: Final = "Value is not a Reference Path"


def check_path(text: str, location: str, context: Context) -> None:
    """Any JSONPath: InputPath, OutputPath, ItemsPath."""
    try:
        compile_path(text)
    except PathSyntaxError:
        context.report.error("Value must be a valid JSONPath.", location)


def check_reference_path(
    text: str,
    location: str,
    context: Context,
    *,
    context_object: bool = True,
    variables: bool = True,
    reason: bool = False,
) -> None:
    """A path to one node. `reason` adds what is wrong with it, as AWS does for choice rules alone."""
    try:
        path = compile_path(text)
    except PathSyntaxError as refused:
        why = str(refused) if text.startswith("$") else "Reference path didn't start with '$'"
        message = f"{_NOT_REFERENCE}: {why}" if reason else "Value must be a valid JSONPath."
        context.report.error(message, location)
        return
    refused_root = (path.root == "context" and not context_object) or (path.root == "variable" and not variables)
    if refused_root or not path.is_reference:
        context.report.error(_NOT_REFERENCE, location)


def check_value_path(text: str, field: str, location: str, context: Context) -> None:
    """A path or an intrinsic call."""
    if not _is_value(text):
        message = _bad_value(field) if field.endswith(".$") or is_intrinsic(text) else "Value must be a valid JSONPath."
        context.report.error(message, location)


def _is_value(text: str) -> bool:
    try:
        compile_value(text)
    except ExpressionSyntaxError:
        return False
    return True


def _bad_value(field: str) -> str:
    return f"The value for the field '{field}' must be a valid JSONPath or a valid intrinsic function call"


def check_template(value: Json, location: str, context: Context) -> None:
    """A payload template (JSONPath), or JSON whose texts may be expressions (JSONata)."""
    if context.language == "JSONata":
        _check_queries(value, location, context)
    else:
        _check_payload(value, location, context)


def _check_payload(value: Json, location: str, context: Context) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_member(key, item, location, context)
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _check_payload(item, f"{location}[{n}]", context)


def _check_member(key: str, value: Json, location: str, context: Context) -> None:
    if not key.endswith(".$"):
        if isinstance(value, str) and _looks_evaluated(value):
            context.report.warning(
                "NO_DOLLAR",
                f"The value of '{key}' looks like a path or an intrinsic function call, but the field "
                "name does not end with '.$'",
                f"{location}/{key}",
            )
        _check_payload(value, f"{location}/{key}", context)
    elif not isinstance(value, str) or not ((context.tolerant and "${" in value) or _is_value(value)):
        context.report.error(_bad_value(key), location)


def _looks_evaluated(text: str) -> bool:
    return text.startswith(("$.", "$$.", "$[")) or is_intrinsic(text)


def is_query_like(text: str) -> bool:
    """Meant as a JSONata expression, closed or not."""
    return text.startswith("{%")


def _check_queries(value: Json, location: str, context: Context) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            _check_queries(item, f"{location}/{key}", context)
    elif isinstance(value, list):
        for n, item in enumerate(value):
            _check_queries(item, f"{location}[{n}]", context)
    elif isinstance(value, str) and is_query_like(value):
        check_query(value, location, context)


def check_query(text: str, location: str, context: Context) -> None:
    """One `{% %}` text."""
    if context.tolerant and "${" in text:
        return
    if is_query(text):
        check_expression(query_text(text), location, context)
    else:
        context.report.error("JSONata string must start with {% and end with %}", location)
