"""AWS SDK integrations that do not exist are refused at the door."""

import json

import pytest
from botocore.exceptions import ClientError
from machines import create

KNOWN, UNKNOWN = "arn:aws:states:::aws-sdk:s3:listBuckets", "arn:aws:states:::aws-sdk:s3:dance"
MESSAGE = (
    f"The resource provided {UNKNOWN} is not recognized. The value is not a valid resource ARN, or the resource is "
    "not available in this region."
)
LOCATION = "/States/T/Resource"


def calls(resource):
    task = {"Type": "Task", "Resource": resource, "Parameters": {}, "End": True}
    return json.dumps({"StartAt": "T", "States": {"T": task}})


def message(error):
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


INVALID = (
    "InvalidDefinition",
    f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {MESSAGE} at {LOCATION}'",
)


def test_when_a_machine_is_created(sfn):
    with pytest.raises(ClientError) as error:
        create(sfn, calls(UNKNOWN))
    assert message(error) == INVALID


def test_when_a_machine_is_updated(sfn):
    arn = create(sfn, calls(KNOWN))["stateMachineArn"]
    with pytest.raises(ClientError) as error:
        sfn.update_state_machine(stateMachineArn=arn, definition=calls(UNKNOWN))
    assert message(error) == INVALID


def test_when_a_definition_is_validated(sfn):
    found = sfn.validate_state_machine_definition(definition=calls(UNKNOWN))
    assert found["result"] == "FAIL"
    assert found["diagnostics"] == [
        {"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": MESSAGE, "location": LOCATION}
    ]
    assert sfn.validate_state_machine_definition(definition=calls(KNOWN))["result"] == "OK"
