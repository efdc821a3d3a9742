"""The operators of JSONPath Choice rules beyond what was recorded: types, wildcards, timestamps, absent values."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.errors import RuntimeFailure
from newel.expr.comparison import OPERATORS, compile_comparison
from newel.expr.syntax import ExpressionSyntaxError


def holds(operator: str, value: Any, operand: Any) -> bool:
    return compile_comparison(operator, "$.v", operand)(scope({"v": value}))


@pytest.mark.parametrize(
    ("operator", "value", "operand", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "b", False),
        ("StringEquals", 1, "1", False),
        ("StringLessThan", "a", "b", True),
        ("StringLessThan", "b", "a", False),
        ("StringGreaterThanEquals", "b", "b", True),
        ("StringLessThanEquals", "\U0001f600", "\ufffd", True),  # by UTF-16 code unit
        ("NumericEquals", 1, 1.0, True),
        ("NumericEquals", True, 1, False),
        ("NumericEquals", "1", 1, False),
        ("NumericLessThan", 1, 1.5, True),
        ("NumericGreaterThan", 10**30, 10**29, True),
        ("NumericGreaterThanEquals", None, 0, False),
        ("BooleanEquals", True, True, True),
        ("BooleanEquals", False, True, False),
        ("BooleanEquals", 1, True, False),
        ("BooleanEquals", "true", True, False),
        ("TimestampEquals", "2001-01-01T12:00:00Z", "2001-01-01T12:00:00.000Z", True),
        ("TimestampEquals", "2001-01-01T12:00:00Z", "2001-01-01T13:00:00+01:00", True),
        ("TimestampLessThan", "2001-01-01T12:00:00.000000001Z", "2001-01-01T12:00:00.000000002Z", True),
        ("TimestampGreaterThan", "2001-01-01T00:00:00-01:00", "2001-01-01T00:00:00Z", True),
        ("TimestampGreaterThan", "yesterday", "2001-01-01T00:00:00Z", False),
        ("TimestampGreaterThan", 5, "2001-01-01T00:00:00Z", False),
        ("StringMatches", "log-2020.txt", "log-*.txt", True),
        ("StringMatches", "log-.txt", "log-*.txt", True),
        ("StringMatches", "log.txt", "log-*.txt", False),
        ("StringMatches", "ab", "ab*b", False),
        ("StringMatches", "zebra.py", "*", True),
        ("StringMatches", "", "*", True),
        ("StringMatches", "a1b2c", "a*b*c", True),
        ("StringMatches", "a1c2b", "a*b*c", False),
        ("StringMatches", "a*b", r"a\*b", True),
        ("StringMatches", "axb", r"a\*b", False),
        ("StringMatches", "a\\b", r"a\\*", True),
        ("StringMatches", "a.b", "a?b", False),
        ("StringMatches", 5, "*", False),
        ("IsNull", None, True, True),
        ("IsNull", 0, True, False),
        ("IsNull", 0, False, True),
        ("IsNumeric", 1.5, True, True),
        ("IsNumeric", True, True, False),
        ("IsString", "x", True, True),
        ("IsString", None, False, True),
        ("IsBoolean", False, True, True),
        ("IsBoolean", 0, True, False),
        ("IsTimestamp", "2016-08-18T17:33:00Z", True, True),
        ("IsTimestamp", "2016-08-18", True, False),
        ("IsTimestamp", 1, False, True),
        ("IsPresent", None, True, True),
        ("IsPresent", None, False, False),
    ],
)
def test_operators(operator: str, value: Any, operand: Any, expected: bool) -> None:
    assert holds(operator, value, operand) is expected


def test_presence_of_what_is_absent() -> None:
    assert compile_comparison("IsPresent", "$.x.y", True)(scope({})) is False
    assert compile_comparison("IsPresent", "$.x.y", False)(scope({})) is True
    assert compile_comparison("IsPresent", "$v", False)(scope({})) is True
    assert compile_comparison("IsPresent", "$v", True)(scope({}, variables={"v": None})) is True


@pytest.mark.parametrize("operator", sorted(OPERATORS - {"IsPresent"}))
def test_an_absent_variable_fails(operator: str) -> None:
    operand: Any = True if operator.startswith(("Is", "Boolean")) else 1
    if operator.startswith("String"):
        operand = "x"
    if operator.startswith("Timestamp"):
        operand = "2016-08-18T17:33:00Z"
    test = compile_comparison(operator, "$.no", "$.a" if operator.endswith("Path") else operand)
    with pytest.raises(RuntimeFailure) as caught:
        test(scope({"a": 1}))
    assert caught.value.cause == "Invalid path '$.no': The choice state's condition path references an invalid value."


def test_twins_read_both_sides() -> None:
    seen = scope({"a": 1, "b": 2, "s": "x"}, variables={"limit": 1, "Call": {"Direction": "Inbound"}})
    assert compile_comparison("NumericEqualsPath", "$.a", "$limit")(seen)
    assert compile_comparison("NumericLessThanPath", "$.a", "$.b")(seen)
    assert not compile_comparison("NumericEqualsPath", "$.a", "$.s")(seen)
    assert compile_comparison("StringEquals", "$Call.Direction", "Inbound")(seen)
    with pytest.raises(RuntimeFailure, match=r"Invalid path '\$\.no'"):
        compile_comparison("NumericEqualsPath", "$.a", "$.no")(seen)


@pytest.mark.parametrize(
    ("operator", "variable", "operand"),
    [
        ("StringLike", "$.v", "x"),
        ("StringMatchesPath", "$.v", "$.x"),
        ("IsNullPath", "$.v", "$.x"),
        ("StringEquals", "v", "x"),
        ("StringEquals", "$.v", 1),
        ("NumericEquals", "$.v", "1"),
        ("NumericEquals", "$.v", True),
        ("BooleanEquals", "$.v", "true"),
        ("TimestampEquals", "$.v", "2016-08-18"),
        ("StringMatches", "$.v", None),
        ("IsNull", "$.v", "true"),
        ("NumericEqualsPath", "$.v", 1),
        ("NumericEqualsPath", "$.v", "v"),
    ],
)
def test_illegal_comparisons(operator: str, variable: str, operand: Any) -> None:
    with pytest.raises(ExpressionSyntaxError):
        compile_comparison(operator, variable, operand)
