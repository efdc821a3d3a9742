"""Paths: the Jayway dialect, what AWS tolerates beyond it, and the words for what is not there."""

from typing import Any

import pytest
from expr_scopes import scope

from newel.expr.jsonpath import PathNotFound, PathSyntaxError, compile_path

STORE = {
    "book": [
        {"category": "reference", "author": "Rees", "title": "Sayings", "price": 8.95},
        {"category": "fiction", "author": "Waugh", "title": "Sword", "price": 12.99},
        {"category": "fiction", "author": "Melville", "title": "Moby", "isbn": "0-553", "price": 8.99},
        {"category": "fiction", "author": "Tolkien", "title": "Rings", "isbn": "0-395", "price": 22.99},
    ],
    "bicycle": {"color": "red", "price": 19.95},
}
DOCUMENT = {
    "store": STORE,
    "numbers": [1, 2, 3, 4],
    "tags": ["a", "b"],
    "empty": [],
    "null": None,
    "delivery-partner": "UQS",
    "a b": 1,
    "it's": 2,
    "min": 10,
    "code": "5",
}


def value(path: str, document: Any = DOCUMENT) -> Any:
    return compile_path(path)(scope(document))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", DOCUMENT),
        ("$.numbers", [1, 2, 3, 4]),
        ("$.store.bicycle.color", "red"),
        ("$['store']['bicycle'].color", "red"),
        ('$["store"].bicycle["color"]', "red"),
        ("$.delivery-partner", "UQS"),
        ("$['a b']", 1),
        ("$['it\\'s']", 2),
        ("$.null", None),
        ("$.numbers[0]", 1),
        ("$.numbers[-1]", 4),
        ("$.store.book[1].title", "Sword"),
        ("$.numbers ", [1, 2, 3, 4]),
    ],
)
def test_definite_paths(path: str, expected: Any) -> None:
    assert compile_path(path).definite
    assert value(path) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.numbers[*]", [1, 2, 3, 4]),
        ("$.numbers[0,2]", [1, 3]),
        ("$.numbers[0,9]", [1]),
        ("$.numbers[1:3]", [2, 3]),
        ("$.numbers[:2]", [1, 2]),
        ("$.numbers[2:]", [3, 4]),
        ("$.numbers[-2:]", [3, 4]),
        ("$.numbers[:-3]", [1]),
        ("$.store.*.color", ["red"]),
        ("$.store.book[*].author", ["Rees", "Waugh", "Melville", "Tolkien"]),
        ("$..author", ["Rees", "Waugh", "Melville", "Tolkien"]),
        ("$.store..price", [8.95, 12.99, 8.99, 22.99, 19.95]),
        ("$..book[2].title", ["Moby"]),
        ("$..book[-1:].title", ["Rings"]),
        ("$..[0]", [1, "a", STORE["book"][0]]),
        ("$.store.bicycle['color','price'].x", []),
        ("$.no[*]", []),
        ("$.no.such[1:2].deep", []),
        ("$.store.bicycle[*]", ["red", 19.95]),
        ("$.tags[*].x", []),
    ],
)
def test_indefinite_paths_give_arrays_and_never_fail(path: str, expected: Any) -> None:
    assert not compile_path(path).definite
    found = value(path)
    assert found == expected or sorted(map(repr, found)) == sorted(map(repr, expected))


@pytest.mark.parametrize(
    ("path", "titles"),
    [
        ("[?(@.isbn)]", ["Moby", "Rings"]),
        ("[?(!@.isbn)]", ["Sayings", "Sword"]),
        ("[?(@.price < 10)]", ["Sayings", "Moby"]),
        ("[?(@.price <= 8.95)]", ["Sayings"]),
        ("[?(@.price > 12.99)]", ["Rings"]),
        ("[?(@.price >= 12.99)]", ["Sword", "Rings"]),
        ("[?(@.price > $.min)]", ["Sword", "Rings"]),
        ("[?(10 > @.price)]", ["Sayings", "Moby"]),
        ("[?(@.category == 'reference')]", ["Sayings"]),
        ('[?(@.category == "reference")]', ["Sayings"]),
        ("[?(@.category==reference)]", ["Sayings"]),
        ("[?(@.category != 'fiction')]", ["Sayings"]),
        ("[?(@.isbn != '0-553')]", ["Sayings", "Sword", "Rings"]),
        ("[?(@.category == 'fiction' && @.price < 10)]", ["Moby"]),
        ("[?(@.category==fiction&&@.author==Tolkien)]", ["Rings"]),
        ("[?(@.price < 8.96 || @.price > 20)]", ["Sayings", "Rings"]),
        ("[?(!(@.price < 8.96 || @.price > 20))]", ["Sword", "Moby"]),
        ("[?(@.author =~ /.*ee.*/)]", ["Rees" and "Sayings"]),
        ("[?(@.author =~ /tolk.*/i)]", ["Rings"]),
        ("[?(@.author =~ /tolk/)]", []),
        ("[?(/Wau.*/ =~ @.author)]", ["Sword"]),
        ("[?(@.author in ['Rees', 'Waugh'])]", ["Sayings", "Sword"]),
        ("[?(@.author nin ['Rees', 'Waugh'])]", ["Moby", "Rings"]),
        ("[?(@.title size 4)]", ["Moby"]),
        ("[?(@.title empty false)]", ["Sayings", "Sword", "Moby", "Rings"]),
        ("[?(@.title contains 'in')]", ["Sayings", "Rings"]),
        ("[?(@['price'] == 8.99)]", ["Moby"]),
        ("[?(@.isbn == null)]", []),
        ("[?(true)]", ["Sayings", "Sword", "Moby", "Rings"]),
        ("[?(false)]", []),
    ],
)
def test_filters(path: str, titles: list[str]) -> None:
    assert value(f"$.store.book{path}.title") == titles


