import asyncio
import re

import pytest

from newel.errors import ServiceError
from newel.functions.host import InvokeResult
from newel.integrations.lambda_ import FunctionArn, Invoke
from newel.integrations.patterns import ActionTarget
from newel.json import loads
from newel.ports.tasks import Failed, Succeeded

from .fakes import ACCOUNT, REGION, request

INVOKE = "arn:aws:states:::lambda:invoke"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
ERROR = b'{"errorMessage": "Some exception was raised.", "errorType": "Exception", "requestId": "1", "stackTrace": []}'


def answer(payload: bytes, **changes) -> InvokeResult:
    given = {
        "status_code": 200,
        "payload": payload,
        "function_error": None,
        "executed_version": "$LATEST",
        "log_tail": b"",
        "request_id": "req-1",
    }
    return InvokeResult(**{**given, **changes})


@pytest.fixture
def invoke(functions, clock, events):
    target = ActionTarget(Invoke(functions, clock))

    def run(parameters: str, resource: str = INVOKE, **changes):
        return asyncio.run(target.run(request(resource, parameters, **changes), events))

    return run


@pytest.fixture
def call(functions, events):
    target = ActionTarget(FunctionArn(functions))

    def run(payload: str, **changes):
        return asyncio.run(target.run(request(FUNCTION, payload, **changes), events))

    return run


@pytest.mark.parametrize(
    ("parameters", "event"),
    [
        ('{"FunctionName":"f"}', b"{}"),
        ('{"FunctionName":"f","Payload":null}', b"{}"),
        ('{"FunctionName":"f","Payload":{"a": [1, 2]}}', b'{"a":[1,2]}'),
        ('{"FunctionName":"f","Payload":"0.0"}', b"0.0"),
        ('{"FunctionName":"f","Payload":"\\"text\\""}', b'"text"'),
        ('{"FunctionName":"f","Payload":7}', b"7"),
        ('{"FunctionName":"f","Payload":false}', b"false"),
    ],
)
def test_the_event_is_the_payload_and_a_string_is_its_own_json(invoke, functions, parameters, event):
    invoke(parameters)
    assert [call["payload"] for call in functions.calls] == [event]


def test_every_parameter_reaches_the_function_host(invoke, functions):
    invoke('{"FunctionName":"f","Qualifier":"live","ClientContext":"e30=","InvocationType":"Event"}')
    assert functions.calls == [
        {
            "name": "f",
            "payload": b"{}",
            "qualifier": "live",
            "account": ACCOUNT,
            "region": REGION,
            "client_context": "{}",
            "invocation_type": "Event",
            "log_tail": False,
        }
    ]


