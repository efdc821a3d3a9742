"""Reference paths: what they are, and how ResultPath writes with them."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.errors import StatesError
from newel.expr.jsonpath import PathSyntaxError, compile_reference_path


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("$", {"a": 1}, "new"),
        ("$.b", {"a": 1}, {"a": 1, "b": "new"}),
        ("$.a", {"a": 1}, {"a": "new"}),
        ("$.a.b.c", {}, {"a": {"b": {"c": "new"}}}),
        ("$['a b'].c", {"a b": {"x": 1}}, {"a b": {"x": 1, "c": "new"}}),
        ("$.a[1]", {"a": [1, 2, 3]}, {"a": [1, "new", 3]}),
        ("$.a[0].b", {"a": [{"c": 1}]}, {"a": [{"c": 1, "b": "new"}]}),
    ],
)
def test_insert(path: str, document: Any, expected: Any) -> None:
    assert compile_reference_path(path).insert(document, "new") == expected


@pytest.mark.parametrize(
    ("path", "document", "text"),
    [
        ("$.a", "text", '"text"'),
        ("$.a", [1], "[1]"),
        ("$.a.b", {"a": 1}, '{"a":1}'),
        ("$.a[0]", {"a": {}}, '{"a":{}}'),
        ("$.a[1]", {"a": [1]}, '{"a":[1]}'),
        ("$.a[0]", {}, "{}"),
    ],
)
def test_insert_refuses_what_stands_in_the_way(path: str, document: Any, text: str) -> None:
    with pytest.raises(StatesError) as caught:
        compile_reference_path(path).insert(document, "new")
    assert caught.value.error == "States.ResultPathMatchFailure"
    assert caught.value.cause == f"Unable to apply ReferencePath {path} to input {text}"


def test_insert_copies_only_the_way() -> None:
    document = {"a": {"b": {"c": 1}}, "other": {"x": 1}}
    changed = compile_reference_path("$.a.b.c").insert(document, 2)
    assert document == {"a": {"b": {"c": 1}}, "other": {"x": 1}}
    assert changed["other"] is document["other"]


def test_select() -> None:
    path = compile_reference_path("$.a.items")
    assert path.select(scope({"a": {"items": [1]}})) == [1]
    with pytest.raises(StatesError) as caught:
        path.select(scope({"a": {"b": 1}}))
    assert caught.value.error == "States.ReferencePathConflict"
    assert caught.value.cause == 'Unable to apply step "items" to input {"b":1}'


@pytest.mark.parametrize("path", ["$.a[*]", "$..a", "$.a[-1]", "$.a[0,1]", "$.a[0:1]", "$.a[?(@.x)]", "$.a.length()"])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(PathSyntaxError, match="Value is not a Reference Path"):
        compile_reference_path(path)


def test_no_path_at_all() -> None:
    with pytest.raises(PathSyntaxError) as caught:
        compile_reference_path("States.ArrayLength($.a)")
    assert caught.value.message == "Value is not a Reference Path: Reference path didn't start with '$'"


def test_long_paths_are_no_problem() -> None:
    path = compile_reference_path("$" + ".a" * 5000)
    document = path.insert({}, 1)
    assert path(scope(document)) == 1
