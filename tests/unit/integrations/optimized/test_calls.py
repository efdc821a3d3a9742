"""Every action of the table, against botocore's models: what it sends is valid, and what it shows is the answer."""

from pathlib import Path

import pytest

from integrations.fakes import request
from newel.integrations.aws.models import service_model
from newel.integrations.optimized.calls_table import OPERATIONS
from newel.integrations.optimized.operations import OperationAction
from newel.integrations.optimized.targets import service_targets
from newel.json import dumps, loads
from newel.language.parameters import PARAMETERS
from newel.language.service_parameters import SUPPORTED
from newel.language.services import OPTIMIZED
from newel.ports.aws import AwsError
from newel.ports.tasks import Failed, Succeeded

from .caller import Caller, sample

CODED = {
    "apigateway:invoke",
    "bedrock:invokeModel",
    "ecs:runTask",
    "eks:call",
    "eks:runJob",
    "elasticmapreduce:modifyInstanceFleetByName",
    "elasticmapreduce:modifyInstanceGroupByName",
    "events:putEvents",
    "sns:publish",
    "sqs:sendMessage",
}
ELSEWHERE = {"http:invoke", "lambda:invoke", "states:startExecution"}


def token_of(operation) -> str | None:
    """The name of an action's idempotency token as a definition has it."""
    return operation.once_by and operation.once_by[0].upper() + operation.once_by[1:]


def resource(name: str) -> str:
    return f"arn:aws:states:::{name}"


def given_for(name: str) -> dict:
    """Parameters for an action, as a definition gives them: each supported one, with a value of its type."""
    operation = OPERATIONS[name]
    shape = service_model(operation.service.id).operation_model(operation.name).input_shape
    members = {member[0].upper() + member[1:]: member_shape for member, member_shape in shape.members.items()}
    given = {}
    for field in PARAMETERS[name]:
        target = operation.renamed.get(field.name, field.name)
        value_shape = members[target.removesuffix("[]")]
        value = shown(value_shape.member if target.endswith("[]") else value_shape)
        if field.name != token_of(operation):
            given[field.name] = value
    return given


def shown(shape):
    """A sample as JSON with capital member names."""
    return _json(sample(shape), shape)


