"""URL encoding, by the Developer Guide's examples and by its inverse."""

from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.integrations.http_task.encoding import form_encode, query_encode, query_pairs

FORMATS = ["INDICES", "REPEAT", "COMMAS", "BRACKETS"]
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=10)
KEYS = st.text(min_size=1, max_size=6)
BODIES = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=4,
)


@pytest.mark.parametrize(
    ("array_format", "text"),
    [
        ("INDICES", "array[0]=a&array[1]=b&array[2]=c&array[3]=d"),
        ("REPEAT", "array=a&array=b&array=c&array=d"),
        ("COMMAS", "array=a,b,c,d"),
        ("BRACKETS", "array[]=a&array[]=b&array[]=c&array[]=d"),
    ],
)
def test_the_guides_arrays(array_format, text):
    assert unquote(form_encode({"array": ["a", "b", "c", "d"]}, array_format)) == text


def test_the_guides_form():
    body = {"description": "Monthly subscription", "metadata": {"order_details": "monthly report data"}}
    expected = "description=Monthly%20subscription&metadata%5Border_details%5D=monthly%20report%20data"
    assert form_encode(body, "INDICES") == expected


def test_nested_arrays_and_values():
    body = {"a": [{"b": 1}, {"b": [True, None]}], "empty": [], "none": None, "f": 1.5}
    assert unquote(form_encode(body, "INDICES")) == "a[0][b]=1&a[1][b][0]=true&a[1][b][1]=&none=&f=1.5"
    assert unquote(form_encode(body, "BRACKETS")) == "a[][b]=1&a[][b][]=true&a[][b][]=&none=&f=1.5"
    assert unquote(form_encode(body, "REPEAT")) == "a[b]=1&a[b]=true&a[b]=&none=&f=1.5"
    assert unquote(form_encode(body, "COMMAS")) == 'a={"b":1},{"b":[true,null]}&none=&f=1.5'


def test_a_comma_in_an_item_is_told_from_one_between():
    assert form_encode({"a": ["x,y", "z"]}, "COMMAS") == "a=x%2Cy,z"


@given(BODIES, st.sampled_from(FORMATS))
def test_a_form_is_plain_ascii_and_decodes(body, array_format):
    text = form_encode(body, array_format)
    assert text.isascii()
    assert not set(text) & set(" \r\n#?+")
    assert all("=" in pair for pair in text.split("&") if pair)
    parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))


@given(st.dictionaries(KEYS, st.text(max_size=10)), st.sampled_from(FORMATS))
def test_flat_forms_come_back(body, array_format):
    assert parse_qsl(form_encode(body, array_format), keep_blank_values=True) == list(body.items())


def _leaves(value, path):
    """What INDICES must hold, written down another way."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in _leaves(item, f"{path}[{key}]" if path else key)]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in _leaves(item, f"{path}[{index}]")]
    text = {None: "", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value
    return [(path, text)]


@given(BODIES)
def test_indices_lose_nothing(body):
    body = {
        key: value if not isinstance(value, int) or isinstance(value, bool) else str(value)
        for key, value in body.items()
    }
    assert parse_qsl(form_encode(body, "INDICES"), keep_blank_values=True) == _leaves(body, "")


@pytest.mark.parametrize(
    ("given_", "pairs"),
    [
        (None, []),
        ({"a": "1", "b": [1, True], "c": {"d": "e"}}, [("a", "1"), ("b", "1"), ("b", "true"), ("c[d]", "e")]),
        ("a=1&b=x%20y", [("a", "1"), ("b", "x y")]),
        ("?a=", [("a", "")]),
        ([{"a": 1}, "b=2"], [("a", "1"), ("b", "2")]),
        ([5], [("5", "")]),
    ],
)
def test_query_parameters(given_, pairs):
    assert query_pairs(given_) == pairs


@given(st.lists(st.tuples(KEYS, st.text(max_size=8)), max_size=4))
def test_queries_come_back(pairs):
    assert parse_qsl(query_encode(pairs), keep_blank_values=True) == pairs
    assert query_pairs(query_encode(pairs)) == pairs


def test_a_lone_surrogate_is_no_error():
    assert form_encode({"a": "\ud800"}, "INDICES") == "a=%3F"
