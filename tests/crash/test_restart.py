"""One server with something of every kind under way is killed, stays away until times have passed, and comes back."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from server_process import REGION, ROLE, Server, chain, eventually

#: What is due while the server is away.
AWAY_SECONDS = 3
LOOPS = 5_000
#: Counts its calls in a file, then does what the event asks for on that call.
SCRIPTED = """
import pathlib, time
def handler(event, context):
    calls = pathlib.Path(event["folder"], event["name"])
    with calls.open("a") as file:
        file.write(event.get("token", "call") + "\\n")
    action = event["actions"][min(len(calls.read_text().splitlines()), len(event["actions"])) - 1]
    if action == "sleep":
        time.sleep(50)
    if action == "fail":
        raise ValueError("not yet")
    return action
"""


class Story:
    """The server in its second life, and what its first left: executions by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server = Server(folder / "data")
        self.executions: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.before: dict[str, Any] = {}
        self.activity = ""
        self.sync_error: Exception | None = None

    @property
    def states(self) -> Any:
        return self.server.states

    def run(self, name: str, definition: dict[str, Any], given: Any = None) -> str:
        machine = self.server.machine(name, definition)
        arn = self.executions[name] = self.server.execute(machine, given, name=name)
        return arn

    def call(self, name: str, actions: list[str], event: str = "LambdaFunctionStarted", **state: Any) -> None:
        """An execution that calls the function, and has come as far as `event`."""
        task = {"Type": "Task", "Resource": self.before["function"], **state}
        arn = self.run(name, chain(("Call", task)), self.event(name, actions))
        self.server.reached(arn, event)
        eventually(lambda: self.calls(name), f"a call for {name}")

    def event(self, name: str, actions: list[str]) -> dict[str, Any]:
        return {"folder": str(self.folder), "name": name, "actions": actions}

    def calls(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def work(self, name: str, **state: Any) -> None:
        """An execution with a task for a worker."""
        task = {"Type": "Task", "Resource": self.activity, **state}
        self.run(name, chain(("Work", task)), {"for": name})

    def take(self) -> str:
        """Poll as a worker; the input of the task, whose token is kept under the name in it."""
        found = self.states.get_activity_task(activityArn=self.activity, workerName="worker")
        name: str = json.loads(found["input"])["for"]
        self.tokens[name] = found["taskToken"]
        return name

    def output(self, name: str) -> Any:
        return self.server.output(self.executions[name])

    def events(self, name: str) -> list[str]:
        return self.server.events(self.executions[name])


def first_life(story: Story) -> float:
    """Set everything going; when the last thing that is due while the server is away began."""
    server = story.server
    story.before["function"] = server.function("scripted", SCRIPTED)
    story.activity = server.states.create_activity(name="work", tags=[{"key": "of", "value": "work"}])["activityArn"]
    furnish(story)
    story.call("flaky", ["fail", "done"], "LambdaFunctionFailed", Retry=[every_error(AWAY_SECONDS - 1)])
    story.call("interrupted", ["sleep", "done"])
    story.call("overdue", ["sleep", "too late"], TimeoutSeconds=AWAY_SECONDS - 1)
    for name in ("taken", "beating"):
        story.work(name, HeartbeatSeconds=3600)
        assert story.take() == name
    story.work("silent", HeartbeatSeconds=AWAY_SECONDS - 1)
    assert story.take() == "silent"
    story.work("offered")
    callback(story)
    story.run("wait", chain(("Wait", {"Type": "Wait", "Seconds": AWAY_SECONDS - 1})))
    story.run("named", chain(("Wait", {"Type": "Wait", "Seconds": 3600})), {"n": 1})
    began = time.monotonic()
    express(story)
    story.run("doomed", chain(("Wait", {"Type": "Wait", "Seconds": 3600})))
    story.states.delete_state_machine(stateMachineArn=machine_of(story.executions["doomed"]))
    eventually(lambda: "doomed" not in names(story.server), "the end of the deletion")
    story.before["catalog"] = catalog(story.server)
    for number in range(4):
        story.run(f"loop-{number}", loop(), {"n": 0})
    story.before["loops"] = [server.status(story.executions[f"loop-{number}"]) for number in range(4)]
    return began


def machine_of(execution: str) -> str:
    return execution.replace(":execution:", ":stateMachine:").rpartition(":")[0]


def every_error(seconds: int) -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "IntervalSeconds": seconds, "MaxAttempts": 1}


