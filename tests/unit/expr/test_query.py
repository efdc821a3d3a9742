"""Single JSONata strings: what counts as one, what it sees, and AWS's sentences for its failures."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.errors import QueryEvaluationError
from newel.expr.query import compile_query, compile_typed, is_query, query_text
from newel.expr.syntax import QuerySyntaxError


def run(text: str, **more: Any) -> Any:
    return compile_query(text, "Output")(scope({"a": 1}, **more))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% 1 %}", True),
        ("{%1%}", True),
        ("{%\n 1 \n\n %}", True),
        ("{%%}", True),
        (" {% 1 %}", False),
        ("{% 1 %} ", False),
        ("{%}", False),
        ("{% 1", False),
        ("1 %}", False),
        ("", False),
    ],
)
def test_is_query(text: str, expected: bool) -> None:
    assert is_query(text) is expected


def test_query_text_is_printed_without_outer_blanks() -> None:
    assert query_text("{%\n  $a + 1\n%}") == "$a + 1"


def test_what_an_expression_sees() -> None:
    states = {"input": {"x": 2}, "result": 3}
    assert run("{% $states.input.x + $states.result + $v %}", states=states, variables={"v": 4}) == 9
    assert run("{% $states.context.Execution.Id %}", states=states, context={"Execution": {"Id": "e"}}) == "e"
    assert run("{% $states.*.c %}", states=states, context={"c": 7}) == 7
    assert run("{% $states %}", states=states, context={"c": 1}) == {**states, "context": {"c": 1}}
    assert run("{% $uuid() %}") == "6f1f8b5e-2a4b-4c8d-9e0f-123456789abc"
    assert run("{% $random() %}") == 0.5
    assert run("{% $millis() %}") == 1_700_000_000_000
    assert run("{% null %}") is None
    assert run("{% ($v := $v + 1; $v) %}", variables={"v": 4}) == 5
    assert run("{% $count %}", variables={"count": 4}) == 4
    assert run("{% [1 / 0] %}") == ["Infinity"]


def test_the_context_is_built_only_when_named() -> None:
    def fail() -> dict[str, Any]:
        raise AssertionError("not needed")

    seen = scope({}, states={"input": {"x": 1}})
    seen._make_context = fail
    assert compile_query("{% $states.input.x %}", "Output")(seen) == 1


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("$states.input.none", "returned nothing (undefined)."),
        ("$none", "returned nothing (undefined)."),
        ("function($x) { $x }", "returned an unsupported result type."),
        ("$sum", "returned an unsupported result type."),
        ("{'deep': [1, $sum]}", "returned an unsupported result type."),
        ("{'deep': function($x) { 1 }}", "returned an unsupported result type."),
        ("$noSuch(1)", "threw an error during evaluation. T1006: Attempted to invoke a non-function"),
        (
            "1 + 'a'",
            'threw an error during evaluation. T2002: The right side of the "+" operator must evaluate to a number',
        ),
    ],
)
def test_failures(body: str, problem: str) -> None:
    with pytest.raises(QueryEvaluationError) as caught:
        run(f"{{% {body} %}}", states={"input": {}})
    assert caught.value.error == "States.QueryEvaluationError"
    assert caught.value.location == "Output"
    assert caught.value.cause == f"The JSONata expression '{body}' specified for the field 'Output' {problem}"


@pytest.mark.parametrize("text", ["{% %}", "{% 1 + %}", "{% ( %}", '{% "open %}', "{% " + "(" * 5000 + " %}"])
def test_syntax_errors(text: str) -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        compile_query(text, "Output/x")
    assert caught.value.location == "Output/x"


@pytest.mark.parametrize(
    ("body", "expected", "actual", "printed"),
    [
        ("1", "array", "number", "1"),
        ("'string'", "array", "string", '"string"'),
        ("{'foo': 'bar'}", "array", "object", '{"foo":"bar"}'),
        ("true", "array", "boolean", "true"),
        ("null", "array", "null", "null"),
        ("[1, 2]", "number", "array", "[1,2]"),
        ("1.5", "string", "number", "1.5"),
    ],
)
def test_unexpected_types(body: str, expected: Any, actual: str, printed: str) -> None:
    with pytest.raises(QueryEvaluationError) as caught:
        compile_typed(f"{{% {body} %}}", "Items", expected)(scope())
    assert caught.value.cause == (
        f"The JSONata expression '{body}' specified for the field 'Items' returned an unexpected result type. "
        f"Expected '{expected}', but was '{actual}' for value: {printed}"
    )
    assert caught.value.location == "Items"


def test_expected_types() -> None:
    assert compile_typed("{% [1] %}", "Items", "array")(scope()) == [1]
    assert compile_typed("{% 2 %}", "Seconds", "number")(scope()) == 2
    assert compile_typed(5, "Seconds", "number")(scope()) == 5
    assert compile_typed("plain", "Error", "string")(scope()) == "plain"