def _json(value, shape):
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        return {name[0].upper() + name[1:]: _json(item, shape.members[name]) for name, item in value.items()}
    if shape.type_name == "list":
        return [_json(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: _json(item, shape.value) for key, item in value.items()}
    return "YmxvYg==" if isinstance(value, bytes) else value


def test_every_action_of_the_developer_guide_has_a_row_or_code():
    actions = {f"{service}:{action}" for service, actions in OPTIMIZED.items() for action in actions}
    assert OPERATIONS.keys() | CODED | ELSEWHERE == actions


def test_every_action_has_a_table_of_parameters():
    assert PARAMETERS.keys() - ELSEWHERE == OPERATIONS.keys() | CODED


def test_every_action_is_in_the_reference():
    text = (Path(__file__).parents[4] / "docs/reference/integrations.md").read_text()
    assert not [name for name in OPERATIONS.keys() | CODED if f"| `{name}` |" not in text]


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_the_parameters_are_members_of_the_request(name):
    operation = OPERATIONS[name]
    shape = service_model(operation.service.id).operation_model(operation.name).input_shape
    members = {member[0].upper() + member[1:] for member in shape.members}
    fields = {operation.renamed.get(field.name, field.name).removesuffix("[]") for field in PARAMETERS[name]}
    assert fields <= members
    required = {member[0].upper() + member[1:] for member in shape.required_members} - {token_of(operation)}
    asked = {
        operation.renamed.get(field.name, field.name).removesuffix("[]") for field in PARAMETERS[name] if field.required
    }
    assert required <= asked


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_an_action_sends_what_its_model_takes_and_shows_the_answer(name):
    operation = OPERATIONS[name]
    model = service_model(operation.service.id).operation_model(operation.name)
    answer = sample(model.output_shape) if model.output_shape else {}
    caller = Caller({operation.name: [answer]})
    given = given_for(name)
    targets = service_targets(caller)
    outcome = await targets[name].run(request(resource(name), dumps(given)), None)
    assert isinstance(outcome, Succeeded), outcome
    (sent,) = caller.sent(operation.name)
    assert all(value is not None for value in sent.values())
    if operation.once_by:
        assert len(sent[operation.once_by]) == 36
    output = loads(outcome.output)
    metadata = {"SdkHttpMetadata", "SdkResponseMetadata"} if operation.service.metadata else set()
    assert metadata <= output.keys()
    assert list(output) == sorted(output)
    if not operation.output:
        assert output.keys() - metadata == {member[0].upper() + member[1:] for member in answer}


@pytest.mark.parametrize("name", sorted(OPERATIONS))
async def test_what_a_service_refuses_is_named_as_the_sdk_names_it(name):
    service = OPERATIONS[name].service
    refusal = AwsError("SomethingNew", "Not so.", status=400, request_id="req-7")
    caller = Caller({OPERATIONS[name].name: [refusal]})
    outcome = await service_targets(caller)[name].run(request(resource(name), dumps(given_for(name))), None)
    assert outcome == Failed(
        f"{service.prefix}.{service.base}",
        f"Not so. (Service: {service.sdk}; Status Code: 400; Error Code: SomethingNew; Request ID: req-7; Proxy: null)",
    )


async def test_an_attempt_issued_again_has_the_same_token_and_another_attempt_another():
    caller = Caller({"RunTask": [{"tasks": [], "failures": []}]})
    target = service_targets(caller)["ecs:runTask"]
    for key in ("a/1", "a/1", "a/2"):
        await target.run(request(resource("ecs:runTask"), '{"TaskDefinition":"t"}', idempotency_key=key), None)
    first, again, other = (parameters["clientToken"] for parameters in caller.sent("RunTask"))
    assert first == again != other


async def test_a_token_that_is_given_is_kept():
    caller = Caller({"StartQueryExecution": [{"QueryExecutionId": "q"}]})
    text = dumps({"QueryString": "SELECT 1", "ClientRequestToken": "t" * 32})
    await service_targets(caller)["athena:startQueryExecution"].run(
        request(resource("athena:startQueryExecution"), text), None
    )
    assert caller.sent("StartQueryExecution")[0]["ClientRequestToken"] == "t" * 32


async def test_times_are_epoch_milliseconds_and_null_parameters_are_absent():
    from datetime import UTC, datetime

    caller = Caller(
        {
            "GetQueryExecution": [
                {
                    "QueryExecution": {
                        "Status": {"SubmissionDateTime": datetime(2026, 8, 24, 3, 31, 34, 123000, tzinfo=UTC)}
                    }
                }
            ]
        }
    )
    action = OperationAction(OPERATIONS["athena:getQueryExecution"], caller)
    output = loads(await action.call(request(resource("athena:getQueryExecution"), '{"QueryExecutionId":"q"}')))
    assert output["QueryExecution"] == {"Status": {"SubmissionDateTime": 1787542294123}}


async def test_an_unknown_nested_parameter_is_refused_in_awss_words():
    caller = Caller()
    text = '{"TaskDefinition":"t","NetworkConfiguration":{"Nope":1}}'
    outcome = await service_targets(caller)["ecs:runTask"].run(request(resource("ecs:runTask"), text), None)
    assert outcome == Failed(
        "States.Runtime",
        f"The Parameters '{text}' could not be used to start the Task: "
        '[The field "Nope" is not supported by Step Functions]',
    )


async def test_no_answer_is_an_error_of_the_client():
    caller = Caller({"PutItem": [AwsError("SdkClientException", "no route", connection=True)]})
    text = '{"TableName":"ttt","Item":{"id":{"S":"1"}}}'
    outcome = await service_targets(caller)["dynamodb:putItem"].run(request(resource("dynamodb:putItem"), text), None)
    assert isinstance(outcome, Failed)
    assert outcome.error == "DynamoDB.SdkClientException"


def test_the_table_of_parameters_names_each_once():
    for names in SUPPORTED.values():
        assert len(names.split()) == len(set(names.replace("*", "").split()))
