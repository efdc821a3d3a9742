"""Parquet: rows as objects, and reading on from any of them. Needs the extra `parquet`."""

import datetime as dt
import decimal
import io
import sys

import pytest

from .reading import cause, items, one, spec, values

PARQUET = {"InputType": "PARQUET"}


@pytest.fixture
def written():
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def write(rows, row_group_size=None, schema=None, compression="snappy"):
        file = io.BytesIO()
        table = pyarrow.Table.from_pylist(rows, schema=schema)
        parquet.write_table(table, file, row_group_size=row_group_size, compression=compression)
        return file.getvalue()

    return write


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd"])
def test_rows_and_positions(written, compression):
    rows = [{"n": n, "b": None if n % 3 else f"row {n}", "a": [n, {"x": n}]} for n in range(30)]
    rows = [{**row, "a": [row["n"]]} for row in rows]
    store = one(written(rows, row_group_size=7, compression=compression))
    read = items(store, spec(PARQUET))
    assert [item.value for item in read] == rows
    assert list(read[0].value) == ["n", "b", "a"]
    assert read[0].source == "S3://b/k"
    for at in range(0, 30, 3):
        assert values(store, spec(PARQUET), read[at].position) == rows[at + 1 :]


def test_values_that_json_has_not(written):
    row = {
        "decimal": decimal.Decimal("1.50"),
        "whole": decimal.Decimal("2.00"),
        "time": dt.datetime(2025, 1, 2, 3, 4, 5, 678000),
        "date": dt.date(2025, 1, 2),
        "bytes": b"\xff",
        "nan": float("nan"),
    }
    assert values(one(written([row])), spec(PARQUET)) == [
        {
            "decimal": 1.5,
            "whole": 2,
            "time": "2025-01-02T03:04:05.678Z",
            "date": "2025-01-02",
            "bytes": "/w==",
            "nan": None,
        }
    ]


def test_what_is_no_parquet(written):
    assert "is not a valid Parquet file" in cause(one(b"nope" * 10), spec(PARQUET))
    assert cause(one(written([{"a": 1}])), spec(PARQUET, VersionId="v")) == (
        "VersionId is not supported for Parquet objects."
    )


def test_without_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert cause(one(b"x"), spec(PARQUET)) == (
        "Reading Parquet needs the package pyarrow: install newel with the extra 'parquet'."
    )
