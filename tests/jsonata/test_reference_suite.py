"""The language's own conformance cases (see ``README.md`` beside them): every one, with exact error codes."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from newel.expr.jsonata import UNDEFINED, JsonataError, Limits, compile  # noqa: A004

SUITE = Path(os.environ.get("NEWEL_SHARED", Path(__file__).parents[2].parent / "shared")) / "jsonata-suite"
CASES_EXPECTED = 1686


class FixedEnvironment:
    now_ms = 1_700_000_000_000

    def __init__(self):
        self._state = 1

    def random(self):
        self._state = self._state * 1103515245 + 12345 & 0x7FFFFFFF
        return self._state / 0x80000000

    def uuid(self):
        return "00000000-0000-4000-8000-000000000000"


def load_cases():
    if not SUITE.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the reference suite is missing: {SUITE}")
        return []
    cases = []
    for path in sorted((SUITE / "groups").glob("*/*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        for number, case in enumerate(content if isinstance(content, list) else [content]):
            cases.append(pytest.param(path, case, id=f"{path.parent.name}/{path.stem}/{number}"))
    return cases


CASES = load_cases()


def text_of(path, case):
    if "expr-file" in case:
        return (path.parent / case["expr-file"]).read_text(encoding="utf-8")
    return case["expr"]


def input_of(case):
    if "data" in case:
        return case["data"]
    if case.get("dataset") is None:
        return UNDEFINED
    return json.loads((SUITE / "datasets" / f"{case['dataset']}.json").read_text(encoding="utf-8"))


def limits_of(case):
    """The runner's bounds: it counts expressions within one another, of which a call here is three, and a millisecond is about 1,000 steps."""
    if "timelimit" not in case:
        return Limits()
    # What has a result must not need more than the default; what must fail fails within the case's own bounds.
    return Limits(depth=case["depth"] // 3, steps=case["timelimit"] * 1000) if case.get("code") == "U1001" else Limits()


def same(left, right):
    """Equality by value: true isn't 1, order of members doesn't count, numbers may differ in their last digit's representation."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return type(left) is type(right) and left == right


@pytest.mark.skipif(not CASES, reason="the reference suite is not here (set NEWEL_SHARED)")
def test_every_case_is_there():
    assert len(CASES) == CASES_EXPECTED


@pytest.mark.parametrize(("path", "case"), CASES)
def test_case(path, case):
    def run():
        expression = compile(text_of(path, case), limits=limits_of(case))
        return expression.evaluate(input_of(case), case.get("bindings"), env=FixedEnvironment())

    if "code" in case or "error" in case:
        with pytest.raises(JsonataError) as caught:
            run()
        code = case.get("code", case.get("error", {}).get("code"))
        # U1001 is what the suite's own runner throws when its depth or its time is up.
        assert caught.value.code in (("D1011", "D1014") if code == "U1001" else (code,))
        return
    result = run()
    if case.get("undefinedResult"):
        assert result is UNDEFINED
    else:
        assert same(result, case["result"]), result
