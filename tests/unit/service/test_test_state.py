"""What TestState accepts, refuses and answers."""

import asyncio
import json

import pytest

from newel.errors import ServiceError
from newel.integrations.http_task.messages import Exchange, HttpRequest, HttpResponse
from newel.ports.tasks import Failed, Succeeded

from .state_tests import MAP, PARALLEL, PUT_EVENTS, ROLE, Target, answer_to, mocked

INVOKE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "f"},
    "Next": "N",
}
SYNC = {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2", "End": True}
TOKEN = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True}
ACTIVITY = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "End": True}
START = {**SYNC, "Parameters": {"StateMachineArn": "a"}}
QUEUE = {**TOKEN, "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"}}
MACHINE = {
    "StartAt": "A",
    "States": {
        "A": {"Type": "Pass", "Next": "M"},
        "M": {
            "Type": "Map",
            "ItemProcessor": {"StartAt": "In", "States": {"In": {"Type": "Pass", "End": True}}},
            "Next": "L",
        },
        "L": {
            **PARALLEL,
            "Branches": [
                {"StartAt": "X", "States": {"X": {"Type": "Pass", "Parameters": {"c.$": "$$"}, "End": True}}},
            ],
        },
    },
}


def refused(definition, **request):
    with pytest.raises(ServiceError) as refusal:
        answer_to(definition, **request)
    return refusal.value.code, refusal.value.message


def test_an_unmocked_task_calls_its_target():
    target = Target(Succeeded('{"StatusCode": 200}'))
    answer = answer_to(INVOKE, target, roleArn=ROLE, input={"a": 1}, inspectionLevel="DEBUG")
    assert (answer["status"], answer["output"], answer["nextState"]) == ("SUCCEEDED", '{"StatusCode": 200}', "N")
    (request,) = target.asked
    assert (request.parameters, request.role_arn, request.account) == ('{"FunctionName":"f"}', ROLE, "123456789012")
    assert (request.region, request.state_name, request.task_id) == ("eu-west-1", "StateName", 1)


def test_credentials_are_handed_on():
    target = Target()
    answer_to({**INVOKE, "Credentials": {"RoleArn": "arn:aws:iam::2:role/x"}}, target, roleArn=ROLE)
    assert target.asked[0].credentials_role_arn == "arn:aws:iam::2:role/x"


def test_an_error_of_the_target_meets_the_handlers():
    state = {**INVOKE, "Catch": [{"ErrorEquals": ["Lambda.X"], "Next": "Sorry"}]}
    answer = answer_to(state, Target(Failed("Lambda.X", "why")), roleArn=ROLE, inspectionLevel="DEBUG")
    assert (answer["status"], answer["nextState"], answer["error"]) == ("CAUGHT_ERROR", "Sorry", "Lambda.X")
    assert answer["inspectionData"]["errorDetails"] == {"catchIndex": 0}


def test_a_target_with_a_bug_fails_the_task(caplog):
    async def explode():
        raise KeyError("bug")

    answer = answer_to(INVOKE, Target(work=explode), roleArn=ROLE)
    assert answer["error"] == "Newel.InternalError"
    assert "failed in a test" in caplog.text


def test_a_target_that_answers_no_json_fails_the_task():
    assert answer_to(INVOKE, Target(Succeeded("nope")), roleArn=ROLE)["error"] == "States.Runtime"


