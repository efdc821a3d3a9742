"""Values of single fields: types, ranges, enums, timestamps, paths, templates and expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from newel.json import Json
from newel.language.checks import names
from newel.language.checks.expressions import (
    check_path,
    check_query,
    check_reference_path,
    check_template,
    check_value_path,
    is_query_like,
)
from newel.language.checks.report import Context
from newel.language.fields import Field
from newel.language.loader import unresolved_substitutions
from newel.language.resource import UnrecognizedResourceError, parse_data_resource, parse_resource

_RFC3339: Final = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:Z|[+-](\d{2}):(\d{2}))", re.ASCII
)
_MAP_OWNERS: Final = ("Map", "ItemBatcher", "ReaderConfig")

Check = Callable[[str, Field, Json, str, Context], None]


def check_value(owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    """Check the value of one field that holds no objects of the table."""
    if value is None and row.nullable:
        return
    if isinstance(value, str):
        if context.tolerant and unresolved_substitutions(value):
            return
        if row.query and context.language == "JSONata" and is_query_like(value):
            check_query(value, location, context)
            return
    _CHECKS[row.kind](owner, row, value, location, context)


def is_timestamp(text: str) -> bool:
    """RFC 3339 with an upper-case T, and Z or a numeric offset: the profile of the Amazon States Language."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  (only its fields are checked)
    except ValueError:
        return False
    return found[7] is None or (int(found[7]) < 24 and int(found[8]) < 60)


def _wrong_type(expected: str, row: Field, location: str, context: Context) -> None:
    message = f"Expected value of type {expected}"
    if row.kind in ("state", "boolean"):
        context.report.shape_error(message, location)
    else:
        context.report.error(message, location)


def _check_text(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)


def _check_no_object(_owner: str, row: Field, _value: Json, location: str, context: Context) -> None:
    """Text that computes nothing in the place of an object that JSONata may compute."""
    _wrong_type("Object", row, location, context)


def _check_boolean(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, bool):
        _wrong_type("Boolean", row, location, context)


def _check_enum(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    elif value not in row.values:
        context.report.error(f"Value should be one of the following: [{', '.join(row.values)}]", location)


def _check_integer(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        _wrong_type("Integer", row, location, context)
    else:
        _check_range(row, value, location, context, "{:.0f}")


def _check_number(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _wrong_type("Number", row, location, context)
    elif isinstance(value, int) and abs(value) > 1e308:  # a float can't hold it
        context.report.error("Value is too large", location)
    else:
        _check_range(row, value, location, context, "{:.1f}")


def _check_range(row: Field, value: float, location: str, context: Context, shown: str) -> None:
    if row.low is not None and value < row.low:
        context.report.error(f"Minimum value is {shown.format(row.low)}", location)
    if row.high is not None and value > row.high:
        context.report.error(f"Maximum value is {shown.format(row.high)}", location)


def _check_errors(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, list):
        _wrong_type("Array", row, location, context)
    elif not value:
        context.report.error("Value cannot be empty", location)
    else:
        for n, name in enumerate(value):
            if not isinstance(name, str):
                context.report.error("Expected value of type String", f"{location}[{n}]")


def _check_resource(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    elif not value.startswith("arn:"):
        context.report.error("Value is not a valid resource ARN", location)
    else:
        try:
            parse_resource(value)
        except UnrecognizedResourceError as refused:
            context.report.error(str(refused), location)


def _check_data_resource(owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
        return
    try:
        writes = parse_data_resource(value).action == "putObject"
    except UnrecognizedResourceError:
        writes = owner == "ItemReader"  # the other one's, so that it is refused below
    if writes != (owner == "ResultWriter"):
        context.report.error("The field 'Resource' does not match any of the allowed values", location)


def _check_timestamp(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    elif not is_timestamp(value):
        context.report.error("String does not match RFC3339 timestamp", location)


def _check_label(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        names.check_label(value, location, context)


def _check_path(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        check_path(value, location, context)


def _check_variable(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        check_reference_path(value, location, context, reason=True)


def _check_reference_path(owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    """Numbers of a Map take no context object, as measured on AWS; only ItemsPath and the timers do."""
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        check_reference_path(
            value, location, context, context_object=owner not in _MAP_OWNERS or row.name == "ItemsPath"
        )


def _check_result_path(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        check_reference_path(value, location, context, context_object=False, variables=False)


def _check_value_path(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, str):
        _wrong_type("String", row, location, context)
    else:
        check_value_path(value, row.name, location, context)


def _check_template(_owner: str, _row: Field, value: Json, location: str, context: Context) -> None:
    check_template(value, location, context)


def _check_assign(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if not isinstance(value, dict):
        _wrong_type("Object", row, location, context)
        return
    for name in value:
        names.check_variable_name(name, location, context)
    check_template(value, location, context)


def _check_items(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if isinstance(value, str):
        check_query(value, location, context)
    elif isinstance(value, list | dict):
        check_template(value, location, context)
    else:
        _wrong_type("Array", row, location, context)


def _check_condition(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if isinstance(value, str):
        check_query(value, location, context)
    elif not isinstance(value, bool):
        _wrong_type("Boolean", row, location, context)


def _check_literal(_owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if row.name == "CSVHeaders" and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        _wrong_type("Array", row, location, context)
    if row.name == "Result":
        _warn_of_paths(value, location, context)


def _warn_of_paths(value: Json, location: str, context: Context) -> None:
    if isinstance(value, dict) and any(key.endswith(".$") for key in value):
        context.report.warning(
            "PASS_RESULT_IS_STATIC", "The Result of a Pass state is static: a path in it is not evaluated", location
        )


_CHECKS: Final[dict[str, Check]] = {
    "text": _check_text,
    "object": _check_no_object,
    "literal": _check_literal,
    "boolean": _check_boolean,
    "integer": _check_integer,
    "number": _check_number,
    "enum": _check_enum,
    "errors": _check_errors,
    "state": _check_text,
    "resource": _check_resource,
    "data_resource": _check_data_resource,
    "label": _check_label,
    "path": _check_path,
    "variable": _check_variable,
    "reference_path": _check_reference_path,
    "result_path": _check_result_path,
    "value_path": _check_value_path,
    "timestamp": _check_timestamp,
    "template": _check_template,
    "assign": _check_assign,
    "items": _check_items,
    "condition": _check_condition,
}
