"""Definitions and names that several wire tests use."""

import json
import uuid

ROLE = "arn:aws:iam::000000000000:role/worker"
ENDS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"done": True}, "End": True}}})
OTHER = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
WAITS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 3600, "End": True}}})
FAILS = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "Oops", "Cause": "because"}}})


def fresh(prefix="machine"):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def create(sfn, definition=ENDS, **more):
    return sfn.create_state_machine(**{"name": fresh(), "definition": definition, "roleArn": ROLE, **more})


def refusal(call, **request):
    """(code, message) of the error that a call gives."""
    try:
        answer = call(**request)
    except Exception as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    raise AssertionError(f"no error but {answer}")
