"""Names of the variables that fields use."""

from typing import Any

import pytest

from newel.expr.references import referenced_variables


@pytest.mark.parametrize(
    ("json", "names"),
    [
        ("$", set()),
        ("$.a.$b", set()),
        ("$$.Execution.Id", set()),
        ("$x.y[0]", {"x"}),
        ("States.Format('{} {}', $a.b, States.Array($c, $.d, $$.e, '$f'))", {"a", "c"}),
        ({"k": "$x", "p.$": "$y", "n": {"q.$": "States.UUID()"}, "l": [{"r.$": "$z[*]"}]}, {"y", "z"}),
        ({"p.$": 1, "q.$": "not a path"}, set()),
        (None, set()),
        ("plain text", set()),
    ],
)
def test_jsonpath(json: Any, names: set[str]) -> None:
    assert referenced_variables(json, "JSONPath") == names


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("$states.input.a", set()),
        ("$x + $y.z", {"x", "y"}),
        ("a.$", set()),
        ("$$.a", set()),
        ("$count($list)", {"list"}),
        ("$map($list, function($v, $i) { $v + $offset })", {"list", "offset"}),
        ("$map($list, $string)", {"list"}),
        ("($t := $a; $t + $b)", {"a", "b"}),
        ("($t := 1; ($u := $t; $u)) + $u", {"u"}),
        ("($f := function($n) { $n > 0 ? $f($n - 1) : $z }; $f(3))", {"z"}),
        ("$x[price > $least]^(>$key){ $k: $sum($v) }", {"x", "least", "key", "k", "v"}),
        ("$x ? $y : $z", {"x", "y", "z"}),
        ("[1..$n]", {"n"}),
        ("{ 'a': $b, $c: 1 }", {"b", "c"}),
        ("items@$i.parts#$p.{ 'x': $i, 'y': $p }", set()),
        ("$x ~> |a|{'b': $y}|", {"x", "y"}),
        ("'$x' & `$y`", set()),
        ("$fun(?, $a)", {"fun", "a"}),
        ("($x := $x + 1; $x)", {"x"}),
        ("a[1,2)", set()),
    ],
)
def test_jsonata(body: str, names: set[str]) -> None:
    assert referenced_variables(f"{{% {body} %}}", "JSONata") == names


def test_jsonata_templates() -> None:
    template = {"a": "{% $x %}", "b": ["$no", {"c": "{% $y %}"}], "d.$": "$no"}
    assert referenced_variables(template, "JSONata") == {"x", "y"}
