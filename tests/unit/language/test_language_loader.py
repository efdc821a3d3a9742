import pytest

from newel.language.diagnostics import DefinitionError
from newel.language.loader import (
    DEFINITION_DEPTH_MAX,
    duplicate_fields,
    load_definition,
    load_yaml,
    position_map,
    substitute,
    unresolved_substitutions,
)


def only(call, *arguments):
    with pytest.raises(DefinitionError) as refused:
        call(*arguments)
    assert len(refused.value.diagnostics) == 1
    return refused.value.diagnostics[0]


def test_broken_json_is_reported_as_jackson_does():
    found = only(load_definition, "not a definition")
    source = '[Source: (String)"not a definition"; line: 1, column: 4]'
    assert found.code == "INVALID_JSON_DESCRIPTION"
    assert found.location == source
    assert found.message == (
        "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or "
        f"'false')\n at {source}"
    )


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("{a}", "Unexpected character ('a' (code 97)): was expecting double-quote to start field name", "1, column: 3"),
        ('{"a":1,}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", "1, column: 9"),
        ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value", "1, column: 7"),
        ('{"a":1 "b":2}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries", "1, column: 9"),
        ("[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", "1, column: 5"),
        ('{"a":"x\ny"}', "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in string value", "1, column: 9"),
        ('{"a":"\\x"}', "Unrecognized character escape 'x' (code 120)", "1, column: 9"),
        ('{"a":"\\u12g4"}', "Unexpected character ('g' (code 103)): expected a hex-digit for character escape sequence", "1, column: 12"),
        ('{"a":"x', "Unexpected end-of-input: was expecting closing quote for a string value", "1, column: 8"),
        ('{"a":"\\', "Unexpected end-of-input: was expecting closing quote for a string value", "1, column: 8"),
        ('{"a":"\\u1', "Unexpected end-of-input: was expecting closing quote for a string value", "1, column: 10"),
        ('{"a', "Unexpected end-of-input in field name", "1, column: 4"),
        ('{"a"', "Unexpected end-of-input within/between Object entries", "1, column: 5"),
        ('{"a":01}', "Invalid numeric value: Leading zeroes not allowed", "1, column: 7"),
        ('{"a":-x}', "Unexpected character ('x' (code 120)) in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value", "1, column: 8"),
        ('{"a":1.x}', "Unexpected character ('x' (code 120)) in numeric value: Decimal point not followed by a digit", "1, column: 9"),
        ('{"a":1e+x}', "Unexpected character ('x' (code 120)) in numeric value: Exponent indicator not followed by a digit", "1, column: 10"),
        ('{"a":…}', "Unexpected character ('…' (code 8230 / 0x2026)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "1, column: 7"),
        ('{\n "a":\r\n  oops}', "Unrecognized token 'oops': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "3, column: 7"),
        ("{} x", "Unrecognized token 'x': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "1, column: 5"),
        ("{} {}", "Trailing token found after value: not allowed", "1, column: 5"),
        ('{"a":1' + "x" * 300, "Unexpected character ('x' (code 120)): was expecting comma to separate Object entries", "1, column: 8"),
        ("x" * 300, f"Unrecognized token '{'x' * 256}...': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')", "1, column: 301"),
    ],
)  # fmt: skip
def test_each_kind_of_broken_json_has_its_words_and_place(text, message, place):
    found = only(load_definition, text)
    assert found.message.partition("\n at [Source: (String)")[0] == message
    assert found.location.endswith(f"; line: {place}]")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1', 'expected close marker for Object (start marker at [Source: (String)"{"a":1"; line: 1, column: 1])'),
        ("[", 'expected close marker for Array (start marker at [Source: (String)"["; line: 1, column: 1])'),
    ],
)
def test_an_open_container_names_where_it_starts(text, message):
    assert only(load_definition, text).message.startswith(f"Unexpected end-of-input: {message}")


def test_a_wrong_close_marker_names_what_it_closes():
    text = '{"a":[1,2}'
    assert only(load_definition, text).message.startswith(
        f"Unexpected close marker '}}': expected ']' (for Array starting at [Source: (String)\"{text}\"; line: 1, column: 6])"
    )


def test_a_long_source_is_cut_and_its_control_characters_shown():
    found = only(load_definition, '{"\x01' + "a" * 600)
    assert found.location.startswith('[Source: (String)"{"\\u0001aaa')
    assert '"[truncated 103 chars]; line: 1' in found.location


@pytest.mark.parametrize("text", [" ", "[]", "1", '"x"', "null", "\n"])
def test_what_is_no_object_is_no_definition(text):
    found = only(load_definition, text)
    assert (found.code, found.message, found.location) == (
        "SCHEMA_VALIDATION_FAILED",
        "Definition must be a valid JSON object",
        None,
    )


def test_text_that_is_no_unicode_is_refused():
    assert only(load_definition, '{"a": "\ud800"}').code == "INVALID_JSON_DESCRIPTION"


def test_deep_nesting_is_refused_whatever_its_depth():
    assert (
        only(load_definition, '{"a":' * DEFINITION_DEPTH_MAX + "{}" + "}" * DEFINITION_DEPTH_MAX).code
        == "TOO_DEEPLY_NESTED"
    )
    load_definition('{"a":' * (DEFINITION_DEPTH_MAX - 1) + "{}" + "}" * (DEFINITION_DEPTH_MAX - 1))
    for depth in (2_000, 100_000):
        only(load_definition, '{"a":' * depth + "1" + "}" * depth)
        only(load_definition, '{"a":' * depth)


def test_yaml_has_the_types_an_author_of_json_expects():
    text = """
StartAt: A   # a comment
States:
  on: yes
  n: 012
  date: 2016-03-14T01:59:00Z
  sexagesimal: 1:30
  grouped: 1_000
  hex: 0x10
  int: -12
  float: -1.5e3
  t: true
  f: False
  z: ~
  empty:
  quoted: "1"
  tagged: !!str 1
  1: number as key
  block: |
    {% $states.input
       .a %}
"""
    states = load_yaml(text)["States"]
    assert states == {
        "on": "yes",
        "n": "012",
        "date": "2016-03-14T01:59:00Z",
        "sexagesimal": "1:30",
        "grouped": "1_000",
        "hex": "0x10",
        "int": -12,
        "float": -1500.0,
        "t": True,
        "f": False,
        "z": None,
        "empty": None,
        "quoted": "1",
        "tagged": "1",
        "1": "number as key",
        "block": "{% $states.input\n   .a %}\n",
    }
    assert type(states["int"]) is int
    assert states["t"] is True


def test_yaml_aliases_and_merge_keys_work():
    text = "base: &b {a: 1, b: 2}\nother: &o {b: 3, c: 3}\nx: {<<: [*b, *o], a: 9}\ny: *b\n"
    assert load_yaml(text) == {
        "base": {"a": 1, "b": 2},
        "other": {"b": 3, "c": 3},
        "x": {"a": 9, "b": 2, "c": 3},
        "y": {"a": 1, "b": 2},
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", "at line"),
        ("a: 1\na: 2\n", "the key 'a' appears twice at line 2, column 1"),
        ("a: !Sub x\n", "the tag !Sub is not supported"),
        ("a: !!python/object/apply:os.system [x]\n", ""),
        ("? [1]\n: 2\n", "a key must be text"),
        ("a: &x [*x]\n", "nested too deeply"),
        ("a: {<<: 1}\n", "a merge key takes a mapping"),
        ("a: !!int x\n", "does not fit its tag"),
        ("a: 1e999\n", "out of range"),
        ("a: b\n--- \nc: d\n", "expected a single document"),
        (f"a: {'1' * 5000}\n", "does not fit its tag"),
        ("a: \x01\n", ""),
    ],
)
def test_yaml_that_is_no_json_is_refused(text, words):
    found = only(load_yaml, text)
    assert found.code == "INVALID_JSON_DESCRIPTION"
    assert words in found.message


