import json
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from newel.cli.client import Client, Unreachable, default_endpoint, default_region
from newel.cli.sigv4 import Credentials, credentials_from_environment, signed_headers
from newel.errors import ServiceError

MOMENT = datetime(2026, 11, 24, 13, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8083/", "https://states.example.test/"])
@pytest.mark.parametrize("token", [None, "session"])
def test_the_signature_is_that_of_botocore(monkeypatch, url, token):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AWSStepFunctions.ListActivities"}
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: MOMENT.replace(tzinfo=None))
    theirs = AWSRequest("POST", url, headers=dict(headers), data=b'{"a":1}')
    SigV4Auth(BotoCredentials("key", "secret", token), "states", "eu-west-1").add_auth(theirs)
    ours = signed_headers(
        url,
        headers,
        b'{"a":1}',
        credentials=Credentials("key", "secret", token),
        region="eu-west-1",
        service="states",
        now=MOMENT,
    )
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert ours["X-Amz-Date"] == theirs.headers["X-Amz-Date"]


def test_credentials_come_from_the_environment():
    assert credentials_from_environment({}) == Credentials("test", "test")
    given = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    assert credentials_from_environment(given) == Credentials("k", "s", "t")


def test_endpoint_and_region_come_from_the_environment():
    assert default_endpoint({}) == "http://127.0.0.1:8083"
    assert default_endpoint({"AWS_ENDPOINT_URL": "http://a"}) == "http://a"
    assert default_endpoint({"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_SFN": "http://b"}) == "http://b"
    assert default_region({}) == "us-east-1"
    assert default_region({"AWS_DEFAULT_REGION": "a", "AWS_REGION": "b"}) == "b"


@pytest.fixture
def server():
    """Answers each request with the next of `answers` ((status, body) pairs) and keeps what was asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            httpd.asked.append((self.headers["X-Amz-Target"], json.loads(body)))
            status, answer = httpd.answers.pop(0)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.asked, httpd.answers = [], []
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_an_operation(server):
    server.answers = [(200, b'{"activities": []}')]
    assert Client(server.url).call("ListActivities", maxResults=1) == {"activities": []}
    assert server.asked == [("AWSStepFunctions.ListActivities", {"maxResults": 1})]


def test_history_is_read_page_by_page(server):
    pages = [{"events": [1, 2], "nextToken": "t"}, {"events": [3]}]
    server.answers = [(200, json.dumps(page).encode()) for page in pages]
    assert list(Client(server.url).history("arn:x")) == [1, 2, 3]
    assert [request.get("nextToken") for _, request in server.asked] == [None, "t"]


def test_an_aws_error(server):
    server.answers = [(400, b'{"__type": "com.amazonaws#InvalidArn", "message": "no"}')]
    with pytest.raises(ServiceError) as caught:
        Client(server.url).call("DescribeExecution")
    assert (caught.value.code, caught.value.message, caught.value.status) == ("InvalidArn", "no", 400)


def test_an_error_without_words(server):
    server.answers = [(500, b"{}")]
    with pytest.raises(ServiceError) as caught:
        Client(server.url).call("DescribeExecution")
    assert str(caught.value) == "UnknownError: HTTP status 500"


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (404, b"[]"), (502, b"")])
def test_an_answer_that_is_not_aws_json(server, status, body):
    server.answers = [(status, body)]
    with pytest.raises(Unreachable, match=f"answered with HTTP status {status} and no JSON object"):
        Client(server.url).call("ListActivities")


def test_nobody_listens(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(Unreachable, match="cannot reach"):
        Client(server.url).call("ListActivities")


@pytest.mark.parametrize("url", ["", "127.0.0.1:8083", "ftp://x", "http://"])
def test_an_endpoint_that_is_no_url(url):
    with pytest.raises(ValueError, match="not an HTTP URL"):
        Client(url)
