"""However an object is cut, it has the same items; and after each of them the rest can be read."""

import json
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrations.memory_objects import MemoryObjects
from newel.errors import StatesError

from .reading import items, one, spec, values

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))
FIELD = st.text(st.sampled_from("ab\\\"',;| \t\n\ré€"), max_size=6)
CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=8)


def cutter(sizes):
    """Cuts bytes into pieces of these sizes, over and over."""

    def cut(body):
        pieces, at, turn = [], 0, 0
        while at < len(body):
            pieces.append(body[at : at + sizes[turn % len(sizes)]])
            at += len(pieces[-1])
            turn += 1
        return pieces

    return cut


def check(body: bytes | str, config: dict[str, Any], sizes: list[int], expected: list[Any], key: str = "k") -> None:
    store = one(body, key, cut=cutter(sizes))
    read = items(store, spec(config, Key=key))
    assert [item.value for item in read] == expected
    for at, item in enumerate(read):
        other = one(body, key, cut=cutter([*sizes[1:], sizes[0] + 1]))
        assert values(other, spec(config, Key=key), item.position) == expected[at + 1 :]


@given(st.lists(JSON, max_size=6), CUTS, st.booleans(), st.sampled_from([None, 2]))
def test_json_arrays(elements, sizes, ascii_only, indent):
    text = json.dumps(elements, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "replace")
    check(text, {"InputType": "JSON"}, sizes, json.loads(text))


@given(st.dictionaries(st.text(), JSON, max_size=5), st.lists(JSON, max_size=4), CUTS)
def test_items_pointer(members, elements, sizes):
    text = json.dumps({"skipped": members, "list": [members, elements]}).encode()
    check(text, {"InputType": "JSON", "ItemsPointer": "/list/1"}, sizes, elements)
    store = one(text, cut=cutter(sizes))
    read = items(store, spec({"InputType": "JSON", "ItemsPointer": "/list/0"}))
    assert [(item.key, item.value) for item in read] == list(members.items())


@given(st.lists(JSON, max_size=6), CUTS, st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans())
def test_json_lines(elements, sizes, end, ended):
    text = end.join(json.dumps(element) for element in elements) + (end if ended else "")
    check(text, {"InputType": "JSONL"}, sizes, elements)


def quoted(field: str) -> str:
    return '"' + field.replace("\\", "\\\\").replace('"', '""') + '"'


@given(st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=6), CUTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_csv(rows, sizes, end):
    text = "".join(",".join(map(quoted, row)) + end for row in [["x", "y", "z"], *rows])
    config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
    check(text, config, sizes, [dict(zip("xyz", row, strict=True)) for row in rows])


@given(st.text(st.sampled_from('ab,"\\\n\r '), max_size=40), CUTS)
def test_any_text_is_the_same_csv_however_it_is_cut(text, sizes):
    config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["x", "y"]}

    def outcome(store: MemoryObjects) -> Any:
        try:
            return values(store, spec(config))
        except StatesError:
            return "failed"

    assert outcome(one(text, cut=cutter(sizes))) == outcome(one(text))


@given(st.lists(st.integers(), min_size=1, max_size=6), CUTS)
def test_gzip(elements, sizes):
    import gzip

    text = "\n".join(map(str, elements)).encode()
    check(gzip.compress(text), {"InputType": "JSONL"}, sizes, elements, key="x.jsonl.gz")


@given(st.binary(max_size=60), CUTS)
def test_any_bytes_are_items_or_a_failure(body, sizes):
    for config in ({"InputType": "JSON"}, {"InputType": "JSONL"}, {"InputType": "JSON", "ItemsPointer": "/a/0"}):
        with suppress(StatesError):
            items(one(body, cut=cutter(sizes)), spec(config))
