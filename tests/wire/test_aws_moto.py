"""AWS SDK integrations against moto's services: parameters, protocols and results there and back."""

import asyncio
import json

import pytest
from aws_servers import moto_server

from newel.integrations.aws.client import AwsClient
from newel.integrations.aws.sdk_target import sdk_targets
from newel.integrations.aws.settings import AwsSettings
from newel.language.resource import parse_resource
from newel.ports.tasks import Failed, Succeeded, TaskRequest
from newel.runtime.clock import SystemClock

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def moto():
    with moto_server() as url:
        yield url


@pytest.fixture
def perform(moto, monkeypatch):
    """Perform Tasks one after the other: `perform(("s3:getObject", {...}), ...)` gives their outcomes."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")

    def perform(*tasks):
        return asyncio.run(_perform(moto, tasks))

    return perform


class NoEvents:
    async def submitted(self, output, job=None):
        raise AssertionError("no callback here")


async def _perform(url, tasks):
    client = AwsClient(AwsSettings(own_url="http://127.0.0.1:1", endpoint_url=url), SystemClock())
    try:
        outcomes = []
        for task_id, (name, parameters) in enumerate(tasks):
            resource = parse_resource(f"arn:aws:states:::aws-sdk:{name}")
            request = TaskRequest(
                execution_arn="arn",
                execution_name="run",
                machine_arn="arn",
                state_name="T",
                task_id=task_id,
                resource=resource,
                parameters=json.dumps(parameters),
                region="us-east-1",
                account=ACCOUNT,
                role_arn="arn:aws:iam::123456789012:role/r",
                idempotency_key=f"run/{task_id}",
            )
            outcomes.append(await sdk_targets(client)(resource).run(request, NoEvents()))
        return outcomes
    finally:
        await client.close()


def outputs(outcomes):
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes), outcomes
    return [json.loads(outcome.output) for outcome in outcomes]


def test_s3(perform):
    where = {"Bucket": "round-trip", "Key": "a folder/ü+%.txt"}
    made, put, got, listed, attributes, missing, head, bucket = perform(
        ("s3:createBucket", {"Bucket": "round-trip"}),
        ("s3:putObject", {**where, "Body": {"k": "ü"}, "Metadata": {"by": "newel"}}),
        ("s3:getObject", where),
        ("s3:listObjectsV2", {"Bucket": "round-trip"}),
        ("s3:getObjectAttributes", {**where, "ObjectAttributes": ["ObjectSize"]}),
        ("s3:getObject", {**where, "Key": "nothing"}),
        ("s3:headObject", {**where, "Key": "nothing"}),
        ("s3:listObjects", {"Bucket": "no-such-bucket"}),
    )
    _, put, got, listed, attributes = outputs([made, put, got, listed, attributes])
    assert put["ETag"].startswith('"')
    assert (got["Body"], got["Metadata"], got["ContentLength"]) == ('{"k":"ü"}', {"by": "newel"}, 10)
    assert list(got)[-1] == "Body"
    assert list(got)[:-1] == sorted(list(got)[:-1])
    assert [found["Key"] for found in listed["Contents"]] == [where["Key"]]
    assert attributes["ObjectSize"] == 10
    assert isinstance(missing, Failed)
    assert missing.error == "S3.NoSuchKeyException"
    assert missing.cause.startswith("The specified key does not exist. (Service: S3, Status Code: 404, Request ID: ")
    assert ", Extended Request ID: " in missing.cause
    assert head.error == "S3.NoSuchKeyException"
    assert bucket.error == "S3.NoSuchBucketException"


def test_dynamodb(perform):
    table = {
        "TableName": "t",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    item = {"id": {"S": "1"}, "on": {"Bool": True}, "blob": {"B": "/wA="}, "set": {"Ss": ["a"]}}
    query = {
        "TableName": "t",
        "KeyConditionExpression": "id = :id",
        "ExpressionAttributeValues": {":id": {"S": "1"}},
    }
    created, put, got, queried, deleted, missing = perform(
        ("dynamodb:createTable", table),
        ("dynamodb:putItem", {"TableName": "t", "Item": item}),
        ("dynamodb:getItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
        ("dynamodb:query", query),
        ("dynamodb:deleteItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}),
        ("dynamodb:putItem", {"TableName": "none", "Item": item}),
    )
    created, put, got, queried, deleted = outputs([created, put, got, queried, deleted])
    assert created["TableDescription"]["CreationDateTime"].endswith("Z")
    assert (put, deleted) == ({}, {})
    assert got == {"Item": item}
    assert list(queried) == ["Count", "Items", "ScannedCount"]
    assert queried["Items"] == [item]
    assert missing.error == "DynamoDb.ResourceNotFoundException"
    assert missing.cause.startswith("Requested resource not found (Service: DynamoDb, Status Code: 400, Request ID: ")


def test_sqs_and_sns(perform):
    created, topic = outputs(perform(("sqs:createQueue", {"QueueName": "q"}), ("sns:createTopic", {"Name": "news"})))
    queue = created["QueueUrl"]
    sent, empty, received, published, gone, notopic = perform(
        ("sqs:sendMessage", {"QueueUrl": queue, "MessageBody": {"n": 1}}),
        ("sqs:receiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 10}),
        ("sqs:receiveMessage", {"QueueUrl": queue}),
        ("sns:publish", {"TopicArn": topic["TopicArn"], "Message": "hello"}),
        ("sqs:sendMessage", {"QueueUrl": queue + "-gone", "MessageBody": "x"}),
        ("sns:publish", {"TopicArn": topic["TopicArn"] + "-gone", "Message": "hello"}),
    )
    sent, first, second, published = outputs([sent, empty, received, published])
    assert sent["MessageId"] == first["Messages"][0]["MessageId"]
    assert first["Messages"][0]["Body"] == '{"n":1}'
    assert "Md5OfBody" in first["Messages"][0]
    assert second == {}
    assert published["MessageId"]
    assert gone.error == "Sqs.QueueDoesNotExistException"
    assert "(Service: Sqs, Status Code: 400, Request ID: " in gone.cause
    assert notopic.error == "Sns.NotFoundException"
    assert "(Service: Sns, Status Code: 404, Request ID: " in notopic.cause


def test_secrets_manager(perform):
    created, got, missing = perform(
        ("secretsmanager:createSecret", {"Name": "s", "SecretString": "hush"}),
        ("secretsmanager:getSecretValue", {"SecretId": "s"}),
        ("secretsmanager:getSecretValue", {"SecretId": "none"}),
    )
    created, got = outputs([created, got])
    assert created["Arn"] == got["Arn"]
    assert got["SecretString"] == "hush"
    assert missing.error == "SecretsManager.ResourceNotFoundException"


def test_an_idempotency_token_is_the_same_for_the_same_attempt(perform):
    create = ("secretsmanager:createSecret", {"Name": "twice", "SecretString": "hush"})
    first, again = outputs([*perform(create), *perform(create)])
    assert first == again


def test_ec2_and_iam(perform):
    filters = [{"Name": "is-default", "Values": ["true"]}]
    vpcs, none, made, refused = perform(
        ("ec2:describeVpcs", {"Filters": filters}),
        ("ec2:describeVpcs", {"VpcIds": ["vpc-nothing"]}),
        ("iam:createRole", {"RoleName": "r", "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}),
        ("iam:getRole", {"RoleName": "none"}),
    )
    vpcs, made = outputs([vpcs, made])
    assert vpcs["Vpcs"][0]["CidrBlock"] == "172.31.0.0/16"
    assert none.error == "Ec2.Ec2Exception"  # EC2 models no errors
    assert made["Role"]["RoleName"] == "r"
    assert made["Role"]["CreateDate"].endswith("Z")
    assert refused.error == "Iam.NoSuchEntityException"


def test_parameters_that_do_not_fit_never_leave(perform):
    (outcome,) = perform(("s3:putObject", {"Bucket": "b", "Filter": 1}))
    problems = "The field \"Filter\" is not supported by Step Functions, The field 'Key' is required but was missing"
    text = '{"Bucket": "b", "Filter": 1}'
    assert outcome == Failed(
        "States.Runtime", f"The Parameters '{text}' could not be used to start the Task: [{problems}]"
    )
