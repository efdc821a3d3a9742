"""Invariants of expressions under any text and any data."""

# ruff: noqa: PT017  (a property says what an error must be when there is one)

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from newel.errors import StatesError
from newel.expr import java
from newel.expr.comparison import OPERATORS, compile_comparison, matches_pieces, wildcard_pieces
from newel.expr.env import Scope
from newel.expr.intrinsics import NAMES, compile_intrinsic
from newel.expr.jsonpath import compile_path, compile_reference_path
from newel.expr.references import referenced_variables
from newel.expr.syntax import ExpressionSyntaxError
from newel.expr.template import compile_jsonata_template, compile_jsonpath_template
from newel.expr.timestamps import parse_timestamp
from newel.expr.values import compile_value
from newel.json import dumps, loads


class FixedEnvironment:
    now_ms = 0

    def random(self) -> float:
        return 0.25

    def uuid(self) -> str:
        return "00000000-0000-4000-8000-000000000000"


def scope(document: Any) -> Scope:
    return Scope(document, lambda: {"Execution": {"Id": "e"}}, {"v": document}, FixedEnvironment(), {"input": document})


names = st.sampled_from(["a", "b", "c", "items", "x y", "é"])
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=20
)

path_pieces = st.sampled_from(
    ["$", "$$", "$v", ".", "..", ".a", ".b", "['a']", '["x y"]', "[0]", "[-1]", "[0,1]", "[1:]", "[*]", ".*", "['a','b']", "[", "]",
     "(", ")", "'", '"', "?", "@", "@.a", "[?(@.a)]", "[?(@.a == 1 && !@.b)]", "[?(@.a > $.b)]", "[?(@ =~ /a.*/i)]", ".length()",
     ".sum()", ".max(", " ", "==", "\\", "é", "\ud800", "9" * 30, "x"]
)  # fmt: skip
path_like = st.lists(path_pieces, max_size=8).map("".join)
call_pieces = st.sampled_from(
    [*sorted(NAMES), "States.", "(", ")", ",", "'", "'{}'", "'a'", "'\\''", "\\", "$.a", "$v", "$$.Execution.Id", "$.items[?(@.a)]",
     "1", "-1.5", "1e999", "null", "true", "false", " ", "{}"]
)  # fmt: skip
call_like = st.lists(call_pieces, max_size=10).map("".join)
good_calls = st.tuples(
    st.sampled_from(sorted(NAMES)),
    st.lists(st.sampled_from(["$.a", "$", "$v.b", "'{}'", "2", "null", "false", "'MD5'"]), max_size=3),
).map(lambda call: f"{call[0]}({', '.join(call[1])})")


@given(path_like | st.text(max_size=30), documents)
def test_any_text_is_a_path_or_one_error(text: str, document: Any) -> None:
    try:
        path = compile_path(text)
    except ExpressionSyntaxError:
        return
    before = json.dumps(document)
    try:
        value = path(scope(document))
    except StatesError as error:
        assert path.definite or path.root == "variable"
        assert error.error == "States.Runtime"
        value = None
    assert path.definite or isinstance(value, list)
    assert json.dumps(document) == before


@given(call_like | good_calls | st.text(max_size=30), documents)
def test_any_text_is_a_call_or_one_error(text: str, document: Any) -> None:
    try:
        run = compile_intrinsic(text)
    except ExpressionSyntaxError:
        return
    try:
        dumps(run(scope(document)))
    except StatesError as error:
        assert error.error == "States.Runtime"
        assert text in (error.cause or "")


@given(st.recursive(path_like | call_like | scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from(["a", "a.$", "b.$", ".$"]), inner, max_size=3), max_leaves=8), documents)  # fmt: skip
def test_any_template_compiles_or_is_refused(template: Any, document: Any) -> None:
    before = json.dumps(template)
    try:
        build = compile_jsonpath_template(template, "Parameters")
    except ExpressionSyntaxError:
        return
    try:
        build(scope(document))
    except StatesError as error:
        assert error.error == "States.Runtime"
    assert json.dumps(template) == before
    referenced_variables(template, "JSONPath")


@given(st.text(st.sampled_from("$ab.[]{}()'\"`,:;?%*+-/<>=&|~^@#!\\ 01function"), max_size=25), documents)
def test_any_query_compiles_or_is_refused(body: str, document: Any) -> None:
    template = {"x": [f"{{% {body} %}}"]}
    referenced_variables(template, "JSONata")
    try:
        build = compile_jsonata_template(template, "Output")
    except ExpressionSyntaxError:
        return
    try:
        build(scope(document))
    except StatesError as error:
        assert (error.error, error.location) == ("States.QueryEvaluationError", "Output/x[0]")