def test_a_task_has_its_own_time_limit(monkeypatch):
    class Soon:
        def __init__(self):
            self.ms = 1_700_000_000_000

        def now_ms(self):
            self.ms += 400  # time flies, so that a second is over at once
            return self.ms

    async def never():
        await asyncio.Event().wait()

    state = {**INVOKE, "TimeoutSeconds": 1, "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]}
    answer = answer_to(state, Target(work=never), Soon(), roleArn=ROLE)
    assert (answer["status"], answer["nextState"]) == ("CAUGHT_ERROR", "Late")


def test_a_test_ends_after_five_minutes():
    answer = answer_to({"Type": "Wait", "Seconds": 301, "Next": "N"})
    assert answer == {"status": "FAILED", "error": "States.Timeout"}
    assert answer_to({"Type": "Wait", "Seconds": 299, "Next": "N"})["nextState"] == "N"


def test_a_task_needs_a_role_unless_mocked():
    assert refused(INVOKE) == ("ValidationException", "RoleArn must be specified when testing a Task state")
    assert mocked(INVOKE, {})["status"] == "SUCCEEDED"
    assert refused(INVOKE, roleArn="nope")[0] == "InvalidArn"


@pytest.mark.parametrize("state", [MAP, PARALLEL])
def test_maps_and_parallels_need_a_mock(state):
    words = (
        "TestState API does not support Map or Parallel states. Supported state types include: "
        "[Task, Wait, Pass, Succeed, Fail, Choice]"
    )
    assert refused(state) == ("InvalidDefinition", words)


@pytest.mark.parametrize("state", [START, QUEUE, ACTIVITY])
def test_what_would_be_waited_for_needs_a_mock(state):
    code, message = refused(state, roleArn=ROLE)
    assert code == "InvalidDefinition"
    assert message.endswith("when a mock is not specified.")


def test_an_activity_and_a_callback_take_any_result():
    assert mocked(ACTIVITY, [1])["output"] == "[1]"
    answer = mocked(QUEUE, "done", inspectionLevel="DEBUG")
    assert answer["output"] == '"done"'
    assert len(json.loads(answer["inspectionData"]["afterParameters"])["MessageBody"]) > 10


@pytest.mark.parametrize("state", [{"Type": "Pass", "End": True}, {"Type": "Succeed"}, {"Type": "Fail"}])
def test_other_states_take_no_mock(state):
    message = f"State type '{state['Type']}' is not supported when a mock is specified"
    assert refused(state, mock={"result": "{}"}) == ("ValidationException", message)


ONE_OF = "A test mock should have only one of the following fields: [result, errorOutput]."
REVEAL = "TestState does not support RevealSecrets when a mock is specified."


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"mock": {"result": "{}", "errorOutput": {"error": "E"}}}, ONE_OF),
        ({"mock": {}}, ONE_OF),
        ({"mock": {"fieldValidationMode": "NONE"}}, ONE_OF),
        ({"mock": {"result": "{}"}, "revealSecrets": True}, REVEAL),
        ({"mock": {"errorOutput": {"cause": "c"}}}, "Mocked error output must have an error."),
        ({"mock": {"result": "{"}}, "Mocked result must be valid JSON"),
        ({"mock": {"result": "[]"}}, "Mocked result must be a JSON object."),
        ({"context": "{}"}, "TestState does not support Context when a mock is not specified."),
        (
            {"stateConfiguration": {"mapIterationFailureCount": 0}},
            "TestState does not support MapIterationFailureCount when a mock is not specified.",
        ),
        (
            {"stateConfiguration": {"retrierRetryCount": 1}},
            "TestState does not support RetrierRetryCount when a mock is not specified.",
        ),
        (
            {"mock": {"result": "{}"}, "stateConfiguration": {"mapItemReaderData": "[]"}},
            "TestState supports MapItemReaderData only for Map states.",
        ),
        (
            {"mock": {"result": "{}"}, "stateConfiguration": {"errorCausedByState": "X"}},
            "TestState supports ErrorCausedByState only for Map or Parallel states.",
        ),
        ({"mock": {"result": "{}"}, "variables": "["}, "Variables must be valid JSON"),
        ({"mock": {"result": "{}"}, "variables": "[]"}, "Variables must be a JSON object."),
    ],
)
def test_what_does_not_go_together_is_refused(request_, message):
    assert refused(PUT_EVENTS, **request_) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("state", "result", "message"),
    [
        (MAP, {}, "Mocked result must be an array."),
        (PARALLEL, {}, "Mocked result must be an array."),
        (
            PARALLEL,
            [1, 2],
            "Mocked result must contain the same number of items as number of Parallel branches.",
        ),
        (
            {**MAP, "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "b"}}},
            [],
            "Mocked result must be a JSON object.",
        ),
    ],
)
def test_results_of_maps_and_parallels_have_a_shape(state, result, message):
    with pytest.raises(ServiceError) as refusal:
        mocked(state, result, input=[])
    assert refusal.value.message == message


def test_no_more_iterations_can_fail_than_there_are():
    request = {"input": [1, 2], "mock": {"result": "[]"}}
    assert refused(MAP, **request, stateConfiguration={"mapIterationFailureCount": 3}) == (
        "ValidationException",
        "Map iteration failure count must be less than or equal to the number of Map iterations",
    )
    assert answer_to(MAP, **request, stateConfiguration={"mapIterationFailureCount": 2})["status"] == "SUCCEEDED"


def test_an_error_is_caused_by_a_state_inside():
    mock = {"errorOutput": {"error": "E"}}
    answer = answer_to(MAP, input=[], mock=mock, stateConfiguration={"errorCausedByState": "P"})
    assert (answer["status"], answer["error"]) == ("FAILED", "E")
    assert refused(MAP, input=[], mock=mock, stateConfiguration={"errorCausedByState": "Q"})[1] == (
        "State not found in definition"
    )


def test_a_state_of_a_machine_is_found_by_name():
    assert answer_to(MACHINE, stateName="A", input={"a": 1}) == {
        "status": "SUCCEEDED",
        "output": '{"a": 1}',
        "nextState": "M",
    }
    assert answer_to(MACHINE, stateName="In", input=[7])["output"] == "[7]"
    assert refused(MACHINE, stateName="Nobody") == ("ValidationException", "State not found in definition")
    broken = {**MACHINE, "StartAt": "Z"}
    assert refused(broken, stateName="A")[0] == refused("{", stateName="A")[0] == "InvalidDefinition"


