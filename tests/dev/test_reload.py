"""A project under `newel dev`: what is served at start, and what happens when files change."""

import json

import pytest
from botocore.exceptions import ClientError
from dev_server import ACCOUNT, REGION

FLOWS = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine"


def executed(dev, name, given=None):
    """Run a machine to its end; DescribeExecution's answer, after its progress has been told."""
    states = dev.shared("stepfunctions")
    started = states.start_execution(stateMachineArn=f"{FLOWS}:{name}", input=json.dumps(given or {}))
    ended = dev.until("progress", kind="ended", arn=started["executionArn"])
    return ended, [event for event in dev.seen if event.get("arn") == started["executionArn"]]


def output(dev, name, given=None):
    ended, _ = executed(dev, name, given)
    assert ended["status"] == "SUCCEEDED", ended
    return json.loads(ended["note"])


def test_what_is_served_at_start(dev):
    assert {machine["name"]: machine["file"] for machine in dev.served["machines"]} == {
        "greet": "flows/greet.asl.yaml",
        "logged": "flows/store.asl.json",
    }
    assert {function["name"] for function in dev.served["functions"]} == {"greet", "note", "renamed"}
    assert [f"{found['what']} {found['name']}" for found in dev.served["resources"]] == [
        "bucket inbox",
        "queue jobs",
        "queue strict.fifo",
        "table orders",
        "secret db",
        "secret token",
        "parameter /app/level",
        "log group /app",
        "topic news",
    ]
    problems = [(event["file"], event["line"], event["column"]) for event in dev.seen if event["event"] == "problem"]
    assert problems == [("flows/broken.asl.json", 1, 1), ("flows/broken.asl.json", 2, 35)]


def test_settings_of_machines_and_functions(dev):
    machine = dev.shared("stepfunctions").describe_state_machine(stateMachineArn=f"{FLOWS}:logged")
    assert machine["type"] == "EXPRESS"
    assert machine["roleArn"] == f"arn:aws:iam::{ACCOUNT}:role/logged"
    assert machine["loggingConfiguration"]["level"] == "ALL"
    function = dev.shared("lambda").get_function_configuration(FunctionName="renamed")
    assert (function["Timeout"], function["MemorySize"], function["Handler"]) == (20, 256, "index.handler")
    answer = dev.shared("lambda").invoke(FunctionName="renamed")
    assert json.loads(answer["Payload"].read()) == f"hello from {REGION}"


def test_resources_have_what_was_given(dev):
    assert dev.shared("s3").get_object(Bucket="inbox", Key="a/one.txt")["Body"].read() == b"one"
    item = dev.shared("dynamodb").get_item(TableName="orders", Key={"customer": {"S": "c"}, "number": {"N": "1"}})
    assert item["Item"]["lines"] == {"L": [{"M": {"sku": {"S": "x"}, "gift": {"BOOL": True}}}]}
    indexes = dev.shared("dynamodb").describe_table(TableName="orders")["Table"]["GlobalSecondaryIndexes"]
    assert [index["IndexName"] for index in indexes] == ["by_state"]
    secret = dev.shared("secretsmanager").get_secret_value(SecretId="db")["SecretString"]
    assert json.loads(secret) == {"user": "u"}
    attributes = dev.shared("sqs").get_queue_attributes(
        QueueUrl=f"{dev.url}/{ACCOUNT}/strict.fifo", AttributeNames=["FifoQueue"]
    )
    assert attributes["Attributes"] == {"FifoQueue": "true"}


def test_an_execution_stores_in_the_companion_and_leaves_its_log(dev):
    _, events = executed(dev, "logged", {"n": 1})
    assert [(event["kind"], event["state"]) for event in events] == [
        ("started", ""),
        ("entered", "Put"),
        ("exited", "Put"),
        ("ended", ""),
    ]
    assert dev.shared("s3").get_object(Bucket="inbox", Key="from-express")["Body"].read() == b'{"n":1}'
    logged = dev.shared("logs").filter_log_events(logGroupName="/newel/logged")["events"]
    types = [json.loads(event["message"])["type"] for event in logged]
    assert (types[0], types[-1]) == ("ExecutionStarted", "ExecutionSucceeded")


def test_a_function_is_run_as_it_stands(dev):
    assert output(dev, "greet", {"name": "a"}) == {"hello": "a"}
    (dev.folder / "functions/greet.py").write_text("def handler(event, context):\n    return {'bye': event['name']}\n")
    dev.until("change", what="function", name="greet", kind="updated")
    assert output(dev, "greet", {"name": "a"}) == {"bye": "a"}


def test_a_broken_definition_keeps_the_last_good_one(dev):
    path = dev.folder / "flows/greet.asl.yaml"
    good = path.read_text()
    path.write_text(good + "  Oops: 1\n")
    problem = dev.until("problem", file="flows/greet.asl.yaml")
    assert (problem["severity"], problem["line"], problem["column"]) == ("ERROR", 7, 3)
    assert "Oops" in problem["message"]
    definition = dev.shared("stepfunctions").describe_state_machine(stateMachineArn=f"{FLOWS}:greet")["definition"]
    assert "Oops" not in definition
    path.write_text(good.replace("End: true", "End: true\n    Comment: better"))
    dev.until("change", what="state machine", name="greet", kind="updated")
    definition = dev.shared("stepfunctions").describe_state_machine(stateMachineArn=f"{FLOWS}:greet")["definition"]
    assert json.loads(definition)["States"]["Greet"]["Comment"] == "better"


def test_new_files_are_served_and_functions_go_with_their_files(dev):
    (dev.folder / "flows/new.asl.json").write_text('{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}')
    assert dev.until("change", kind="created")["name"] == "new"
    (dev.folder / "functions/extra.py").write_text("def handler(event, context):\n    return 1\n")
    assert dev.until("change", kind="created", what="function")["name"] == "extra"
    (dev.folder / "functions/extra.py").unlink()
    assert dev.until("change", kind="removed")["name"] == "extra"
    with pytest.raises(ClientError):
        dev.shared("lambda").get_function(FunctionName="extra")
    (dev.folder / "flows/new.asl.json").unlink()
    gone = dev.until("problem", file="flows/new.asl.json")
    assert gone["severity"] == "WARNING"
    assert dev.shared("stepfunctions").describe_state_machine(stateMachineArn=f"{FLOWS}:new")["status"] == "ACTIVE"


def test_the_configuration_is_read_again(dev):
    path = dev.folder / "newel.toml"
    path.write_text(path.read_text().replace('"jobs", ', '"jobs", "later", ').replace("from-express", "renamed-key"))
    dev.until("change", what="queue", name="later")
    dev.until("change", what="state machine", name="logged", kind="updated")
    assert (
        "renamed-key"
        in dev.shared("stepfunctions").describe_state_machine(stateMachineArn=f"{FLOWS}:logged")["definition"]
    )
    path.write_text(path.read_text().replace("timeout = 20", "timeuot = 20"))
    problem = dev.until("problem", file="newel.toml")
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "timeuot" in text)
    assert (problem["line"], problem["message"]) == (line, "unknown key timeuot")
    assert dev.shared("lambda").get_function_configuration(FunctionName="renamed")["Timeout"] == 20
