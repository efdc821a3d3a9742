"""Any bytes, text or JSON becomes a model or diagnostics, and never anything else."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newel.language.diagnostics import DefinitionError, format_invalid_definition
from newel.language.fields import BY_OWNER, OPERATORS, STATE_TYPES
from newel.language.loader import load_definition, load_yaml, position_map
from newel.language.parse import parse_definition, parse_machine, parse_state
from newel.language.resource import UnrecognizedResourceError, parse_resource
from newel.language.validate import validate, validate_machine, validate_state
from newel.language.variables import variable_references

NAMES = sorted({name for rows in BY_OWNER.values() for name in rows} | {"X", "a.$", "b"})
TEXTS = [
    "", "A", "B", "$", "$.a", "$.a[*]", "$$", "$v", "$.", "{% $states.input.a %}", "{% a %}", "{% 1", "{% ( %}", "JSONata", "JSONPath",
    "States.ALL", "States.UUID()", "States.Format('{}', $.a)", "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "DISTRIBUTED", "INLINE",
    "arn:aws:lambda:us-east-1:123456789012:function:f", "arn:aws:states:::s3:getObject", "2016-03-14T01:59:00Z", "EXPRESS", "CSV", "1.0",
    "${X}", *STATE_TYPES,
]  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(TEXTS) | st.text(max_size=5)
)  # fmt: skip
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip
types = st.sampled_from(["STANDARD", "EXPRESS"])

GOOD = {
    "Comment": "c",
    "StartAt": "A",
    "States": {
        "A": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Parameters": {"QueueUrl": "q", "MessageBody.$": "$.m"},
            "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 1}, {"ErrorEquals": ["States.ALL"], "BackoffRate": 1.5}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F", "ResultPath": "$.e"}],
            "TimeoutSeconds": 9,
            "ResultPath": "$.r",
            "Assign": {"v.$": "$.MessageId"},
            "Next": "C",
        },
        "C": {
            "Type": "Choice",
            "Choices": [
                {"And": [{"Variable": "$.a", "IsNull": True}, {"Not": {"Variable": "$v", "StringEquals": "x"}}], "Next": "P"},
                {"Variable": "$.b", "NumericLessThanPath": "$.c", "Next": "M", "Assign": {"w": 1}},
            ],
            "Default": "W",
        },
        "P": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "B1", "States": {"B1": {"Type": "Pass", "Result": {"a": 1}, "End": True}}}],
            "Next": "W",
        },
        "M": {
            "Type": "Map",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "I",
                "States": {"I": {"Type": "Wait", "Seconds": 1, "End": True}},
            },
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}},
            "ItemBatcher": {"MaxItemsPerBatch": 2},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}},
            "Label": "L",
            "End": True,
        },
        "W": {"Type": "Wait", "TimestampPath": "$.t", "Next": "S"},
        "S": {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.input.a %}", "Next": "E"},
        "E": {"Type": "Succeed"},
        "F": {"Type": "Fail", "ErrorPath": "$.e.Error", "Cause": "c"},
    },
}  # fmt: skip


def places(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def changed(node, path, value):
    if not path:
        return value
    top = copy.deepcopy(node)
    parent = top
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    return top


def outcome(call, *arguments):
    """(result, no diagnostics) or (None, the diagnostics of the refusal); any other exception fails the test."""
    try:
        return call(*arguments), ()
    except DefinitionError as refused:
        return None, refused.diagnostics


def judge(definition, machine_type="STANDARD"):
    """The invariant: diagnostics always; a model whenever there is no ERROR."""
    text = json.dumps(definition)
    diagnostics = validate(text, machine_type)
    assert format_invalid_definition(diagnostics)
    errors = [d for d in diagnostics if d.severity == "ERROR"]
    machine, refusal = outcome(parse_definition, text)
    if machine is None:
        assert refusal
        assert errors, refusal
        return
    variable_references(machine)
    if not errors:
        assert machine.start_at in machine.states


def test_the_definition_that_is_changed_below_is_good():
    assert validate(json.dumps(GOOD)) == []


@given(st.binary(max_size=200))
def test_bytes(data):
    text = data.decode("utf-8", "replace")
    for load in (load_definition, load_yaml, parse_definition, position_map):
        value, refusal = outcome(load, text)
        assert (value is None) == bool(refusal)
    assert isinstance(validate(text), list)


@given(st.text(alphabet='{}[]",:\\u0aeE+-. \n\ttruefalsnl1*&<!|>#%@`\x00é\ud800', max_size=60))
def test_text_that_looks_like_json_or_yaml(text):
    for load in (load_definition, load_yaml, position_map, lambda given_text: position_map(given_text, yaml=True)):
        value, refusal = outcome(load, text)
        assert (value is None) == bool(refusal)


@given(json_values, types)
def test_any_json(value, machine_type):
    judge(value, machine_type)
    state, _ = outcome(parse_state, value, "S")
    assert state is not None or any(d.severity == "ERROR" for d in validate_state(value))


@settings(max_examples=400)
@given(st.data(), types)
def test_a_good_definition_with_one_place_changed(data, machine_type):
    path = data.draw(st.sampled_from(list(places(GOOD))))
    judge(changed(GOOD, path, data.draw(json_values)), machine_type)


@settings(max_examples=300)
@given(st.data())
def test_a_good_definition_with_one_field_more(data):
    paths = [path for path in places(GOOD) if isinstance(value_at(path), dict)]
    path = data.draw(st.sampled_from(paths))
    name = data.draw(st.sampled_from(NAMES + sorted(OPERATORS)))
    judge(changed(GOOD, (*path, name), data.draw(json_values)))


def value_at(path):
    node = GOOD
    for step in path:
        node = node[step]
    return node


@given(st.text(max_size=80) | st.from_regex(r"arn:[a-z-]*:(states|lambda):[^:]*:[^:]*:.{0,40}", fullmatch=True))
def test_any_text_as_a_resource(text):
    try:
        resource = parse_resource(text)
    except UnrecognizedResourceError:
        return
    assert resource.text == text


@pytest.mark.parametrize("path", list(places(GOOD)), ids=str)
@pytest.mark.parametrize("value", [None, 1, "x", [], {}], ids=repr)
def test_every_place_with_a_value_of_each_type(path, value):
    judge(changed(GOOD, path, value))


@given(json_values)
def test_a_decoded_value_is_judged_like_its_text(value):
    if isinstance(value, dict):
        assert validate_machine(value) == [d for d in validate(json.dumps(value)) if d.code != "DUPLICATE_FIELD"]
        machine, refusal = outcome(parse_machine, value)
        assert (machine is None) == bool(refusal)
