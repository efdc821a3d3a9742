"""`apigateway:invoke` against a stub server on loopback."""

import pytest
from aiohttp import web
from botocore.credentials import ReadOnlyCredentials
from yarl import URL

from integrations.fakes import Events, request
from integrations.servers import Recorder, serving
from newel.errors import StatesError
from newel.integrations.optimized.apigateway import ApiGatewaySettings, InvokeApi, endpoint
from newel.integrations.optimized.http import HttpCaller
from newel.integrations.optimized.targets import http_targets
from newel.json import dumps, loads
from newel.ports.aws import AwsError
from newel.ports.tasks import Failed, Succeeded


class Keys:
    """Credentials, or why there are none."""

    def __init__(self, refusal: AwsError | None = None) -> None:
        self.asked: list[tuple[str, str, str | None]] = []
        self._refusal = refusal

    async def credentials(self, service, *, account, region, role_arn=None):
        self.asked.append((service, region, role_arn))
        if self._refusal is not None:
            raise self._refusal
        return ReadOnlyCredentials("AKID", "secret", "session")


class NoEgress:
    def client(self, url):
        raise RuntimeError("the egress policy refuses that")


def echo(request: web.Request, body: bytes) -> web.Response:
    return web.Response(body=body or b"{}", content_type="application/json", headers={"X-Two": "2"})


async def invoke(given: dict, *, answer=echo, keys: Keys | None = None, settings=None, base="", **changes):
    recorder = Recorder(answer)
    async with serving(recorder.application()) as url:
        caller = HttpCaller(NoEgress(), trusted=[url])
        settings = settings(url) if settings else ApiGatewaySettings()
        target = http_targets(caller, keys or Keys(), apigateway=settings)["apigateway:invoke"]
        text = dumps({"ApiEndpoint": url + base, "Method": "POST", **given})
        try:
            outcome = await target.run(request("arn:aws:states:::apigateway:invoke", text, **changes), Events())
        finally:
            await caller.close()
    return outcome, recorder


async def test_the_answer_is_shown_as_recorded():
    outcome, recorder = await invoke(
        {"Stage": "prod", "Path": "pets/1", "RequestBody": {"message": "HelloWorld!"}}, base="/restapis/a1b2"
    )
    assert isinstance(outcome, Succeeded), outcome
    output = loads(outcome.output)
    assert list(output) == ["Headers", "ResponseBody", "StatusCode", "StatusText"]
    assert output["ResponseBody"] == {"message": "HelloWorld!"}
    assert output["Headers"]["X-Two"] == ["2"]
    names = [name.lower() for name in output["Headers"]]
    assert names == sorted(names)
    assert (output["StatusCode"], output["StatusText"]) == (200, "OK")
    assert recorder.paths == ["POST /restapis/a1b2/prod/_user_request_/pets/1"]
    assert recorder.requests[0][0].headers["Content-Type"] == "application/json"


async def test_a_status_of_400_and_above_is_the_error():
    body = '{"message":"Missing Authentication Token"}'
    outcome, _ = await invoke({}, answer=lambda *_: web.Response(status=403, text=body))
    assert outcome == Failed("ApiGateway.403", body)


async def test_headers_and_query_parameters_are_sent_one_by_one():
    outcome, recorder = await invoke(
        {
            "Method": "GET",
            "Headers": {"custom_header": ["a", "b"]},
            "QueryParameters": {"param1": ["Hello World"], "param2": ["1", "2"]},
        }
    )
    assert isinstance(outcome, Succeeded)
    (received, body) = recorder.requests[0]
    assert received.headers.getall("custom_header") == ["a", "b"]
    assert list(received.query.items()) == [("param1", "Hello World"), ("param2", "1"), ("param2", "2")]
    assert body == b""


async def test_null_values_are_left_out_unless_they_are_allowed():
    body = {"a": None, "b": [1, None, {"c": None}]}
    _, recorder = await invoke({"RequestBody": body})
    assert recorder.requests[0][1] == b'{"b":[1,{}]}'
    _, recorder = await invoke({"RequestBody": body, "AllowNullValues": True})
    assert loads(recorder.requests[0][1]) == body


async def test_text_is_a_json_string():
    _, recorder = await invoke({"RequestBody": "HelloWorld"})
    assert recorder.requests[0][1] == b'"HelloWorld"'


async def test_nothing_is_signed_without_being_asked_for():
    keys = Keys()
    _, recorder = await invoke({}, keys=keys)
    assert not keys.asked
    assert "Authorization" not in recorder.requests[0][0].headers


