"""The actions whose behaviour is more than a row: messages, ECS, EMR by name."""

import asyncio

import pytest

from integrations.fakes import MACHINE_ARN, Events, request
from newel.integrations.optimized.ecs import RUN_TASK_JOB, RunTaskJob
from newel.integrations.optimized.targets import service_targets
from newel.integrations.patterns import JobTarget
from newel.json import dumps, loads
from newel.ports.aws import AwsError
from newel.ports.tasks import Failed, Succeeded

from .caller import Caller
from .test_calls import resource
from .test_jobs import Pauses

QUEUE = "http://localhost/123456789012/queue"


async def run(name: str, caller: Caller, given, **changes):
    text = given if isinstance(given, str) else dumps(given)
    return await service_targets(caller)[name].run(request(resource(name), text, **changes), Events())


@pytest.mark.parametrize(
    ("body", "sent"),
    [("text", "text"), ({"a": [1, None]}, '{"a":[1,null]}'), ([1, 2], "[1,2]"), (True, "true"), (5, "5"), ("", "")],
)
async def test_a_message_that_is_not_text_is_sent_as_json(body, sent):
    caller = Caller({"SendMessage": [{"MessageId": "m", "MD5OfMessageBody": "5"}], "Publish": [{"MessageId": "m"}]})
    await run("sqs:sendMessage", caller, {"QueueUrl": QUEUE, "MessageBody": body})
    await run("sns:publish", caller, {"TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": body})
    assert caller.sent("SendMessage") == [{"QueueUrl": QUEUE, "MessageBody": sent}]
    assert caller.sent("Publish") == [{"TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": sent}]


async def test_a_message_without_a_body_is_what_sqs_says_of_it():
    outcome = await run("sqs:sendMessage", Caller(), {"QueueUrl": QUEUE, "MessageBody": None})
    assert isinstance(outcome, Failed)
    assert outcome.error == "SQS.AmazonSQSException"
    assert outcome.cause.startswith(
        "The request must contain the parameter MessageBody. "
        "(Service: AmazonSQS; Status Code: 400; Error Code: MissingParameter; Request ID: "
    )
    assert outcome.cause.endswith("; Proxy: null)")


async def test_a_fifo_topics_message_needs_a_group():
    given = {"TopicArn": "arn:aws:sns:eu-west-1:1:t.fifo", "Message": "m"}
    caller = Caller({"Publish": [{"MessageId": "m"}]})
    outcome = await run("sns:publish", caller, given)
    assert outcome.error == "SNS.InvalidParameterException"
    assert outcome.cause.startswith(
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics "
        "(Service: AmazonSNS; Status Code: 400; Error Code: InvalidParameter; Request ID: "
    )
    assert isinstance(await run("sns:publish", caller, {**given, "MessageGroupId": "g"}), Succeeded)


