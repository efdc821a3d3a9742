import asyncio
import json
from dataclasses import dataclass, field

import pytest

from integrations.fakes import ACCOUNT, REGION, request
from newel.integrations.aws.client import AnswerTooLarge
from newel.integrations.aws.credentials import RoleRefusedError
from newel.integrations.aws.sdk_target import sdk_targets
from newel.integrations.registry import Registry, Unsupported
from newel.language.resource import Resource, parse_resource
from newel.ports.aws import AwsAnswer, AwsError
from newel.ports.tasks import Failed, Succeeded

TOO_LARGE = (
    "The state/task 'aws-sdk:s3' returned a result with a size exceeding the maximum number of bytes service limit."
)
ROLE = "arn:aws:iam::210987654321:role/other"


@dataclass
class Caller:
    """Answers every call with `result`, or raises it."""

    result: dict | Exception = field(default_factory=dict)
    calls: list = field(default_factory=list)

    async def call(self, service, operation, parameters, **options):
        self.calls.append((service, operation, parameters, options))
        if isinstance(self.result, Exception):
            raise self.result
        return AwsAnswer(result=self.result, status=200, headers={}, request_id="r")


def perform(caller, name, parameters, events, **changes):
    text = f"arn:aws:states:::aws-sdk:{name}"
    target = sdk_targets(caller)(parse_resource(text))
    return asyncio.run(target.run(request(text, json.dumps(parameters), **changes), events))


def test_a_call_and_its_answer(events):
    caller = Caller({"startDate": None, "executionArn": "e"})
    outcome = perform(caller, "sfn:startExecution", {"StateMachineArn": "m", "Input": {"a": 1}}, events)
    assert outcome == Succeeded('{"ExecutionArn":"e"}')
    options = {"account": ACCOUNT, "region": REGION, "role_arn": None}
    assert caller.calls == [("stepfunctions", "StartExecution", {"stateMachineArn": "m", "input": '{"a":1}'}, options)]


def test_a_callback_is_reported_and_awaited(events):
    caller = Caller({})
    outcome = perform(caller, "dynamodb:putItem.waitForTaskToken", {"TableName": "t", "Item": {}}, events)
    assert outcome is None
    assert events.reports == [("{}", None)]


def test_a_refused_callback_was_not_submitted(events):
    caller = Caller(AwsError("ResourceNotFoundException", "no", status=400, request_id="r"))
    outcome = perform(caller, "dynamodb:putItem.waitForTaskToken", {"TableName": "t", "Item": {}}, events)
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.kind) == ("DynamoDb.ResourceNotFoundException", "SUBMIT_FAILED")
    assert events.reports == []


@pytest.mark.parametrize(
    ("name", "error", "cause"),
    [
        (
            "dynamodb:listTables",
            AwsError("InternalServerError", "broken", status=500, request_id="r"),
            ("DynamoDb.InternalServerErrorException", "broken (Service: DynamoDb, Status Code: 500, Request ID: r)"),
        ),
        (
            "s3:listBuckets",
            AwsError("NoSuchBucket", "gone", status=404, request_id="r", extended_request_id="x"),
            (
                "S3.NoSuchBucketException",
                "gone (Service: S3, Status Code: 404, Request ID: r, Extended Request ID: x)",
            ),
        ),
        (
            "s3:listBuckets",
            AwsError("404", "", status=404),
            ("S3.S3Exception", "null (Service: S3, Status Code: 404, Request ID: null, Extended Request ID: null)"),
        ),
        (
            "cloudwatchlogs:describeLogGroups",
            AwsError("SdkClientException", "Unable to execute HTTP request: Read timed out", connection=True),
            ("CloudWatchLogs.SdkClientException", "Unable to execute HTTP request: Read timed out"),
        ),
        (
            "s3:listBuckets",
            AnswerTooLarge(),
            (
                "States.DataLimitExceeded",
                TOO_LARGE,
            ),
        ),
    ],
)
def test_failures(events, name, error, cause):
    assert perform(Caller(error), name, {}, events) == Failed(*cause)


def test_a_role_that_may_not_be_assumed(events):
    refusal = RoleRefusedError(ROLE, AwsError("AccessDenied", "no", status=403))
    outcome = perform(Caller(refusal), "s3:listBuckets", {}, events, credentials_role_arn=ROLE)
    cause = f"The role arn:aws:iam::{ACCOUNT}:role/r is not authorized to assume the task state's role, {ROLE}."
    assert outcome == Failed("States.TaskFailed", cause)


def test_the_role_is_passed_on(events):
    caller = Caller({})
    perform(caller, "s3:listBuckets", {}, events, credentials_role_arn=ROLE)
    assert caller.calls[0][3]["role_arn"] == ROLE


@pytest.mark.parametrize(
    ("parameters", "problem"),
    [
        ({"Nope": 1}, 'The field "Nope" is not supported by Step Functions'),
        ({"MaxBuckets": "many"}, "The value of the field 'MaxBuckets' has an invalid format"),
        ([], "The value must be a JSON object"),
    ],
)
def test_parameters_that_do_not_fit(events, parameters, problem):
    caller = Caller({})
    cause = f"The Parameters '{json.dumps(parameters)}' could not be used to start the Task: [{problem}]"
    assert perform(caller, "s3:listBuckets", parameters, events) == Failed("States.Runtime", cause)
    assert caller.calls == []


def test_what_the_client_refuses(events):
    outcome = perform(Caller(ValueError("Key cannot be empty.")), "s3:listBuckets", {}, events)
    cause = "The Parameters '{}' could not be used to start the Task: [Key cannot be empty.]"
    assert outcome == Failed("States.Runtime", cause)


def test_a_tasks_token_stays_the_same_for_the_same_attempt(events):
    caller = Caller({})
    create = {"Name": "n", "SecretString": "s"}
    for _ in range(2):
        perform(caller, "secretsmanager:createSecret", create, events)
    perform(caller, "secretsmanager:createSecret", create, events, idempotency_key="another")
    perform(caller, "secretsmanager:createSecret", {**create, "ClientRequestToken": "mine"}, events)
    tokens = [parameters["ClientRequestToken"] for _, _, parameters, _ in caller.calls]
    assert tokens[0] == tokens[1] != tokens[2]
    assert tokens[3] == "mine"


@pytest.mark.parametrize("name", ["nothing:doIt", "s3:dance", "sts:assumeRole"])
def test_what_does_not_exist_fails(events, name):
    outcome = perform(Caller({}), name, {}, events)
    assert isinstance(outcome, Failed)
    assert outcome.error == "States.Runtime"
    assert f"aws-sdk:{name} is not recognized" in outcome.cause


def test_only_aws_sdk_resources_are_found():
    registry = Registry(Unsupported(), {}, sdk_targets(Caller({})))
    sdk: Resource = parse_resource("arn:aws:states:::aws-sdk:s3:getObject")
    assert not isinstance(registry(sdk), Unsupported)
    assert sdk_targets(Caller({}))(parse_resource("arn:aws:states:::sqs:sendMessage")) is None