@pytest.mark.parametrize("auth", ["IAM_ROLE", "RESOURCE_POLICY"])
async def test_a_request_is_signed_for_the_role_and_region(auth):
    keys, role = Keys(), "arn:aws:iam::999999999999:role/r"
    given = {"AuthType": auth, "RequestBody": {"a": 1}, "Headers": {"custom_header": ["a", "b"]}}
    _, recorder = await invoke(given, keys=keys, credentials_role_arn=role)
    assert keys.asked == [("apigateway", "eu-west-1", role)]
    headers = recorder.requests[0][0].headers
    assert "/eu-west-1/execute-api/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "session"
    assert headers.getall("custom_header") == ["a", "b"]


async def test_the_region_of_a_signature_is_that_of_the_api():
    keys = Keys()
    await invoke(
        {"ApiEndpoint": "a1b2.execute-api.us-west-2.amazonaws.com", "AuthType": "IAM_ROLE", "Stage": "prod"},
        keys=keys,
        settings=lambda url: ApiGatewaySettings(endpoint_url=url),
    )
    assert keys.asked[0][1] == "us-west-2"


async def test_an_emulator_serves_what_awss_host_names():
    outcome, recorder = await invoke(
        {"ApiEndpoint": "a1b2.execute-api.us-west-2.amazonaws.com", "Stage": "prod", "Path": "/pets"},
        settings=lambda url: ApiGatewaySettings(endpoint_url=url),
    )
    assert isinstance(outcome, Succeeded)
    assert recorder.paths == ["POST /restapis/a1b2/prod/_user_request_/pets"]


async def test_no_credentials_are_an_error_of_the_client():
    refusal = AwsError("SdkClientException", "Unable to load credentials", connection=True)
    outcome, recorder = await invoke({"AuthType": "IAM_ROLE"}, keys=Keys(refusal))
    assert outcome == Failed("ApiGateway.SdkClientException", "Unable to load credentials")
    assert not recorder.requests


@pytest.mark.parametrize("name", ["Authorization", "Host", "x-amz-date", "X-Forwarded-For", "Transfer-Encoding"])
async def test_headers_that_the_service_sets_are_refused(name):
    outcome, recorder = await invoke({"Headers": {name: ["x"]}})
    assert isinstance(outcome, Failed)
    assert outcome.error == "States.Runtime"
    assert name in outcome.cause
    assert not recorder.requests


async def test_headers_must_be_arrays():
    outcome, _ = await invoke({"Headers": {"custom_header": "singleStringHeader"}})
    assert outcome.error == "States.Runtime"
    assert outcome.cause.endswith("[The value of the field 'Headers' has an invalid format]")


async def test_an_address_is_under_the_egress_policy():
    outcome, _ = await invoke({"ApiEndpoint": "http://169.254.169.254"})
    assert outcome == Failed(
        "ApiGateway.SdkClientException", "Unable to execute HTTP request: the egress policy refuses that"
    )


async def test_what_does_not_answer_is_an_error_of_the_client():
    caller = HttpCaller(None)
    action = InvokeApi(caller, Keys())
    text = dumps({"ApiEndpoint": "http://127.0.0.1:1", "Method": "GET"})
    with pytest.raises(StatesError) as raised:
        await action.call(request("arn:aws:states:::apigateway:invoke", text))
    await caller.close()
    assert raised.value.error == "ApiGateway.SdkClientException"


async def test_an_answer_over_the_limit_is_not_read_to_its_end():
    large = web.Response(body=b"a" * (3 * 1024 * 1024))
    outcome, _ = await invoke({}, answer=lambda *_: large)
    assert outcome.error == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    ("api", "stage", "path", "url"),
    [
        ("a1.execute-api.us-east-1.amazonaws.com", None, None, "https://a1.execute-api.us-east-1.amazonaws.com/"),
        ("a1.execute-api.us-east-1.amazonaws.com", "p", "/x/y", "https://a1.execute-api.us-east-1.amazonaws.com/p/x/y"),
        ("https://h/base/", "p", "x", "https://h/base/p/x"),
        ("http://h:1/restapis/a1", "p", "x", "http://h:1/restapis/a1/p/_user_request_/x"),
        ("http://h:1/restapis/a1/", "p", None, "http://h:1/restapis/a1/p/_user_request_"),
        ("h", None, "a b", "https://h/a%20b"),
        ("h", None, "a%2Fb", "https://h/a%2Fb"),
    ],
)
def test_addresses(api, stage, path, url):
    assert endpoint(api, stage, path, ApiGatewaySettings()) == URL(url, encoded=True)


@pytest.mark.parametrize("api", ["", "https://", "https://u:p@h", "h?x=1"])
def test_what_is_no_address_is_refused(api):
    with pytest.raises(ValueError):
        endpoint(api, None, None, ApiGatewaySettings())
