"""The constraints of requests, in AWS's words."""

import importlib.util
import json

import pytest

from newel.api.shapes import OPERATION_NAMES, checker
from newel.errors import ServiceError
from newel.service.operations import OPERATIONS

ONE = "1 validation error detected: "


def test_the_facts_are_those_of_the_installed_model(repository):
    spec = importlib.util.spec_from_file_location("update_api_shapes", repository / "script" / "update_api_shapes.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.TARGET.read_text(encoding="utf-8") == script.text()
    events = script.text("events", script.EVENTS_OPERATIONS)
    assert script.EVENTS_TARGET.read_text(encoding="utf-8") == events


def test_every_operation_of_the_model_is_answered():
    assert sorted(OPERATIONS) == sorted(OPERATION_NAMES)
    assert len(OPERATIONS) == 37


def refused(operation, request):
    with pytest.raises(ServiceError) as caught:
        checker(operation)(request)
    assert caught.value.status == 400
    return caught.value.code, caught.value.message


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        (
            "DescribeStateMachine",
            {},
            ONE + "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            "DescribeStateMachine",
            {"stateMachineArn": None},
            ONE + "Value null at 'stateMachineArn' failed to satisfy constraint: Member must not be null",
        ),
        (
            "CreateActivity",
            {"name": "x" * 81},
            ONE
            + f"Value '{'x' * 81}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80",
        ),
        (
            "CreateActivity",
            {"name": ""},
            ONE + "Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "ListActivities",
            {"maxResults": 1001},
            ONE
            + "Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        (
            "ListActivities",
            {"maxResults": -1},
            ONE
            + "Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ),
        (
            "ListExecutions",
            {"statusFilter": "succeeded"},
            ONE
            + "Value 'succeeded' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value set: "
            "[SUCCEEDED, TIMED_OUT, PENDING_REDRIVE, ABORTED, FAILED, RUNNING]",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "!x", "routingConfiguration": [{"stateMachineVersionArn": "a", "weight": 100}]},
            ONE + "Value '!x' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: "
            r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "x", "routingConfiguration": [{"stateMachineVersionArn": "a", "weight": 101}]},
            ONE + "Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy constraint: "
            "Member must have value less than or equal to 100",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "x", "routingConfiguration": [{"stateMachineVersionArn": "a"}]},
            ONE + "Value null at 'routingConfiguration.1.member.weight' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            "CreateStateMachineAlias",
            {"name": "x", "routingConfiguration": []},
            ONE + "Value '[]' at 'routingConfiguration' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1",
        ),
        (
            "TagResource",
            {"resourceArn": "a", "tags": [None]},
            ONE + "Value null at 'tags.1.member' failed to satisfy constraint: Member must not be null",
        ),
        (
            "StartExecution",
            {"stateMachineArn": "a", "input": "é" * 131_073},
            ONE + "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144",
        ),
        (
            "StartExecution",
            {"stateMachineArn": "a", "traceHeader": "é"},
            ONE + "Value 'é' at 'traceHeader' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: \p{ASCII}*",
        ),
        (
            "SendTaskFailure",
            {"taskToken": "t", "error": "é" * 129},
            ONE + "Value at 'error' failed to satisfy constraint: Member must have length less than or equal to 256",
        ),
        (
            "CreateStateMachine",
            {"name": "", "definition": "", "roleArn": "r"},
            (
                "2 validation errors detected: Value '' at 'name' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1; Value at 'definition' failed to satisfy constraint: "
                "Member must have length greater than or equal to 1"
            ),
        ),
    ],
)
def test_a_violation_is_named_as_aws_names_it(operation, request_, message):
    assert refused(operation, request_) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"name": 5}, "NUMBER_VALUE can not be converted to a String"),
        ({"name": 1.5}, "DECIMAL_VALUE can not be converted to a String"),
        ({"name": True}, "TRUE_VALUE can not be converted to a String"),
        ({"name": ["a"]}, "START_ARRAY can not be converted to a String"),
        ({"name": {}}, "START_OBJECT can not be converted to a String"),
        ({"name": "a", "tags": {}}, "START_OBJECT can not be converted to a List"),
        ({"name": "a", "tags": ["x"]}, "STRING_VALUE can not be converted to a Structure"),
        ([], "START_ARRAY can not be converted to a Structure"),
        (None, "NULL_VALUE can not be converted to a Structure"),
        ("a", "STRING_VALUE can not be converted to a Structure"),
    ],
)
def test_a_wrong_json_type_is_a_serialization_exception(request_, message):
    assert refused("CreateActivity", request_) == ("SerializationException", message)


def test_nulls_and_unknown_members_are_as_good_as_absent():
    request = {"name": "a", "tags": None, "unknown": [1]}
    assert checker("CreateActivity")(request) == {"name": "a"}


def test_a_whole_float_passes_for_an_integer():
    assert checker("ListActivities")({"maxResults": 5.0}) == {"maxResults": 5}
    assert refused("ListActivities", {"maxResults": 5.5})[0] == "SerializationException"


def test_a_request_that_fits_is_passed_on_as_it_came():
    request = {"stateMachineArn": "arn", "input": json.dumps({"a": 1}), "name": "n"}
    assert checker("StartExecution")(request) is request