@pytest.mark.parametrize(
    ("predicate", "kept"),
    [
        ("@.s subsetof ['a','b','c']", [1]),
        ("@.s anyof ['z','x']", [2]),
        ("@.s noneof ['a','x']", []),
        ("@.s all ['x','y']", [2]),
        ("@.s contains 'y'", [2]),
        ("@.s size 2", [1, 2]),
        ("@.none subsetof ['a']", []),
        ("@.n == '1'", [1]),
        ("@.n === '1'", []),
        ("@.n !== '1'", [1, 2]),
        ("@.flag == true", [1]),
        ("@.flag == 1", []),
        ("@.n > 'a'", []),
        ("@.s[0] == a", [1]),
        ("@.s.length() == 2", [1, 2]),
        ("@.s", [1, 2]),
        ("@.s[*]", [1, 2]),
        ("@.z[*]", []),
        ("@.nothing == @.nowhere", []),
    ],
)
def test_filter_operators_on_other_types(predicate: str, kept: list[int]) -> None:
    items = [{"n": 1, "s": ["a", "b"], "flag": True}, {"n": 2, "s": ["x", "y"], "flag": False}]
    assert value(f"$[?({predicate})].n", items) == kept


def test_a_filter_keeps_or_drops_an_object_as_a_whole() -> None:
    assert value("$.a[?(@.x > 1)]", {"a": {"x": 2}}) == [{"x": 2}]
    assert value("$.a[?(@.x > 1)]", {"a": {"x": 1}}) == []
    assert value("$..[?(@.x)].x", {"a": {"x": 2}, "b": [{"x": 3}]}) == [2, 3]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$.numbers.min()", 1.0),
        ("$.numbers.max()", 4.0),
        ("$.numbers.sum()", 10.0),
        ("$.numbers.avg()", 2.5),
        ("$.numbers.stddev()", 1.118033988749895),
        ("$.numbers.length()", 4),
        ("$.store.bicycle.length()", 2),
        ("$.numbers.size()", 4),
        ("$.numbers.first()", 1),
        ("$.numbers.last()", 4),
        ("$.numbers.index(-2)", 3),
        ("$.numbers.append(5)", [1, 2, 3, 4, 5]),
        ("$.store.bicycle.keys()", ["color", "price"]),
        ("$.tags.concat('-', $.code)", "ab-5"),
        ("$.store.book[*].price.max()", 22.99),
        ("$..price.min()", 8.95),
        ("$.code.length()", None),
    ],
)
def test_functions(path: str, expected: Any) -> None:
    assert compile_path(path).definite
    assert value(path) == expected


@pytest.mark.parametrize(
    "path", ["$.empty.max()", "$.code.keys()", "$.numbers.index(9)", "$.no.length()", "$.code.first()"]
)
def test_functions_without_an_answer(path: str) -> None:
    with pytest.raises(PathNotFound):
        value(path)


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("$.[1].Body", [{"Body": 1}, {"Body": 2}], 2),
        ("$.Snapshots.[0].State", {"Snapshots": [{"State": "completed"}]}, "completed"),
        ("$..interests[?(@.category==home)]", {"interests": [{"category": "home"}]}, [{"category": "home"}]),
        ("$[?(@.Type.Text==AMOUNT_PAID)].v", [{"Type": {"Text": "AMOUNT_PAID"}, "v": 3}], [3]),
        ("$[?(@.type==tool_use && @.name==get_x)].name", [{"type": "tool_use", "name": "get_x"}], ["get_x"]),
        ("$.w[?(@.workerId == $.agent_id)].v", {"agent_id": 7, "w": [{"workerId": 7, "v": 1}]}, [1]),
        ("$.[?(@.OU > 0)]", [{"OU": 0}, {"OU": 1}], [{"OU": 1}]),
        ("$.[*].['bucket', 'key']", [{"bucket": "b", "key": "k", "x": 1}], [{"bucket": "b", "key": "k"}]),
        ("$.a['x','y']", {"a": {"x": 1, "z": 2}}, {"x": 1}),
    ],
)
def test_tolerated_forms(path: str, document: Any, expected: Any) -> None:
    assert value(path, document) == expected


