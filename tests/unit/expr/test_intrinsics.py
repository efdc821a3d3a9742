"""Intrinsic functions: syntax, results, limits and the words of their failures."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.errors import RuntimeFailure
from newel.expr.intrinsics import IntrinsicSyntaxError, compile_intrinsic, is_intrinsic

INPUT = {
    "name": "Ada",
    "list": [1, 2, 3, 4, 5],
    "mixed": [1, 1, 1.0, True, "1", None, None, {"a": 1, "b": 2}, {"b": 2, "a": 1}, []],
    "object": {"a": 1, "b": [True, None, "x"], "c": {"d": 1.5}},
    "half": -1.5,
    "template": "<{}> \\{\\}",
}


def run(call: str, document: Any = INPUT) -> Any:
    seen = scope(document, context={"Execution": {"Name": "n"}}, variables={"v": "var"})
    return compile_intrinsic(call)(seen)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("States.Format('Hi {}', $.name)", "Hi Ada"),
        ("States.Format('no argument')", "no argument"),
        ("States.Format('{}{}', 1, 'x')", "1x"),
        (r"States.Format('\{\} \' \\ {}', null)", "{} ' \\ null"),
        ("States.Format('{', $.name)", None),
        ("States.Format('{}', $.object)", "{a=1, b=[true, null, x], c={d=1.5}}"),
        ("States.Format($.template, $v)", "<var> {}"),
        ("States.Format('{} {}', $$.Execution.Name, $v)", "n var"),
        ("States.Format('{}', $.list[0:2])", "[1, 2]"),
        ("States.Format('{}', 1.0E10)", "1.0E10"),
        ("States.StringToJson('{\"a\": [1, 2.5, null]}')", {"a": [1, 2.5, None]}),
        ("States.StringToJson('  ')", None),
        ("States.StringToJson('12345678901234567890123')", 12345678901234567890123),
        ("States.JsonToString($.list)", "[1,2,3,4,5]"),
        ("States.JsonToString(null)", "null"),
        ("States.Array()", []),
        ("States.Array(1, 'a', true, false, null, $.name, States.UUID())",
         [1, "a", True, False, None, "Ada", "6f1f8b5e-2a4b-4c8d-9e0f-123456789abc"]),
        ("States.ArrayPartition($.list, 2)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayPartition($.list, 2.4)", [[1, 2], [3, 4], [5]]),
        ("States.ArrayContains($.list, 5)", True),
        ("States.ArrayContains($.list, 5.0)", False),
        ("States.ArrayContains($.mixed, $.mixed[8])", True),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(5, 1, -2)", [5, 3, 1]),
        ("States.ArrayRange(1, 5, -1)", []),
        ("States.ArrayRange(0.5, 2.4, 1)", [1, 2]),
        ("States.ArrayRange(1, 1000, 1)", list(range(1, 1001))),
        ("States.ArrayGetItem($.list, 0)", 1),
        ("States.ArrayGetItem($.list[?(@ > 3)], 1)", 5),
        ("States.ArrayLength($.list)", 5),
        ("States.ArrayUnique($.mixed)", [1, 1.0, True, "1", None, {"a": 1, "b": 2}, []]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU')", "Data to encode"),
        ("States.Base64Encode('')", ""),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.JsonMerge($.object, States.StringToJson('{\"c\": 2, \"e\": 3}'), false)",
         {"a": 1, "b": [True, None, "x"], "c": 2, "e": 3}),
        ("States.MathAdd(111, -1)", 110),
        ("States.MathAdd($.half, 0)", -1),
        ("States.MathRandom(1, 999)", 500),
        ("States.StringSplit('1,2 3', ', ')", ["1", "2", "3"]),
        ("States.StringSplit('', ',')", []),
        ("States.StringSplit('a,b', '')", ["a,b"]),
        ("States.UUID()", "6f1f8b5e-2a4b-4c8d-9e0f-123456789abc"),
        (" States.UUID()", None),
        ("States.UUID( ) ", "6f1f8b5e-2a4b-4c8d-9e0f-123456789abc"),
        ("States.ArrayLength( $.list )", 5),
        ("States.Array($.object['a'], $.list[?(@ == 1 || @ == 2)], $['name'])", [1, [1, 2], "Ada"]),
    ],
)  # fmt: skip
def test_results(call: str, expected: Any) -> None:
    if expected is None and call != "States.StringToJson('  ')":
        with pytest.raises((IntrinsicSyntaxError, RuntimeFailure)):
            run(call)
        return
    assert run(call) == expected
    assert type(run(call)) is type(expected)


def test_a_seed_fixes_the_number() -> None:
    """`java.util.Random(42).nextInt(10)` is 0, then 3."""
    first = run("States.MathRandom(0, 10, 42)")
    assert first == run("States.MathRandom(0, 10, 42)") == 0
    assert {run(f"States.MathRandom(5, 8, {seed})") for seed in range(50)} == {5, 6, 7}


@pytest.mark.parametrize(
    "call",
    [
        "States.StringToJson($.list)",
        "States.StringToJson('{')",
        "States.ArrayPartition($.list, 0)",
        "States.ArrayPartition($.list, 0.49)",
        "States.ArrayPartition($.name, 1)",
        "States.ArrayContains($.name, 1)",
        "States.ArrayRange(1, 5, 0)",
        "States.ArrayRange(1, 1001, 1)",
        "States.ArrayRange('a', 5, 1)",
        "States.ArrayRange(0, true, 1)",
        "States.ArrayGetItem($.list, 5)",
        "States.ArrayGetItem($.list, -1)",
        "States.ArrayLength($.name)",
        "States.ArrayUnique($.object)",
        "States.Base64Encode(1)",
        "States.Base64Decode('!!!')",
        "States.Hash($.list, 'MD5')",
        "States.Hash('x', 'SHA-3')",
        "States.Hash('x', 'sha-1')",
        "States.JsonMerge($.object, $.object, true)",
        "States.JsonMerge($.object, $.list, false)",
        "States.MathAdd('1', 1)",
        "States.MathAdd(2147483647, 1)",
        "States.MathAdd(2147483648, 0)",
        "States.MathRandom(1, 1)",
        "States.MathRandom(1.4, 1.6)",
        "States.MathRandom(2, 1)",
        "States.StringSplit($.list, ',')",
    ],
)
def test_refused_arguments(call: str) -> None:
    name = call.partition("(")[0]
    with pytest.raises(RuntimeFailure) as caught:
        run(call)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == f"The function '{call}' had the following error: Invalid arguments in {name}"


@pytest.mark.parametrize("function", ["Base64Encode", "Base64Decode", "Hash"])
def test_text_limits(function: str) -> None:
    more = ", 'MD5'" if function == "Hash" else ""
    call = f"States.{function}($.text{more})"
    assert run(call, {"text": "A" * 10_000})
    with pytest.raises(RuntimeFailure):
        run(call, {"text": "A" * 10_001})


def test_the_cause_names_the_whole_expression_as_written() -> None:
    call = "States.Array( States.Format('{}',  $.nope) )"
    with pytest.raises(RuntimeFailure) as caught:
        run(call, {"other": 1})
    assert caught.value.cause == (
        f"The function '{call}' had the following error: "
        "The JsonPath argument for the field '$.nope' could not be found in the input '{\"other\":1}'"
    )


def test_an_index_on_no_array_is_worded_by_the_path_library() -> None:
    with pytest.raises(RuntimeFailure) as caught:
        run("States.Array($.other[0])", {"other": 1})
    assert caught.value.cause == (
        "The function 'States.Array($.other[0])' had the following error: "
        "Filter: [0] can only be applied to arrays. Current context is: 1"
    )


def test_format_counts_its_arguments() -> None:
    with pytest.raises(RuntimeFailure, match=r"Invalid arguments in States\.Format: number of arguments do not match"):
        run("States.Format('{} {}', 1)")


def test_nesting_is_limited_to_ten() -> None:
    def nested(depth: int) -> str:
        return "States.Array(" * depth + ")" * depth

    assert run(nested(10)) == [[[[[[[[[[]]]]]]]]]]
    with pytest.raises(IntrinsicSyntaxError):
        compile_intrinsic(nested(11))


@pytest.mark.parametrize(
    "call",
    [
        "States.", "States.Format", "States.Format(", "States.Format()", "States.Format('a'", "States.Format('a",
        "States.Format('a') x", "States.Format('a',)", "States.Format(,'a')", 'States.Format("a")', "States.Nope()",
        "States.format('a')", "States.Format('\\n')", "States.Format('\\\"')", "States.Format(nil)", "States.Format(01)",
        "States.Format($.)", "States.Format('{}', a)", "States.UUID(1)", "States.MathAdd(1)", "States.MathAdd(1,2,3)",
        "States.StringSplit('2020', 'T')[0]", "States.Array($.a[?(@.x)", "States.Format('{}', $.a, $.b", "Format('a')", "",
    ],
)  # fmt: skip
def test_illegal_calls(call: str) -> None:
    with pytest.raises(IntrinsicSyntaxError):
        compile_intrinsic(call)


def test_is_intrinsic() -> None:
    assert is_intrinsic("States.Format(")
    assert not is_intrinsic("$.a")
