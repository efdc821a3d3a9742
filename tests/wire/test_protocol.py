"""The wire below the SDKs: dispatch, content types, errors, disconnects."""

import http.client
import json
import time
from urllib.parse import urlsplit

import pytest
from machines import ENDS, ROLE, fresh
from wire_server import REGION, ask, assemble

from newel.ports.store import StoreUnavailable

STATES = "AWSStepFunctions."


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("protocol"))


@pytest.fixture(scope="module")
def app(parts):
    return parts.app


def signed(service, key="test", region=REGION):
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, X=1"}


def call(app, operation, request, **more):
    status, headers, body = ask(app, json.dumps(request).encode(), target=STATES + operation, **more)
    return status, headers, json.loads(body)


def test_an_answer(app):
    status, headers, answer = call(app, "ListStateMachines", {})
    assert (status, answer) == (200, {"stateMachines": []})
    assert headers["content-type"] == "application/x-amz-json-1.0"
    assert len(headers["x-amzn-requestid"]) == 36


def test_request_ids_differ(app):
    ids = {call(app, "ListStateMachines", {})[1]["x-amzn-requestid"] for _ in range(3)}
    assert len(ids) == 3


def test_json_1_1_is_answered_in_kind(app):
    headers = {"content-type": "application/x-amz-json-1.1"}
    _, reply, _ = call(app, "ListStateMachines", {}, headers=headers)
    assert reply["content-type"] == "application/x-amz-json-1.1"
    _, reply, _ = call(app, "DescribeActivity", {}, headers=headers)
    assert reply["content-type"] == "application/x-amz-json-1.1"


def test_times_are_epoch_seconds_with_milliseconds(app):
    _, _, answer = call(app, "CreateStateMachine", {"name": fresh(), "definition": ENDS, "roleArn": ROLE})
    assert isinstance(answer["creationDate"], float)
    assert abs(answer["creationDate"] - time.time()) < 60


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b"[]", "SerializationException"),
        (b'{"maxResults": "many"}', "SerializationException"),
        (b'{"nextToken": "\\ud800"}', "SerializationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"maxResults": 1001}', "ValidationException"),
        (b'{"maxResults": ' + b"9" * 400 + b"}", "ValidationException"),
    ],
)
def test_what_is_no_request(app, body, code):
    status, _, answer = ask(app, body, target=STATES + "ListStateMachines")
    assert (status, json.loads(answer)["__type"]) == (400, code)
    assert json.loads(answer)["message"]


def test_no_body_is_an_empty_object(app):
    assert ask(app, b"", target=STATES + "ListActivities")[0] == 200


@pytest.mark.parametrize("target", ["AWSStepFunctions.Nope", "AWSStepFunctions.", "DynamoDB_20120810.ListTables", "x"])
def test_an_unknown_operation(app, target):
    status, _, body = ask(app, target=target)
    answer = json.loads(body)
    assert (status, answer["__type"]) == (400, "UnknownOperationException")
    assert target.removeprefix(STATES) in answer["message"]


def test_an_operation_by_get(app):
    status, _, body = ask(app, method="GET", target=STATES + "ListStateMachines")
    assert (status, json.loads(body)["__type"]) == (400, "UnknownOperationException")


def test_a_service_that_is_not_ours(app):
    status, _, body = ask(app, headers=signed("sqs"))
    assert (status, json.loads(body)["__type"]) == (501, "UnsupportedService")
    assert "sqs" in json.loads(body)["message"]


def test_a_companion_takes_what_is_not_ours(tmp_path):
    seen = []

    async def companion(scope, receive, send):
        seen.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"theirs"})

    app = assemble(tmp_path, companion=companion).app
    assert ask(app, b"body", headers=signed("sqs"))[2] == b"theirs"
    assert ask(app, b"body", target="DynamoDB_20120810.ListTables", headers=signed("dynamodb"))[2] == b"theirs"
    assert seen == [b"body", b"body"]
    assert ask(app, target=STATES + "ListStateMachines", headers=signed("states"))[2] == b'{"stateMachines":[]}'


