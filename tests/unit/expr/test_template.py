"""Payload templates of both query languages."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.errors import QueryEvaluationError, RuntimeFailure
from newel.expr.syntax import QuerySyntaxError, TemplateSyntaxError
from newel.expr.template import compile_jsonata_template, compile_jsonpath_template

INPUT = {"name": "Ada", "list": [1, 2], "deep": {"er": True}}


def jsonpath(template: Any, document: Any = INPUT) -> Any:
    seen = scope(document, context={"Execution": {"Id": "e"}}, variables={"v": 7})
    return compile_jsonpath_template(template, "Parameters")(seen)


def jsonata(template: Any) -> Any:
    seen = scope(INPUT, variables={"v": 7}, states={"input": INPUT, "context": {"Execution": {"Id": "e"}}})
    return compile_jsonata_template(template, "Output")(seen)


def test_jsonpath_fields() -> None:
    template = {
        "constant": "$.name",
        "path.$": "$.name",
        "context.$": "$$.Execution.Id",
        "variable.$": "$v",
        "call.$": "States.Format('{}!', $.name)",
        "nested": {"all.$": "$.list[*]", "k": [{"x.$": "$.deep.er"}, 1, "States.UUID()"]},
        "empty": {},
    }
    assert jsonpath(template) == {
        "constant": "$.name",
        "path": "Ada",
        "context": "e",
        "variable": 7,
        "call": "Ada!",
        "nested": {"all": [1, 2], "k": [{"x": True}, 1, "States.UUID()"]},
        "empty": {},
    }


def test_members_stand_in_the_order_of_aws() -> None:
    """Recorded: constants keep their place, computed members follow as a hash map lists them."""
    built = jsonpath({"encoded.$": "$.name", "z": 1, "decoded.$": "$.name", "a": {"b.$": "$.name"}})
    assert list(built) == ["z", "a", "decoded", "encoded"]


@pytest.mark.parametrize("constant", [None, 1, "text", [], {}, {"a": [1, {"b": "$.name"}]}])
def test_constants_are_shared(constant: Any) -> None:
    assert jsonpath(constant) is constant
    assert jsonata(constant) is constant


def test_constant_parts_are_shared_and_never_changed() -> None:
    template = {"part": {"a": [1]}, "x.$": "$.name"}
    assert jsonpath(template)["part"] is template["part"]
    assert template == {"part": {"a": [1]}, "x.$": "$.name"}


def test_a_lost_path_names_its_field() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        jsonpath({"a": 1, "nested": {"key.$": "$.no"}}, {"x": [1, "é"]})
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == (
        "The JSONPath '$.no' specified for the field 'key.$' could not be found in the input '{\"x\":[1,\"é\"]}'"
    )


def test_a_lost_context_path_shows_the_context_object() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        jsonpath({"key.$": "$$.Execution.no"})
    assert caught.value.cause == (
        "The JSONPath '$$.Execution.no' specified for the field 'key.$' could not be found in the input "
        '\'{"Execution":{"Id":"e"}}\''
    )


@pytest.mark.parametrize("value", ["name", "", "$.", "States.Nope()", "States.Format('\\n')", 1, None, {"a": 1}])
def test_illegal_fields(value: Any) -> None:
    with pytest.raises(TemplateSyntaxError) as caught:
        compile_jsonpath_template({"outer": [{"key.$": value}]}, "Parameters")
    assert caught.value.message == (
        "The value for the field 'key.$' must be a valid JSONPath or a valid intrinsic function call"
    )
    assert caught.value.field == "key.$"


def test_too_deep_a_template_is_refused() -> None:
    template: Any = "x"
    for _ in range(1000):
        template = [template]
    with pytest.raises(TemplateSyntaxError):
        compile_jsonpath_template(template, "Parameters")
    with pytest.raises(TemplateSyntaxError):
        compile_jsonata_template(template, "Output")


def test_jsonata_strings_at_any_depth() -> None:
    template = {
        "a": "{% $states.input.name & '!' %}",
        "b": [1, "{% $v %}", {"c": "{%$states.input.list%}"}],
        "d": " {% 1 %}",
    }
    assert jsonata(template) == {"a": "Ada!", "b": [1, 7, {"c": [1, 2]}], "d": " {% 1 %}"}
    assert list(jsonata(template)) == ["a", "b", "d"]
    assert jsonata("{% $states.input %}") is INPUT


@pytest.mark.parametrize(
    ("template", "location"),
    [
        ("{% $none %}", "Output"),
        ({"a": "{% $none %}"}, "Output/a"),
        ({"a": {"b c": ["x", {"d": "{% $none %}"}]}}, "Output/a/b c[1]/d"),
        (["{% $none %}"], "Output[0]"),
    ],
)
def test_locations(template: Any, location: str) -> None:
    with pytest.raises(QueryEvaluationError) as caught:
        jsonata(template)
    assert caught.value.location == location
    assert caught.value.cause == (
        f"The JSONata expression '$none' specified for the field '{location}' returned nothing (undefined)."
    )


def test_a_query_that_does_not_parse_names_its_place() -> None:
    with pytest.raises(QuerySyntaxError) as caught:
        jsonata({"a": ["{% a[1,2) %}"]})
    assert caught.value.location == "Output/a[0]"
    assert caught.value.message == 'Expected "]", got ","'