def test_a_state_in_a_branch_has_no_item():
    context = json.loads(answer_to(MACHINE, stateName="X")["output"])["c"]
    assert "Map" not in context
    assert context["State"]["Name"] == "X"
    assert "RoleArn" not in context["Execution"]
    assert context["Execution"]["Id"].startswith("arn:aws:states:eu-west-1:123456789012:express:")


def test_a_single_state_is_validated():
    code, message = refused({"Type": "Pass"})
    assert code == "InvalidDefinition"
    assert "/States/StateName" in message
    assert refused(MACHINE)[0] == "InvalidDefinition"


def test_input_must_be_json():
    assert refused({"Type": "Succeed"}, input="nope")[0] == "InvalidExecutionInput"


def test_levels_decide_what_is_shown():
    state = {"Type": "Pass", "Assign": {"v": 1}, "End": True}
    assert answer_to(state, inspectionLevel="INFO") == {"status": "SUCCEEDED", "output": "{}"}
    for level in ("DEBUG", "TRACE"):
        data = answer_to(state, inspectionLevel=level, variables={"w": 2})["inspectionData"]
        assert data["variables"] == '{"w":2,"v":1}'


def test_the_items_of_a_reader_come_from_the_request():
    state = {
        **MAP,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "b", "Key": "k"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW", "MaxItems": 2},
        },
        "ItemSelector": {"n.$": "$$.Map.Item.Value.name"},
    }
    request = {"mock": {"result": "[]"}, "inspectionLevel": "DEBUG"}
    answer = answer_to(state, **request, stateConfiguration={"mapItemReaderData": 'name,x\n"a, b",1\nc\nd,2\n'})
    assert answer["inspectionData"]["afterItemSelector"] == '[{"n": "a, b"}, {"n": "c"}]'
    answer = answer_to(state, **request, stateConfiguration={"mapItemReaderData": "a,a\n1,2\n"})
    assert (answer["error"], answer["cause"]) == (
        "States.ItemReaderFailed",
        "CSV headers cannot contain duplicates.",
    )


NO_TOKEN = (
    "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' service "
    "integration pattern"
)


def test_a_context_is_checked():
    context = {"Task": {"Token": "t"}}
    assert mocked(QUEUE, {}, context=context, inspectionLevel="DEBUG")["inspectionData"]["afterParameters"] == (
        '{"QueueUrl":"q","MessageBody":"t"}'
    )
    assert mocked(START, {}, "NONE", context=context)["status"] == "SUCCEEDED"
    for given, message in [
        (context, NO_TOKEN),
        ({"Foo": {}}, "Field 'Foo' is not allowed"),
        ({"State": {"Foo": 1}}, "Field 'Foo' is not allowed"),
        ({"State": {"RetryCount": "1"}}, "State.RetryCount must be a number"),
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"Execution": 1}, "Execution must be an object"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ([], "Context must be a JSON object"),
        ("{", "Context must be valid JSON"),
    ]:  # fmt: skip
        with pytest.raises(ServiceError) as refusal:
            mocked(PUT_EVENTS, {}, context=given)
        assert refusal.value.message == f"Invalid Context object provided: {message}"


HTTP = {
    "Type": "Task",
    "Resource": "arn:aws:states:::http:invoke",
    "Parameters": {
        "ApiEndpoint": "https://example.com/x",
        "Method": "GET",
        "Authentication": {"ConnectionArn": "arn:aws:events:us-east-1:123456789012:connection/c/1"},
    },
    "End": True,
}


class Http:
    """An HTTP Task that can be watched; one of its headers is a secret of the connection."""

    def observed(self, observe):
        def sent(secret):
            return HttpRequest(method="GET", url="https://example.com/x", headers=(("X-Key", secret),))

        class Action:
            async def call(self, request):
                response = HttpResponse(status=200, reason="OK", headers=(("a", "b"),), body=b"{}")
                observe(Exchange(request=sent("s3cret"), hidden=sent("masked"), response=response))
                return '{"StatusCode":200}'

        return Action()


@pytest.mark.parametrize(("reveal", "shown"), [(False, "masked"), (True, "s3cret")])
def test_an_http_task_is_traced(reveal, shown):
    request = {"roleArn": ROLE, "http": Http(), "revealSecrets": reveal}
    data = answer_to(HTTP, **request, inspectionLevel="TRACE")["inspectionData"]
    assert data["request"] == {
        "protocol": "https",
        "method": "GET",
        "url": "https://example.com/x",
        "headers": f"[X-Key: {shown}]",
    }
    assert (data["response"]["statusCode"], data["response"]["body"]) == ("200", "{}")
    assert data["result"] == '{"StatusCode":200}'
    assert "request" not in answer_to(HTTP, **request, inspectionLevel="DEBUG")["inspectionData"]