def test_aliases_cannot_blow_up():
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too large" in only(load_yaml, "\n".join(rows)).message


@pytest.mark.parametrize("text", ["- a", "x", ""])
def test_yaml_that_is_no_mapping_is_no_definition(text):
    assert only(load_yaml, text).message == "Definition must be a valid JSON object"


def test_a_position_is_where_a_key_or_an_item_stands():
    json_text = '{"States": {\n  "C": {"Choices": [\n    {"Next": "X"}\n  ]}}}'
    places = position_map(json_text)
    assert places["/"] == (1, 1)
    assert places["/States/C"] == (2, 3)
    assert places["/States/C/Choices[0]"] == places["/States/C/Choices/0"] == (3, 5)
    assert places["/States/C/Choices[0]/Next"] == (3, 6)
    yaml_text = "States:\n  C:\n    Choices:\n      - Next: X\n"
    places = position_map(yaml_text, yaml=True)
    assert places["/States/C"] == (2, 3)
    assert places["/States/C/Choices[0]/Next"] == (4, 9)
    assert position_map('{"a\\u0041\\n": 1}')["/aA\n"] == (1, 2)
    only(position_map, "{")


def test_substitutions_in_text_and_in_json():
    mapping = {"N": 5, "Arn": "arn:aws:x", "Flag": True}
    assert substitute('{"Seconds": "${N}", "R": "${Arn}:${N}", "K": "${Other}"}', mapping) == (
        '{"Seconds": 5, "R": "arn:aws:x:5", "K": "${Other}"}'
    )
    assert substitute({"${Arn}": ["${N}", "a${Flag}", "${Other}", 1]}, mapping) == {
        "arn:aws:x": [5, "atrue", "${Other}", 1]
    }
    assert unresolved_substitutions("${A} ${AWS::Partition} $B {C}") == {"A", "AWS::Partition"}


def test_a_field_given_twice_is_a_warning():
    found = duplicate_fields('{"a": 1, "b": [{"c": 1, "c": 2}], "a": 2}')
    assert [(d.severity, d.code, d.location) for d in found] == [
        ("WARNING", "DUPLICATE_FIELD", "/b[0]/c"),
        ("WARNING", "DUPLICATE_FIELD", "/a"),
    ]
