"""Optimized integrations over HTTP: against moto's services, and against what a test says that a service answers."""

import asyncio
import json
import re

import pytest
from aws_servers import Told, answering, moto_server

from newel.integrations.aws.client import AwsClient
from newel.integrations.aws.sdk_target import sdk_targets
from newel.integrations.aws.settings import AwsSettings
from newel.integrations.optimized.polling import Polling
from newel.integrations.optimized.targets import service_targets
from newel.language.resource import parse_resource
from newel.ports.tasks import Failed, Succeeded, TaskRequest
from newel.runtime.clock import SystemClock

SOON = Polling(first_seconds=0.001, longest_seconds=0.001)


@pytest.fixture(scope="module")
def moto():
    with moto_server() as url:
        yield url


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Reports:
    def __init__(self):
        self.submitted_jobs = []

    async def submitted(self, output, job=None):
        self.submitted_jobs.append((json.loads(output), job))


def perform(url, *tasks):
    """Perform Tasks one after the other: `("sqs:sendMessage", {...})`; gives their outcomes."""
    return asyncio.run(_perform(url, tasks))


async def _perform(url, tasks):
    client = AwsClient(AwsSettings(own_url="http://127.0.0.1:1", endpoint_url=url), SystemClock())
    targets = service_targets(client, SOON)
    try:
        outcomes = []
        for task_id, (name, parameters) in enumerate(tasks):
            resource = parse_resource(f"arn:aws:states:::{name}")
            target = sdk_targets(client)(resource) or targets[name]
            request = TaskRequest(
                execution_arn="arn:aws:states:us-east-1:123456789012:execution:m:e",
                execution_name="e",
                machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:m",
                state_name="T",
                task_id=task_id,
                resource=resource,
                parameters=json.dumps(parameters),
                region="us-east-1",
                account="123456789012",
                role_arn="arn:aws:iam::123456789012:role/r",
                idempotency_key=f"e/{task_id}",
            )
            outcomes.append(await target.run(request, Reports()))
        return outcomes
    finally:
        await client.close()


def output(outcome):
    assert isinstance(outcome, Succeeded), outcome
    return json.loads(outcome.output)


