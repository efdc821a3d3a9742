"""Mocked results against the models of the APIs they stand for."""

import asyncio

import pytest

from newel.errors import ValidationError
from newel.language.resource import parse_resource
from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES
from newel.service.test_state.schemas import check_result, schema_of

RESOURCES = [
    f"arn:aws:states:::{service}:{action}{PATTERN_SUFFIXES[pattern]}"
    for service, actions in OPTIMIZED.items()
    for action, patterns in actions.items()
    for pattern in sorted(patterns)
]
UNMODELLED = ("http:invoke", "apigateway:invoke", "eks:call", "eks:runJob")
#: Operations that answer with nothing.
EMPTY = (
    "elasticmapreduce:terminateCluster",
    "elasticmapreduce:setClusterTerminationProtection",
    "elasticmapreduce:modifyInstanceFleetByName",
    "elasticmapreduce:modifyInstanceGroupByName",
)


def schema(resource):
    return asyncio.run(schema_of(parse_resource(resource)))


def problem(resource, result, *, strict=True):
    try:
        check_result(result, schema(resource), strict=strict)
    except ValidationError as error:
        return error.message.removeprefix("Mock result schema validation error: ")
    return None


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_optimized_integration_has_its_model(resource):
    found = schema(resource)
    action = resource.removeprefix("arn:aws:states:::")
    unmodelled = action.startswith(UNMODELLED) or ".waitForTaskToken" in action
    assert (found is None) == (unmodelled or action in EMPTY)
    if found is not None:
        check_result({}, found, strict=False)


@pytest.mark.parametrize(
    ("resource", "member"),
    [
        ("states:startExecution.sync:2", "Status"),
        ("states:startExecution.sync", "Status"),
        ("batch:submitJob.sync", "Jobs"),
        ("glue:startJobRun.sync", "JobRun"),
        ("ecs:runTask.sync", "Failures"),
        ("elasticmapreduce:createCluster.sync", "Cluster"),
        ("emr-serverless:createApplication.sync", "Application"),
        ("athena:startQueryExecution.sync", "QueryExecution"),
    ],
)
def test_a_job_is_checked_against_what_polls_it(resource, member):
    assert problem(f"arn:aws:states:::{resource}", {member: True}, strict=False) is not None
    if not resource.startswith("ecs"):  # both of its operations tell of tasks
        plain = f"arn:aws:states:::{resource.partition('.')[0]}"
        assert problem(plain, {member: True}, strict=False) is None


PUT_EVENTS = "arn:aws:states:::events:putEvents"
GET_OBJECT = "arn:aws:states:::aws-sdk:s3:getObject"
GET_FUNCTION = "arn:aws:states:::aws-sdk:lambda:getFunction"
START = "arn:aws:states:::states:startExecution"


@pytest.mark.parametrize(
    ("resource", "result", "message"),
    [
        (PUT_EVENTS, {"Entries": "x"}, "Field 'Entries' must be an array"),
        (PUT_EVENTS, {"Entries": [1]}, "Field 'Entries' must be an object"),
        (PUT_EVENTS, {"Entries": [{"EventId": "a"}, {"EventId": ["b"]}]}, "Field 'EventId' must be a string"),
        (PUT_EVENTS, {"FailedEntryCount": "1"}, "Field 'FailedEntryCount' must be a number"),
        (PUT_EVENTS, {"FailedEntryCount": True}, "Field 'FailedEntryCount' must be a number"),
        (PUT_EVENTS, {"Entries": None, "Unknown": 1}, None),
        (GET_OBJECT, {"StorageClass": "Papyrus"}, "Field 'StorageClass' is not an expected value"),
        (GET_OBJECT, {"DeleteMarker": "true"}, "Field 'DeleteMarker' must be a boolean"),
        (GET_OBJECT, {"Metadata": []}, "Field 'Metadata' must be an object"),
        (GET_OBJECT, {"Metadata": {"a": 1}}, "Field 'Metadata' must be a string"),
        (GET_FUNCTION, {"Configuration": {"MemorySize": 127}}, "Field 'MemorySize' is less than the minimum value"),
        (GET_FUNCTION, {"Configuration": {"MemorySize": 10**9}}, "Field 'MemorySize' exceeds the maximum value"),
        (START, {}, "Required field 'ExecutionArn' is missing"),
        (START, {"ExecutionArn": "a"}, "Required field 'StartDate' is missing"),
        (START, {"ExecutionArn": "", "StartDate": "x"}, "Field 'ExecutionArn' is smaller than the minimum length"),
        (START, {"ExecutionArn": "a" * 257, "StartDate": "x"}, "Field 'ExecutionArn' exceeds the maximum length"),
        (START, {"ExecutionArn": "a", "StartDate": 1}, "Field 'StartDate' must be a string"),
        ("arn:aws:states:::lambda:invoke", {"Payload": {"any": [1]}}, None),
        ("arn:aws:states:::bedrock:invokeModel", {"Body": {"any": 1}, "ContentType": "x"}, None),
    ],
)
def test_results_must_conform(resource, result, message):
    assert problem(resource, result) == message


def test_only_strict_asks_for_what_is_required():
    assert problem(START, {}, strict=False) is None


def test_parsed_members_of_a_nested_execution():
    result = {"Input": {"a": 1}, "Output": [1]}
    assert problem(f"{START}.sync:2", result, strict=False) is None
    assert problem(f"{START}.sync", result, strict=False) == "Field 'Input' must be a string"


def test_an_action_nobody_has_is_not_checked():
    assert schema("arn:aws:states:::aws-sdk:nosuch:thing") is None
    assert schema("arn:aws:states:::aws-sdk:s3:noSuchThing") is None
    assert schema("arn:aws:lambda:us-east-1:123456789012:function:f") is None
