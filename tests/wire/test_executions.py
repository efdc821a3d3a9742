"""Executions through boto3, over a runtime that interprets nothing."""

from datetime import datetime

import pytest
from machines import ENDS, FAILS, OTHER, WAITS, create, fresh, refusal


def arn_of(name, kind="execution"):
    return f"arn:aws:states:us-east-1:000000000000:{kind}:{name}"


def test_start_and_describe(sfn):
    name = fresh()
    machine = create(sfn, name=name)["stateMachineArn"]
    started = sfn.start_execution(stateMachineArn=machine, name="run", input='{"a": 1}', traceHeader="Root=1")
    assert started["executionArn"] == arn_of(f"{name}:run")
    found = sfn.describe_execution(executionArn=started["executionArn"])
    stop = found.pop("stopDate")
    del found["ResponseMetadata"]
    assert isinstance(stop, datetime)
    assert found == {
        "executionArn": started["executionArn"],
        "stateMachineArn": machine,
        "name": "run",
        "status": "SUCCEEDED",
        "startDate": started["startDate"],
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"done": true}',
        "outputDetails": {"included": True},
        "traceHeader": "Root=1",
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_metadata_only(sfn):
    machine = create(sfn, FAILS)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    found = sfn.describe_execution(executionArn=execution, includedData="METADATA_ONLY")
    assert found["inputDetails"] == {"included": False}
    assert not {"input", "output", "error", "cause"} & found.keys()
    whole = sfn.describe_execution(executionArn=execution)
    assert (whole["error"], whole["cause"], whole["input"]) == ("Oops", "because", "{}")
    assert whole["redriveStatus"] == "REDRIVABLE"
    assert "outputDetails" not in whole


def test_a_running_execution_is_started_once(sfn):
    machine = create(sfn, WAITS)["stateMachineArn"]
    first = sfn.start_execution(stateMachineArn=machine, name="run", input="1")
    again = sfn.start_execution(stateMachineArn=machine, name="run", input="1")
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    expected = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert refusal(sfn.start_execution, stateMachineArn=machine, name="run", input="2") == expected
    sfn.stop_execution(executionArn=first["executionArn"])
    assert refusal(sfn.start_execution, stateMachineArn=machine, name="run", input="1") == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("not json", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"),
        ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"),
        ("", "No content to map due to end-of-input"),
    ],
)  # fmt: skip
def test_an_input_that_is_not_json(sfn, text, reason):
    machine = create(sfn)["stateMachineArn"]
    expected = ("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")
    assert refusal(sfn.start_execution, stateMachineArn=machine, input=text) == expected


@pytest.mark.parametrize(
    "text", ["5", '"words"', "[1, 2]", "null", ' {"a":1} ', '{"a": 123456789012345678901234567890}']
)
def test_any_json_is_an_input_and_is_kept_to_the_byte(sfn, text):
    machine = create(sfn, OTHER)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input=text)["executionArn"]
    found = sfn.describe_execution(executionArn=execution)
    assert (found["input"], found["output"]) == (text, text)


def test_the_size_of_an_input_is_counted_in_bytes(unchecked):
    machine = create(unchecked)["stateMachineArn"]
    fits = '"' + "é" * 131_071 + '"'
    unchecked.start_execution(stateMachineArn=machine, input=fits)
    code, message = refusal(unchecked.start_execution, stateMachineArn=machine, input=fits + " ")
    assert code == "ValidationException"
    assert message.endswith(
        "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to 262144"
    )


def test_an_execution_name_is_checked(sfn):
    machine = create(sfn)["stateMachineArn"]
    assert refusal(sfn.start_execution, stateMachineArn=machine, name="a b") == ("InvalidName", "Invalid Name: 'a b'")


def test_express_starts_are_never_idempotent(sfn):
    name = fresh()
    machine = create(sfn, ENDS, name=name, type="EXPRESS")["stateMachineArn"]
    arns = {sfn.start_execution(stateMachineArn=machine, name="run")["executionArn"] for _ in range(2)}
    assert len(arns) == 2
    assert all(arn.startswith(arn_of(f"{name}:run:", "express")) for arn in arns)


def test_start_sync(sfn):
    name = fresh()
    machine = create(sfn, name=name, type="EXPRESS")["stateMachineArn"]
    found = sfn.start_sync_execution(stateMachineArn=machine, name="run", input="[1]")
    assert found["executionArn"].startswith(arn_of(f"{name}:run:", "express"))
    assert (found["status"], found["output"], found["input"]) == ("SUCCEEDED", '{"done": true}', "[1]")
    assert found["billingDetails"] == {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100}
    failing = create(sfn, FAILS, type="EXPRESS")["stateMachineArn"]
    found = sfn.start_sync_execution(stateMachineArn=failing, includedData="METADATA_ONLY")
    assert found["status"] == "FAILED"
    assert not {"input", "error", "cause"} & found.keys()


