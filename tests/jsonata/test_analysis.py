"""What an expression refers to, without running it."""

from __future__ import annotations

import pytest

from newel.expr.jsonata import compile  # noqa: A004
from newel.expr.jsonata.analysis import analyse


def names(text):
    found = analyse(compile(text))
    return {reference.name for reference in found.variables}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x + $y", {"x", "y"}),
        ("($x := 1; $x + $y)", {"y"}),
        ("function($a){$a + $b}", {"b"}),
        ("$map($l, function($v, $i){$v + $i + $k})", {"l", "k"}),
        ("$states.input@$e.($e.id & $z)", {"states", "z"}),
        ("$states.input#$i.[$i, $j]", {"states", "j"}),
        ("$sum($x)", {"x"}),
        ("$unknown(1)", {"unknown"}),
        ("$x[$y > 1]^($z){$k: $v}", {"x", "y", "z", "k", "v"}),
        ("$x ~> |$a|{'b': $c}, $d|", {"x", "a", "c", "d"}),
        ("$f(?, $g)", {"f", "g"}),
    ],
)
def test_variables(text, expected):
    assert names(text) == expected


def test_paths_functions_and_fields():
    found = analyse(compile("$sum($states.input.items.price) + $states.context.Execution.Id[0].x + a.b"))
    assert found.paths_of("states") == (("input", "items", "price"), ("context", "Execution", "Id"))
    assert found.functions == {"sum"}
    assert [(field.name, field.path) for field in found.fields] == [("a", ("b",))]
    assert not found.constant


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("1 + 2", True),
        ("$sum([1,2])", True),
        ("($x := 2; $x * 2)", True),
        ("$now()", False),
        ("$x", False),
        ("a", False),
        ("$$", False),
        ("[1..3].($ * 2)", True),
        ("$random()", False),
        ("$eval('a')", False),
    ],
)
def test_constant(text, constant):
    assert analyse(compile(text)).constant is constant


def test_newer_operators_and_root():
    found = analyse(compile("$$.a ?: $x ?? 1"))
    assert {use.name for use in found.newer_operators} == {"?:", "??"}
    assert {use.name for use in found.root} == {"$$"}
