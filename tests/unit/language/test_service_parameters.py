"""The parameters of optimized integrations: what is refused before anything is called."""

import pytest

from newel.errors import RuntimeFailure
from newel.json import dumps
from newel.language.parameters import PARAMETERS, check_parameters

API = {"ApiEndpoint": "h", "Method": "GET"}


def problems(action: str, given: dict) -> str:
    text = dumps(given)
    with pytest.raises(RuntimeFailure) as raised:
        check_parameters(text, PARAMETERS[action])
    prefix = f"The Parameters '{text}' could not be used to start the Task: ["
    assert raised.value.cause.startswith(prefix)
    return raised.value.cause.removeprefix(prefix).removesuffix("]")


@pytest.mark.parametrize(
    ("action", "given", "words"),
    [
        (
            "sqs:sendMessage",
            {"QueueUrl": "q", "MessageBody": "b", "MessageSystemAttributes": {}},
            "MessageSystemAttributes",
        ),
        ("sns:publish", {"Message": "m", "message": "m"}, "message"),
        ("glue:startJobRun", {"JobName": "j", "Jobname": "j"}, "Jobname"),
        ("elasticmapreduce:createCluster", {"Name": "c", "Instances": {}, "Steps": []}, "Steps"),
        ("apigateway:invoke", {**API, "Host": "x"}, "Host"),
    ],
)
def test_an_unknown_parameter_is_refused(action, given, words):
    assert problems(action, given) == f'The field "{words}" is not supported by Step Functions'


@pytest.mark.parametrize(
    ("action", "given", "missing"),
    [
        ("sqs:sendMessage", {"MessageBody": "b"}, ["QueueUrl"]),
        ("dynamodb:putItem", {"TableName": None}, ["Item", "TableName"]),
        ("ecs:runTask", {}, ["TaskDefinition"]),
        ("apigateway:invoke", {}, ["ApiEndpoint", "Method"]),
        ("eks:call", {"ClusterName": "c", "CertificateAuthority": "", "Endpoint": "e"}, ["Method", "Path"]),
        ("elasticmapreduce:addStep", {"ClusterId": "j"}, ["Step"]),
    ],
)
def test_a_required_parameter_is_asked_for(action, given, missing):
    assert problems(action, given) == ", ".join(f"The field '{name}' is required but was missing" for name in missing)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Headers", {"custom_header": "singleStringHeader"}),
        ("Headers", ["x"]),
        ("QueryParameters", {"a": 1}),
        ("AllowNullValues", "yes"),
        ("Stage", 1),
    ],
)
def test_a_value_of_another_kind_is_refused(name, value):
    assert (
        problems("apigateway:invoke", {**API, name: value}) == f"The value of the field '{name}' has an invalid format"
    )


@pytest.mark.parametrize(("name", "value"), [("Method", "TRACE"), ("AuthType", "BASIC")])
def test_a_value_that_is_not_offered_is_refused(name, value):
    assert f"but was '{value}'" in problems("apigateway:invoke", {**API, name: value})


@pytest.mark.parametrize(
    ("action", "given"),
    [
        ("sqs:sendMessage", {"QueueUrl": "q", "MessageBody": None}),
        ("sqs:sendMessage", {"QueueUrl": "q", "MessageBody": {"a": 1}, "DelaySeconds": "5"}),
        (
            "apigateway:invoke",
            {**API, "Headers": {"a": ["b"], "c": None}, "AllowNullValues": True, "RequestBody": None},
        ),
        ("ecs:runTask", {"TaskDefinition": "t", "EnableECSManagedTags": True, "NetworkConfiguration": {}}),
    ],
)
def test_what_aws_takes_is_taken(action, given):
    assert check_parameters(dumps(given), PARAMETERS[action]).keys() <= given.keys()