def test_the_machine_type_decides_what_is_supported(sfn):
    standard, express = create(sfn)["stateMachineArn"], create(sfn, type="EXPRESS")["stateMachineArn"]
    expected = ("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
    assert refusal(sfn.start_sync_execution, stateMachineArn=standard) == expected
    assert refusal(sfn.list_executions, stateMachineArn=express) == expected
    execution = sfn.start_execution(stateMachineArn=express)["executionArn"]
    expected = ("InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'")
    for call in (sfn.describe_execution, sfn.stop_execution, sfn.get_execution_history):
        assert refusal(call, executionArn=execution) == expected


def test_stop(sfn):
    machine = create(sfn, WAITS)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    stopped = sfn.stop_execution(executionArn=execution, error="E", cause="C")
    found = sfn.describe_execution(executionArn=execution)
    assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "E", "C")
    assert found["stopDate"] == stopped["stopDate"]
    plain = sfn.start_execution(stateMachineArn=machine)["executionArn"]
    sfn.stop_execution(executionArn=plain)
    assert not {"error", "cause"} & sfn.describe_execution(executionArn=plain).keys()


def test_an_execution_that_is_not_there(sfn):
    arn = arn_of(f"{fresh()}:run")
    expected = ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    for call in (
        sfn.describe_execution,
        sfn.stop_execution,
        sfn.get_execution_history,
        sfn.describe_state_machine_for_execution,
    ):
        assert refusal(call, executionArn=arn) == expected


def test_listing_is_newest_first_and_page_by_page(sfn, live_parts):
    machine = create(sfn, WAITS)["stateMachineArn"]
    started = []
    for _ in range(5):
        live_parts.clock.ahead_ms += 10
        started.append(sfn.start_execution(stateMachineArn=machine)["executionArn"])
    first = sfn.list_executions(stateMachineArn=machine, maxResults=2)
    token = first["nextToken"]
    second = sfn.list_executions(stateMachineArn=machine, maxResults=10, nextToken=token)
    found = [item["executionArn"] for item in first["executions"] + second["executions"]]
    assert found == started[::-1]
    assert "nextToken" not in second
    sfn.stop_execution(executionArn=started[0])
    aborted = sfn.list_executions(stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [item["executionArn"] for item in aborted] == started[:1]
    assert len(sfn.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]) == 4


def test_pages_of_ended_executions_go_by_stop_time(sfn, live_parts):
    machine = create(sfn, WAITS)["stateMachineArn"]
    started = [sfn.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(3)]
    for arn in (started[2], started[0], started[1]):
        live_parts.clock.ahead_ms += 10
        sfn.stop_execution(executionArn=arn)
    found, token = [], {}
    while True:
        page = sfn.list_executions(stateMachineArn=machine, statusFilter="ABORTED", maxResults=1, **token)
        found += [item["executionArn"] for item in page["executions"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert found == [started[1], started[0], started[2]]


@pytest.mark.parametrize(
    "change",
    [{}, {"mapRunArn": "m"}, {"statusFilter": "PENDING_REDRIVE"}, {"redriveFilter": "REDRIVEN"}],
)
def test_listing_refuses_what_only_map_runs_have(sfn, change):
    machine = {"stateMachineArn": create(sfn)["stateMachineArn"]} if change else {}
    assert refusal(sfn.list_executions, **machine, **change)[0] == "ValidationException"


def test_history_pages_both_ways(sfn):
    machine = create(sfn)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input='{"secret": 1}')["executionArn"]
    pages = sfn.get_paginator("get_execution_history").paginate(executionArn=execution)
    found = [[event["id"] for event in page["events"]] for page in pages]
    assert [len(page) for page in found] == [100, 100, 50]
    assert [number for page in found for number in page] == list(range(1, 251))
    pages = sfn.get_paginator("get_execution_history").paginate(executionArn=execution, reverseOrder=True)
    assert [event["id"] for page in pages for event in page["events"]] == list(range(250, 0, -1))


def test_reading_every_page_projects_a_history_once(sfn, live_parts, monkeypatch):
    calls = []
    project = live_parts.runtime.history

    async def counted(arn):
        calls.append(arn)
        return await project(arn)

    monkeypatch.setattr(live_parts.runtime, "history", counted)
    for definition, expected in ((ENDS, 1), (WAITS, 3)):
        machine = create(sfn, definition)["stateMachineArn"]
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        pages = list(sfn.get_paginator("get_execution_history").paginate(executionArn=execution))
        assert (len(pages), calls.count(execution)) == (3, expected)


def test_history_without_data(sfn):
    machine = create(sfn)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine, input='{"secret": 1}')["executionArn"]
    found = sfn.get_execution_history(executionArn=execution, includeExecutionData=False)
    assert "secret" not in str(found)
    assert found["events"][0]["executionStartedEventDetails"]["roleArn"] == "role"
    assert "secret" in str(sfn.get_execution_history(executionArn=execution))


def test_open_executions_are_limited(live_parts, sfn):
    machine = create(sfn, WAITS)["stateMachineArn"]
    gate = live_parts.core.open_executions
    room, limit = gate._room, gate._limit
    try:
        gate._room = gate._limit = 0
        assert refusal(sfn.start_execution, stateMachineArn=machine)[0] == "ExecutionLimitExceeded"
    finally:
        gate._room, gate._limit = room, limit
    sfn.start_execution(stateMachineArn=machine)
