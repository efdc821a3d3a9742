"""What TestState shows of a request and its response."""

import asyncio
import json
from contextlib import suppress

import pytest

from newel.errors import StatesError
from newel.integrations.http_task.inspection import inspection_data
from newel.ports.connections import BasicAuth

from .conftest import connection

SECRETS = ["c2VjcmV0", "header-secret", "query-secret", "body-secret"]


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


def exchange_of(bench, **given):
    seen = []

    async def work():
        one = connection(
            BasicAuth("user", "secret-word"),
            headers={"CustomHeader1": "header-secret"},
            query={"QueryParam1": "query-secret"},
            body={"BodyKey1": "body-secret"},
        )
        async with bench(one) as b:
            with suppress(StatesError):
                await b.call(action=b.action.observed(seen.append), **given)
            return b.port

    port = run(work())
    (exchange,) = seen
    return exchange, port


GIVEN = {
    "Method": "POST",
    "Headers": {"definitionHeader": "h1"},
    "QueryParameters": {"queryParam": "q1"},
    "RequestBody": {"message": "Hello"},
}


def test_revealed(bench, endpoint):
    endpoint.answer = {
        "text": '{\n "a": 1}',
        "content_type": "application/json",
        "headers": {"Server": "s", "Date": "d"},
    }
    exchange, port = exchange_of(bench, **GIVEN)
    data = inspection_data(exchange, reveal_secrets=True)
    assert data["request"] == {
        "protocol": "https",
        "method": "POST",
        "url": f"https://localhost:{port}/things?queryParam=q1&QueryParam1=query-secret",
        "headers": (
            "[definitionHeader: h1, Authorization: Basic dXNlcjpzZWNyZXQtd29yZA==, CustomHeader1: header-secret, "
            "User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]"
        ),
        "body": '{"message":"Hello","BodyKey1":"body-secret"}',
    }
    assert data["response"] == {
        "protocol": "https",
        "statusCode": "200",
        "statusMessage": "OK",
        "headers": "[server: s, date: d, content-type: application/json; charset=utf-8, content-length: 10]",
        "body": '{\n "a": 1}',
    }


def test_hidden(bench):
    exchange, port = exchange_of(bench, **GIVEN)
    data = inspection_data(exchange, reveal_secrets=False)
    assert data["request"] == {
        "protocol": "https",
        "method": "POST",
        "url": f"https://localhost:{port}/things?queryParam=q1&QueryParam1=****",
        "headers": (
            "[definitionHeader: h1, Authorization: ****, CustomHeader1: ****, "
            "User-Agent: Amazon|StepFunctions|HttpInvoke|eu-west-1, Range: bytes=0-262144]"
        ),
        "body": '{"message":"Hello","BodyKey1":"****"}',
    }
    text = json.dumps(data)
    assert not [secret for secret in (*SECRETS, "secret-word", "dXNlcjpz") if secret in text]


def test_a_failed_status_shows_its_response(bench, endpoint):
    endpoint.answer = {"status": 418, "text": "why"}
    data = inspection_data(exchange_of(bench, **GIVEN)[0], reveal_secrets=False)
    assert data["response"]["statusCode"] == "418"
    assert data["response"]["statusMessage"] == "I'm a Teapot"
    assert data["response"]["body"] == "why"


def test_without_a_response_the_request_alone_is_shown(bench, endpoint):
    endpoint.answer = lambda given: given.transport.abort()
    data = inspection_data(exchange_of(bench, **GIVEN)[0], reveal_secrets=False)
    assert list(data) == ["request"]


def test_a_request_without_a_body(bench):
    one = inspection_data(exchange_of(bench, Method="GET")[0], reveal_secrets=True)["request"]
    assert one["body"] == '{"BodyKey1":"body-secret"}'


@pytest.mark.parametrize("private", ["request", "hidden"])
def test_no_member_shows_when_printed(bench, private):
    exchange, _ = exchange_of(bench, **GIVEN)
    assert not [secret for secret in SECRETS if secret in repr(exchange)]
    assert not [secret for secret in SECRETS if secret in repr(getattr(exchange, private))]


def test_connections_do_not_show_when_printed():
    one = connection(BasicAuth("u", "the-password"), headers={"a": "header-secret"})
    text = repr((one, one.credentials, one.parameters, one.parameters.headers))
    assert "the-password" not in text
    assert "header-secret" not in text
