"""Other AWS services at the port of `newel dev`, through boto3 and the unmodified `aws` command."""

import json
import threading
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from dev_server import ACCOUNT, PATIENCE_SECONDS, REGION, Dev


def fetch(url, *, method="GET", data=None, headers=None):
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return answer.read()


# -- the aws command


def at(answer, path):
    for step in path.split("."):
        answer = answer[int(step) if step.isdecimal() else step]
    return answer


COMMANDS = [
    ("sts get-caller-identity", "Account", ACCOUNT),
    ("sns create-topic --name cli", "TopicArn", f"arn:aws:sns:{REGION}:{ACCOUNT}:cli"),
    ("secretsmanager get-secret-value --secret-id token", "SecretString", "t"),
    ('events put-events --entries [{"Source":"a","DetailType":"b","Detail":"{}"}]', "FailedEntryCount", 0),
    ("kms create-key", "KeyMetadata.Enabled", True),
    ("iam create-user --user-name somebody", "User.UserName", "somebody"),
    ("ssm get-parameter --name /app/level", "Parameter.Value", "high"),
    ("dynamodb describe-table --table-name orders", "Table.ItemCount", 1),
    ("logs describe-log-groups --log-group-name-prefix /app", "logGroups.0.logGroupName", "/app"),
    ("sqs get-queue-url --queue-name jobs", "QueueUrl", f"{{url}}/{ACCOUNT}/jobs"),
]


def test_the_aws_command(dev, tmp_path):
    file, back = tmp_path / "file.bin", tmp_path / "back.bin"
    file.write_bytes(bytes(range(256)) * 40_000)  # enough for several parts
    key = "s3://cli/a folder/ü+%.bin"
    *_, listed, _, url, _, _ = dev.aws(
        ["s3", "mb", "s3://cli"],
        ["s3", "cp", str(file), key],
        ["s3", "ls", "s3://cli", "--recursive"],
        ["s3", "cp", key, str(back)],
        ["s3", "presign", key],
        ["s3", "mb", "s3://gone"],
        ["s3", "rb", "s3://gone"],
    )
    assert "a folder/ü+%.bin" in listed
    assert back.read_bytes() == file.read_bytes()
    assert url.startswith(f"{dev.url}/cli/")
    assert fetch(url) == file.read_bytes()
    answers = dev.aws(*(command.split() for command, _, _ in COMMANDS))
    found = [at(answer, path) for answer, (_, path, _) in zip(answers, COMMANDS, strict=True)]
    assert found == [
        expected.format(url=dev.url) if isinstance(expected, str) else expected for _, _, expected in COMMANDS
    ]


def test_a_message_keeps_its_text(dev):
    sqs = dev.shared("sqs")
    url = sqs.create_queue(QueueName="texts")["QueueUrl"]
    assert url == f"{dev.url}/{ACCOUNT}/texts"
    assert url in sqs.list_queues()["QueueUrls"]
    sqs.send_message(QueueUrl=url, MessageBody="see https://sqs.us-east-1.amazonaws.com/x")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "see https://sqs.us-east-1.amazonaws.com/x"


def test_a_role_is_ours_and_a_policy_the_companions(dev):
    iam = dev.shared("iam")
    iam.create_role(RoleName="both", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}
    policy = iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="both", PolicyArn=policy)
    attached = iam.list_attached_role_policies(RoleName="both")["AttachedPolicies"]
    assert [found["PolicyArn"] for found in attached] == [policy]


# -- S3's ways of being asked


def test_a_bucket_as_part_of_the_host(dev):
    s3 = dev.shared("s3")
    s3.create_bucket(Bucket="hosted")
    s3.put_object(Bucket="hosted", Key="k", Body=b"v")
    host = f"hosted.s3.localhost:{dev.url.rpartition(':')[2]}"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "hosted", "Key": "k"})
    assert url.startswith(f"{dev.url}/hosted/k?")
    query = url.partition("?")[2]
    assert fetch(f"{dev.url}/k?{query}", headers={"Host": host}) == b"v"


def test_a_presigned_upload_and_the_old_signature(dev):
    s3 = dev.shared("s3")
    s3.create_bucket(Bucket="presigned")
    url = s3.generate_presigned_url("put_object", Params={"Bucket": "presigned", "Key": "k"})
    fetch(url, method="PUT", data=b"uploaded")
    old = dev.client("s3", signature_version="s3", s3={"addressing_style": "path"})
    url = old.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    assert "AWSAccessKeyId=" in url
    assert fetch(url) == b"uploaded"


def test_a_public_object_needs_no_signature_and_a_private_one_does(dev):
    s3 = dev.shared("s3")
    s3.create_bucket(Bucket="public")
    s3.put_object(Bucket="public", Key="open", Body=b"v", ACL="public-read")
    s3.put_object(Bucket="public", Key="closed", Body=b"v")
    assert fetch(f"{dev.url}/public/open") == b"v"
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(f"{dev.url}/public/closed")
    assert refused.value.code == 403
    refused.value.close()


def test_a_chunked_upload(dev):
    """What SDKs send that sign a body piece by piece; a checksum follows it."""
    s3 = dev.shared("s3")
    s3.create_bucket(Bucket="chunked")
    body = b"5;chunk-signature=x\r\nhello\r\n6;chunk-signature=y\r\n world\r\n0;chunk-signature=z\r\n\r\n"
    scope = f"test/20260101/{REGION}/s3/aws4_request"
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "Content-Encoding": "aws-chunked",
        "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "X-Amz-Decoded-Content-Length": "11",
    }
    fetch(f"{dev.url}/chunked/k", method="PUT", data=body, headers=headers)
    found = s3.get_object(Bucket="chunked", Key="k")
    assert found["Body"].read() == b"hello world"
    assert "ContentEncoding" not in found


