import asyncio
import re
from uuid import UUID

import pytest

from newel.errors import ServiceError
from newel.integrations.patterns import DETACH, ActionTarget, JobTarget
from newel.integrations.states import StartExecution
from newel.json import dumps, loads
from newel.ports.tasks import Failed, Succeeded

from .fakes import ACCOUNT, CHILD_ARN, MACHINE_ARN, REGION, child, request

START = "arn:aws:states:::states:startExecution"
PARAMETERS = dumps({"StateMachineArn": MACHINE_ARN, "Name": "run", "Input": {"k": 1}})


@pytest.fixture
def start(executions, clock, events):
    target = ActionTarget(StartExecution(executions, clock))

    def run(parameters=PARAMETERS, resource=START, **changes):
        return asyncio.run(target.run(request(resource, parameters, **changes), events))

    return run


@pytest.fixture
def nested(executions, clock):
    return JobTarget(StartExecution(executions, clock))


@pytest.fixture
def sync(nested, events):
    def run(parameters=PARAMETERS, suffix=".sync", **changes):
        return asyncio.run(nested.run(request(START + suffix, parameters, **changes), events))

    return run


STARTED = re.compile(
    r'\{"ExecutionArn":"' + re.escape(CHILD_ARN) + r'","SdkHttpMetadata":\{"AllHttpHeaders":\{'
    r'"x-amzn-RequestId":\["(\S{36})"\],"connection":\["keep-alive"\],"Content-Length":\["\d+"\],'
    r'"Date":\["Mon, 24 Aug 2026 03:31:34 GMT"\],"Content-Type":\["application/x-amz-json-1\.0"\]\},'
    r'"HttpHeaders":\{"connection":"keep-alive","Content-Length":"\d+","Content-Type":"application/x-amz-json-1\.0",'
    r'"Date":"Mon, 24 Aug 2026 03:31:34 GMT","x-amzn-RequestId":"\1"\},"HttpStatusCode":200\},'
    r'"SdkResponseMetadata":\{"RequestId":"\1"\},"StartDate":1700000000123\}'
)


def test_the_answer_of_a_start_has_aws_keys_in_aws_order(start):
    outcome = start()
    assert isinstance(outcome, Succeeded)
    assert STARTED.fullmatch(outcome.output)


def test_every_parameter_reaches_the_executions(start, executions):
    start(dumps({"StateMachineArn": MACHINE_ARN, "Name": "n", "Input": {"a": 1}, "TraceHeader": "Root=1"}))
    assert executions.started == [
        {
            "machine": MACHINE_ARN,
            "name": "n",
            "input": '{"a":1}',
            "account": ACCOUNT,
            "region": REGION,
            "parent": "parent/run/3",
            "trace_header": "Root=1",
        }
    ]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "{}"),
        ({"Input": None}, "{}"),
        ({"Input": '"bare"'}, '"bare"'),
        ({"Input": [1]}, "[1]"),
        ({"Input": 0}, "0"),
    ],
)
def test_a_string_input_is_the_json_text_itself(start, executions, given, text):
    start(dumps({"StateMachineArn": MACHINE_ARN, **given}))
    assert executions.started[0]["input"] == text


def test_a_child_without_a_name_has_the_same_one_for_the_same_attempt(start, executions):
    parameters = dumps({"StateMachineArn": MACHINE_ARN})
    for key in ("a", "a", "b"):
        start(parameters, idempotency_key=key)
    first, again, other = (call["name"] for call in executions.started)
    assert first == again != other
    assert str(UUID(first)) == first


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("StateMachineDoesNotExist", "StepFunctions.StateMachineDoesNotExistException"),
        ("ExecutionAlreadyExists", "StepFunctions.ExecutionAlreadyExistsException"),
        ("ValidationException", "StepFunctions.ValidationException"),
        ("AccessDeniedException", "StepFunctions.AWSStepFunctionsException"),
    ],
)
def test_a_refusal_is_worded_as_the_java_sdk_words_it(start, executions, code, name):
    executions.refusal = ServiceError(code, "Words of the service")
    outcome = start()
    assert (outcome.error, outcome.kind) == (name, "FAILED")
    cause = rf"Words of the service \(Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Request ID: \S{{36}}; Proxy: null\)"
    assert re.fullmatch(cause, outcome.cause)


def test_unknown_parameters_are_refused_before_anything_starts(start, executions):
    outcome = start('{"stateMachineArn":"x"}')
    assert outcome == Failed(
        "States.Runtime",
        'The Parameters \'{"stateMachineArn":"x"}\' could not be used to start the Task: '
        '[The field "stateMachineArn" is not supported by Step Functions, '
        "The field 'StateMachineArn' is required but was missing]",
    )
    assert not executions.started


