"""`http:invoke` against an HTTPS server on loopback."""

import asyncio
import json

import pytest
from aiohttp import web

from newel.errors import StatesError
from newel.integrations.http_task.egress_settings import EgressRoute, EgressSettings
from newel.integrations.http_task.target import HttpTaskSettings
from newel.ports.connections import BasicAuth

from .conftest import connection


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


async def refused(call):
    with pytest.raises(StatesError) as caught:
        await call
    return caught.value.error, caught.value.cause


def test_a_result_has_headers_body_and_status(bench, endpoint):
    endpoint.answer = {
        "text": '{"id":7}',
        "content_type": "application/json",
        "headers": [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")],
    }

    async def work():
        async with bench() as b:
            return await b.call()

    result = run(work())
    assert list(result) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert result["ResponseBody"] == {"id": 7}
    assert (result["StatusCode"], result["StatusText"]) == (200, "OK")
    assert result["Headers"]["content-type"] == ["application/json; charset=utf-8"]
    assert result["Headers"]["set-cookie"] == ["a=1", "b=2"]


def test_the_request_is_aws(bench, endpoint):
    async def work():
        async with bench(
            connection(headers={"Header-Param": "theirs"}, query={"q": "theirs"}, body={"b": "theirs"})
        ) as b:
            await b.call(
                Method="POST",
                Headers={"Request-Id": "1", "header-param": "ours", "Range": "bytes=5-", "multi": ["a", "b"], "n": 5},
                QueryParameters={"q": "ours", "space": "a b", "list": ["1", "2"]},
                RequestBody={"Job": "Engineer", "b": "ours"},
            )

    run(work())
    (seen,) = endpoint.seen
    assert (seen.method, seen.path) == ("POST", "/things")
    assert seen.query == "space=a%20b&list=1&list=2&q=theirs"
    assert json.loads(seen.body) == {"Job": "Engineer", "b": "theirs"}
    assert seen.headers["content-type"] == "application/json; charset=UTF-8"
    assert seen.headers["user-agent"] == "Amazon|StepFunctions|HttpInvoke|eu-west-1"
    assert seen.headers["range"] == "bytes=0-262144"
    assert seen.headers["x-api-key"] == "key-of-the-test"
    assert seen.headers["header-param"] == "theirs"
    assert seen.headers["n"] == "5"
    assert [value for name, value in seen.raw_headers if name == "multi"] == ["a", "b"]
    names = {name.lower() for name, _ in seen.raw_headers}
    assert names == {
        "host",
        "request-id",
        "multi",
        "n",
        "x-api-key",
        "header-param",
        "user-agent",
        "range",
        "content-type",
        "content-length",
    }


def test_basic_credentials(bench, endpoint):
    async def work():
        async with bench(connection(BasicAuth("user", "pässword"))) as b:
            await b.call()

    run(work())
    assert endpoint.seen[0].headers["authorization"] == "Basic dXNlcjpww6Rzc3dvcmQ="


def test_a_form_is_encoded_and_chunked(bench, endpoint):
    async def work():
        async with bench() as b:
            await b.call(
                Method="POST",
                Headers={"content-type": "application/x-www-form-urlencoded"},
                RequestBody={"description": "Monthly subscription", "metadata": {"order_details": "x"}, "a": [1, 2]},
                Transform={"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "BRACKETS"}},
            )

    run(work())
    (seen,) = endpoint.seen
    assert seen.body == b"description=Monthly%20subscription&metadata%5Border_details%5D=x&a%5B%5D=1&a%5B%5D=2"
    assert seen.headers["transfer-encoding"] == "chunked"
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"


def test_a_form_needs_its_content_type(bench):
    async def work():
        async with bench() as b:
            return await refused(
                b.call(Method="POST", RequestBody={"a": 1}, Transform={"RequestBodyEncoding": "URL_ENCODED"})
            )

    error, cause = run(work())
    assert error == "States.Runtime"
    assert "application/x-www-form-urlencoded" in cause


def test_a_text_body_is_sent_as_it_is_and_cannot_be_merged(bench, endpoint):
    async def work():
        async with bench() as b:
            await b.call(Method="POST", RequestBody="<a/>", Headers={"Content-Type": "text/xml"})
            b.connections.one = connection(body={"k": "v"})
            return await refused(b.call(Method="POST", RequestBody="<a/>"))

    assert run(work())[0] == "States.Runtime"
    assert endpoint.seen[0].body == b"<a/>"
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize(("status", "reason"), [(400, "Bad Request"), (503, "Come Back"), (302, "Found"), (304, None)])
def test_a_status_is_an_error_by_its_number(bench, endpoint, status, reason):
    endpoint.answer = {"status": status, "reason": reason, "text": "the reason why" if status != 304 else None}
    endpoint.answer["headers"] = {"Location": "https://localhost:1/elsewhere"}

    async def work():
        async with bench() as b:
            return await refused(b.call())

    assert run(work()) == (f"States.Http.StatusCode.{status}", reason or "Not Modified")
    assert len(endpoint.seen) == 1


@pytest.mark.parametrize("content_type", ["application/octet-stream", "image/png", "video/mp4", "audio/ogg"])
def test_binary_types_are_refused(bench, endpoint, content_type):
    endpoint.answer = {"body": b"text", "content_type": content_type}

    async def work():
        async with bench() as b:
            return await refused(b.call())

    assert run(work()) == ("States.Runtime", f"The content type of the response is not supported: {content_type}")


def test_bytes_that_are_no_text_are_refused(bench, endpoint):
    endpoint.answer = {"body": b"\xff\xfe\x00", "headers": {"content-type": "text/plain"}}

    async def work():
        async with bench() as b:
            return await refused(b.call())

    assert run(work())[0] == "States.Runtime"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({"text": "[1]", "content_type": "text/plain"}, "[1]"),
        ({"text": "{broken", "content_type": "application/json"}, "{broken"),
        ({"text": '{"a":1}', "content_type": "application/problem+json"}, {"a": 1}),
        ({"body": "é".encode("latin-1"), "headers": {"content-type": "text/plain; charset=ISO-8859-1"}}, "é"),
        ({"status": 204}, ""),
    ],
)
def test_bodies(bench, endpoint, answer, body):
    endpoint.answer = answer

    async def work():
        async with bench() as b:
            return (await b.call())["ResponseBody"]

    assert run(work()) == body


