"""JSON documents and JSON Lines."""

import json

import pytest

from .reading import cause, items, one, sliced, spec, values

JSON = {"InputType": "JSON"}
JSONL = {"InputType": "JSONL"}


def at(pointer):
    return spec({**JSON, "ItemsPointer": pointer})


DOCUMENT = {
    "skipped": {"text": 'brackets ] } and \\" quotes', "list": [[1, {"a": []}], "x"], "n": -1.5e3},
    "a/b": {"m~n": [{"deep": ["x", [1, {"k": "]"}]]}, None, 3]},
    "": [1],
    "object": {"k": 1, "l": {"m": [2]}},
    "empty": [],
    "scalar": 7,
}


def test_the_elements_of_an_array_are_items_of_any_type():
    elements = [{"b": 1, "a": [2, {"c": "]},"}]}, [], {}, None, True, -1.5, 12345678901234567890123, "a,b", "\u20ac"]
    for text in (json.dumps(elements), json.dumps(elements, indent=2, ensure_ascii=False)):
        assert values(one(text, cut=sliced(7)), spec(JSON)) == elements


def test_the_order_of_members_is_kept():
    """Recorded."""
    (item,) = values(one('[{"verdict":"true","date":"6/11/2008","a":1}]'), spec(JSON))
    assert list(item) == ["verdict", "date", "a"]


@pytest.mark.parametrize("body", ['{"Hello": "world"}', '"text"', "1", "null", "", " \n"])
def test_what_cannot_be_iterated(body):
    """The first is recorded: an object is iterated only where ItemsPointer leads to it."""
    assert cause(one(body), spec(JSON)) == "Attempting to map over non-iterable node."


def test_items_pointer():
    store = one(json.dumps(DOCUMENT), cut=sliced(5))
    assert values(store, at("/a~1b/m~0n")) == DOCUMENT["a/b"]["m~n"]
    assert values(store, at("/a~1b/m~0n/0/deep/1")) == [1, {"k": "]"}]
    assert values(store, at("/")) == [1]
    assert values(store, at("/empty")) == []


def test_items_pointer_to_an_object_gives_keys():
    store = one(json.dumps(DOCUMENT), cut=sliced(5))
    read = items(store, at("/object"))
    assert [(item.key, item.value) for item in read] == [("k", 1), ("l", {"m": [2]})]
    assert [item.key for item in items(store, at("/object"), read[0].position)] == ["l"]
    assert [item.key for item in items(store, at(""))] == list(DOCUMENT)


@pytest.mark.parametrize(
    "pointer", ["/none", "/skipped/list/2", "/skipped/list/01", "/scalar/x", "/empty/0", "/skipped/n/0"]
)
def test_items_pointer_to_nothing(pointer):
    store = one(json.dumps(DOCUMENT), cut=sliced(5))
    assert cause(store, at(pointer)) == f"The ItemsPointer '{pointer}' leads to nothing in the object."


def test_items_pointer_to_a_scalar():
    assert cause(one(json.dumps(DOCUMENT)), at("/scalar")) == "Attempting to map over non-iterable node."


@pytest.mark.parametrize(
    "body",
    [
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1,,2]",
        "[1] 2",
        "[1}",
        '["x]',
        "[{]}",
        "[nope]",
        "[1]]",
        '[{"a":1 "b":2}]',
        "[\x00]",
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_invalid_documents(body, size):
    assert cause(one(body, cut=sliced(size)), spec(JSON)).startswith("The object is not valid JSON: ")


def test_an_item_is_not_read_without_bound():
    store = one('["' + "x" * 9_000_000, cut=sliced(500_000))
    assert "larger than 8388608 bytes" in cause(store, spec(JSON))
    assert "larger than 8388608 bytes" in cause(one("9" * 9_000_000, cut=sliced(500_000)), spec(JSONL))


def test_jsonl():
    store = one('{"a": 1}\n\n  \n[2]\r\n"x"\nnull\n3')
    assert values(store, spec(JSONL)) == [{"a": 1}, [2], "x", None, 3]


@pytest.mark.parametrize(
    ("body", "at"), [("1\n2\nnope\n4\n", 4), ("1 2\n", 0), ("1\n[1,\n2]\n", 2), ('{"a":1}\n{"a"', 8)]
)
def test_a_line_that_is_no_json(body, at):
    assert cause(one(body), spec(JSONL)).startswith(f"The line at byte {at} is not valid JSON: ")


def test_byte_order_marks():
    for config, body in ((JSON, "\ufeff[1,2]"), (JSONL, "\ufeff1\n2\n")):
        store = one(body, cut=sliced(1))
        read = items(store, spec(config))
        assert [item.value for item in read] == [1, 2]
        assert values(store, spec(config), read[0].position) == [2]