keys = st.lists(names | st.integers(0, 3), max_size=5)


def reference_text(parts: list[Any]) -> str:
    return "$" + "".join(f"[{part}]" if isinstance(part, int) else f"['{part}']" for part in parts)


@given(documents, keys, documents)
def test_what_is_inserted_is_read_back(document: Any, parts: list[Any], value: Any) -> None:
    path = compile_reference_path(reference_text(parts))
    before = json.dumps(document)
    try:
        changed = path.insert(document, value)
    except StatesError as error:
        assert error.error == "States.ResultPathMatchFailure"
    else:
        assert path(scope(changed)) is value or path(scope(changed)) == value
        assert path.select(scope(changed)) == value
        assert path.insert(changed, value) == changed
    assert json.dumps(document) == before


@given(documents, keys)
def test_a_definite_path_agrees_with_a_plain_walk(document: Any, parts: list[Any]) -> None:
    expected: Any = document
    found = True
    for part in parts:
        fits = (
            isinstance(expected, list) and part < len(expected)
            if isinstance(part, int)
            else isinstance(expected, dict) and part in expected
        )
        if not fits:
            found = False
            break
        expected = expected[part]
    missing = object()
    value = compile_path(reference_text(parts)).find(scope(document), missing)
    assert (value is not missing) == found
    assert not found or value == expected


@given(documents)
def test_scan_finds_every_member(document: Any) -> None:
    def members(node: Any) -> list[Any]:
        if isinstance(node, dict):
            own = [node["a"]] if "a" in node else []
            return own + [item for child in node.values() for item in members(child)]
        return [item for child in node for item in members(child)] if isinstance(node, list) else []

    assert compile_path("$..a")(scope(document)) == members(document)


@given(st.sampled_from(sorted(OPERATORS)), scalars | st.just("$.b") | st.just("2016-08-18T17:33:00Z"), documents)
def test_any_comparison_answers_or_fails_in_one_way(operator: str, operand: Any, document: Any) -> None:
    try:
        test = compile_comparison(operator, "$.a", operand)
    except ExpressionSyntaxError:
        return
    try:
        assert test(scope(document)) in (True, False)
    except StatesError as error:
        assert error.error == "States.Runtime"
        assert "condition path references an invalid value" in (error.cause or "")


@given(st.text("ab", max_size=8), st.text("ab*\\", max_size=6))
def test_wildcards_agree_with_backtracking(text: str, pattern: str) -> None:
    def match(position: int, pieces: list[str]) -> bool:
        if len(pieces) == 1:
            return text[position:] == pieces[0]
        if not text.startswith(pieces[0], position):
            return False
        rest = position + len(pieces[0])
        return any(match(start, pieces[1:]) for start in range(rest, len(text) + 1))

    pieces = wildcard_pieces(pattern)
    assert matches_pieces(text, pieces) == match(0, list(pieces))


@given(documents)
def test_json_round_trips_through_intrinsics(document: Any) -> None:
    run = compile_value("States.StringToJson(States.JsonToString($))")
    assert json.dumps(run(scope(document))) == json.dumps(loads(dumps(document)))


@given(st.text(max_size=100))
def test_base64_round_trips(text: str) -> None:
    assert compile_value("States.Base64Decode(States.Base64Encode($))")(scope(text)) == text


@given(st.lists(scalars, max_size=20), st.integers(1, 6))
def test_partitions_are_the_array(items: list[Any], size: int) -> None:
    parts = compile_value(f"States.ArrayPartition($, {size})")(scope(items))
    assert [item for part in parts for item in part] == items
    assert all(len(part) == size for part in parts[:-1])


@given(st.integers(-1000, 1000), st.integers(2, 1000), st.integers())
def test_seeded_random_stays_in_its_interval(start: int, width: int, seed: int) -> None:
    run = compile_value(f"States.MathRandom({start}, {start + width}, {seed})")
    assert start <= run(scope(None)) < start + width


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_java_doubles_read_back(value: float) -> None:
    assert float(java.double_to_string(value)) == value


@given(st.datetimes(), st.integers(-17, 17))
def test_offsets_shift_the_instant(moment: Any, hours: int) -> None:
    text = f"{moment.replace(microsecond=0).isoformat()}"
    utc, shifted = parse_timestamp(f"{text}Z"), parse_timestamp(f"{text}{hours:+03d}:00")
    assert utc is not None
    assert shifted is not None
    assert utc[0] - shifted[0] == hours * 3600
