"""AWS Step Functions' dialect: functions, bounds, errors as AWS words them."""

from __future__ import annotations

import pytest

from newel.expr.jsonata import UNDEFINED, JsonataError
from newel.expr.jsonata.step_functions import compile  # noqa: A004

from .oracle import FixedEnvironment


def evaluate(text, **bindings):
    return compile(text).evaluate(bindings=bindings, env=FixedEnvironment())


def fails(text, **bindings):
    with pytest.raises(JsonataError) as caught:
        evaluate(text, **bindings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$random(42)", 0.7275636800328681),
        ("$random(42.9)", 0.7275636800328681),
        ("$random(-1) < 1", True),
        ("$hash('input', 'SHA-1')", "140f86aae51ab9e1cda9b4254fe98a74eb54c1a1"),
        ("$hash('', 'MD5')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("$length($hash('x', 'SHA-512'))", 128),
        ("$range(0, 6, 2)", [0, 2, 4, 6]),
        ("$range(0, 5, 2)", [0, 2, 4]),
        ("$range(3.9, 1.1, -1)", [3, 2, 1]),
        ("$count($range(1, 5000, 1))", 5000),
        ("$partition([1,2,3,4,5], 2)", [[1, 2], [3, 4], [5]]),
        ("$partition([1,2,3], 2.9)", [[1, 2], [3]]),
        ("$parse('{\"a\": [1, 12345678901234567890]}').a", [1, 12345678901234567890]),
        ("$uuid()", "00000000-0000-4000-8000-000000000000"),
        ("[1/0]", ["Infinity"]),
        ("[-1/0, {'a': 1/0}]", ["-Infinity", {"a": "Infinity"}]),
        ("$x ?: 5", 5),
        ("$x ?? 5", 5),
        ("$map($states.result, function($v) { $v = 1 ? 'pass' : 'failed' })", ["pass", "failed"]),
        ("$count($states.result[$ = 0])", 1),
        ("$contains('hello$world', /^hello\\$/)", True),
        ("$states.input.type = 'Public'", False),
        ("$not(null in [1, null])", False),
    ],
)
def test_values(text, expected):
    assert evaluate(text, states={"input": {"type": "x"}, "result": [1, 0]}) == expected


def test_a_missing_variable_is_undefined():
    assert evaluate("$doesNotExist") is UNDEFINED


@pytest.mark.parametrize("text", ["$eval('1')", "$randomSeeded($states.input.x)", "$nothing()"])
def test_what_is_no_function_is_t1006(text):
    assert fails(text, states={"input": {}}) == "T1006: Attempted to invoke a non-function"


def test_failures_of_the_added_functions():
    assert fails("$partition([1], -1)").startswith("D3151: ")
    assert fails("$range(1, 2, 0)").startswith("D3152: ")
    assert fails("$hash('a', 'SHA-3')").startswith("D3153: ")
    assert fails("$parse('{')").startswith("D3154: ")
    assert fails("$range('a', 2, 1)") == 'T0410: Argument 1 of function "range" does not match function signature'


def test_bounds_are_those_measured_on_aws():
    assert evaluate("$count([1..873782])") == 873_782
    assert fails("[1..873783]").startswith("D2015")
    assert evaluate("$length($pad('', 4194304, 'x'))") == 2**22
    assert fails("$pad('', 8388608, 'x')").startswith("D2016")
    recursion = "($f := function($n){$n = 0 ? 0 : 1 + $f($n - 1)}; $f(%d))"
    assert evaluate(recursion % 95) == 95
    assert fails(recursion % 125).startswith("D1011")
    assert fails("($f := function(){$f()}; $f())").startswith("D1014")


def test_syntax_errors_lack_their_code_in_the_text():
    with pytest.raises(JsonataError) as caught:
        compile("[1 2")
    assert (caught.value.message, caught.value.code) == ('Expected "]", got 2', "S0202")