def test_a_backslash_stays_before_another_quote() -> None:
    r"""Recorded: `$['Test\""Name"']` reads the member `Test\""Name"`."""
    assert value('$[\'Test\\""Name"\']', {'Test\\""Name"': 1}) == 1


def test_roots() -> None:
    seen = scope({"a": 1}, context={"Execution": {"Id": "e"}}, variables={"v": {"x": [1]}, "größe": 2})
    assert compile_path("$$")(seen) == {"Execution": {"Id": "e"}}
    assert compile_path("$$.Execution.Id")(seen) == "e"
    assert compile_path("$v.x[0]")(seen) == 1
    assert compile_path("$größe")(seen) == 2
    assert (compile_path("$v").root, compile_path("$v").variable) == ("variable", "v")


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("$.no.such", "Missing property in path $['no']"),
        ("$.NoSuch", "No results for path: $['NoSuch']"),
        ("$.store.no", "No results for path: $['store']['no']"),
        ("$.code.x", "Property ['x'] not found in path $['code']"),
        ("$.numbers[9]", "No results for path: $['numbers'][9]"),
        ("$.numbers[9].x", "No results for path: $['numbers'][9]['x']"),
        ("$.store[0]['id']", "Filter: [0]['id'] can only be applied to arrays. Current context is: {book="),
        ("$.null[0]", "The path $['null'] is null"),
        ("$none.x", "The variable '$none' has not been assigned"),
    ],
)
def test_words_for_what_is_not_there(path: str, detail: str) -> None:
    with pytest.raises(PathNotFound) as caught:
        value(path)
    assert caught.value.error == "States.Runtime"
    assert (caught.value.cause or "").startswith(f"Invalid path '{path}' : {detail}")


def test_a_character_of_a_string_is_no_item() -> None:
    assert compile_path("$[0]").find(scope("text"), "none") == "none"
    assert compile_path("$[*]")(scope("text")) == []


def test_find() -> None:
    seen = scope({"a": None, "b": []})
    assert compile_path("$.a").find(seen, 1) is None
    assert compile_path("$.c").find(seen, 1) == 1
    assert compile_path("$.b[*]").find(seen, 1) == 1
    assert compile_path("$none").find(seen, 1) == 1


@pytest.mark.parametrize(
    "path",
    [
        "", "a.b", "@.a", " $.a", "$.", "$..", "$...a", "$.a.", "$.a..", "$a.", "$[", "$[]", "$.a[", "$.a['x", "$.a['x'",
        "$.a[x]", "$.a[1:2:3]", "$.a[:]", "$.a[1,]", "$.a b", "$.a)", "$.a['x' 'y']", "$['a',]", "$.a[?(@.x]",
        "$.a[?(@.x == )]", "$.a[?(@.x like 'y')]", "$.a[?()]", "$.a[?('x')]", "$.a[?(@.x =~ /[/)]", "$.a[?(@.x =~ /a/q)]",
        "$.a[?(@.x == /a/)]", "$.a[(@.length-1)]", "$.a.nope()", "$.a.length(", "$.a.length().b", "$.a.append(", "$1", "$-a",
        "$.a[99999999999999999999]", "$..length()",
    ],
)  # fmt: skip
def test_illegal_paths(path: str) -> None:
    with pytest.raises(PathSyntaxError):
        compile_path(path)


def test_a_runaway_regular_expression_is_no_match() -> None:
    assert value("$[?(@.x =~ /(a+)+b/)]", [{"x": "a" * 40}]) == []


def test_messages_survive_any_depth() -> None:
    document: Any = {}
    for _ in range(5000):
        document = {"a": [document]}
    with pytest.raises(PathNotFound) as caught:
        value("$.a.b", document)
    assert caught.value.in_field("x.$").cause
    assert caught.value.in_argument()
    with pytest.raises(PathNotFound):
        value("$.a[0][0]", document)
    assert len(value("$..a", document)) == 5000