def callback(story: Story) -> None:
    """A task that waits for a token which the function was given."""
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {
            "FunctionName": "scripted",
            "Payload": {**story.event("callback", ["done"]), "token.$": "$$.Task.Token"},
        },
    }
    arn = story.run("callback", chain(("Ask", call)))
    story.server.reached(arn, "TaskSubmitted")
    [story.tokens["callback"]] = story.calls("callback")


def loop() -> dict[str, Any]:
    """Counts to LOOPS: many turns, none of which waits for anything."""
    more = {"Variable": "$.n", "NumericLessThan": LOOPS, "Next": "Add"}
    return {
        "StartAt": "More",
        "States": {
            "More": {"Type": "Choice", "Choices": [more], "Default": "Done"},
            "Add": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "More"},
            "Done": {"Type": "Succeed"},
        },
    }


def express(story: Story) -> None:
    """Express executions, one of them waited for."""
    wait = chain(("Wait", {"Type": "Wait", "Seconds": 50}))
    machine = story.before["express"] = story.server.machine("express", wait, type="EXPRESS")
    story.server.execute(machine)
    client = story.server.client("stepfunctions")

    def wait_for_it() -> None:
        try:
            client.start_sync_execution(stateMachineArn=machine)
        except Exception as error:
            story.sync_error = error

    story.before["sync"] = threading.Thread(target=wait_for_it, daemon=True)
    story.before["sync"].start()


