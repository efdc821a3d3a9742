"""Timestamps: what is one, and which instant it names."""

import pytest

from newel.expr.timestamps import parse_timestamp, parse_timestamp_ms


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", (0, 0)),
        ("1970-01-01T00:00Z", (0, 0)),
        ("1970-01-01T01:00:00+01:00", (0, 0)),
        ("1969-12-31T23:30:00-00:30", (0, 0)),
        ("2016-03-14T01:59:00.5Z", (1457920740, 500_000_000)),
        ("2016-03-14T01:59:00.000000001Z", (1457920740, 1)),
        ("2016-02-29T00:00:00Z", (1456704000, 0)),
    ],
)
def test_instants(text: str, instant: tuple[int, int]) -> None:
    assert parse_timestamp(text) == instant
    assert parse_timestamp_ms(text) == (instant[0] * 10**9 + instant[1]) // 10**6


@pytest.mark.parametrize(
    "text",
    [
        "", "2016-03-14", "2016-03-14T01:59:00", "2016-03-14 01:59:00Z", "2016-13-05T21:29:29Z", "2016-12-05T25:29:29Z",
        "05-12-2016T21:29:29Z", "2015-02-29T00:00:00Z", "2016-03-14t01:59:00Z", "2016-03-14T01:59:00z",
        "2016-03-14T01:59:00.Z", "2016-03-14T01:59:00.0000000001Z", "2016-03-14T01:59:00+19:00", "2016-03-14T01:59:60Z",
        "2016-03-14T01:59:00+0100", "2016-03-14T01:59:00Z\n", "٢٠١٦-03-14T01:59:00Z",
    ],
)  # fmt: skip
def test_what_is_no_timestamp(text: str) -> None:
    assert parse_timestamp(text) is None
    assert parse_timestamp_ms(text) is None
