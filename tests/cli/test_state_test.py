import json

import pytest

from .conftest import machine

TASK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::dynamodb:getItem",
    "Parameters": {"TableName": "t", "Key": {"id": {"S": "1"}}},
    "ResultSelector": {"item.$": "$.Item"},
    "Retry": [{"ErrorEquals": ["DynamoDB.Busy"], "IntervalSeconds": 3}],
    "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Sorry"}],
    "Next": "Done",
}
PASS = {"Type": "Pass", "Parameters": {"b.$": "$.a"}, "Next": "Done"}


def test_a_state_and_where_it_goes(newel, definition):
    done = newel("test-state", definition(PASS), "--input", '{"a":1}')
    assert done.exit_code == 0
    assert done.stdout.splitlines() == ["SUCCEEDED", 'output: {"b":1}', "next: Done"]


def test_the_steps_in_between(newel, definition):
    done = newel("test-state", definition(PASS), "-i", '{"a":1}', "--inspection-level", "DEBUG")
    assert '  afterParameters: {"b":1}' in done.stdout.splitlines()


def test_json_for_scripts(newel, definition):
    done = newel("test-state", definition(PASS), "-i", '{"a":1}', "--inspection-level", "DEBUG", "--json")
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["output"], answer["nextState"]) == ("SUCCEEDED", {"b": 1}, "Done")
    assert answer["inspectionData"]["afterInputPath"] == {"a": 1}


@pytest.mark.parametrize("mock", ['{"Return":{"Item":{"a":{"S":"x"}}}}', '{"result":{"Item":{"a":{"S":"x"}}}}'])
def test_a_mocked_result(newel, definition, mock):
    done = newel("test-state", definition(TASK), "--mock", mock, "--json")
    assert json.loads(done.stdout)["output"] == {"item": {"a": {"S": "x"}}}


def test_a_mock_from_a_file(newel, definition, tmp_path):
    (tmp_path / "mock.json").write_text('{"Throw":{"Error":"Gone","Cause":"c"}}')
    done = newel("test-state", definition(TASK), "--mock", "@mock.json")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        "CAUGHT_ERROR",
        "error: Gone",
        "cause: c",
        'output: {"Error":"Gone","Cause":"c"}',
        "next: Sorry",
    ]


def test_a_retry_is_a_negative_answer(newel, definition):
    mock = ("--mock", '{"errorOutput":{"error":"DynamoDB.Busy"}}', "--retries", 1, "--inspection-level", "DEBUG")
    done = newel("test-state", definition(TASK), *mock)
    assert done.exit_code == 1
    assert '  errorDetails: {"retryIndex":0,"retryBackoffIntervalSeconds":6}' in done.stdout.splitlines()


def test_a_result_that_no_api_gives(newel, definition):
    done = newel("test-state", definition(TASK), "--mock", '{"Return":{"Item":[1]}}')
    assert done.exit_code == 2
    assert "Field 'Item' must be an object" in done.stderr
    kept = newel("test-state", definition(TASK), "--mock", '{"Return":{"Item":[1]}}', "--validation", "NONE")
    assert kept.exit_code == 0


def test_one_state_of_a_whole_definition(newel, definition):
    path = definition(machine(("A", {"Type": "Pass"}), ("B", {"Type": "Pass", "Result": 7})))
    assert newel("test-state", path, "--state", "B").stdout.splitlines() == ["SUCCEEDED", "output: 7"]
    unnamed = newel("test-state", path)
    assert unnamed.exit_code == 2
    assert "--state: A, B" in unnamed.stderr
    assert newel("test-state", path, "--state", "C").exit_code == 2


def test_yaml_and_substitutions(newel, definition):
    path = definition("Type: Pass\nResult: ${Greeting}\nNext: N\n", "state.asl.yaml")
    assert newel("test-state", path, "-D", "Greeting=hello").stdout.splitlines()[1] == 'output: "hello"'


def test_a_map_with_data_of_its_reader(newel, definition, tmp_path):
    (tmp_path / "rows.csv").write_text("n\n1\n2\n")
    state = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "b", "Key": "k"},
            "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
        },
        "ItemProcessor": {
            **machine(("P", {"Type": "Pass"})),
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        },
        "ToleratedFailureCount": 1,
        "End": True,
    }
    words = ("--mock", '{"Return":[1,2]}', "--reader-data", "@rows.csv")
    assert newel("test-state", definition(state), *words).exit_code == 0
    failed = newel("test-state", definition(state), *words, "--map-failures", 2)
    assert failed.exit_code == 1
    assert "States.ExceedToleratedFailureThreshold" in failed.stdout
    impossible = newel("test-state", definition(state), *words, "--map-failures", 3)
    assert (impossible.exit_code, "Map iteration failure count" in impossible.stderr) == (2, True)


def test_a_task_calls_a_function_of_a_folder(newel, definition, tmp_path):
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "double.py").write_text("def handler(event, context):\n    return event['n'] * 2\n")
    state = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:double", "End": True}
    done = newel("test-state", definition(state), "-i", '{"n":21}', "--functions", folder)
    assert done.stdout.splitlines() == ["SUCCEEDED", "output: 42"]


def test_a_wait_may_be_skipped(newel, definition):
    done = newel("test-state", definition({"Type": "Wait", "Seconds": 200, "Next": "N"}), "--virtual-time")
    assert done.stdout.splitlines()[0] == "SUCCEEDED"


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["--mock", "{"], 2, "--mock is not JSON"),
        (["--mock", '{"Retrun":1}'], 2, "--mock must be"),
        (["--input", "{"], 2, "--input is not JSON"),
        (["--functions", "nowhere"], 2, "there is no folder nowhere"),
        (["--retries", "1"], 2, "RetrierRetryCount when a mock is not specified"),
        (["--mock", '{"Return":{}}', "--context", '{"Map":{}}'], 2, "'Map' field is not supported"),
    ],
)
def test_wrong_usage(newel, definition, words, code, problem):
    done = newel("test-state", definition(TASK), *words)
    assert done.exit_code == code
    assert problem in done.stderr


def test_a_wrong_definition_is_a_negative_answer(newel, definition):
    for content in ({"Type": "Pass"}, "{"):
        done = newel("test-state", definition(content))
        assert (done.exit_code, done.stdout) == (1, "")
        assert "Invalid State Machine Definition" in done.stderr