def furnish(story: Story) -> None:
    """Versions, aliases, tags, log groups, roles."""
    server = story.server
    machine = server.machine("kept", chain(("P", {"Type": "Pass"})), publish=True, tags=[{"key": "a", "value": "b"}])
    server.states.update_state_machine(stateMachineArn=machine, definition=json.dumps(loop()), publish=True)
    routes = [{"stateMachineVersionArn": f"{machine}:{number}", "weight": 50} for number in (1, 2)]
    server.states.create_state_machine_alias(name="live", routingConfiguration=routes)
    server.logs.create_log_group(logGroupName="/aws/vendedlogs/states/kept")
    iam(server).create_role(RoleName="kept", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')


def iam(server: Server) -> Any:
    return boto3.client(
        "iam",
        endpoint_url=f"http://127.0.0.1:{server.port}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def names(server: Server) -> list[str]:
    return [machine["name"] for machine in server.states.list_state_machines()["stateMachines"]]


def catalog(server: Server) -> list[Any]:
    """Everything that is not an execution, as the API shows it."""
    states = server.states
    machine = f"arn:aws:states:{REGION}:000000000000:stateMachine:kept"
    answers = [
        states.list_state_machines(),
        states.describe_state_machine(stateMachineArn=machine),
        states.describe_state_machine(stateMachineArn=f"{machine}:1"),
        states.list_state_machine_versions(stateMachineArn=machine),
        states.describe_state_machine_alias(stateMachineAliasArn=f"{machine}:live"),
        states.list_tags_for_resource(resourceArn=machine),
        states.list_activities(),
        states.list_tags_for_resource(resourceArn=f"arn:aws:states:{REGION}:000000000000:activity:work"),
        server.lambda_.list_functions(),
        server.logs.describe_log_groups(),
        iam(server).get_role(RoleName="kept"),
    ]
    for answer in answers:
        del answer["ResponseMetadata"]
    return answers


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    story = Story(tmp_path_factory.mktemp("restart"))
    story.server.start()
    try:
        began = first_life(story)
        story.server.kill()
        time.sleep(max(0.0, began + AWAY_SECONDS - time.monotonic()))
        story.server.start()
        yield story
    finally:
        story.server.close()


def test_a_wait_that_came_due_fires_once(story: Story) -> None:
    assert story.output("wait") == {}
    assert story.events("wait") == [
        "ExecutionStarted",
        "WaitStateEntered",
        "WaitStateExited",
        "ExecutionSucceeded",
    ]


def test_a_retry_that_came_due_is_made(story: Story) -> None:
    assert story.output("flaky") == "done"
    assert len(story.calls("flaky")) == 2
    assert story.events("flaky").count("LambdaFunctionScheduled") == 2


def test_a_call_under_way_is_made_again(story: Story) -> None:
    assert story.output("interrupted") == "done"
    assert len(story.calls("interrupted")) == 2
    assert story.events("interrupted").count("LambdaFunctionScheduled") == 1


def test_a_task_that_timed_out_meanwhile_is_not_called_again(story: Story) -> None:
    ended = story.server.ended(story.executions["overdue"])
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    assert story.events("overdue").count("LambdaFunctionTimedOut") == 1
    assert len(story.calls("overdue")) == 1


def test_a_worker_that_was_silent_meanwhile_has_timed_out(story: Story) -> None:
    ended = story.server.ended(story.executions["silent"])
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")
    with pytest.raises(story.states.exceptions.TaskTimedOut):
        story.states.send_task_success(taskToken=story.tokens["silent"], output="1")


def test_a_task_nobody_took_is_offered_again(story: Story) -> None:
    assert story.take() == "offered"
    story.states.send_task_success(taskToken=story.tokens["offered"], output='"done"')
    assert story.output("offered") == "done"
    assert story.events("offered").count("ActivityScheduled") == 1


def test_tokens_of_the_first_life_are_good(story: Story) -> None:
    for name in ("taken", "callback"):
        story.states.send_task_success(taskToken=story.tokens[name], output=json.dumps(name))
        assert story.output(name) == name
        with pytest.raises(story.states.exceptions.TaskTimedOut):
            story.states.send_task_success(taskToken=story.tokens[name], output="2")
    assert len(story.calls("callback")) == 1, "an accepted request is not made again"


def test_a_worker_goes_on_beating(story: Story) -> None:
    story.states.send_task_heartbeat(taskToken=story.tokens["beating"])
    assert story.server.status(story.executions["beating"]) == "RUNNING"
    story.states.send_task_failure(taskToken=story.tokens["beating"], error="Tired", cause="late")
    ended = story.server.ended(story.executions["beating"])
    assert (ended["status"], ended["error"], ended["cause"]) == ("FAILED", "Tired", "late")


def test_executions_that_never_rest_go_on(story: Story) -> None:
    assert "RUNNING" in story.before["loops"], "none was interrupted"
    for number in range(4):
        assert story.output(f"loop-{number}") == {"n": LOOPS}


def test_starting_again_by_name_is_the_same_execution(story: Story) -> None:
    arn = story.executions["named"]
    machine = machine_of(arn)
    start: Callable[..., Any] = story.states.start_execution
    answer = start(stateMachineArn=machine, name="named", input='{"n": 1}')
    assert answer["executionArn"] == arn
    assert answer["startDate"] == story.states.describe_execution(executionArn=arn)["startDate"]
    with pytest.raises(story.states.exceptions.ExecutionAlreadyExists):
        start(stateMachineArn=machine, name="named", input='{"n": 2}')
    assert story.events("named").count("ExecutionStarted") == 1


def test_express_executions_are_gone_and_others_can_be_started(story: Story) -> None:
    story.before["sync"].join(60)
    assert isinstance(story.sync_error, ConnectionClosedError)
    story.server.execute(story.before["express"])
    quick = story.server.machine("quick", chain(("P", {"Type": "Pass"})), type="EXPRESS")
    answer = story.states.start_sync_execution(stateMachineArn=quick, input="{}")
    assert answer["status"] == "SUCCEEDED"


def test_a_deleted_machine_stays_deleted_and_its_execution_aborted(story: Story) -> None:
    arn = story.executions["doomed"]
    assert story.server.status(arn) == "ABORTED"
    with pytest.raises(story.states.exceptions.StateMachineDoesNotExist):
        story.states.describe_state_machine(stateMachineArn=machine_of(arn))


def test_everything_else_is_as_it_was(story: Story) -> None:
    before, after = story.before["catalog"], catalog(story.server)
    since = ("quick", "loop-")
    after[0]["stateMachines"] = [each for each in after[0]["stateMachines"] if not each["name"].startswith(since)]
    assert after == before
    alias = f"arn:aws:states:{REGION}:000000000000:stateMachine:kept:live"
    with pytest.raises(ClientError):
        story.states.delete_state_machine_version(stateMachineVersionArn=alias.replace("live", "1"))
    role = iam(story.server).get_role(RoleName="kept")["Role"]
    assert role["Arn"] == ROLE.replace("role/test", "role/kept")


def test_the_second_life_had_no_trouble(story: Story) -> None:
    assert story.server.stop() == 0
    assert story.server.errors.read_text() == ""
