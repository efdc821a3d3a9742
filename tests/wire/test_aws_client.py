"""The client of AWS APIs against a server that answers what a test says."""

import asyncio
import json
import random
import socket
import threading
from base64 import b64encode
from contextlib import asynccontextmanager, suppress
from zlib import crc32

import msgspec
import pytest
from aws_servers import Told, answering

from newel.integrations.aws.client import AnswerTooLarge, AwsClient
from newel.integrations.aws.credentials import RoleRefusedError
from newel.integrations.aws.models import service_model
from newel.integrations.aws.settings import AwsSettings
from newel.ports.aws import AwsError

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ROLE = "arn:aws:iam::210987654321:role/other"


class Clock:
    def __init__(self):
        self.now = 1_787_542_294_123

    def now_ms(self):
        return self.now

    async def sleep_until(self, due_ms):
        raise AssertionError("nothing here sleeps")


class NoJitter(random.Random):
    """Retries at once."""

    def random(self):
        return 0.0


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """No credentials and no configuration but what a test sets."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCONFIGURED")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@asynccontextmanager
async def client_of(clock=None, **settings):
    client = AwsClient(AwsSettings(**{"own_url": "http://127.0.0.1:1", **settings}), clock or Clock(), NoJitter())
    try:
        yield client
    finally:
        await client.close()


async def call(client, service, operation, parameters, **options):
    return await client.call(service, operation, parameters, **{"account": ACCOUNT, "region": REGION, **options})


def called(service, operation, parameters, answer, settings=None, **options):
    """Call once; what was answered and what the server was asked."""
    asked = []

    def tell(request):
        asked.append(request)
        return answer(request) if callable(answer) else answer

    async def run(url):
        async with client_of(**{"endpoint_url": url, **(settings or {})}) as client:
            return await call(client, service, operation, parameters, **options)

    with answering(tell) as url:
        return asyncio.run(run(url)), asked


def refused(service, operation, parameters, answer, settings=None, **options):
    with pytest.raises(AwsError) as error:
        called(service, operation, parameters, answer, settings, **options)
    return error.value


# Protocols


def test_json():
    told = Told(200, '{"Count": 1, "Items": [{"b": {"B": "aGk="}}]}', {"x-amzn-requestid": "r-1", "X-Extra": "y"})
    answer, (asked,) = called("dynamodb", "Scan", {"TableName": "t"}, told)
    assert asked.headers["x-amz-target"] == "DynamoDB_20120810.Scan"
    assert json.loads(asked.body) == {"TableName": "t"}
    assert answer.result == {"Count": 1, "Items": [{"b": {"B": b"hi"}}]}
    assert (answer.status, answer.request_id, answer.headers["x-extra"]) == (200, "r-1", "y")


def test_query():
    body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    answer, (asked,) = called("sts", "GetCallerIdentity", {}, Told(200, body))
    assert b"Action=GetCallerIdentity" in asked.body
    assert answer.result == {"Account": "1"}
    assert answer.request_id == "r"


def test_ec2():
    body = "<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
    given = {"Filters": [{"Name": "n", "Values": ["v"]}]}
    answer, (asked,) = called("ec2", "DescribeVpcs", given, Told(200, body))
    assert b"Filter.1.Name=n&Filter.1.Value.1=v" in asked.body
    assert answer.result == {"Vpcs": [{"VpcId": "vpc-1"}]}


def called_here(service, operation, parameters, told):
    """The same for a service of this server."""
    asked = []

    def tell(request):
        asked.append(request)
        return told

    async def run(url):
        async with client_of(own_url=url) as client:
            return await call(client, service, operation, parameters)

    with answering(tell) as url:
        return url, asyncio.run(run(url)), asked


def test_rest_json():
    given = {"FunctionName": "f:1", "Payload": b"{}", "LogType": "Tail"}
    _, answer, (asked,) = called_here("lambda", "Invoke", given, Told(200, '{"a": 1}'))
    assert (asked.method, asked.path, asked.body) == ("POST", "/2015-03-31/functions/f%3A1/invocations", b"{}")
    assert asked.headers["x-amz-log-type"] == "Tail"
    assert answer.result == {"StatusCode": 200, "Payload": b'{"a": 1}'}


def test_rest_xml_by_path_and_with_a_checksum():
    answer, (asked,) = called(
        "s3", "PutObject", {"Bucket": "b", "Key": "a/ü ", "Body": b"x"}, Told(200, "", {"ETag": '"e"'})
    )
    assert (asked.method, asked.path, asked.body) == ("PUT", "/b/a/%C3%BC%20", b"x")
    assert asked.headers["x-amz-checksum-crc32"] == b64encode(crc32(b"x").to_bytes(4)).decode()
    assert "expect" not in asked.headers
    assert answer.result["ETag"] == '"e"'


def test_cbor():
    service = "partnercentral-marketing"
    assert service_model(service).resolved_protocol == "smithy-rpc-v2-cbor"
    operation = service_model(service).operation_model("DeleteCampaign")
    given = dict.fromkeys(operation.input_shape.required_members, "campaign-1")
    told = Told(200, b"\xa0", {"smithy-protocol": "rpc-v2-cbor"})
    answer, (asked,) = called(service, "DeleteCampaign", given, told)
    assert asked.path.endswith("/operation/DeleteCampaign")
    assert asked.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert b"campaign-1" in asked.body
    assert answer.result == {}


def test_a_host_prefix_is_left_out_at_a_configured_endpoint():
    given = {"stateMachineArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"}
    url, _, (asked,) = called_here("stepfunctions", "StartSyncExecution", given, Told(200, '{"status": "SUCCEEDED"}'))
    assert asked.headers["host"] == url.removeprefix("http://")
    assert asked.scope == {"key": ACCOUNT, "region": REGION, "service": "states"}


def test_a_redirect_is_an_answer():
    error = refused("s3", "GetObject", {"Bucket": "b", "Key": "k"}, Told(301, "", {"Location": "http://127.0.0.1:1/"}))
    assert (error.status, error.connection) == (301, False)


# Where to and as whom


def test_own_services_are_called_here_as_the_account():
    asked = []

    def tell(request):
        asked.append(request)
        return Told(200, '{"executions": []}')

    async def run(url):
        async with client_of(own_url=url, endpoint_url="http://127.0.0.1:2") as client:
            arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"
            await call(client, "stepfunctions", "ListExecutions", {"stateMachineArn": arn})
            await call(client, "stepfunctions", "ListExecutions", {"stateMachineArn": arn}, role_arn=ROLE)

    with answering(tell) as url:
        asyncio.run(run(url))
    assert [request.scope["key"] for request in asked] == [ACCOUNT, "210987654321"]


def test_a_configured_endpoint_is_called_as_the_account_where_no_credentials_are():
    _, (asked,) = called("sqs", "ListQueues", {}, Told())
    assert asked.scope == {"key": ACCOUNT, "region": REGION, "service": "sqs"}
    _, (asked,) = called("sqs", "ListQueues", {}, Told(), role_arn=ROLE)
    assert asked.scope["key"] == "210987654321"


def test_configured_credentials_are_used(keys):
    _, (asked,) = called("sqs", "ListQueues", {}, Told())
    assert asked.scope["key"] == "AKIDCONFIGURED"


def test_a_service_of_its_own_endpoint():
    with answering(lambda request: Told(200, "{}")) as url:

        async def run():
            async with client_of(endpoint_url="http://127.0.0.1:1", endpoint_urls={"SQS": url}, attempts=1) as client:
                await call(client, "sqs", "ListQueues", {})
                with pytest.raises(AwsError):
                    await call(client, "dynamodb", "ListTables", {})

        asyncio.run(run())


def test_aws_itself_is_not_called_without_credentials():
    async def run():
        async with client_of() as client:
            await call(client, "sqs", "ListQueues", {})

    with pytest.raises(AwsError) as error:
        asyncio.run(run())
    assert error.value.connection
    assert error.value.message.startswith("Unable to load credentials from any of the providers in the chain")


def assumed(expires):
    return Told(
        200,
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>"
        "<SecretAccessKey>s</SecretAccessKey><SessionToken>token</SessionToken>"
        f"<Expiration>{expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
    )


def test_a_role_is_assumed_once_until_shortly_before_it_ends(keys):
    asked, clock = [], Clock()

    def tell(request):
        asked.append(request)
        return assumed("2026-08-24T04:31:34Z") if b"AssumeRole" in request.body else Told()

    async def run(url):
        async with client_of(clock, endpoint_url=url) as client:
            calls = (call(client, "sqs", "ListQueues", {}, role_arn=ROLE) for _ in range(5))
            await asyncio.gather(*calls)
            clock.now += 57 * 60_000
            await call(client, "sqs", "ListQueues", {}, role_arn=ROLE)
            clock.now += 2 * 60_000
            await call(client, "sqs", "ListQueues", {}, role_arn=ROLE)

    with answering(tell) as url:
        asyncio.run(run(url))
    sts = [request for request in asked if request.scope["service"] == "sts"]
    assert [request.scope["key"] for request in sts] == ["AKIDCONFIGURED"] * 2
    assert b"RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fother" in sts[0].body
    others = [request for request in asked if request.scope["service"] == "sqs"]
    assert {request.scope["key"] for request in others} == {"ASIAROLE"}
    assert {request.headers["x-amz-security-token"] for request in others} == {"token"}
    assert len(others) == 7


def test_a_refused_role_is_refused_every_time(keys):
    asked = []
    body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error><RequestId>r</RequestId></ErrorResponse>"

    def tell(request):
        asked.append(request)
        return Told(403, body)

    async def run(url):
        async with client_of(endpoint_url=url) as client:
            for _ in range(2):
                with pytest.raises(RoleRefusedError) as error:
                    await call(client, "sqs", "ListQueues", {}, role_arn=ROLE)
                assert (error.value.role_arn, error.value.code) == (ROLE, "AccessDenied")

    with answering(tell) as url:
        asyncio.run(run(url))
    assert len(asked) == 2


# What goes wrong


def test_errors_of_the_service():
    body = '{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no", "Item": {"a": {"S": "b"}}}'
    error = refused("dynamodb", "PutItem", {"TableName": "t", "Item": {}}, Told(400, body, {"x-amzn-requestid": "r"}))
    assert (error.code, error.message, error.status, error.request_id) == (
        "ConditionalCheckFailedException",
        "no",
        400,
        "r",
    )
    assert not error.connection
    assert error.result["Item"] == {"a": {"S": "b"}}


def test_errors_of_s3_have_two_ids():
    body = "<Error><Code>NoSuchKey</Code><Message>gone</Message><RequestId>r</RequestId><HostId>h</HostId></Error>"
    headers = {"x-amz-request-id": "r", "x-amz-id-2": "h"}
    error = refused("s3", "GetObject", {"Bucket": "b", "Key": "k"}, Told(404, body, headers))
    assert (error.code, error.request_id, error.extended_request_id) == ("NoSuchKey", "r", "h")


def test_an_older_code_is_kept_beside_the_models():
    body = '{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone"}'
    headers = {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"}
    error = refused("sqs", "ReceiveMessage", {"QueueUrl": "http://127.0.0.1/q"}, Told(400, body, headers))
    assert error.code == "QueueDoesNotExist"
    assert error.result["QueryErrorCode"] == "AWS.SimpleQueueService.NonExistentQueue"


@pytest.mark.parametrize("body", ["", "<a>", '{"a": '])
def test_an_answer_that_is_none_of_the_services(body):
    error = refused("sns", "ListTopics", {}, Told(200, body))
    assert error.connection
    assert error.message.startswith("Unable to unmarshall response")


def test_an_error_that_is_none_of_the_services():
    error = refused("sns", "ListTopics", {}, Told(404, "nothing here"))
    assert (error.code, error.message, error.status, error.connection) == ("404", "", 404, False)


def test_parameters_that_the_model_refuses():
    for given in ({"TableName": "t", "Limit": "x"}, {"TableName": "t", "Nope": 1}):
        with pytest.raises(ValueError, match="Parameter validation failed"):
            called("dynamodb", "Scan", given, Told())
    for given in ({"Bucket": "b"}, {"Bucket": "b", "Key": ""}):
        with pytest.raises(ValueError, match="Key cannot be empty"):
            called("s3", "GetObject", given, Told())
    with pytest.raises(ValueError, match="Unknown operation"):
        called("dynamodb", "Dance", {}, Told())
    with pytest.raises(ValueError, match="Unknown AWS service"):
        called("nothing", "Dance", {}, Told())


def test_what_a_service_can_say_better_is_left_to_it():
    body = '{"__type": "ValidationException", "message": "1 validation error detected"}'
    error = refused("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1/q"}, Told(400, body))
    assert error.code == "ValidationException"
    _, (asked,) = called("dynamodb", "ListTables", {"Limit": 0}, Told())
    assert json.loads(asked.body) == {"Limit": 0}


@pytest.mark.parametrize(
    "trouble", [Told(500), Told(503, "busy"), Told(400, '{"__type": "ThrottlingException", "message": "slow"}')]
)
def test_what_may_pass_is_tried_again(trouble):
    told = [trouble, trouble, Told(200, '{"TableNames": []}')]
    answer, asked = called("dynamodb", "ListTables", {}, lambda request: told.pop(0))
    assert answer.result == {"TableNames": []}
    assert len(asked) == 3


def test_attempts_have_an_end():
    asked = []

    def tell(request):
        asked.append(request)
        return Told(500, '{"__type": "InternalServerError", "message": "broken"}')

    assert refused("dynamodb", "ListTables", {}, tell).status == 500
    assert len(asked) == 3


def test_a_refusal_is_not_tried_again():
    asked = []

    def tell(request):
        asked.append(request)
        return Told(400, '{"__type": "ValidationException", "message": "no"}')

    refused("dynamodb", "ListTables", {}, tell)
    assert len(asked) == 1


def test_an_answer_that_is_too_large_is_not_read():
    error = refused(
        "s3",
        "GetObject",
        {"Bucket": "b", "Key": "k"},
        Told(200, b"x" * 2000),
        {"answer_bytes_max": 1000, "attempts": 1},
    )
    assert isinstance(error, AnswerTooLarge)


def unused_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def unreachable(url, **settings):
    async def run():
        async with client_of(**{"endpoint_url": url, "attempts": 1, **settings}) as client:
            await call(client, "dynamodb", "ListTables", {})

    with pytest.raises(AwsError) as error:
        asyncio.run(run())
    assert (error.value.code, error.value.status, error.value.connection) == ("SdkClientException", 0, True)
    return error.value.message


def test_nobody_listens():
    port = unused_port()
    message = unreachable(f"http://127.0.0.1:{port}")
    assert message.startswith(f"Unable to execute HTTP request: Connect to 127.0.0.1:{port} failed: ")


def test_the_host_is_unknown(monkeypatch):
    def unknown(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert unreachable("http://no-such-host.invalid").startswith("Received an UnknownHostException when attempting")


@pytest.fixture
def silent():
    """A server that accepts and never answers; how many connections it holds."""
    held, stop = [], threading.Event()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    listener.settimeout(0.02)

    def accept():
        while not stop.is_set():
            with suppress(TimeoutError):
                held.append(listener.accept()[0])

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", held
    stop.set()
    thread.join()
    for connection in [*held, listener]:
        connection.close()


def test_what_cannot_be_signed_is_not_tried_again():
    error = refused("events", "PutEvents", {"Entries": [], "EndpointId": "a.b"}, Told(), {"attempts": 100})
    assert error.connection


def test_a_host_that_does_not_answer_is_tried_again(silent):
    unreachable(silent[0], read_seconds=0.02, attempts=3)
    assert len(silent[1]) == 3


def test_an_answer_that_does_not_come(silent):
    assert unreachable(silent[0], read_seconds=0.05) == "Unable to execute HTTP request: Read timed out"


def test_a_connection_that_is_closed():
    listener = socket.create_server(("127.0.0.1", 0))

    def close_one():
        connection, _ = listener.accept()
        connection.recv(65_536)
        connection.close()

    thread = threading.Thread(target=close_one)
    thread.start()
    message = unreachable(f"http://127.0.0.1:{listener.getsockname()[1]}")
    thread.join()
    listener.close()
    assert message.startswith("Unable to execute HTTP request: ")


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


def test_hundreds_of_calls_that_hang_hold_no_thread_and_delay_nobody(silent):
    url, held = silent

    async def run(fast):
        async with client_of(endpoint_url=url, endpoint_urls={"SQS": fast}, read_seconds=600) as client:
            assert (await call(client, "sqs", "ListQueues", {})).status == 200
            first = asyncio.create_task(call(client, "dynamodb", "ListTables", {}))
            await until(lambda: len(held) == 1)
            threads = threading.active_count()
            hanging = [asyncio.create_task(call(client, "dynamodb", "ListTables", {})) for _ in range(499)]
            await until(lambda: len(held) == 500)
            others = [call(client, "sqs", "ListQueues", {}) for _ in range(20)]
            done = await asyncio.gather(*others)
            found = threading.active_count()
            waiting = [first, *hanging]
            assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            return done, found - threads

    asked_by = set()

    def tell(request):
        asked_by.add(threading.get_ident())
        return Told()

    with answering(tell) as fast:
        done, more = asyncio.run(run(fast))
    assert [answer.status for answer in done] == [200] * 20
    # The stub for SQS answers each connection in a thread of its own, and those are all that may have come.
    assert more <= len(asked_by)
    assert more < 50


def test_a_host_has_a_bound_of_its_own(silent):
    url, held = silent

    async def run(fast):
        settings = {"endpoint_url": url, "endpoint_urls": {"SQS": fast}, "host_connections": 2, "read_seconds": 600}
        async with client_of(**settings) as client:
            hanging = [asyncio.create_task(call(client, "dynamodb", "ListTables", {})) for _ in range(10)]
            await until(lambda: len(held) == 2)
            answer = await call(client, "sqs", "ListQueues", {})
            assert len(held) == 2
            for task in hanging:
                task.cancel()
            await asyncio.gather(*hanging, return_exceptions=True)
            return answer

    with answering(lambda request: Told()) as fast:
        assert asyncio.run(run(fast)).status == 200


def test_a_caller_that_gives_up_stops_nobody_else(keys):
    """The first caller's work (models, session, role) is everybody's."""

    def tell(request):
        return assumed("2026-08-24T04:31:34Z") if b"AssumeRole" in request.body else Told()

    async def run(url):
        async with client_of(endpoint_url=url) as client:
            first = asyncio.create_task(call(client, "sqs", "ListQueues", {}, role_arn=ROLE))
            second = asyncio.create_task(call(client, "sqs", "ListQueues", {}, role_arn=ROLE))
            await asyncio.sleep(0)
            first.cancel()
            return (await second).status

    with answering(tell) as url:
        assert asyncio.run(run(url)) == 200


def test_an_unused_client_closes():
    async def run():
        async with client_of():
            pass

    asyncio.run(run())


def test_settings_are_data():
    settings = AwsSettings(own_url="http://127.0.0.1:8083")
    assert msgspec.structs.replace(settings, attempts=1).attempts == 1