def test_sync_gives_the_output_as_text(sync, executions, events):
    executions.ended = child()
    outcome = sync()
    assert outcome == Succeeded(
        f'{{"ExecutionArn":"{CHILD_ARN}","Input":"{{\\"k\\": 1}}","InputDetails":{{"Included":true}},"Name":"run",'
        '"Output":"{\\"Arg1\\":\\"argument1\\"}","OutputDetails":{"Included":true},"StartDate":1700000000123,'
        f'"StateMachineArn":"{MACHINE_ARN}","Status":"SUCCEEDED","StopDate":1700000000456}}'
    )
    [(output, job)] = events.reports
    assert STARTED.fullmatch(output)
    assert job == CHILD_ARN


def test_sync2_gives_input_and_output_as_json(sync, executions):
    executions.ended = child()
    outcome = sync(suffix=".sync:2")
    assert outcome == Succeeded(
        f'{{"ExecutionArn":"{CHILD_ARN}","Input":{{"k":1}},"InputDetails":{{"Included":true}},"Name":"run",'
        '"Output":{"Arg1":"argument1"},"OutputDetails":{"Included":true},"StartDate":1700000000123,'
        f'"StateMachineArn":"{MACHINE_ARN}","Status":"SUCCEEDED","StopDate":1700000000456}}'
    )


@pytest.mark.parametrize("suffix", [".sync", ".sync:2"])
@pytest.mark.parametrize(
    ("status", "error", "cause"),
    [
        ("FAILED", "SomeFailure", "why"),
        ("FAILED", "States.Timeout", None),
        ("TIMED_OUT", None, None),
        ("ABORTED", None, None),
    ],
)
def test_a_child_that_did_not_succeed_fails_the_task(sync, executions, suffix, status, error, cause):
    executions.ended = child(status=status, output=None, error=error, cause=cause)
    outcome = sync(suffix=suffix)
    assert (outcome.error, outcome.kind) == ("States.TaskFailed", "FAILED")
    expected = {
        **({} if cause is None else {"Cause": cause}),
        **({} if error is None else {"Error": error}),
        "ExecutionArn": CHILD_ARN,
        "Input": '{"k": 1}',
        "InputDetails": {"Included": True},
        "Name": "run",
        "StartDate": 1_700_000_000_123,
        "StateMachineArn": MACHINE_ARN,
        "Status": status,
        "StopDate": 1_700_000_000_456,
    }
    assert outcome.cause == dumps(expected)


def test_the_version_and_alias_of_the_child_are_shown(sync, executions):
    executions.ended = child(version=2, alias="live")
    output = loads(sync().output)
    assert output["StateMachineVersionArn"] == f"{MACHINE_ARN}:2"
    assert output["StateMachineAliasArn"] == f"{MACHINE_ARN}:live"


def test_a_job_that_runs_is_not_started_again(sync, executions, events):
    executions.ended = child()
    assert isinstance(sync(job=CHILD_ARN), Succeeded)
    assert executions.waited == [CHILD_ARN]
    assert not executions.started
    assert not events.reports


def test_a_job_that_cannot_be_started_fails_as_such(sync, executions, events):
    executions.refusal = ServiceError("StateMachineDoesNotExist", "no")
    assert sync().kind == "SUBMIT_FAILED"
    assert not events.reports


def test_a_callback_execution_is_submitted_and_has_no_result_yet(start, executions, events):
    assert start(resource=f"{START}.waitForTaskToken", token="t") is None
    [(output, _)] = events.reports
    assert STARTED.fullmatch(output)
    assert not executions.waited


async def cancelled(nested, events, executions, message=None, **changes):
    """Run until the child is awaited (or being started), then cancel."""
    task = asyncio.ensure_future(nested.run(request(f"{START}.sync", PARAMETERS, **changes), events))
    while not (executions.waited or (executions.starting and executions.started)):
        await asyncio.sleep(0)
    task.cancel(message)
    if executions.starting is not None:
        await asyncio.sleep(0)
        executions.starting.set()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("job", [None, CHILD_ARN])
def test_cancelling_stops_the_child(nested, events, executions, job):
    asyncio.run(cancelled(nested, events, executions, job=job))
    assert executions.stopped == [(CHILD_ARN, None, None)]


def test_detaching_leaves_the_child_running(nested, events, executions):
    asyncio.run(cancelled(nested, events, executions, DETACH))
    assert executions.stopped == []


def test_cancelling_while_the_child_is_being_started_stops_it_too(nested, events, executions):
    executions.starting = asyncio.Event()
    asyncio.run(cancelled(nested, events, executions))
    assert executions.stopped == [(CHILD_ARN, None, None)]
    assert not events.reports


def test_cancelling_while_a_refused_start_is_under_way_stops_nothing(nested, events, executions):
    executions.starting = asyncio.Event()
    executions.refusal = ServiceError("StateMachineDoesNotExist", "no")
    asyncio.run(cancelled(nested, events, executions))
    assert executions.stopped == []


def test_detaching_while_the_child_is_being_started_stops_nothing(nested, events, executions):
    executions.starting = asyncio.Event()
    asyncio.run(cancelled(nested, events, executions, DETACH))
    assert executions.stopped == []
