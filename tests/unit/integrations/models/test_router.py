"""Bedrock's models answered by the development model server on loopback."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from integrations.fakes import Events, request
from integrations.optimized.caller import Caller, check
from integrations.servers import serving
from newel.dev.model_server import Answer, Behaviour, ModelServer
from newel.integrations.aws.models import service_model
from newel.integrations.aws.sdk_target import sdk_targets
from newel.integrations.models.router import ModelRouter
from newel.integrations.models.settings import ModelEndpoint, ModelSettings, model_name, model_settings
from newel.integrations.optimized.targets import service_targets
from newel.json import dumps, loads
from newel.language.resource import parse_resource
from newel.ports.aws import AwsError
from newel.ports.tasks import Failed, Succeeded

CLAUDE = "us.anthropic.claude-3-5-sonnet-20241022-v2:0"
NOVA = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"
TITAN = "amazon.titan-text-express-v1"
QUESTION = "What is the capital of France?"
PARIS = "The capital of France is Paris."

CLAUDE_BODY = {"anthropic_version": "x", "max_tokens": 50, "messages": [{"role": "user", "content": QUESTION}]}
NOVA_BODY = {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]}
TITAN_BODY = {"inputText": QUESTION}


class Run:
    """Tasks whose models are a server's."""

    def __init__(self, application=None, behaviour: Behaviour | None = None, caller: Caller | None = None) -> None:
        self.server = ModelServer(behaviour)
        self.application = application or self.server.application()
        self.caller = caller or Caller()

    async def __call__(self, name: str, *given: dict, models=("*",), **endpoint):
        async with serving(self.application) as url:
            endpoint = ModelEndpoint(base_url=f"{url}/v1", **endpoint)
            router = ModelRouter(self.caller, ModelSettings(models=dict.fromkeys(models, endpoint)))
            try:
                return await asyncio.gather(*(self._task(router, name, parameters) for parameters in given))
            finally:
                await router.close()

    async def _task(self, router, name, parameters):
        resource = f"arn:aws:states:::{name}"
        if name.startswith("aws-sdk:"):
            target = sdk_targets(router)(parse_resource(resource))
        else:
            target = service_targets(router)[name]
        return await target.run(request(resource, dumps(parameters)), Events())


@pytest.mark.parametrize(
    ("model", "body", "said"),
    [
        (CLAUDE, CLAUDE_BODY, lambda body: body["content"][0]["text"]),
        (NOVA, NOVA_BODY, lambda body: body["output"]["message"]["content"][0]["text"]),
        (TITAN, TITAN_BODY, lambda body: body["results"][0]["outputText"]),
    ],
)
async def test_each_family_is_answered_in_its_own_shape(model, body, said):
    run = Run()
    optimized, text = await run(
        "bedrock:invokeModel", {"ModelId": model, "Body": body}, {"ModelId": model, "Body": dumps(body)}
    )
    output = loads(optimized.output)
    assert output["ContentType"] == "application/json"
    assert said(output["Body"]) == PARIS
    assert said(loads(text.output)["Body"]) == PARIS
    (sdk,) = await run("aws-sdk:bedrockruntime:invokeModel", {"ModelId": model, "Body": body})
    assert said(loads(loads(sdk.output)["Body"])) == PARIS


async def test_converse_is_answered_as_its_model_says():
    given = {"ModelId": "meta.llama3", "Messages": [{"Role": "user", "Content": [{"Text": QUESTION}]}]}
    (outcome,) = await Run()("aws-sdk:bedrockruntime:converse", given)
    assert isinstance(outcome, Succeeded), outcome
    output = loads(outcome.output)
    assert output["Output"]["Message"] == {"Content": [{"Text": PARIS}], "Role": "assistant"}
    assert output["StopReason"] == "end_turn"
    assert output["Metrics"]["LatencyMs"] >= 0
    assert output["Usage"]["TotalTokens"] == output["Usage"]["InputTokens"] + output["Usage"]["OutputTokens"]


async def test_the_answers_fit_bedrocks_models():
    run = Run()
    async with serving(run.application) as url:
        router = ModelRouter(Caller(), ModelSettings(models={"*": ModelEndpoint(base_url=f"{url}/v1")}))
        options = {"account": "1", "region": "eu-west-1"}
        message = {"role": "user", "content": [{"text": QUESTION}]}
        converse = await router.call("bedrock-runtime", "Converse", {"modelId": "m", "messages": [message]}, **options)
        invoke = await router.call(
            "bedrock-runtime", "InvokeModel", {"modelId": NOVA, "body": dumps(NOVA_BODY).encode()}, **options
        )
        await router.close()
    model = service_model("bedrock-runtime")
    check(model.operation_model("Converse").output_shape, converse.result)
    check(model.operation_model("InvokeModel").output_shape, invoke.result)