def test_a_large_object_and_parts_of_it(dev):
    s3 = dev.shared("s3")
    s3.create_bucket(Bucket="large")
    body = bytes(1 << 20) * 20
    s3.put_object(Bucket="large", Key="k", Body=body)
    assert s3.head_object(Bucket="large", Key="k")["ContentLength"] == len(body)
    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == body
    assert s3.get_object(Bucket="large", Key="k", Range="bytes=5-9")["Body"].read() == bytes(5)


def test_errors_are_the_services_own(dev):
    with pytest.raises(ClientError) as missing:
        dev.shared("s3").get_object(Bucket="inbox", Key="nothing")
    assert missing.value.response["Error"]["Code"] == "NoSuchKey"
    with pytest.raises(ClientError) as unknown:
        dev.shared("glue").get_databases()
    assert unknown.value.response["Error"]["Code"] == "UnsupportedService"
    assert "moto[glue]" in unknown.value.response["Error"]["Message"]


# -- what comes from one service to another


def test_a_topic_reaches_its_queue_and_its_function(dev):
    sns, sqs, s3 = dev.shared("sns"), dev.shared("sqs"), dev.shared("s3")
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
    published = sns.publish(
        TopicArn=topic,
        Message="hello",
        Subject="greeting",
        MessageAttributes={"kind": {"DataType": "String", "StringValue": "k"}},
    )
    queue = sqs.get_queue_url(QueueName="jobs")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["Message"] == "hello"
    s3.get_waiter("object_exists").wait(Bucket="inbox", Key="noted", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (record,) = json.loads(s3.get_object(Bucket="inbox", Key="noted")["Body"].read())["Records"]
    assert record["EventSource"] == "aws:sns"
    told = record["Sns"]
    assert (told["Message"], told["Subject"], told["TopicArn"]) == ("hello", "greeting", topic)
    assert told["MessageId"] == published["MessageId"]
    assert told["MessageAttributes"] == {"kind": {"Type": "String", "Value": "k"}}


def test_a_bucket_notifies_a_function(dev):
    s3 = dev.shared("s3")
    s3.delete_object(Bucket="inbox", Key="noted")
    s3.create_bucket(Bucket="watched")
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:note"
    s3.put_bucket_notification_configuration(
        Bucket="watched",
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}]
        },
    )
    s3.put_object(Bucket="watched", Key="new", Body=b"v")
    s3.get_waiter("object_exists").wait(Bucket="inbox", Key="noted", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    (record,) = json.loads(s3.get_object(Bucket="inbox", Key="noted")["Body"].read())["Records"]
    assert record["s3"]["object"]["key"] == "new"


# -- what is slow elsewhere


def test_a_slow_request_keeps_nobody_waiting(dev):
    """Polls of empty queues, more than there are threads for other requests, are under way when others are answered."""
    sqs = dev.client("sqs", max_pool_connections=60)
    queue = sqs.create_queue(QueueName="empty")["QueueUrl"]
    done = []

    def poll():
        sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
        done.append(True)

    polls = [threading.Thread(target=poll) for _ in range(50)]
    for thread in polls:
        thread.start()
    for _ in range(20):
        assert fetch(f"{dev.url}/health") == b'{"status":"ok"}'
        dev.shared("s3").head_bucket(Bucket="inbox")
    assert not done
    for _ in polls:
        sqs.send_message(QueueUrl=queue, MessageBody="x")
    for thread in polls:
        thread.join(PATIENCE_SECONDS)
    assert len(done) == len(polls)


# -- without the companion


def test_other_endpoints_take_what_is_configured_for_them(dev, tmp_path):
    """A second server without a companion hands S3 on to the first, streaming, and refuses what has no endpoint."""
    (tmp_path / "empty").mkdir()
    second = Dev(tmp_path / "empty", "--no-companion", AWS_ENDPOINT_URL_S3=dev.url)
    try:
        s3 = second.shared("s3")
        s3.create_bucket(Bucket="handed-on")
        body = bytes(1 << 20) * 5
        s3.put_object(Bucket="handed-on", Key="k", Body=body)
        assert s3.get_object(Bucket="handed-on", Key="k")["Body"].read() == body
        assert "handed-on" in [found["Name"] for found in dev.shared("s3").list_buckets()["Buckets"]]
        with pytest.raises(ClientError) as refused:
            second.shared("sqs").list_queues()
        assert refused.value.response["Error"]["Code"] == "UnsupportedService"
    finally:
        assert second.close() == 0
    assert second.errors.read_text() == ""


def test_the_queue_urls_of_another_name_of_this_machine(dev):
    port = dev.url.rpartition(":")[2]
    sqs = boto3.client(
        "sqs",
        endpoint_url=f"http://localhost:{port}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    assert sqs.get_queue_url(QueueName="jobs")["QueueUrl"] == f"http://localhost:{port}/{ACCOUNT}/jobs"
    sqs.close()


def test_a_form_to_a_queues_own_url(dev):
    url = f"{dev.url}/{ACCOUNT}/jobs"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    sent = fetch(url, method="POST", data=b"Action=SendMessage&Version=2012-11-05&MessageBody=form", headers=headers)
    assert b"<SendMessageResponse" in sent
