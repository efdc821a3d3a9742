"""Requests as they would go to AWS: addresses, signatures and bodies, none of them sent."""

import pytest
from botocore.credentials import ReadOnlyCredentials

from newel.integrations.aws.bound import BoundService, create_client, new_session
from newel.integrations.aws.naming import members
from newel.integrations.aws.shapes import request_parameters, result_json
from newel.integrations.aws.transport import Received
from newel.ports.aws import AwsError

KEYS = ReadOnlyCredentials("AKID", "secret", None)


def bound(service, url=None, region="eu-west-1"):
    return BoundService(create_client(new_session(), service, region, url, anonymous=True), url)


def outgoing(service, operation, parameters, url=None, **options):
    found = bound(service, url, **options)
    return found.signed(found.call(operation, parameters, KEYS))


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "url"),
    [
        ("dynamodb", "ListTables", {}, "https://dynamodb.eu-west-1.amazonaws.com/"),
        ("s3", "GetObject", {"Bucket": "bucket", "Key": "k/ü"}, "https://bucket.s3.eu-west-1.amazonaws.com/k/%C3%BC"),
        ("s3", "GetObject", {"Bucket": "B.c", "Key": "k"}, "https://s3.eu-west-1.amazonaws.com/B.c/k"),
        ("iam", "GetRole", {"RoleName": "r"}, "https://iam.amazonaws.com/"),
        (
            "stepfunctions",
            "StartSyncExecution",
            {"stateMachineArn": "a"},
            "https://sync-states.eu-west-1.amazonaws.com/",
        ),
        (
            "sqs",
            "ReceiveMessage",
            {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q"},
            "https://sqs.eu-west-1.amazonaws.com/",
        ),
    ],
)
def test_addresses_at_aws(service, operation, parameters, url):
    assert outgoing(service, operation, parameters).url == url


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "path"),
    [
        ("s3", "GetObject", {"Bucket": "b", "Key": "k"}, "/b/k"),
        ("stepfunctions", "StartSyncExecution", {"stateMachineArn": "a"}, "/"),
        ("sqs", "ReceiveMessage", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q"}, "/"),
        ("s3control", "GetBucket", {"AccountId": "123456789012", "Bucket": "b"}, "/v20180820/bucket/b"),
        ("signin", "ListSessions", {}, "/list-sessions"),
        ("route53", "GetHostedZone", {"Id": "/hostedzone/Z1"}, "/2013-04-01/hostedzone/Z1"),
    ],
)
def test_addresses_at_a_configured_endpoint(service, operation, parameters, path):
    assert outgoing(service, operation, parameters, "http://127.0.0.1:9").url == f"http://127.0.0.1:9{path}"


def test_requests_are_signed_with_the_calls_credentials():
    found = bound("dynamodb")
    headers = dict(found.signed(found.call("ListTables", {}, ReadOnlyCredentials("ROLE", "s", "token"))).headers)
    assert headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=ROLE/")
    assert "/eu-west-1/dynamodb/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "token"


def test_operations_without_authentication_are_not_signed():
    request = outgoing("cognito-idp", "InitiateAuth", {"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": "c"})
    assert "Authorization" not in dict(request.headers)


def test_a_body_sent_in_chunks_is_whole_for_each_attempt():
    found = bound("s3", "https://127.0.0.1:9")
    call = found.call("PutObject", {"Bucket": "b", "Key": "k", "Body": b"x" * 70_000}, KEYS)
    first, second = found.signed(call), found.signed(call)
    names = {name.lower() for name, _ in first.headers}
    assert "x-amz-trailer" in names
    assert not names & {"transfer-encoding", "content-length", "expect"}
    assert first.body == second.body
    assert b"x-amz-checksum-crc32:" in first.body
    assert len(first.body) > 70_000


def test_an_unknown_region_or_service_is_no_crash():
    with pytest.raises(ValueError, match="no-such-service"):
        create_client(new_session(), "no-such-service", "eu-west-1", None, anonymous=True)


def test_what_botocore_cannot_sign_is_a_client_error():
    found = bound("events")  # a global endpoint takes SigV4a, which needs the AWS Common Runtime
    with pytest.raises(AwsError) as error:
        found.signed(found.call("PutEvents", {"Entries": [], "EndpointId": "abcde.veo"}, KEYS))
    assert error.value.connection


def test_a_wrong_checksum_is_noticed():
    found = bound("s3", "http://127.0.0.1:9")
    call = found.call("GetObject", {"Bucket": "b", "Key": "k", "ChecksumMode": "ENABLED"}, KEYS)
    with pytest.raises(AwsError) as error:
        found.answer(call, Received(200, [("x-amz-checksum-crc32", "AAAAAA==")], b"data"))
    assert error.value.connection
    answer = found.answer(call, Received(200, [("x-amz-checksum-crc32", "rfPzYw==")], b"data"))
    assert answer.result["Body"] == b"data"


def test_services_that_tell_their_address():
    assert bound("timestream-query").discovers
    assert not bound("timestream-query", "http://127.0.0.1:9").discovers
    assert not bound("dynamodb").discovers


def sample(shape, depth=0):
    """JSON that fits a shape, with everything the shape has."""
    kind = shape.type_name
    if kind == "structure":
        if shape.is_document_type:
            return {"a": 1}
        shown = members(shape).shown
        some = list(shape.members)[:1] if shape.is_tagged_union else shape.members
        if depth > 2:
            some = shape.required_members
        return {shown[member]: sample(shape.members[member], depth + 1) for member in some}
    if kind == "list":
        return [sample(shape.member, depth + 1)]
    if kind == "map":
        return {"key": sample(shape.value, depth + 1)}
    plain = {"string": "abc", "blob": "aGk=", "timestamp": "2026-08-24T03:31:34Z", "boolean": True}
    return shape.enum[0] if kind == "string" and shape.enum else plain.get(kind, 1)


@pytest.mark.parametrize(
    "service",
    [
        *("apigateway", "bedrock-runtime", "cloudwatch", "dynamodb", "ec2", "glacier", "iam", "kinesis", "lambda"),
        *("logs", "rds", "route53", "s3", "s3control", "sns", "sqs", "ssm", "stepfunctions", "transcribe"),
    ],
)
def test_every_operation_can_be_laid_out(service):
    """All protocols with all of their members: names, types, addresses and signatures hold together."""
    found = bound(service, "http://127.0.0.1:9")
    for name in found.model.operation_names:
        operation = found.model.operation_model(name)
        if operation.has_event_stream_input or operation.has_event_stream_output:
            continue
        given = {} if operation.input_shape is None else sample(operation.input_shape)
        call = found.call(name, request_parameters(operation.input_shape, given), KEYS)
        assert found.signed(call).url.startswith("http://127.0.0.1:9/"), name
        if operation.output_shape is not None:
            shown = [members(operation.output_shape).shown[member] for member in operation.output_shape.members]
            assert len(set(shown)) == len(shown)
            assert result_json(operation.output_shape, {}) == {}
