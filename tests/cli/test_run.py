import json
import os
import signal
import time

import pytest

from .conftest import machine

INVOKE = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": {"FunctionName": "charge"}}
WAIT = {"Type": "Wait", "Seconds": 86_400}
PASS = {"Type": "Pass", "Result": {"ok": True}}


@pytest.fixture
def mocks(tmp_path):
    def write(script):
        path = tmp_path / "mocks.json"
        path.write_text(json.dumps(script))
        return path

    return write


def test_the_output_alone_is_on_stdout_and_the_tree_on_stderr(newel, definition):
    result = newel("run", definition(machine(("First", PASS), ("Second", {"Type": "Pass"}))))
    assert result.exit_code == 0
    assert result.stdout == '{"ok":true}\n'
    tree = result.stderr.splitlines()
    assert tree[0].startswith("✓ flow  SUCCEEDED")
    assert "First" in tree[1]
    assert "Second" in tree[2]


def test_a_failed_execution(newel, definition):
    result = newel("run", definition(machine(("Stop", {"Type": "Fail", "Error": "Bad", "Cause": "for a reason"}))))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "✗ flow  FAILED" in result.stderr
    assert "Bad: for a reason" in result.stderr


def test_quiet_shows_only_what_matters(newel, definition):
    good = definition(machine(("A", PASS)), "good.json")
    bad = definition(machine(("A", {"Type": "Fail", "Error": "Bad", "Cause": "for\na reason"})), "bad.json")
    assert newel("run", "-q", good).stderr == ""
    result = newel("run", "-q", bad)
    assert result.exit_code == 1
    assert result.stderr == "newel: the execution failed: Bad: for a reason\n"


def test_json_output(newel, definition):
    result = newel("run", "--json", definition(machine(("A", PASS))))
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert document["status"] == "SUCCEEDED"
    assert document["output"] == {"ok": True}
    assert document["error"] is None
    assert document["startDate"] <= document["stopDate"]
    assert [event["type"] for event in document["events"]] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]


def test_json_output_of_a_failure(newel, definition):
    result = newel("run", "--json", definition(machine(("A", {"Type": "Fail", "Error": "Bad"}))))
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (document["status"], document["error"], document["output"]) == ("FAILED", "Bad", None)


@pytest.mark.parametrize("given", ['{"n": 1}', "@in.json", "@-"])
def test_input_as_text_from_a_file_and_from_stdin(newel, definition, tmp_path, given):
    (tmp_path / "in.json").write_text('{"n": 1}')
    result = newel("run", definition(machine(("A", {"Type": "Pass"}))), "--input", given, stdin='{"n": 1}')
    assert json.loads(result.stdout) == {"n": 1}


def test_yaml(newel, definition):
    path = definition("StartAt: A\nStates:\n  A: {Type: Pass, Result: yes, End: true}\n", "flow.yaml")
    assert newel("run", path).stdout == '"yes"\n'


def test_a_definition_from_stdin(newel):
    assert newel("run", "-", stdin=json.dumps(machine(("A", PASS)))).stdout == '{"ok":true}\n'


def test_virtual_time_skips_a_day(newel, definition):
    result = newel("run", "--virtual-time", "--json", definition(machine(("A", WAIT), ("B", PASS))))
    document = json.loads(result.stdout)
    assert document["stopDate"] - document["startDate"] == 86_400


def test_mocked_tasks_with_retries_in_virtual_time(newel, definition, mocks):
    retry = [{"ErrorEquals": ["Busy"], "IntervalSeconds": 60, "BackoffRate": 2}]
    path = definition(machine(("Charge", {**INVOKE, "Retry": retry})))
    script = mocks({"Charge": [*[{"Throw": {"Error": "Busy", "Cause": "later"}}] * 2, {"Return": {"id": 7}}]})
    result = newel("run", path, "--mock", script, "--virtual-time", "--json")
    document = json.loads(result.stdout)
    assert document["output"] == {"id": 7}
    assert document["stopDate"] - document["startDate"] == 180


def test_a_mocked_error_is_caught_by_the_definition(newel, definition, mocks):
    catch = [{"ErrorEquals": ["Busy"], "Next": "Later", "ResultPath": "$.error"}]
    states = machine(("Charge", {**INVOKE, "Catch": catch}), ("Later", {"Type": "Pass"}))
    result = newel("run", definition(states), "--mock", mocks({"Charge": {"Throw": {"Error": "Busy", "Cause": "c"}}}))
    assert json.loads(result.stdout) == {"error": {"Error": "Busy", "Cause": "c"}}
    assert "! Charge" in result.stderr


def test_a_service_that_only_a_server_calls(newel, definition):
    send = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    send["Parameters"] = {"QueueUrl": "q", "MessageBody": "m"}
    result = newel("run", "--json", definition({"StartAt": "Send", "States": {"Send": send}}))
    document = json.loads(result.stdout)
    assert document["error"] == "Newel.UnsupportedIntegration"
    assert document["cause"] == (
        "The service integration arn:aws:states:::sqs:sendMessage is not supported by commands that need no server: "
        "give the state a mock, or use a server."
    )