def test_a_console_takes_plain_pages(tmp_path):
    async def console(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    app = assemble(tmp_path, console=console).app
    assert ask(app, method="GET", path="/studio/x")[2] == b"/studio/x"
    assert ask(app, method="GET", path="/health")[2] == b'{"status":"ok"}'


@pytest.mark.parametrize(
    ("scope", "account", "region"),
    [
        (signed("states"), "000000000000", REGION),
        (signed("states", key="111122223333"), "111122223333", REGION),
        (signed("states", key="AKIAIOSFODNN7EXAMPLE", region="eu-west-1"), "000000000000", "eu-west-1"),
        (signed("states", key="ASIAABCD111122223333"), "111122223333", REGION),
        (signed("states", region="../../etc"), "000000000000", REGION),
        ({"authorization": "Bearer x"}, "000000000000", REGION),
        ({}, "000000000000", REGION),
    ],
)
def test_account_and_region_come_from_the_credential_scope(app, scope, account, region):
    _, _, answer = call(app, "CreateActivity", {"name": fresh()}, headers=scope)
    assert answer["activityArn"].startswith(f"arn:aws:states:{region}:{account}:activity:")


def test_a_presigned_request_names_its_scope_in_the_query(app):
    query = b"X-Amz-Credential=111122223333%2F20260101%2Feu-west-1%2Fstates%2Faws4_request"
    _, _, answer = call(app, "CreateActivity", {"name": fresh()}, query=query)
    assert answer["activityArn"].startswith("arn:aws:states:eu-west-1:111122223333:activity:")


def test_china_has_a_partition_of_its_own(app):
    _, _, answer = call(app, "CreateActivity", {"name": fresh()}, headers=signed("states", region="cn-north-1"))
    assert answer["activityArn"].startswith("arn:aws-cn:states:cn-north-1:")


def test_the_trace_header_of_http_wins(app):
    machine = call(app, "CreateStateMachine", {"name": fresh(), "definition": ENDS, "roleArn": ROLE})[2]
    request = {"stateMachineArn": machine["stateMachineArn"], "traceHeader": "Root=body"}
    for headers, expected in (({"X-Amzn-Trace-Id": "Root=http"}, "Root=http"), ({}, "Root=body")):
        started = call(app, "StartExecution", request, headers=headers)[2]
        found = call(app, "DescribeExecution", {"executionArn": started["executionArn"]})[2]
        assert found["traceHeader"] == expected


def test_a_body_in_pieces_and_one_that_is_too_large(url):
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    connection.request("POST", "/", iter([b'{"max', b'Results":1}']), {"X-Amz-Target": STATES + "ListActivities"})
    reply = connection.getresponse()
    assert (reply.status, "activities" in json.loads(reply.read())) == (200, True)
    large = b'{"name":"' + b"x" * (8 * 1_048_576) + b'"}'
    connection.request("POST", "/", large, {"X-Amz-Target": STATES + "CreateActivity"})
    reply = connection.getresponse()
    assert (reply.status, json.loads(reply.read())["__type"]) == (413, "RequestEntityTooLargeException")
    connection.close()


def test_the_sync_host_prefix_is_accepted(url):
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname, address.port)
    headers = {"X-Amz-Target": STATES + "StartSyncExecution", "Host": f"sync-localhost:{address.port}"}
    connection.request("POST", "/", b"{}", headers)
    assert json.loads(connection.getresponse().read())["__type"] == "ValidationException"
    connection.close()


def broken(parts, monkeypatch, error):
    async def fail(*_):
        raise error

    monkeypatch.setattr(parts.core.store, "machines", fail)
    return ask(parts.app, target=STATES + "ListStateMachines")


def test_a_store_that_cannot_write_is_unavailable(parts, monkeypatch):
    status, _, body = broken(parts, monkeypatch, StoreUnavailable("the disk is full"))
    assert (status, json.loads(body)["__type"]) == (503, "ServiceUnavailable")
    assert "the disk is full" in json.loads(body)["message"]


def test_our_own_bug_tells_the_client_nothing(parts, monkeypatch, caplog):
    status, _, body = broken(parts, monkeypatch, RuntimeError("secret detail"))
    assert (status, json.loads(body)["__type"]) == (500, "InternalFailure")
    assert b"secret" not in body
    assert "secret detail" in caplog.text


def test_a_worker_that_goes_away_loses_no_task(url, sfn, live_parts):
    arn = sfn.create_activity(name=fresh())["activityArn"]
    runtime = live_parts.runtime
    runtime.poll_seconds = 30
    try:
        address = urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname, address.port)
        body = json.dumps({"activityArn": arn}).encode()
        connection.request("POST", "/", body, {"X-Amz-Target": STATES + "GetActivityTask"})
        wait_for(lambda: runtime.polling == 1)
        connection.close()
        wait_for(lambda: runtime.polling == 0)
    finally:
        runtime.poll_seconds = 0.2


def wait_for(condition):
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come about")


def test_metrics_and_health(app):
    ask(app, target=STATES + "ListStateMachines")
    status, headers, body = ask(app, method="GET", path="/metrics")
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert b'newel_api_requests_total{code="OK",operation="ListStateMachines"}' in body
    assert ask(app, method="GET", path="/health")[::2] == (200, b'{"status":"ok"}')


def test_nothing_there(app):
    status, _, body = ask(app, method="GET", path="/nope")
    assert (status, json.loads(body)["__type"]) == (404, "UnknownOperationException")