def test_dynamodb(moto):
    table = {
        "TableName": "optimized",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    item = {"id": {"S": "1"}, "on": {"BOOL": True}, "set": {"SS": ["a"]}, "n": {"N": 5}, "b": {"B": "/wA="}}
    named = {"TableName": "optimized", "Key": {"id": {"S": "1"}}}
    update = {
        **named,
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"N": "6"}},
        "ReturnValues": "ALL_NEW",
    }
    _, put, got, updated, deleted, missing, condition = perform(
        moto,
        ("aws-sdk:dynamodb:createTable", table),
        ("dynamodb:putItem", {"TableName": "optimized", "Item": item}),
        ("dynamodb:getItem", named),
        ("dynamodb:updateItem", update),
        ("dynamodb:deleteItem", named),
        ("dynamodb:putItem", {"TableName": "none", "Item": item}),
        ("dynamodb:deleteItem", {**named, "ConditionExpression": "attribute_exists(id)"}),
    )
    assert output(put).keys() == {"SdkHttpMetadata", "SdkResponseMetadata"}
    assert output(got)["Item"] == {**item, "n": {"N": "5"}}
    assert output(updated)["Attributes"]["n"] == {"N": "6"}
    assert output(deleted)["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert missing.error == "DynamoDB.ResourceNotFoundException"
    pattern = (
        r"Requested resource not found \(Service: AmazonDynamoDBv2; Status Code: 400; "
        r"Error Code: ResourceNotFoundException; Request ID: [\w-]+; Proxy: null\)"
    )
    assert re.fullmatch(pattern, missing.cause)
    assert condition.error == "DynamoDB.ConditionalCheckFailedException"


def test_sqs_and_sns(moto):
    created, topic = map(
        output,
        perform(moto, ("aws-sdk:sqs:createQueue", {"QueueName": "o"}), ("aws-sdk:sns:createTopic", {"Name": "o"})),
    )
    queue = created["QueueUrl"]
    sent, received, published, gone, notopic = perform(
        moto,
        ("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"n": [1, None]}}),
        ("aws-sdk:sqs:receiveMessage", {"QueueUrl": queue}),
        ("sns:publish", {"TopicArn": topic["TopicArn"], "Message": {"n": 1}}),
        ("sqs:sendMessage", {"QueueUrl": queue + "-gone", "MessageBody": "x"}),
        ("sns:publish", {"TopicArn": topic["TopicArn"] + "-gone", "Message": "hello"}),
    )
    shown = output(sent)
    assert list(shown) == ["MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata"]
    assert shown["SdkResponseMetadata"]["RequestId"]
    assert output(received)["Messages"][0]["Body"] == '{"n":[1,null]}'
    assert output(published)["MessageId"]
    assert gone.error == "SQS.QueueDoesNotExistException"
    assert "(Service: AmazonSQS; Status Code: 400; " in gone.cause
    assert notopic.error == "SNS.NotFoundException"
    assert "(Service: AmazonSNS; Status Code: 404; Error Code: NotFound; " in notopic.cause


class Jobs:
    """Jobs of services with different protocols: each is running when first asked about, and done after that."""

    def __init__(self, start, running, done):
        self.start, self.running, self.done = start, running, done
        self.asked = []

    def answer(self, asked):
        self.asked.append(asked)
        answers = (self.start, self.running, self.done)
        return Told(body=json.dumps(answers[min(len(self.asked), 3) - 1]))


@pytest.mark.parametrize(
    ("name", "parameters", "start", "running", "done", "shown"),
    [
        (  # JSON 1.1
            "glue:startJobRun",
            {"JobName": "etl", "Arguments": {"--n": 5}},
            {"JobRunId": "jr"},
            {"JobRun": {"JobRunState": "RUNNING"}},
            {"JobRun": {"JobRunState": "SUCCEEDED", "StartedOn": 1787542294.5}},
            {"JobRunState": "SUCCEEDED", "StartedOn": 1787542294500},
        ),
        (  # REST-JSON with camelCase members
            "batch:submitJob",
            {"JobName": "j", "JobDefinition": "d", "JobQueue": "q", "ContainerOverrides": {"Environment": []}},
            {"jobId": "1", "jobName": "j"},
            {"jobs": [{"jobId": "1", "status": "RUNNING"}]},
            {"jobs": [{"jobId": "1", "status": "SUCCEEDED", "container": {"exitCode": 0, "logStreamName": "s"}}]},
            {"Container": {"ExitCode": 0, "LogStreamName": "s"}, "JobId": "1", "Status": "SUCCEEDED"},
        ),
        (
            "athena:startQueryExecution",
            {"QueryString": "SELECT 1", "WorkGroup": "w"},
            {"QueryExecutionId": "q"},
            {"QueryExecution": {"Status": {"State": "QUEUED"}}},
            {"QueryExecution": {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}},
            {"QueryExecution": {"QueryExecutionId": "q", "Status": {"State": "SUCCEEDED"}}},
        ),
        (
            "ecs:runTask",
            {"TaskDefinition": "t", "LaunchType": "FARGATE"},
            {"tasks": [{"taskArn": "a", "lastStatus": "PROVISIONING"}], "failures": []},
            {"tasks": [{"taskArn": "a", "lastStatus": "RUNNING"}]},
            {"tasks": [{"taskArn": "a", "lastStatus": "STOPPED", "containers": [{"name": "c", "exitCode": 0}]}]},
            {"Containers": [{"ExitCode": 0, "Name": "c"}], "LastStatus": "STOPPED", "TaskArn": "a"},
        ),
        (
            "elasticmapreduce:addStep",
            {"ClusterId": "j-1", "Step": {"Name": "s", "HadoopJarStep": {"Jar": "command-runner.jar"}}},
            {"StepIds": ["s-1"]},
            {"Step": {"Status": {"State": "RUNNING"}}},
            {"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}},
            {"Step": {"Id": "s-1", "Status": {"State": "COMPLETED"}}},
        ),
        (
            "codebuild:startBuild",
            {"ProjectName": "p"},
            {"build": {"id": "p:1"}},
            {"builds": [{"id": "p:1", "buildStatus": "IN_PROGRESS"}]},
            {"builds": [{"id": "p:1", "buildStatus": "SUCCEEDED", "reportArns": ["r"]}]},
            {"Build": {"BuildStatus": "SUCCEEDED", "Id": "p:1", "ReportArns": ["r"]}},
        ),
        (
            "emr-serverless:startJobRun",
            {"ApplicationId": "app", "ExecutionRoleArn": "arn:aws:iam::123456789012:role/r"},
            {"applicationId": "app", "jobRunId": "jr", "arn": "a"},
            {"jobRun": {"state": "RUNNING"}},
            {"jobRun": {"jobRunId": "jr", "state": "SUCCESS"}},
            {"JobRunId": "jr", "State": "SUCCESS"},
        ),
    ],
)
def test_jobs_of_every_protocol(name, parameters, start, running, done, shown):
    jobs = Jobs(start, running, done)
    with answering(jobs.answer) as url:
        (outcome,) = perform(url, (f"{name}.sync", parameters))
    assert output(outcome) == shown
    assert len(jobs.asked) == 3


def test_eks_waits_until_a_cluster_is_gone():
    cluster = {"cluster": {"name": "c", "status": "DELETING"}}
    answers = iter(
        [
            Told(body=json.dumps(cluster)),
            Told(body=json.dumps(cluster)),
            Told(404, json.dumps({"message": "No."}), {"x-amzn-ErrorType": "ResourceNotFoundException"}),
        ]
    )
    paths = []

    def answer(asked):
        paths.append((asked.method, asked.path))
        return next(answers)

    with answering(answer) as url:
        (outcome,) = perform(url, ("eks:deleteCluster.sync", {"Name": "c"}))
    assert output(outcome) == {"Cluster": {"Name": "c", "Status": "DELETING"}}
    assert paths == [("DELETE", "/clusters/c"), ("GET", "/clusters/c"), ("GET", "/clusters/c")]


def test_a_service_that_is_not_there():
    (outcome,) = perform(
        "http://127.0.0.1:1", ("sns:publish", {"TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "m"})
    )
    assert isinstance(outcome, Failed)
    assert outcome.error == "SNS.SdkClientException"
    assert outcome.cause.startswith("Unable to execute HTTP request: Connect to 127.0.0.1")
