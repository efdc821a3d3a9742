"""JavaScript's regular expressions on Python's engines."""

from __future__ import annotations

import contextlib
import time

import pytest

from newel.expr.jsonata import UNDEFINED, JsonataError, compile, regexes  # noqa: A004

from .oracle import Oracle, ours, same, unavailable


def matches(pattern, text, flags=""):
    return compile(f"$match($s, /{pattern}/{flags})").evaluate(None, {"s": text})


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\d", "٣", False), (r"\w", "é", False), (r"\s", "\u00a0", True), (r"\s", "\ufeff", True), (r"a.b", "a\nb", False), (r"a.b", "a\u2028b", False),
        (r"a[^]b", "a\nb", True), (r"x[]", "x", False), (r"a$", "a\n", False), (r"(?<year>\d{4})", "in 1999", True), (r"(?<=\$)\d", "$5", True),
        (r"(?<!\$)\d", "$5", False), (r"(?=b)b", "ab", True), (r"(a)|b\1", "b", True), (r"(?<n>a)\k<n>", "aa", True), (r"a{,2}", "a{,2}", True),
        (r"^\u0041\x42\103$", "ABC", True), (r"\cJ", "\n", True), (r"[\d\-x]", "-", True), (r"[^\w]", "é", True), (r"\/", "/", True), (r"\bé", "é", False), (r"[\b]", "\b", True),
        (r"^.$", "\U0001f600", False), (r"^..$", "\U0001f600", True), (r"[&&a]", "&", True), (r"\-", "-", True),
    ],
)  # fmt: skip
def test_semantics(pattern, text, expected):
    assert compile(f"$contains($s, /{pattern}/)").evaluate(None, {"s": text}) is expected


@pytest.mark.parametrize(
    "pattern", ["a++", "(?P<n>a)", "(?>a)", "(?i)a", "[b-a]", "a{2,1}", "(?<n>a)(?<n>b)", "(?#x)", "a**"]
)
def test_what_javascript_refuses_is_refused(pattern):
    with pytest.raises(JsonataError) as caught:
        compile(f"/{pattern}/")
    assert caught.value.message.startswith("Invalid regular expression")


def test_positions_of_matches_are_utf16_units():
    assert matches("b", "\U0001f600b") == {"match": "b", "index": 2, "groups": []}


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"(a+)+$", "a" * 40 + "!"), (r"(a|a)*$", "a" * 40 + "!"), (r"(.*)*x", "a" * 60), (r"(?:a?){40}a{40}$", "a" * 39)],
)
def test_no_pattern_runs_away(pattern, text, monkeypatch):
    monkeypatch.setattr(regexes, "SEARCH_SECONDS_MAX", 0.2)
    expression = compile(f"$contains($s, /{pattern}/)")
    start = time.monotonic()
    with contextlib.suppress(JsonataError):
        assert expression.evaluate(None, {"s": text}) is not UNDEFINED
    assert time.monotonic() - start < 20


PATTERNS = [
    r"a|b", r"(a)(b)?", r"[a-c]+", r"\w+@\w+\.com", r"^\s*$", r"(\d+)-(\d+)", r"x*?y", r"(?:ab)+", r"[^,]+", r"\.", r"\$\d", r"(a(b(c)))", r"a{2}", r"a{1,}",
    r"\bfoo\b", r"\Boo", r"(?!x)y", r"(z)?y\1", r"[\]x]", r"[-a]", r"[a\-z]", r"\t|\n", r"é", r"[à-ü]", r"A", r"(?<k>b)|c", r"\0", r"[^a]$", r"^a", r"a\|b",
]  # fmt: skip
TEXTS = [
    "",
    "a",
    "abc",
    "aab foo",
    "x@y.com 12-34",
    "y zy zyz",
    "a,b,,c",
    "A.B $5",
    "\n\t ",
    "déjà",
    "foo\nabc",
    "a|b]-",
]


def test_against_javascript():
    reason = unavailable()
    if reason is not None:
        pytest.skip(reason)
    oracle = Oracle()
    different = []
    for pattern in PATTERNS:
        for flags in ("", "i", "m"):
            for text in TEXTS:
                expression = f"$match($s, /{pattern}/{flags})"
                theirs, mine = oracle.ask(expression, 1, {"s": text}), ours(expression, 1, {"s": text})
                if not same(mine, theirs):
                    different.append((expression, text, mine, theirs))
    oracle.close()
    assert not different