@pytest.mark.parametrize(("size", "fits"), [(262_144, True), (262_145, False)])
def test_a_response_over_the_limit_is_not_read(bench, endpoint, size, fits):
    endpoint.answer = {"text": "x" * size, "content_type": "text/plain"}

    async def work():
        async with bench() as b:
            if fits:
                return len((await b.call())["ResponseBody"])
            return (await refused(b.call()))[0]

    assert run(work()) == (size if fits else "States.DataLimitExceeded")


def test_a_compressed_response_counts_as_it_unfolds(bench, endpoint):
    def bomb(_request):
        response = web.Response(text="x" * 3_000_000, content_type="text/plain")
        response.enable_compression(web.ContentCoding.gzip)
        return response

    endpoint.answer = bomb

    async def work():
        async with bench() as b:
            return (await refused(b.call()))[0]

    assert run(work()) == "States.DataLimitExceeded"


def test_a_silent_endpoint_is_given_up(bench, endpoint):
    endpoint.answer = lambda _request: asyncio.sleep(20)

    async def work():
        async with bench(settings=HttpTaskSettings(seconds_max=0.2)) as b:
            return b.port, await refused(b.call())

    port, failure = run(work())
    assert failure == ("States.Http.Socket", f"The request to localhost:{port} timed out after 0.2 seconds")


def test_a_connection_that_is_closed_is_a_socket_error(bench, endpoint):
    def cut(given):
        given.transport.abort()
        return web.Response()

    endpoint.answer = cut

    async def work():
        async with bench() as b:
            return (await refused(b.call()))[0]

    assert run(work()) == "States.Http.Socket"


def test_a_certificate_of_another_name_is_a_socket_error(bench, authority):
    def policy(port):
        route = EgressRoute(
            name="r", hosts=(f"other.test:{port}",), ca_file=str(authority.ca_file), address="127.0.0.1"
        )
        return EgressSettings(routes=(route,))

    async def work():
        async with bench(egress=policy) as b:
            return await refused(b.call(ApiEndpoint=f"https://other.test:{b.port}/"))

    error, cause = run(work())
    assert error == "States.Http.Socket"
    assert "certificate" in cause
    assert "other.test" in cause


def test_a_certificate_of_an_unknown_authority_is_a_socket_error(bench):
    def policy(port):
        return EgressSettings(allow_networks=("127.0.0.0/8",))

    async def work():
        async with bench(egress=policy) as b:
            return await refused(b.call(ApiEndpoint=f"https://127.0.0.1:{b.port}/"))

    error, cause = run(work())
    assert error == "States.Http.Socket"
    assert "certificate" in cause