def test_a_mocked_callback_and_job_need_no_server(newel, definition, mocks):
    callback = {
        **INVOKE,
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
    }
    job = {
        **INVOKE,
        "Resource": "arn:aws:states:::batch:submitJob.sync",
        "Parameters": {"JobName": "j", "JobQueue": "q", "JobDefinition": "d"},
    }
    script = mocks({"Ask": {"Return": "yes"}, "Work": {"Return": {"Status": "SUCCEEDED"}}})
    result = newel("run", definition(machine(("Ask", callback), ("Work", job))), "--mock", script)
    assert json.loads(result.stdout) == {"Status": "SUCCEEDED"}


def test_functions_from_a_folder(newel, definition, tmp_path):
    folder = tmp_path / "functions"
    (folder / "double").mkdir(parents=True)
    (folder / "_notes").mkdir()
    (folder / "inc.py").write_text("def handler(event, context):\n    return {'n': event['n'] + 1}\n")
    (folder / "double" / "app.py").write_text("def lambda_handler(event, context):\n    return {'n': event['n'] * 2}\n")
    arn = {"Type": "Task", "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:inc:live"}
    call = {**INVOKE, "Parameters": {"FunctionName": "double", "Payload.$": "$"}, "OutputPath": "$.Payload"}
    result = newel("run", definition(machine(("Inc", arn), ("Double", call))), "-i", '{"n": 20}', "--functions", folder)
    assert result.stdout == '{"n":42}\n', result.stderr


def test_a_function_error_reaches_the_execution(newel, definition, tmp_path):
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "charge.py").write_text("def lambda_handler(event, context):\n    raise KeyError('x')\n")
    result = newel("run", "--json", definition(machine(("Charge", INVOKE))), "--functions", "functions")
    assert json.loads(result.stdout)["error"] == "KeyError"


def test_a_function_that_is_not_there(newel, definition):
    result = newel("run", "--json", definition(machine(("Charge", INVOKE))))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"] == "Lambda.ResourceNotFoundException"


def test_a_nested_machine_is_not_there(newel, definition):
    task = {
        **INVOKE,
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"},
    }
    result = newel("run", "--json", definition(machine(("Nested", task))))
    assert json.loads(result.stdout)["error"] == "StepFunctions.StateMachineDoesNotExistException"


def test_substitutions(newel, definition, mocks):
    path = definition(machine(("A", {"Type": "Task", "Resource": "${Function}", "Comment": "${Other}"})))
    script = mocks({"A": {"Return": 1}})
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert newel("run", path, "--mock", script, "-D", f"Function={arn}").stdout == "1\n"
    assert newel("run", path, "--mock", script).exit_code == 1


def test_an_express_machine(newel, definition):
    result = newel("run", "--type", "EXPRESS", "--json", definition(machine(("A", PASS))))
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert ":express:" in document["executionArn"]
    assert document["events"]


def test_an_invalid_definition_is_shown_as_validate_shows_it(newel, definition):
    path = definition(machine(("A", {"Type": "Pass", "Nxt": "B"})))
    result = newel("run", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"{path}:1:")
    assert "Field 'Nxt' is not supported" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--input", "{"], "--input is not JSON"),
        (["--input", "@absent.json"], "cannot read absent.json"),
        (["--mock", "absent.json"], "cannot read absent.json"),
        (["--functions", "absent"], "there is no folder absent"),
        (["--define", "Name"], "--define takes NAME=VALUE, not Name"),
    ],
)
def test_wrong_usage_is_one_line(newel, definition, arguments, message):
    result = newel("run", definition(machine(("A", PASS))), *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"newel: {message}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ({"Chrage": {"Return": 1}}, "the mocks name no Task state of this definition: Chrage"),
        ({"Charge": 1}, "The mock of state 'Charge' must be"),
        ([], "Mocks must be a JSON object"),
    ],
)
def test_a_wrong_mock_is_named(newel, definition, mocks, script, message):
    result = newel("run", definition(machine(("Charge", INVOKE))), "--mock", mocks(script))
    assert result.exit_code == 2
    assert message in result.stderr


def test_what_would_wait_for_ever_is_refused(newel, definition):
    callback = {
        **INVOKE,
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "f", "Payload": {"t.$": "$$.Task.Token"}},
    }
    activity = {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}
    for state, message in ((callback, "give it a mock"), (activity, "waits for an activity worker")):
        result = newel("run", definition(machine(("Ask", state))))
        assert result.exit_code == 2
        assert message in result.stderr


def test_ctrl_c_ends_the_command_and_its_functions(start_newel, definition, tmp_path):
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "charge.py").write_text(
        f"import os, pathlib, time\ndef handler(event, context):\n"
        f"    pathlib.Path({str(tmp_path / 'new')!r}).write_text(str(os.getpid()))\n"
        f"    os.rename({str(tmp_path / 'new')!r}, {str(tmp_path / 'pid')!r})\n"
        f"    time.sleep(600)\n"
    )
    process = start_newel("run", definition(machine(("Charge", INVOKE))), "--functions", tmp_path / "functions")
    while not (tmp_path / "pid").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "newel: interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
