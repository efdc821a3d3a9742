"""The table of fields, and what is made from it."""

import json

import pytest
from msgspec import UNSET

from newel.language import model
from newel.language.fields import BY_OWNER, FIELDS, GROUPS, STATE_TYPES
from newel.language.parse import parse_machine
from newel.language.schema import json_schema
from newel.language.variables import variable_references

MODELS = {
    **{cls.type: cls for cls in model.StateBase.__subclasses__() if cls.type},
    **{cls.type: cls for cls in model.WorkState.__subclasses__()},
    "StateMachine": model.StateMachine,
    "Branch": model.Workflow,
    "Retrier": model.Retrier,
    "Catcher": model.Catcher,
    "ItemReader": model.ItemReader,
    "ItemBatcher": model.ItemBatcher,
    "ResultWriter": model.ResultWriter,
}
# Fields that the model holds under another name, or that say nothing at run time.
ELSEWHERE = {("Map", "Iterator"), ("Retrier", "Comment"), ("Catcher", "Comment")}


@pytest.mark.parametrize("owner", sorted(MODELS))
def test_every_field_of_the_table_has_its_place_in_the_model(owner):
    attributes = set(MODELS[owner].__struct_fields__)
    for row in BY_OWNER[owner].values():
        if (owner, row.name) not in ELSEWHERE and row.name != "Type":
            assert row.attribute in attributes, f"{owner}.{row.name}"


def test_the_table_refers_only_to_itself():
    for row in FIELDS:
        assert row.of is None or row.of in BY_OWNER
        assert (row.kind in ("object", "objects")) == (row.of is not None)
        assert bool(row.values) == (row.kind == "enum")
    for group in GROUPS:
        assert set(group.names) <= set(BY_OWNER[group.owner])
    assert set(STATE_TYPES) <= set(BY_OWNER)


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for item in node.values():
            yield from references(item)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_the_schema_is_json_and_every_reference_leads_somewhere():
    schema = json.loads(json.dumps(json_schema()))
    names = {f"#/$defs/{name}" for name in schema["$defs"]}
    assert set(references(schema)) <= names
    assert schema["required"] == ["States", "StartAt"]
    assert schema["$defs"]["State"]["oneOf"] == [{"$ref": f"#/$defs/{kind}"} for kind in STATE_TYPES]
    assert schema["$defs"]["Wait"]["properties"]["Type"] == {"const": "Wait"}
    assert schema["$defs"]["Retrier"]["properties"]["MaxAttempts"]["maximum"] == 99_999_999
    assert not schema["$defs"]["Task"]["additionalProperties"]


def machine(**states):
    return parse_machine({"StartAt": next(iter(states)), "States": states})


def test_variables_are_found_in_every_reading_field():
    found = variable_references(
        machine(
            Fork={
                "Type": "Choice",
                "Choices": [
                    {"And": [{"Variable": "$a", "StringEqualsPath": "$b.c"}, {"Not": {"Variable": "$d", "IsNull": True}}], "Next": "M"},
                    {"Variable": "$.x", "StringEquals": "$literal", "Next": "M", "Assign": {"z.$": "$e"}},
                ],
            },
            M={
                "Type": "Map",
                "ItemsPath": "$items",
                "ItemSelector": {"v.$": "States.Format('{}', $sel)", "plain": "$plain"},
                "ItemReader": {"Resource": "r", "Parameters": {"Key.$": "$key"}, "ReaderConfig": {"MaxItemsPath": "$max"}},
                "ItemBatcher": {"MaxItemsPerBatchPath": "$batch", "BatchInput": {"x.$": "$input"}},
                "ResultWriter": {"Parameters": {"Bucket.$": "$bucket"}},
                "Catch": [{"ErrorEquals": ["A"], "Next": "M", "Assign": {"y.$": "$caught"}}],
                "ItemProcessor": {"StartAt": "I", "States": {"I": {"Type": "Pass", "InputPath": "$inner", "End": True}}},
                "End": True,
            },
            T={
                "Type": "Task",
                "QueryLanguage": "JSONata",
                "Resource": "r",
                "Arguments": {"a": "{% $arg + $states.input.x %}"},
                "TimeoutSeconds": "{% $seconds %}",
                "Credentials": {"RoleArn": "{% $role %}"},
                "End": True,
            },
            Plain={"Type": "Pass", "End": True},
        )
    )  # fmt: skip
    assert found == {
        "Fork": ["a", "b", "d", "e"],
        "M": ["batch", "bucket", "caught", "input", "items", "key", "max", "sel"],
        "I": ["inner"],
        "T": ["arg", "role", "seconds"],
    }


def test_the_unset_marker_is_no_value():
    assert machine(P={"Type": "Pass", "End": True}).states["P"].assign is UNSET