@pytest.mark.parametrize("name", ["Authorization", "host", "X-Amz-Date", "x-forwarded-for", "TE", "If-None-Match"])
def test_refused_headers(bench, endpoint, name):
    async def work():
        async with bench() as b:
            return await refused(b.call(Headers={name: "x"}))

    error, cause = run(work())
    assert error == "States.Runtime"
    assert cause.endswith(
        f"could not be used to start the Task: [The header '{name}' is not supported by Step Functions]"
    )
    assert not endpoint.seen


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ApiEndpoint": None}, "The field 'ApiEndpoint' is required but was missing"),
        (
            {"Method": "TRACE"},
            "The value for 'Method' must be one of the values: [GET, POST, PUT, DELETE, PATCH, OPTIONS, HEAD] but was 'TRACE'",
        ),
        (
            {"InvocationConfig": None},
            "Exactly one of the fields 'Authentication' and 'InvocationConfig' must be specified",
        ),
        (
            {"Authentication": {"ConnectionArn": "a"}},
            "Exactly one of the fields 'Authentication' and 'InvocationConfig' must be specified",
        ),
        ({"InvocationConfig": {"Other": "a"}}, "The field 'ConnectionArn' is required but was missing"),
        ({"InvocationConfig": "a"}, "The value of the field 'InvocationConfig' has an invalid format"),
        ({"Headers": "a"}, "The value of the field 'Headers' has an invalid format"),
        ({"Headers": {"a": "x\r\ny: z"}}, "The value of the field 'Headers' has an invalid format"),
        ({"Headers": {"a b": "x"}}, "The value of the field 'Headers' has an invalid format"),
        ({"Headers": {"a": {"b": 1}}}, "The value of the field 'Headers' has an invalid format"),
        ({"QueryParameters": 5}, "The value of the field 'QueryParameters' has an invalid format"),
        ({"Body": "x"}, 'The field "Body" is not supported by Step Functions'),
        (
            {"Transform": {"RequestBodyEncoding": "XML"}},
            "The value for 'RequestBodyEncoding' must be one of the values: [NONE, URL_ENCODED] but was 'XML'",
        ),
        (
            {"Transform": {"RequestBodyEncoding": "URL_ENCODED", "RequestEncodingOptions": {"ArrayFormat": "X"}}},
            "The value for 'ArrayFormat' must be one of the values: [INDICES, REPEAT, COMMAS, BRACKETS] but was 'X'",
        ),
        (
            {"Transform": {"RequestEncodingOptions": {"ArrayFormat": "REPEAT"}}},
            "The field 'RequestEncodingOptions' is supported only if 'RequestBodyEncoding' is URL_ENCODED",
        ),
    ],
)
def test_parameters_that_cannot_be_used(bench, endpoint, given, problem):
    async def work():
        async with bench() as b:
            return await refused(b.call(given))

    error, cause = run(work())
    assert error == "States.Runtime"
    assert problem in cause
    assert not endpoint.seen


@pytest.mark.parametrize(
    "url", ["nowhere", "ftp://localhost/", "https://", "https://user:word@localhost/", "https://a:b/"]
)
def test_endpoints_that_are_none(bench, url):
    async def work():
        async with bench() as b:
            return await refused(b.call(ApiEndpoint=url))

    assert run(work()) == ("States.Runtime", "The value of the field 'ApiEndpoint' has an invalid format")


def test_the_endpoints_own_query_is_kept(bench, endpoint):
    async def work():
        async with bench() as b:
            await b.call(ApiEndpoint=f"https://localhost:{b.port}/a%2Fb c?x=1%2C2#part", QueryParameters={"y": "ü"})

    run(work())
    assert (endpoint.seen[0].path, endpoint.seen[0].query) == ("/a%2Fb%20c", "x=1%2C2&y=%C3%BC")


def test_a_refused_key_may_deauthorize_the_connection(bench, endpoint):
    endpoint.answer = {"status": 401}

    async def work(settings):
        async with bench(settings=settings) as b:
            return await refused(b.call()), b.connections.refused

    failure, reported = run(work(HttpTaskSettings()))
    assert failure == ("States.Http.StatusCode.401", "Unauthorized")
    assert reported == []
    failure, reported = run(work(HttpTaskSettings(deauthorize_refused=True)))
    assert failure == ("States.Http.StatusCode.401", "Unauthorized")
    assert reported == [("r1", "The endpoint answered with status 401")]


def test_the_connections_errors_are_the_tasks(bench, endpoint):
    error = StatesError("Events.ConnectionResource.ResourceNotFound", "gone")

    async def work():
        async with bench() as b:
            b.connections.one = error
            return await refused(b.call())

    assert run(work()) == (error.error, error.cause)
    assert not endpoint.seen


def test_many_calls_need_no_thread_each(bench, endpoint):
    release = asyncio.Event()

    async def wait(_request):
        await release.wait()
        return web.Response(text="1", content_type="application/json")

    endpoint.answer = wait

    async def work():
        import threading

        async with bench() as b:
            calls = [asyncio.ensure_future(b.call()) for _ in range(100)]
            while len(endpoint.seen) < 100:
                await asyncio.sleep(0.01)
            threads = threading.active_count()
            release.set()
            await asyncio.gather(*calls)
            return threads

    assert run(work()) < 50