async def test_a_sent_message_is_shown_as_recorded():
    caller = Caller(
        {"SendMessage": [{"MessageId": "m", "MD5OfMessageBody": "5"}]},
        headers={
            "content-type": "application/x-amz-json-1.0",
            "date": "Mon, 24 Aug 2026 03:31:34 GMT",
            "content-length": "106",
            "connection": "keep-alive",
            "x-amzn-requestid": "req-1",
        },
    )
    outcome = await run("sqs:sendMessage", caller, {"QueueUrl": QUEUE, "MessageBody": "m"})
    assert isinstance(outcome, Succeeded)
    output = loads(outcome.output)
    assert list(output) == ["MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]
    http = output["SdkHttpMetadata"]
    assert list(http["AllHttpHeaders"].items()) == [
        ("x-amzn-RequestId", ["req-1"]),
        ("connection", ["keep-alive"]),
        ("Content-Length", ["106"]),
        ("Date", ["Mon, 24 Aug 2026 03:31:34 GMT"]),
        ("Content-Type", ["application/x-amz-json-1.0"]),
    ]
    assert http["HttpStatusCode"] == 200
    assert output["SdkResponseMetadata"] == {"RequestId": "req-1"}


async def test_events_carry_who_sent_them_and_their_detail_as_text():
    caller = Caller({"PutEvents": [{"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]}]})
    entry = {"Detail": {"Message": "hello"}, "DetailType": "t", "Source": "s", "Resources": ["r"]}
    outcome = await run("events:putEvents", caller, {"Entries": [entry]})
    assert outcome == Succeeded('{"Entries":[{"EventId":"e"}],"FailedEntryCount":0}')
    (sent,) = caller.sent("PutEvents")[0]["Entries"]
    assert sent["Detail"] == '{"Message":"hello"}'
    assert sent["Resources"] == [
        "r",
        request("arn:aws:states:::events:putEvents", "{}").execution_arn,
        MACHINE_ARN.replace("child", "parent"),
    ]


async def test_an_event_that_is_refused_fails_the_task_with_the_answer():
    refused = {"ErrorCode": "InvalidArgument", "ErrorMessage": "Parameter Source is not valid."}
    caller = Caller({"PutEvents": [{"FailedEntryCount": 1, "Entries": [{"EventId": "e"}, refused]}]})
    outcome = await run("events:putEvents", caller, {"Entries": [{"Detail": {}, "DetailType": "t"}]})
    assert outcome == Failed(
        "EventBridge.FailedEntry", dumps({"Entries": [{"EventId": "e"}, refused], "FailedEntryCount": 1})
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceNotFoundException", "DynamoDB.ResourceNotFoundException"),
        ("ValidationException", "DynamoDB.AmazonDynamoDBException"),
        ("ConditionalCheckFailedException", "DynamoDB.ConditionalCheckFailedException"),
    ],
)
async def test_errors_of_dynamodb_are_those_recorded(code, error):
    caller = Caller({"PutItem": [AwsError(code, "Requested resource not found", status=400, request_id="r")]})
    outcome = await run("dynamodb:putItem", caller, {"TableName": "ttt", "Item": {"id": {"S": "1"}}})
    assert outcome == Failed(
        error,
        "Requested resource not found (Service: AmazonDynamoDBv2; Status Code: 400; "
        f"Error Code: {code}; Request ID: r; Proxy: null)",
    )


async def test_items_keep_their_types_and_the_order_of_their_attributes():
    item = {"z": {"S": "1"}, "a": {"M": {"n": {"N": "5"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}}}}
    caller = Caller({"GetItem": [{"Item": item}]})
    outcome = await run("dynamodb:getItem", caller, {"TableName": "ttt", "Key": {"id": {"N": 5}}})
    assert caller.sent("GetItem")[0]["Key"] == {"id": {"N": "5"}}
    shown = loads(outcome.output)["Item"]
    assert shown == item
    assert list(shown) == ["z", "a"]


async def test_a_topics_error_is_its_models():
    refusal = AwsError("InvalidParameter", "Invalid parameter: no", status=400, request_id="r")
    outcome = await run("sns:publish", Caller({"Publish": [refusal]}), {"TopicArn": "t", "Message": "m"})
    assert outcome.error == "SNS.InvalidParameterException"
    assert "Error Code: InvalidParameter;" in outcome.cause


FAILURES = {"tasks": [], "failures": [{"arn": "arn:x", "reason": "RESOURCE:MEMORY"}]}


async def test_failures_are_an_answer_to_a_request_but_fail_a_callback():
    caller = Caller({"RunTask": [FAILURES]})
    answered = await run("ecs:runTask", caller, {"TaskDefinition": "t"})
    assert loads(answered.output)["Failures"] == [{"Arn": "arn:x", "Reason": "RESOURCE:MEMORY"}]
    failed = await run("ecs:runTask.waitForTaskToken", caller, {"TaskDefinition": "t"})
    assert (failed.error, failed.kind) == ("AmazonECS.Unknown", "SUBMIT_FAILED")
    synced = await run("ecs:runTask.sync", caller, {"TaskDefinition": "t"})
    assert (synced.error, synced.kind) == ("AmazonECS.Unknown", "SUBMIT_FAILED")


def ecs_task(number: int, *codes: int | None, status: str = "STOPPED", **changes) -> dict:
    containers = [
        {"name": f"c{index}", **({} if code is None else {"exitCode": code})} for index, code in enumerate(codes)
    ]
    arn = f"arn:aws:ecs:eu-west-1:1:task/{number}"
    return {"taskArn": arn, "lastStatus": status, "containers": containers, "taskDefinitionArn": "td:1", **changes}


DEFINITION = {
    "taskDefinition": {"containerDefinitions": [{"name": "c0", "essential": True}, {"name": "c1", "essential": False}]}
}


def ecs_caller(*polls: dict, tasks: int = 1) -> Caller:
    running = [ecs_task(number, status="PROVISIONING") for number in range(tasks)]
    return Caller(
        {
            "RunTask": [{"tasks": running, "failures": []}],
            "DescribeTasks": list(polls),
            "DescribeTaskDefinition": [DEFINITION],
            "StopTask": [{}],
        }
    )


async def ecs_run(caller: Caller, **changes):
    target = JobTarget(RunTaskJob(RUN_TASK_JOB, caller, sleep=Pauses()))
    text = '{"Cluster":"main","TaskDefinition":"td"}'
    return await target.run(request(resource("ecs:runTask.sync"), text, **changes), Events())


@pytest.mark.parametrize(
    ("task", "good"),
    [
        (ecs_task(0, 0, 0), True),
        (ecs_task(0, 0, 137), True),  # c1 is not essential
        (ecs_task(0, 1, 0), False),
        (ecs_task(0, None, 0), False),
        (ecs_task(0, stopCode="TaskFailedToStart"), False),
    ],
)
async def test_a_task_succeeds_when_its_essential_containers_do(task, good):
    caller = ecs_caller({"tasks": [ecs_task(0, status="RUNNING")]}, {"tasks": [task]})
    outcome = await ecs_run(caller)
    assert isinstance(outcome, Succeeded if good else Failed)
    shown = loads(outcome.output if good else outcome.cause)
    assert shown["TaskArn"] == task["taskArn"]
    assert caller.sent("DescribeTasks")[0] == {"cluster": "main", "tasks": [task["taskArn"]]}
    if not good:
        assert outcome.error == "States.TaskFailed"


async def test_several_tasks_are_all_waited_for_and_shown():
    caller = ecs_caller(
        {"tasks": [ecs_task(0, 0), ecs_task(1, status="RUNNING")]}, {"tasks": [ecs_task(0, 0), ecs_task(1, 0)]}, tasks=2
    )
    outcome = await ecs_run(caller)
    assert [task["TaskArn"][-1] for task in loads(outcome.output)["Tasks"]] == ["0", "1"]


async def test_all_tasks_of_a_cancelled_run_are_stopped():
    caller = ecs_caller({"tasks": [ecs_task(0, status="RUNNING"), ecs_task(1, status="RUNNING")]}, tasks=2)
    running = asyncio.ensure_future(ecs_run(caller))
    while not caller.sent("DescribeTasks"):
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [stop["task"][-1] for stop in caller.sent("StopTask")] == ["0", "1"]


async def test_emr_takes_and_shows_its_own_names():
    caller = Caller(
        {
            "RunJobFlow": [{"JobFlowId": "j-1"}],
            "AddJobFlowSteps": [{"StepIds": ["s-1"]}],
            "CancelSteps": [{"CancelStepsInfoList": [{"StepId": "s-1", "Status": "SUBMITTED"}]}],
            "SetTerminationProtection": [{}],
            "TerminateJobFlows": [{}],
        }
    )
    step = {"Name": "n", "HadoopJarStep": {"Jar": "command-runner.jar"}}
    outputs = {
        "createCluster": {"Name": "c", "Instances": {}},
        "addStep": {"ClusterId": "j-1", "Step": step},
        "cancelStep": {"ClusterId": "j-1", "StepId": "s-1"},
        "setClusterTerminationProtection": {"ClusterId": "j-1", "TerminationProtected": True},
        "terminateCluster": {"ClusterId": "j-1"},
    }
    shown = {}
    for action, given in outputs.items():
        output = loads((await run(f"elasticmapreduce:{action}", caller, given)).output)
        shown[action] = {name: value for name, value in output.items() if not name.startswith("Sdk")}
    assert shown == {
        "createCluster": {"ClusterId": "j-1"},
        "addStep": {"StepId": "s-1"},
        "cancelStep": {"CancelStepsInfo": {"StepId": "s-1", "Status": "SUBMITTED"}},
        "setClusterTerminationProtection": {},
        "terminateCluster": {},
    }
    assert caller.sent("AddJobFlowSteps") == [{"JobFlowId": "j-1", "Steps": [step]}]
    assert caller.sent("TerminateJobFlows") == [{"JobFlowIds": ["j-1"]}]


async def test_fleets_and_groups_are_found_by_name():
    caller = Caller(
        {
            "ListInstanceFleets": [
                {"InstanceFleets": [{"Id": "f-1", "Name": "other"}], "Marker": "next"},
                {"InstanceFleets": [{"Id": "f-2", "Name": "mine"}]},
            ],
            "ModifyInstanceFleet": [{}],
            "ListInstanceGroups": [{"InstanceGroups": [{"Id": "g-1", "Name": "mine"}]}],
            "ModifyInstanceGroups": [{}],
        }
    )
    fleet = {"ClusterId": "j", "InstanceFleetName": "mine", "InstanceFleet": {"TargetOnDemandCapacity": 2}}
    group = {"ClusterId": "j", "InstanceGroupName": "mine", "InstanceGroup": {"EC2InstanceIdsToTerminate": ["i-1"]}}
    assert isinstance(await run("elasticmapreduce:modifyInstanceFleetByName", caller, fleet), Succeeded)
    assert isinstance(await run("elasticmapreduce:modifyInstanceGroupByName", caller, group), Succeeded)
    assert caller.sent("ListInstanceFleets") == [{"ClusterId": "j"}, {"ClusterId": "j", "Marker": "next"}]
    assert caller.sent("ModifyInstanceFleet") == [
        {"ClusterId": "j", "InstanceFleet": {"TargetOnDemandCapacity": 2, "InstanceFleetId": "f-2"}}
    ]
    assert caller.sent("ModifyInstanceGroups") == [
        {"ClusterId": "j", "InstanceGroups": [{"EC2InstanceIdsToTerminate": ["i-1"], "InstanceGroupId": "g-1"}]}
    ]


async def test_a_name_that_the_cluster_does_not_have_fails_the_task():
    caller = Caller({"ListInstanceFleets": [{"InstanceFleets": []}]})
    given = {"ClusterId": "j", "InstanceFleetName": "mine", "InstanceFleet": {}}
    outcome = await run("elasticmapreduce:modifyInstanceFleetByName", caller, given)
    assert outcome.error == "ElasticMapReduce.AmazonElasticMapReduceException"
    assert not caller.sent("ModifyInstanceFleet")


async def test_a_role_is_assumed_for_every_call_of_the_task():
    role = "arn:aws:iam::999999999999:role/other"
    caller = Caller({"Publish": [{"MessageId": "m"}]})
    await run("sns:publish", caller, {"TopicArn": "t", "Message": "m"}, credentials_role_arn=role)
    assert caller.options == [{"account": "123456789012", "region": "eu-west-1", "role_arn": role}]