def test_the_envelope_has_aws_keys_in_aws_order(invoke, functions):
    functions.answer = answer(b'{"foo": "foo-1"}')
    outcome = invoke('{"FunctionName":"f"}')
    assert isinstance(outcome, Succeeded)
    trace = re.search(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", outcome.output)
    assert trace
    assert outcome.output == (
        '{"ExecutedVersion":"$LATEST","Payload":{"foo":"foo-1"},"SdkHttpMetadata":{"AllHttpHeaders":{'
        '"X-Amz-Executed-Version":["$LATEST"],"x-amzn-Remapped-Content-Length":["0"],"Connection":["keep-alive"],'
        '"x-amzn-RequestId":["req-1"],"Content-Length":["16"],"Date":["Mon, 24 Aug 2026 03:31:34 GMT"],'
        f'"X-Amzn-Trace-Id":["{trace[0]}"],"Content-Type":["application/json"]}},"HttpHeaders":{{'
        '"Connection":"keep-alive","Content-Length":"16","Content-Type":"application/json",'
        '"Date":"Mon, 24 Aug 2026 03:31:34 GMT","X-Amz-Executed-Version":"$LATEST",'
        f'"x-amzn-Remapped-Content-Length":"0","x-amzn-RequestId":"req-1","X-Amzn-Trace-Id":"{trace[0]}"}},'
        '"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"req-1"},"StatusCode":200}'
    )


@pytest.mark.parametrize(
    ("payload", "value"), [(b'"HelloWorld!"', "HelloWorld!"), (b"0.0", 0.0), (b"not json", "not json"), (b"", "")]
)
def test_the_payload_of_the_output_is_decoded(invoke, functions, payload, value):
    functions.answer = answer(payload)
    assert loads(invoke('{"FunctionName":"f"}').output)["Payload"] == value


def test_the_log_is_shown_only_when_asked_for(invoke, functions):
    functions.answer = answer(b"{}", log_tail=b"log")
    without, with_log = (
        loads(invoke(f'{{"FunctionName":"f","LogType":"{log_type}"}}').output) for log_type in ("None", "Tail")
    )
    assert "LogResult" not in without
    assert with_log["LogResult"] == "bG9n"
    assert with_log["SdkHttpMetadata"]["HttpHeaders"]["X-Amz-Log-Result"] == "bG9n"


def test_a_client_context_that_is_not_base64_is_refused(invoke, functions):
    assert invoke('{"FunctionName":"f","ClientContext":"{}"}').error == "Lambda.InvalidRequestContentException"
    assert not functions.calls


def test_an_event_invocation_has_no_version(invoke, functions):
    functions.answer = answer(b"", status_code=202)
    output = loads(invoke('{"FunctionName":"f","InvocationType":"Event"}').output)
    assert output["StatusCode"] == 202
    assert "ExecutedVersion" not in output
    assert "X-Amz-Executed-Version" not in output["SdkHttpMetadata"]["AllHttpHeaders"]


def test_a_function_error_is_named_after_its_type_and_its_payload_is_the_cause(invoke, call, functions):
    functions.answer = answer(ERROR, function_error="Unhandled")
    compact = '{"errorMessage":"Some exception was raised.","errorType":"Exception","requestId":"1","stackTrace":[]}'
    assert invoke('{"FunctionName":"f"}') == Failed("Exception", compact)
    assert call("{}") == Failed("Exception", ERROR.decode())


@pytest.mark.parametrize(
    "payload", [b'{"errorMessage":"2025-03-25 Task timed out"}', b"[]", b"crash", b'{"errorType":1}']
)
def test_an_error_without_a_type_is_lambda_unknown(call, functions, payload):
    functions.answer = answer(payload, function_error="Unhandled")
    assert call("{}") == Failed(
        "Lambda.Unknown",
        "The cause could not be determined because Lambda did not return an error type. "
        f"Returned payload: {payload.decode()}",
    )


def test_a_timeout_of_the_function_is_its_own_error(call, functions):
    payload = b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1 Error: Task timed out after 3.00 seconds"}'
    functions.answer = answer(payload, function_error="Unhandled")
    assert call("{}").error == "Sandbox.Timedout"


@pytest.mark.parametrize(
    ("code", "status", "name"),
    [
        ("ResourceNotFoundException", 404, "Lambda.ResourceNotFoundException"),
        ("TooManyRequestsException", 429, "Lambda.TooManyRequestsException"),
        ("InvalidRequestContentException", 400, "Lambda.InvalidRequestContentException"),
        ("AccessDeniedException", 403, "Lambda.AWSLambdaException"),
    ],
)
def test_a_refusal_of_lambda_is_worded_as_the_java_sdk_words_it(invoke, call, functions, code, status, name):
    functions.answer = ServiceError(code, "Words of Lambda", status=status)
    for outcome in (invoke('{"FunctionName":"f"}'), call("{}")):
        assert outcome.error == name
        assert outcome.kind == "FAILED"
        cause = rf"Words of Lambda \(Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: \S{{36}}; Proxy: null\)"
        assert re.fullmatch(cause, outcome.cause)


def test_a_function_arn_passes_input_and_output_on_to_the_byte(call, functions):
    functions.answer = answer(b'{"a": 1.0}')
    assert call('{"b" : [ ]}') == Succeeded('{"a": 1.0}')
    assert functions.calls == [{"name": FUNCTION, "payload": b'{"b" : [ ]}', "account": ACCOUNT, "region": REGION}]


def test_an_answer_that_is_not_json_becomes_a_string(call, functions):
    functions.answer = answer(b"raw \xff")
    assert call("{}") == Succeeded('"raw \ufffd"')


def test_wrong_parameters_do_not_reach_the_function(invoke, functions):
    outcome = invoke('{"FunctionName":"f","functionName":"f"}')
    assert outcome.error == "States.Runtime"
    assert not functions.calls


def test_a_callback_task_is_submitted_and_has_no_result_yet(invoke, functions, events):
    assert invoke('{"FunctionName":"f"}', f"{INVOKE}.waitForTaskToken", token="t") is None
    [(output, job)] = events.reports
    assert loads(output)["StatusCode"] == 200
    assert job is None


def test_a_callback_task_that_cannot_be_submitted_fails_as_such(invoke, functions, events):
    functions.answer = answer(ERROR, function_error="Unhandled")
    outcome = invoke('{"FunctionName":"f"}', f"{INVOKE}.waitForTaskToken", token="t")
    assert (outcome.error, outcome.kind) == ("Exception", "SUBMIT_FAILED")
    assert not events.reports


@pytest.mark.parametrize(
    ("role", "account"),
    [("arn:aws:iam::999999999999:role/there", "999999999999"), (None, ACCOUNT), ("nonsense", ACCOUNT)],
)
def test_a_task_acts_in_the_account_of_the_role_it_assumes(invoke, functions, role, account):
    invoke('{"FunctionName":"f"}', credentials_role_arn=role)
    assert functions.calls[0]["account"] == account
