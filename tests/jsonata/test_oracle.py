"""Our results against jsonata-js's: thousands of generated expressions, every operator and function, right and wrong arguments.

What may differ is listed in ``JUSTIFIED``, each entry with its reason. Without Node the tests are skipped, except in CI.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newel.expr.jsonata.runtime.grouping import in_order

from .generator import DATA, Generator
from .oracle import Oracle, ours, same, unavailable

CHUNKS = 5
EXPRESSIONS_PER_CHUNK = 4_100
BINDINGS = {"y": [1, "q", {"k": 2}]}


def as_parsed_by_javascript(value):
    if isinstance(value, dict):
        return in_order({key: as_parsed_by_javascript(item) for key, item in value.items()})
    if isinstance(value, list):
        return [as_parsed_by_javascript(item) for item in value]
    return value


INPUT = as_parsed_by_javascript(DATA)


def unordered_errors(text, mine, theirs):
    """jsonata-js evaluates the members of a constructor concurrently: of two that fail, whichever is sooner in its schedule wins."""
    return "error" in mine and "error" in theirs and mine["error"]["code"] != "" and ("[" in text or "{" in text)


def javascript_errors(text, mine, theirs):
    """Where jsonata-js fails with a JavaScript TypeError of its own (no code), we may succeed or name the cause."""
    return "error" in theirs and theirs["error"]["code"] == ""


def source_text(text, mine, theirs):
    """``$replace`` of a string by a function puts the source text of jsonata-js itself into the result."""
    return "async function" in str(theirs)


def changed_input(text, mine, theirs):
    """``{...}`` over an empty array adds a missing member to that very array in jsonata-js; we never change the input."""
    return (
        "{" in text
        and "null" not in text
        and "None" in str(theirs)
        and "None" not in str(mine).replace("'token': None", "")
    )


def changed_null(text, mine, theirs):
    """The same where the result has nulls of its own."""
    return "{" in text and str(theirs).replace("[None]", "[]").replace("[None, ", "[") == str(mine)


def last_digit(text, mine, theirs):
    """Powers that aren't exact: the C library and V8 may round the last digit differently."""
    return "value" in mine and "value" in theirs and ("$power" in text or "$parseInteger" in text) and close(
        mine["value"], theirs["value"]
    )  # fmt: skip


def close(left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(close(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(close, left, right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right or abs(left - right) <= 4e-16 * abs(right)
    return left == right


def unguarded_partial(text, mine, theirs):
    """A partially applied function of the library gets unchecked arguments, and JavaScript makes something of any type."""
    return "(?," in text


JUSTIFIED = [
    unordered_errors,
    javascript_errors,
    source_text,
    changed_input,
    changed_null,
    last_digit,
    unguarded_partial,
]


@pytest.fixture(scope="module")
def oracle():
    reason = unavailable()
    if reason is not None:
        pytest.skip(reason)
    running = Oracle()
    yield running
    running.close()


def difference(oracle, text):
    theirs = oracle.ask(text, INPUT, BINDINGS)
    mine = ours(text, INPUT, BINDINGS)
    if "failure" in theirs or same(mine, theirs) or any(reason(text, mine, theirs) for reason in JUSTIFIED):
        return None
    return f"{text}\n  jsonata-js: {theirs}\n  ours:       {mine}"


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_generated_expressions(oracle, chunk):
    first = 1_000_000 + chunk * EXPRESSIONS_PER_CHUNK
    texts = [Generator(seed).expression() for seed in range(first, first + EXPRESSIONS_PER_CHUNK)]
    differences = [found for text in texts if (found := difference(oracle, text)) is not None]
    assert not differences, f"{len(differences)} differences\n" + "\n".join(differences[:10])


@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(min_value=0, max_value=2**40), st.integers(min_value=1, max_value=4))
def test_any_seed(oracle, seed, depth):
    assert difference(oracle, Generator(seed).expression(depth)) is None


MESSAGES = [
    "1 + 'a'", "'a' + 1", "$sum('a')", "$sum(['a'])", "$uppercase(1)", "foo(1)", "sum(1)", "$nothing()", "1 < 'a'", "true < 1", "{1: 2}",
    "{'a': 1, 'a': 2}", "-'a'", "$error('mine')", "$error()", "$assert(false, 'no')", "$assert(false)", "[1..'a']", "['a'..1]", "[1..1e8]",
    "$number('x')", "$sqrt(-1)", "$power(10, 1000)", "$formatBase(1, 99)", "$toMillis('x')", "$single([1,2])", "$single([])", "$sort([1,'a'])",
    "items^(tags)", "[1,'a']^($)", "$ ~> |items|5|", "$ ~> |items|{}, 5|", "(", ")", "[1,2", "{'a'", "{'a':", "'abc", '"\\x"', '"\\u12"', "`abc", "/abc", "1e999",
    "a.1", "true.a", "$f := ", "5 := 1", "a b", "@", "#", "a@b", "a[0]@$x", "a^(b)@$x", "%", "a{b:1}[0]", "a{b:1}{c:2}", "/* x", "function(x){1}",
    "function($x)<n<n>>{1}", "function($x)<(n<n>)>{1}", "//", "!", "a ~ b", "1 ~> 2", "$match('a', 1)", "$match('a', /a/, -1)", "$replace('a','', 'b')",
    "$replace('a', /a/, function($m){1})", "$split('a', 'b', -1)", "$formatNumber(1, 'x')", "$formatNumber(1, '0;0;0')", "$eval('1+')", "$eval('1 + true')",
    "$fromMillis(1, '[Q]')", "$fromMillis(1, '[Y')", "$formatInteger(1, '*')", "$decodeUrl('%')", "$reduce([1], function($x){1})", "$map([1])",
    "1/0 + 1", "$string(1/0)", "$boolean(1/0)", "$type(1/0)", "$match('abc', /x*/)", "?", "a ? b :", "null.a", "$x(?)", "name(?)", "$string(1,2,3)", "'x' and $sum('a')",
    "$map(['a'], function($v){$v + 1})", "($f := function($n){$n + 'a'}; $f(1))", "$a[", "[", "{", "a.", "a..b", "1..2", "$substring('a')", "$keys(1, 2)",
]  # fmt: skip


@pytest.mark.parametrize("text", MESSAGES)
def test_code_message_position_and_token(oracle, text):
    theirs = oracle.ask(text, INPUT, BINDINGS)
    mine = ours(text, INPUT, BINDINGS)
    if "value" in theirs:
        assert same(mine, theirs)
        return
    for field in ("code", "message", "position", "token"):
        if theirs["error"]["code"] == "" and field != "code":
            continue
        assert mine["error"].get(field) == theirs["error"].get(field), field
