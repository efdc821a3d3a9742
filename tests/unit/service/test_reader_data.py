"""The items in the data that an ItemReader would have read."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.errors import StatesError
from newel.service.test_state.reader_data import items_of


@pytest.mark.parametrize(
    ("text", "config", "items"),
    [
        ("[1, 2]", {}, [1, 2]),
        ('{"a": 1}', {"InputType": "JSON"}, {"a": 1}),
        ('{"a/b": {"~": [3]}}', {"InputType": "JSON", "ItemsPointer": "/a~1b/~0"}, [3]),
        ("[[1], [2]]", {"InputType": "JSON", "ItemsPointer": "/1"}, [2]),
        ("[1, 2, 3]", {"InputType": "JSON", "MaxItems": 2}, [1, 2]),
        ('{"a": 1, "b": 2}', {"InputType": "JSON", "MaxItems": 1}, {"a": 1}),
        ('1\n\n{"a": 2}\n', {"InputType": "JSONL"}, [1, {"a": 2}]),
        ("a|b\n1|2\n3\n", {"InputType": "CSV", "CSVDelimiter": "PIPE"}, [{"a": "1", "b": "2"}, {"a": "3", "b": ""}]),
        (
            "1,2,3\n",
            {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]},
            [{"a": "1", "b": "2"}],
        ),
        ("", {"InputType": "CSV"}, []),
    ],
)
def test_items(text, config, items):
    assert items_of(text, config) == items


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("{", {}),
        ("1", {}),
        ("[]", {"ItemsPointer": "/0"}),
        ("{", {"InputType": "JSONL"}),
        ("a,a\n", {"InputType": "CSV"}),
        ("1\n", {"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}),
        ("[]", {"MaxItems": 0}),
        ("[]", {"MaxItems": "x"}),
        ("", {"InputType": "PARQUET"}),
    ],
)
def test_what_cannot_be_read_fails_the_reader(text, config):
    with pytest.raises(StatesError) as failure:
        items_of(text, config)
    assert failure.value.error == "States.ItemReaderFailed"


CELLS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8)


@given(
    st.lists(CELLS, min_size=1, max_size=4, unique=True), st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=4)
)
def test_csv_reads_what_csv_writes(headers, rows):
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([headers, *rows])
    items = items_of(file.getvalue(), {"InputType": "CSV"})
    assert [list(item.values())[: len(row)] for item, row in zip(items, rows, strict=True)] == [
        row[: len(headers)] for row in rows
    ]


@given(st.text(max_size=40), st.sampled_from(["JSON", "JSONL", "CSV", "MANIFEST", "PARQUET", "?"]), st.text(max_size=5))
def test_any_text_is_read_or_refused(text, kind, pointer):
    try:
        items = items_of(text, {"InputType": kind, "ItemsPointer": pointer})
    except StatesError:
        return
    assert isinstance(items, list | dict)
    json.dumps(items)
