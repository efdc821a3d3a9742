"""TestState through boto3 and the `aws` command, and whatever else may be sent to it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import ROLE, fresh
from wire_server import ask, assemble

from newel.ports.tasks import Failed, Succeeded
from newel.service.test_state.perform import Targets

AWS = Path(sys.executable).with_name("aws")
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f", "Payload.$": "$"},
    "ResultSelector": {"got.$": "$.Payload"},
    "Retry": [{"ErrorEquals": ["Lambda.TooManyRequestsException"], "IntervalSeconds": 2}],
    "Catch": [{"ErrorEquals": ["States.TaskFailed"], "ResultPath": "$.error", "Next": "Sorry"}],
    "Next": "Done",
}


def test_a_mocked_task_with_all_its_steps(sfn):
    answer = sfn.test_state(
        definition=json.dumps(TASK),
        input='{"a": 1}',
        inspectionLevel="DEBUG",
        mock={"result": '{"StatusCode": 200, "Payload": {"b": 2}}'},
    )
    assert (answer["status"], answer["output"], answer["nextState"]) == ("SUCCEEDED", '{"got":{"b":2}}', "Done")
    assert answer["inspectionData"] == {
        "input": '{"a": 1}',
        "afterInputPath": '{"a": 1}',
        "afterParameters": '{"FunctionName":"f","Payload":{"a":1}}',
        "result": '{"StatusCode": 200, "Payload": {"b": 2}}',
        "afterResultSelector": '{"got":{"b":2}}',
        "afterResultPath": '{"got":{"b":2}}',
    }


def test_a_mocked_error_meets_the_handlers(sfn):
    def answer(error, **configuration):
        return sfn.test_state(
            definition=json.dumps(TASK),
            inspectionLevel="DEBUG",
            mock={"errorOutput": {"error": error, "cause": "c"}},
            stateConfiguration=configuration,
        )

    retriable = answer("Lambda.TooManyRequestsException", retrierRetryCount=2)
    assert retriable["status"] == "RETRIABLE"
    assert retriable["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 8}
    caught = answer("Other")
    assert (caught["status"], caught["nextState"]) == ("CAUGHT_ERROR", "Sorry")
    assert json.loads(caught["output"]) == {"error": {"Error": "Other", "Cause": "c"}}


def test_refusals_are_aws_errors(sfn):
    with pytest.raises(sfn.exceptions.ValidationException, match="RoleArn must be specified"):
        sfn.test_state(definition=json.dumps(TASK))
    with pytest.raises(sfn.exceptions.InvalidDefinition, match="/States/StateName"):
        sfn.test_state(definition='{"Type": "Pass"}')
    with pytest.raises(sfn.exceptions.InvalidExecutionInput):
        sfn.test_state(definition='{"Type": "Succeed"}', input="{")
    with pytest.raises(ClientError, match=r"length less than or equal"):
        sfn.test_state(definition='{"Type": "Succeed"}', input='"' + "x" * 262_144 + '"')


def test_a_test_leaves_nothing_behind(sfn):
    before = len(sfn.list_state_machines(maxResults=1000)["stateMachines"])
    sfn.test_state(definition='{"Type": "Succeed"}')
    assert len(sfn.list_state_machines(maxResults=1000)["stateMachines"]) == before


def test_the_aws_command(url, tmp_path):
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))},
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    definition = '{"Type": "Pass", "Parameters": {"b.$": "$.a"}, "Next": "N"}'
    words = [
        "stepfunctions",
        "test-state",
        "--definition",
        definition,
        "--input",
        '{"a": 1}',
        "--inspection-level",
        "DEBUG",
    ]
    # Without the `sync-` that the command puts before a host, which loopback does not have.
    config = tmp_path / "config"
    config.write_text("[default]\n")
    probe = (
        "import sys, botocore.session\n"
        "from awscli.clidriver import create_clidriver\n"
        "import botocore.client\n"
        "real = botocore.config.Config.__init__\n"
        "def init(self, *a, **k):\n    k['inject_host_prefix'] = False\n    real(self, *a, **k)\n"
        "botocore.config.Config.__init__ = init\n"
        "sys.exit(create_clidriver().main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["nextState"], answer["output"]) == ("SUCCEEDED", "N", '{"b":1}')
    assert answer["inspectionData"]["afterParameters"] == '{"b":1}'


# --- whatever is sent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
PATHS = st.sampled_from(
    ["$", "$.a", "$.a[0]", "$.a[*]", "$..b", "$$.Execution.Id", "$v", "$.a.b.c", None, "$$.Task.Token"]
)
REFERENCES = st.sampled_from(["$", "$.a", "$.b[0]", "$.a.b", None])
TEMPLATES = st.sampled_from(
    [
        {"x.$": "$.a"},
        {"x.$": "States.Format('{}', $.a)", "y": [{"z.$": "$$"}]},
        {"x.$": "States.MathRandom(1, 5)"},
        {"x.$": "States.StringToJson($.a)"},
        {"x.$": "States.ArrayGetItem($.a, 0)"},
    ]
)
QUERIES = st.sampled_from(
    [
        "{% $states.input %}",
        "{% $states.input.a %}",
        "{% $states.context %}",
        "{% $v + 1 %}",
        "{% $sum($states.input.a) %}",
        "{% function($x) { $x } %}",
        "{% $uuid() %}",
        "{% 1/0 %}",
        {"deep": ["{% $string($states.input) %}"]},
    ]
)
BRANCH = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
DISTRIBUTED = {**BRANCH, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
ERRORS = st.sampled_from(["States.ALL", "E", "States.TaskFailed", "States.Timeout", "States.Runtime"])
NAMES = st.sampled_from(["E", "States.TaskFailed", "States.Timeout", "States.QueryEvaluationError"])
RETRY = st.lists(st.fixed_dictionaries({"ErrorEquals": st.lists(NAMES, min_size=1, max_size=2)}), max_size=2)
CATCH = st.lists(
    st.fixed_dictionaries({"ErrorEquals": st.lists(NAMES, min_size=1, max_size=1), "Next": st.just("N")}), max_size=2
)
RESOURCES = st.sampled_from(
    [
        FUNCTION,
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::dynamodb:getItem",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:aws:states:::http:invoke",
        "arn:aws:states:us-east-1:000000000000:activity:a",
        "nonsense",
    ]
)
PATH_FIELDS = {"InputPath": PATHS, "OutputPath": PATHS, "ResultPath": REFERENCES, "Parameters": TEMPLATES}
WORK_FIELDS = {**PATH_FIELDS, "ResultSelector": TEMPLATES, "Retry": RETRY, "Catch": CATCH}
MAP_FIELDS = {
    **{key: value for key, value in WORK_FIELDS.items() if key != "Parameters"},
    "ItemsPath": st.sampled_from(["$", "$.a", "$$.Execution.Input"]),
    "ItemSelector": TEMPLATES | st.just({"v.$": "$$.Map.Item.Value"}),
}
QUERY_FIELDS = {"Output": QUERIES | JSON, "Assign": st.fixed_dictionaries({"w": QUERIES})}


def state(kind, required=None, optional=None):
    required = {"Type": st.just(kind), **{key: st.just(value) for key, value in (required or {}).items()}}
    return st.fixed_dictionaries(required, optional=optional or {})


NEXT = {"Next": "N"}
PLAIN = st.one_of(
    state("Pass", NEXT, {**PATH_FIELDS, "Result": JSON, "Assign": st.just({"w.$": "$"})}),
    state("Pass", {**NEXT, "QueryLanguage": "JSONata"}, QUERY_FIELDS),
    RESOURCES.flatmap(lambda arn: state("Task", {**NEXT, "Resource": arn}, WORK_FIELDS)),
    RESOURCES.flatmap(
        lambda arn: state(
            "Task",
            {**NEXT, "Resource": arn, "QueryLanguage": "JSONata"},
            {**QUERY_FIELDS, "Arguments": QUERIES | JSON, "Retry": RETRY, "Catch": CATCH},
        )
    ),
    state("Wait", NEXT, {"SecondsPath": PATHS, "TimestampPath": PATHS}),
    state("Wait", {**NEXT, "Seconds": 0}),
    state("Succeed", {}, {"InputPath": PATHS, "OutputPath": PATHS}),
    state("Fail", {}, {"ErrorPath": PATHS, "Cause": st.text(max_size=5)}),
    state("Choice", {"Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "N"}]}, {"Default": st.just("D")}),
)
WORKING = st.one_of(
    state("Task", {**NEXT, "Resource": FUNCTION}, {**WORK_FIELDS, "TimeoutSecondsPath": REFERENCES}),
    state(
        "Task",
        {**NEXT, "Resource": FUNCTION, "QueryLanguage": "JSONata"},
        {**QUERY_FIELDS, "Arguments": QUERIES | JSON, "Retry": RETRY, "Catch": CATCH, "TimeoutSeconds": QUERIES},
    ),
    state("Parallel", {**NEXT, "Branches": [BRANCH, BRANCH]}, WORK_FIELDS),
    state("Map", {**NEXT, "ItemProcessor": BRANCH}, {**MAP_FIELDS, "MaxConcurrencyPath": REFERENCES}),
    state(
        "Map",
        {**NEXT, "ItemProcessor": DISTRIBUTED},
        {
            **MAP_FIELDS,
            "ToleratedFailureCountPath": REFERENCES,
            "ToleratedFailurePercentage": st.floats(0, 100),
            "ItemBatcher": st.just({"MaxItemsPerBatch": 2}),
            "ItemReader": st.just({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}}),
        },
    ),
    state(
        "Map",
        {**NEXT, "ItemProcessor": BRANCH, "QueryLanguage": "JSONata"},
        {**QUERY_FIELDS, "Items": QUERIES, "ItemSelector": QUERIES, "MaxConcurrency": QUERIES},
    ),
)
TEXT = st.text(max_size=8)
JSON_TEXT = JSON.map(json.dumps)
INPUTS = st.sampled_from(['{"a": [1, 2], "b": {"c": "x"}}', '{"a": 1}', "[[1], {}]", "{}", '"x"']) | JSON_TEXT | TEXT
CONTEXTS = st.sampled_from(["{}", '{"Execution": {"Id": "e"}}', '{"Task": {"Token": "t"}}', "[]"]) | JSON_TEXT
RESULTS = st.sampled_from(["[]", "[1, 2]", '[{"a": 1}, "x"]']) | JSON_TEXT | TEXT
ERROR_OUTPUTS = st.fixed_dictionaries({"error": ERRORS}, optional={"cause": TEXT})
MODES = st.sampled_from(["STRICT", "PRESENT", "NONE"])
MOCKS = st.fixed_dictionaries({"result": RESULTS}, optional={"fieldValidationMode": MODES}) | st.fixed_dictionaries(
    {"errorOutput": ERROR_OUTPUTS}
)
CONFIGURATIONS = st.fixed_dictionaries(
    {},
    optional={
        "retrierRetryCount": st.integers(0, 2000),
        "errorCausedByState": st.just("P"),
        "mapIterationFailureCount": st.integers(0, 2),
        "mapItemReaderData": st.just("[1, 2, 3]") | JSON_TEXT | TEXT,
    },
)
LEVELS = st.sampled_from(["INFO", "DEBUG", "TRACE"])
VARIABLES = st.sampled_from(['{"v": 1}', '{"v": [1]}', "{}"])


STATES = PLAIN | WORKING


def in_machine(node):
    end = "N" if "Next" in json.dumps(node) else "S"
    states = {"S": node, "N": {"Type": "Succeed"}} if end == "N" else {"S": node}
    return {"StartAt": "S", "States": states}


def requests(states, rest):
    """Requests for a state by itself or in a machine."""
    single = states.map(lambda node: {"definition": json.dumps(node)})
    named = states.map(lambda node: {"definition": json.dumps(in_machine(node)), "stateName": "S"})
    more = st.fixed_dictionaries({"inspectionLevel": LEVELS}, optional={"input": INPUTS, "variables": VARIABLES})
    return st.builds(lambda *parts: {k: v for part in parts for k, v in part.items()}, single | named, more, rest)


#: Requests that belong together as AWS wants them: most are run.
UNMOCKED = requests(PLAIN, st.just({"roleArn": ROLE}))
MOCKED = requests(
    WORKING,
    st.fixed_dictionaries(
        {"mock": MOCKS}, optional={"context": st.just('{"State": {}}'), "stateConfiguration": CONFIGURATIONS}
    ),
)
#: Any members with any values.
ODD = st.fixed_dictionaries(
    {"definition": STATES.map(json.dumps) | JSON_TEXT | TEXT},
    optional={
        "input": INPUTS,
        "roleArn": st.just(ROLE) | TEXT,
        "inspectionLevel": LEVELS,
        "revealSecrets": st.booleans(),
        "variables": VARIABLES | JSON_TEXT,
        "stateName": st.sampled_from(["S", "N", "P", "Nobody"]),
        "mock": st.fixed_dictionaries({}, optional={"result": RESULTS, "errorOutput": ERROR_OUTPUTS | st.just({})}),
        "context": CONTEXTS,
        "stateConfiguration": CONFIGURATIONS,
    },
)


class Anything:
    """A target that answers by what it was asked."""

    async def run(self, request, events):
        if "1" in request.parameters:
            return Failed("E", "cause")
        return Succeeded(request.parameters)


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("fuzz"), test_targets=Targets(lambda resource: Anything())).app


@settings(max_examples=600, deadline=None)
@given(UNMOCKED | MOCKED | ODD)
def test_any_request_gets_an_answer_or_an_aws_error(app, request_):
    status, _, body = ask(app, json.dumps(request_).encode(), target="AWSStepFunctions.TestState")
    answer = json.loads(body)
    if status == 400:
        assert answer["__type"] in (
            "InvalidDefinition",
            "InvalidArn",
            "InvalidExecutionInput",
            "ValidationException",
        ), answer
        assert answer["message"]
        return
    assert status == 200, (status, answer)
    assert answer["status"] in ("SUCCEEDED", "FAILED", "RETRIABLE", "CAUGHT_ERROR")
    assert ("output" in answer) == (answer["status"] in ("SUCCEEDED", "CAUGHT_ERROR"))
    assert ("error" in answer) >= (answer["status"] in ("RETRIABLE", "CAUGHT_ERROR"))
    assert ("inspectionData" in answer) == (request_.get("inspectionLevel", "INFO") != "INFO")
    for name in ("output", *answer.get("inspectionData", {})):
        value = answer.get(name) or answer.get("inspectionData", {}).get(name)
        if isinstance(value, str):
            json.loads(value)


def test_a_mocked_execution_keeps_its_test_case(tmp_path):
    """`#` in an ARN is a matter of the service: the wire lets it through."""
    parts = assemble(tmp_path)
    body = {"stateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{fresh()}#Case"}
    status, _, answer = ask(parts.app, json.dumps(body).encode(), target="AWSStepFunctions.StartExecution")
    assert (status, json.loads(answer)["__type"]) == (400, "StateMachineDoesNotExist")
