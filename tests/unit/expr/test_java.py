"""What shows that AWS runs on the JVM."""

import pytest

from newel.expr import java


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.1, "1.1"),
        (100.0, "100.0"),
        (0.001, "0.001"),
        (0.00012, "1.2E-4"),
        (1e-05, "1.0E-5"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.9, "1.23456789E7"),
        (-1.5e300, "-1.5E300"),
        (1e21, "1.0E21"),
        (float("inf"), "Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_double_to_string(value: float, text: str) -> None:
    assert java.double_to_string(value) == text


def test_to_string() -> None:
    value = {"a": None, "b": [True, False, 1, 1.5, "x"], "c": {}, "d": []}
    assert java.to_string(value) == "{a=null, b=[true, false, 1, 1.5, x], c={}, d=[]}"


def test_random_is_that_of_java() -> None:
    """Published by AWS users: `$random(42)` is 0.7275636800328681."""
    assert java.Random(42).next_double() == 0.7275636800328681
    generator = java.Random(42)
    assert [generator.next_int(10) for _ in range(5)] == [0, 3, 8, 4, 0]
    assert java.Random(0).next_int(16) == 11
    generator = java.Random(0)
    assert [generator.next_int(100) for _ in range(5)] == [60, 48, 29, 47, 15]


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.5, 1), (-0.5, 0), (-1.5, -1), (2.5, 3), (-1.51, -2), (10**20, 10**20)]
)
def test_round_half_up(value: float, rounded: int) -> None:
    assert java.round_half_up(value) == rounded


def test_hash_order() -> None:
    """Recorded orders of computed members."""
    assert java.hash_order(["mergedJson", "parsedJson", "stringifiedJson"]) == [
        "parsedJson",
        "mergedJson",
        "stringifiedJson",
    ]
    assert java.hash_order(["Iterations", "Values"]) == ["Values", "Iterations"]
    assert java.hash_order(["b", "a", "b"]) == ["a", "b"]
    assert len(java.hash_order(f"key{number}" for number in range(1000))) == 1000


def test_less_goes_by_utf_16() -> None:
    assert java.less("a", "b")
    assert not java.less("b", "a")
    assert java.less("\U0001f600", "\ufffd")
