"""The benchmark's verdicts: a figure that is missing is never a goal met."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def goals(repository):
    spec = importlib.util.spec_from_file_location("bench_goals", repository / "bench" / "goals.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(goals, ours, theirs):
    goal = goals.Goal("throughput", "throughput", "a.b", "1/s", "peer", ">=", 3)
    results = {"newel": {"throughput": {"a": {"b": ours}}}, "peer": {"throughput": {"a": {"b": theirs}}}}
    return goals.judge(results, goal)


def test_a_ratio_is_held_against_its_bound(goals):
    assert found(goals, 30, 10).met is True
    assert found(goals, 29, 10).met is False


@pytest.mark.parametrize(("ours", "theirs"), [(None, 10), (30, None), (30, 0), ("skip", 10)])
def test_what_was_not_measured_is_not_met(goals, ours, theirs):
    verdict = found(goals, ours, theirs)
    assert verdict.met is None
    assert verdict.word == "not measured"


def test_an_absolute_goal_needs_no_peer(goals):
    goal = goals.Goal("token", "token", "p50_ms", "ms", None, "<=", 20)
    assert goals.judge({"newel": {"token": {"p50_ms": 5.0}}}, goal).met is True
    assert goals.judge({"newel": {"token": {"p50_ms": 21.0}}}, goal).met is False
    assert goals.judge({"newel": {"token": {"skip": "why"}}}, goal).met is None