async def test_throttling_is_bedrocks_error():
    run = Run(behaviour=Behaviour(throttle=0.25))
    outcomes = await run("bedrock:invokeModel", *[{"ModelId": NOVA, "Body": NOVA_BODY}] * 8)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [failure.error for failure in failures] == ["Bedrock.ThrottlingException"] * 2
    assert failures[0].cause.startswith(
        "Too many requests, please wait before trying again. (Service: AmazonBedrockRuntime; Status Code: 429; "
    )
    (sdk,) = await Run(behaviour=Behaviour(throttle=1))(
        "aws-sdk:bedrockruntime:invokeModel", {"ModelId": NOVA, "Body": NOVA_BODY}
    )
    assert sdk.error == "BedrockRuntime.ThrottlingException"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "Bedrock.ValidationException"),
        (401, "Bedrock.AccessDeniedException"),
        (404, "Bedrock.ResourceNotFoundException"),
        (500, "Bedrock.InternalServerException"),
        (503, "Bedrock.ServiceUnavailableException"),
        (504, "Bedrock.ModelTimeoutException"),
    ],
)
async def test_what_the_server_refuses_is_bedrocks_error(status, error):
    async def refuse(_):
        return web.json_response({"error": {"message": "No."}}, status=status)

    application = web.Application()
    application.router.add_post("/v1/chat/completions", refuse)
    (outcome,) = await Run(application)("bedrock:invokeModel", {"ModelId": NOVA, "Body": NOVA_BODY})
    assert outcome.error == error
    assert outcome.cause.startswith("No. (Service: AmazonBedrockRuntime; ")


async def test_a_server_that_is_slow_times_out():
    (outcome,) = await Run(behaviour=Behaviour(latency_seconds=5))(
        "bedrock:invokeModel", {"ModelId": NOVA, "Body": NOVA_BODY}, read_seconds=0.05
    )
    assert outcome.error == "Bedrock.ModelTimeoutException"


async def test_a_server_that_is_not_there_is_an_error_of_the_client():
    settings = ModelSettings(models={"*": ModelEndpoint(base_url="http://127.0.0.1:1/v1")})
    router = ModelRouter(Caller(), settings)
    with pytest.raises(AwsError) as raised:
        await router.call(
            "bedrock-runtime", "InvokeModel", {"modelId": NOVA, "body": dumps(NOVA_BODY)}, account="1", region="r"
        )
    await router.close()
    assert raised.value.connection


@pytest.mark.parametrize("body", ["not json", "[]", "{}"])
async def test_a_body_that_is_malformed_is_a_validation_error(body):
    (outcome,) = await Run()("bedrock:invokeModel", {"ModelId": NOVA, "Body": body})
    assert outcome.error == "Bedrock.ValidationException"


async def test_the_server_is_asked_for_its_own_model_with_its_key():
    asked = []

    async def answer(got: web.Request) -> web.Response:
        asked.append((got.headers.get("Authorization"), (await got.json())["model"]))
        return web.json_response({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", answer)
    given = {"ModelId": CLAUDE, "Body": CLAUDE_BODY}
    await Run(application)("bedrock:invokeModel", given, model="qwen", api_key="k")
    assert asked == [("Bearer k", "qwen")]


async def test_other_models_and_operations_are_asked_for_at_aws():
    caller = Caller({"InvokeModel": [{"body": b'{"a":1}', "contentType": "application/json"}], "Publish": [{}]})
    run = Run(caller=caller)
    (outcome,) = await run(
        "bedrock:invokeModel", {"ModelId": "amazon.nova-pro-v1:0", "Body": {}}, models=("anthropic.*",)
    )
    assert loads(outcome.output) == {"Body": {"a": 1}, "ContentType": "application/json"}
    await run("sns:publish", {"TopicArn": "t", "Message": "m"})
    assert [name for name, _ in caller.calls] == ["bedrock-runtime.InvokeModel", "sns.Publish"]


async def test_bodies_and_answers_may_be_in_s3():
    caller = Caller({"GetObject": [{"Body": dumps(NOVA_BODY).encode()}], "PutObject": [{}]})
    where = {"Input": {"S3Uri": "s3://in/put.json"}, "Output": {"S3Uri": "s3://out/a/b.json"}}
    run = Run(caller=caller)
    (outcome,) = await run("bedrock:invokeModel", {"ModelId": NOVA, **where})
    assert loads(outcome.output) == {"Body": "s3://out/a/b.json", "ContentType": "application/json"}
    assert run.caller.sent("GetObject") == [{"Bucket": "in", "Key": "put.json"}]
    (written,) = run.caller.sent("PutObject")
    assert (written["Bucket"], written["Key"]) == ("out", "a/b.json")
    assert loads(written["Body"])["output"]["message"]["content"] == [{"text": PARIS}]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Body": {}, "Input": {"S3Uri": "s3://a/b"}},
        {"Input": {"S3Uri": "http://a/b"}},
        {"Input": {"S3Uri": "s3://a"}},
    ],
)
async def test_a_body_must_be_in_one_place(given):
    (outcome,) = await Run()("bedrock:invokeModel", {"ModelId": NOVA, **given})
    assert outcome.error == "States.Runtime"


