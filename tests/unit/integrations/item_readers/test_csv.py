"""CSV: what is a row, and what an item has of it. Rows and orders are recorded where a comment says so."""

import pytest

from .reading import cause, items, one, spec, values

FIRST_ROW = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


def given(*headers, **more):
    return {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": list(headers), **more}


def test_short_rows_are_filled_and_long_ones_cut():
    store = one("a,b,c\n1,2,3\n,,,\n\n4\n   \n5,6,7,8\n")
    assert values(store, spec(FIRST_ROW)) == [
        {"a": "1", "b": "2", "c": "3"},
        {"a": "", "b": "", "c": ""},
        {"a": "4", "b": "", "c": ""},
        {"a": "   ", "b": "", "c": ""},
        {"a": "5", "b": "6", "c": "7"},
    ]


def test_given_headers_leave_the_first_row_an_item():
    assert values(one("1,2\n3"), spec(given("x"))) == [{"x": "1"}, {"x": "3"}]


def test_members_stand_in_the_order_of_a_java_map():
    """Recorded: headers `0,True,{}`."""
    (item,) = values(one("0,True,{}\nx,y,z\n"), spec(FIRST_ROW))
    assert list(item.items()) == [("0", "x"), ("{}", "z"), ("True", "y")]


@pytest.mark.parametrize(
    ("name", "delimiter"), [("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t")]
)
def test_delimiters(name, delimiter):
    store = one(delimiter.join("ab") + "\n" + delimiter.join(("1", '"x' + delimiter + 'y"', "3")))
    assert values(store, spec({**FIRST_ROW, "CSVDelimiter": name})) == [{"a": "1", "b": f"x{delimiter}y"}]


def test_quotes_and_escapes():
    row = r'''"say ""hi""","line
end",a\,b,c\\d,e\"f,g\hi,"q\"r"'''
    (item,) = values(one(row), spec(given(*"1234567")))
    assert list(item.values()) == ['say "hi"', "line\nend", "a,b", r"c\d", 'e"f', "ghi", 'q"r']


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end):
    store = one(end.join(["a,b", "1,2", '"x' + end + 'y",3', ""]))
    assert values(store, spec(FIRST_ROW)) == [{"a": "1", "b": "2"}, {"a": f"x{end}y", "b": "3"}]


def test_a_byte_order_mark_is_no_part_of_the_first_header():
    store = one("\ufeffa\n1\n2\n")
    read = items(store, spec(FIRST_ROW))
    assert [item.value for item in read] == [{"a": "1"}, {"a": "2"}]
    assert values(store, spec(FIRST_ROW), read[0].position) == [{"a": "2"}]


def test_duplicate_headers():
    """Recorded cause."""
    assert cause(one("a,b,a\n1,2,3"), spec(FIRST_ROW)) == "CSV headers cannot contain duplicates."
    assert cause(one("1,2"), spec(given("x", "x"))) == "CSV headers cannot contain duplicates."


@pytest.mark.parametrize("body", ["", "\n\n", "a,b", "a,b\n"])
def test_no_items(body):
    assert values(one(body), spec(FIRST_ROW)) == []


def test_large_fields():
    assert values(one("a\n" + "x" * 300_000), spec(FIRST_ROW)) == [{"a": "x" * 300_000}]


def test_a_quote_that_never_ends_is_not_read_without_bound():
    rows = "a\n" + '"' + "x,y\n" * 3_000_000
    store = one(rows, cut=lambda body: [body[at : at + 100_000] for at in range(0, len(body), 100_000)])
    assert "larger than 8388608 bytes" in cause(store, spec(FIRST_ROW))


def test_other_encodings_are_refused():
    assert cause(one(b"a\n\xff\n"), spec(FIRST_ROW)) == "The CSV file is not UTF-8 at byte 2."


def test_a_header_is_read_again_when_reading_goes_on_later():
    store = one("a,b\n1,2\n3,4\n5,6\n", cut=lambda body: [body[at : at + 4] for at in range(0, len(body), 4)])
    read = items(store, spec(FIRST_ROW))
    assert values(store, spec(FIRST_ROW), read[1].position) == [{"a": "5", "b": "6"}]
    assert store.asked[-1][1]["start"] > 0
