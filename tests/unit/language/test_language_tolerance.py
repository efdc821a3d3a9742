"""Constructs of published AWS samples that a strict reading of the specification would refuse."""

import json

import pytest

from newel.language.validate import format_invalid_definition, validate

PATHS = [
    "$.[1].Body.output",
    "$.Snapshots.[0].State",
    "$.[0]",
    "$..interests[?(@.category==home)]",
    "$.Blocks[?(@.constraint_status==Failure)]",
    "$.Blocks[?(@.Type.Text==AMOUNT_PAID)]",
    "$.content[?(@.type==tool_use && @.name==get_passengers)]",
    "$.workers[?(@.workerId == $.agent_id)]",
    "$.[?(@.OU > 0)]",
    "$.[*].['bucket', 'key']",
    "States.StringToJson($.[0].body)",
    "States.Format('… {}', $..constraint, $.Name)",
    "$QueueUrl",
    "$$.Execution.Input",
]


def accepted(*states, language="JSONPath"):
    names = [f"S{n}" for n in range(len(states))]
    linked = {
        name: {**state, "Next": following}
        for name, state, following in zip(names, states, [*names[1:], "Done"], strict=True)
    }
    definition = {"QueryLanguage": language, "StartAt": names[0], "States": {**linked, "Done": {"Type": "Succeed"}}}
    diagnostics = [d for d in validate(json.dumps(definition)) if d.severity == "ERROR"]
    assert not diagnostics, format_invalid_definition(diagnostics)


@pytest.mark.parametrize("path", PATHS)
def test_paths_in_templates(path):
    accepted({"Type": "Pass", "Parameters": {"a.$": path}})


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("$")])
def test_the_same_paths_as_whole_fields(path):
    accepted({"Type": "Pass", "InputPath": path, "OutputPath": path})


def test_choice_rules_on_variables_with_assign():
    rule = {
        "Variable": "$Call.Direction",
        "StringEqualsPath": "$BusinessInfo.Owner",
        "Next": "Done",
        "Assign": {"x": 1},
    }
    definition = {
        "StartAt": "C",
        "States": {
            "C": {
                "Type": "Choice",
                "Choices": [rule, {"Variable": "$.Snapshots.[0].State", "IsNull": False, "Next": "F"}],
            },
            "Done": {"Type": "Succeed"},
            "F": {"Type": "Fail", "CausePath": "States.Format('Data Quality check failed')", "ErrorPath": "$.e"},
        },
    }
    assert [d for d in validate(json.dumps(definition)) if d.severity == "ERROR"] == []


@pytest.mark.parametrize(
    "text", ["{%\n $states.input.a & ')'\n\n %}", "{% $states.input.Items%}", "{%$states.input%}", None]
)
def test_blanks_in_expressions_and_a_null_output(text):
    accepted({"Type": "Pass", "Output": text}, language="JSONata")


@pytest.mark.parametrize(
    "resource",
    [
        "arn:${AWS::Partition}:states:::lambda:invoke",
        "arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject",
        "arn:aws:states:::aws-sdk:bedrockagent:startIngestionJob",
        "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
        "arn:aws:states:::athena:startQueryExecution.sync",
    ],
)
def test_resources(resource):
    accepted({"Type": "Task", "Resource": resource, "Parameters": {"FunctionName": "f"}})


def test_a_reader_with_max_items_zero():
    accepted(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 0},
                "Parameters": {"Bucket.$": "$.b", "Key.$": "$.k"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                "StartAt": "I",
                "States": {"I": {"Type": "Pass", "End": True}},
            },
        }
    )