async def test_an_object_that_is_not_there_is_s3s_error():
    missing = AwsError("NoSuchKey", "The specified key does not exist.", status=404, request_id="r")
    run = Run(caller=Caller({"GetObject": [missing]}))
    (outcome,) = await run("bedrock:invokeModel", {"ModelId": NOVA, "Input": {"S3Uri": "s3://in/put.json"}})
    assert outcome.error == "S3.NoSuchKeyException"


async def test_the_server_keeps_a_log_and_changes_its_behaviour():
    run = Run()
    async with serving(run.application) as url, aiohttp.ClientSession() as client:
        changed = await client.post(
            f"{url}/_model/behaviour", json={"answers": [{"pattern": "france", "text": "Lyon", "tool": None}]}
        )
        assert changed.status == 200
        refused = await client.post(f"{url}/_model/behaviour", json={"nope": 1})
        assert refused.status == 400
        invoked = await client.post(f"{url}/model/amazon.nova-micro-v1%3A0/invoke", json=NOVA_BODY)
        assert (await invoked.json())["output"]["message"]["content"] == [{"text": "Lyon"}]
        conversed = await client.post(f"{url}/model/any/converse", json=NOVA_BODY)
        assert (await conversed.json())["stopReason"] == "end_turn"
        run.server.behaviour.fail_next = 1
        failed = await client.post(f"{url}/model/any/converse", json=NOVA_BODY)
        assert (failed.status, failed.headers["x-amzn-ErrorType"]) == (500, "InternalServerException")
        log = await (await client.get(f"{url}/_model/log")).json()
        assert [entry["status"] for entry in log["requests"]] == [200, 200, 500]
        assert log["requests"][0] == {
            "model": "amazon.nova-micro-v1:0",
            "prompt": QUESTION,
            "status": 200,
            "answer": "Lyon",
        }
        assert (await client.delete(f"{url}/_model/log")).status == 204
        assert not (await (await client.get(f"{url}/_model/log")).json())["requests"]


async def test_a_programmed_tool_is_called():
    behaviour = Behaviour(answers=(Answer(pattern="book", tool="book", input={"seat": "1A"}),))
    body = {"max_tokens": 5, "messages": [{"role": "user", "content": "Book a seat"}]}
    (outcome,) = await Run(behaviour=behaviour)("bedrock:invokeModel", {"ModelId": CLAUDE, "Body": body})
    answer = loads(outcome.output)["Body"]
    assert answer["stop_reason"] == "tool_use"
    assert answer["content"][0]["input"] == {"seat": "1A"}


async def test_the_server_cuts_an_answer_at_its_limit():
    body = {**CLAUDE_BODY, "max_tokens": 2}
    (outcome,) = await Run()("bedrock:invokeModel", {"ModelId": CLAUDE, "Body": body})
    answer = loads(outcome.output)["Body"]
    assert (answer["content"][0]["text"], answer["stop_reason"]) == ("The capital", "max_tokens")


@pytest.mark.parametrize(
    ("model_id", "name"),
    [
        (CLAUDE, "anthropic.claude-3-5-sonnet-20241022-v2:0"),
        (NOVA, "amazon.nova-micro-v1:0"),
        (TITAN, TITAN),
        ("arn:aws:bedrock:eu-west-1:1:inference-profile/eu.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
        ("us.model", "us.model"),
    ],
)
def test_names_of_models(model_id, name):
    assert model_name(model_id) == name


def test_settings_come_from_a_table_or_the_environment():
    table = {"anthropic.*": {"base_url": "http://a/v1", "api_key_env": "KEY"}}
    settings = model_settings(table, {"KEY": "secret"})
    endpoint = settings.endpoint(CLAUDE)
    assert endpoint.api_key == "secret"
    assert "secret" not in repr(endpoint)
    assert settings.endpoint(NOVA) is None
    replaced = model_settings(table, {"NEWEL_BEDROCK_MODELS": '{"*":{"base_url":"http://b/v1"}}'})
    assert replaced.endpoint(NOVA).base_url == "http://b/v1"
    assert model_settings(None, {}).models == {}


@pytest.mark.parametrize(
    ("table", "environment"),
    [
        ({"*": {}}, {}),
        ({"*": {"base_url": "ftp://x"}}, {}),
        ({"*": {"base_url": "http://x", "nope": 1}}, {}),
        ({"*": {"base_url": "http://x", "api_key_env": "KEY"}}, {}),
        ({}, {"NEWEL_BEDROCK_MODELS": "{"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(table, environment):
    with pytest.raises(ValueError):
        model_settings(table, environment)
