"""No secret of a connection appears anywhere but in the requests it is for: the whole server, looked through."""

import asyncio
import json
import logging
from base64 import b64encode
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from aiohttp import web
from wire_server import ACCOUNT, REGION, _ask

from https_server import Authority, serving
from newel.api.app import Apis, App
from newel.api.credentials import Credentials
from newel.api.events_api import EventsApi
from newel.api.logs import LogsApi
from newel.api.states import StatesApi
from newel.integrations.http_task.egress import Egress
from newel.integrations.http_task.egress_settings import EgressRoute, EgressSettings
from newel.integrations.http_task.oauth import OAuthTokens
from newel.integrations.http_task.target import HttpInvoke
from newel.integrations.registry import build_registry
from newel.runtime.clock import SystemClock
from newel.runtime.env import Entropy
from newel.runtime.runtime import Runtime
from newel.runtime.tokens import TaskTokens
from newel.service.connections import Connections
from newel.service.core import Core
from newel.service.log_groups import LogGroups
from newel.service.metrics import PrometheusMetrics
from newel.service.nested import NestedExecutions
from newel.store.memory import MemoryStore
from newel.store.sqlite.store import SqliteStore

SECRETS = {
    "password": "Pa55-word/of+the test",
    "key": "k3y-0f-the-test",
    "client": "cl13nt-secret&of=the-test",
    "header": "h3ader-secret-value",
    "query": "qu3ry secret/value",
    "body": 'b0dy "secret" value',
    "hint": "h1nt-secret-value",
    "later": "l4ter-password-value",
}
TOKEN = "t0ken-of-the-test"
LOG_GROUP = "/aws/vendedlogs/states/secrets"
RETRY = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]


def spellings():
    """Every secret as it may turn up: plain, as JSON, quoted, in base64 and in Basic credentials."""
    found = set()
    for secret in (*SECRETS.values(), TOKEN):
        found |= {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], b64encode(secret.encode()).decode()}
    for name in ("password", "later"):
        found.add(b64encode(f"user:{SECRETS[name]}".encode()).decode())
    return {text.encode() for text in found}


class Endpoint:
    """An API with an authorization server."""

    def __init__(self):
        self.seen = []

    async def __call__(self, given):
        self.seen.append((str(given.rel_url), dict(given.headers), await given.text()))
        if given.path == "/token":
            return web.json_response({"access_token": TOKEN, "expires_in": 3600})
        if given.path == "/cut":
            given.transport.abort()
        if given.path == "/binary":
            return web.Response(body=b"\x00", content_type="application/octet-stream")
        status = int(given.path.removeprefix("/status/")) if given.path.startswith("/status/") else 200
        return web.json_response({"ok": True}, status=status)


@asynccontextmanager
async def assembled(folder, settings):
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = SqliteStore(folder)
        await store.open()
        stack.push_async_callback(store.close)
        log_groups, metrics = LogGroups(folder / "logs", clock), PrometheusMetrics()
        egress = Egress(settings)
        stack.push_async_callback(egress.close)
        tokens = OAuthTokens(egress, clock)
        connections = Connections(folder, clock, tokens)
        await connections.open()
        stack.push_async_callback(connections.close)

        def find_target(resource):
            return registry(resource)

        runtime = Runtime(
            store=store,
            express=MemoryStore(retain_ended=False),
            clock=clock,
            targets=find_target,
            tokens=TaskTokens(b"k" * 32),
            metrics=metrics,
            logs=log_groups,
        )
        nested = NestedExecutions(runtime)
        registry = build_registry(None, nested, clock, http=HttpInvoke(connections, egress, tokens))
        core = Core(store=store, runtime=runtime, clock=clock, entropy=Entropy(), log_groups=log_groups)
        nested.core = core
        apis = Apis(
            states=StatesApi(core),
            logs=LogsApi(log_groups),
            query={},
            events=EventsApi(connections),
            pages={"/metrics": metrics.page},
        )
        await runtime.open()
        stack.push_async_callback(runtime.close)
        yield App(apis, Credentials(ACCOUNT, REGION), metrics)


class Client:
    """Calls operations and keeps every answer to the byte."""

    def __init__(self, app):
        self._app = app
        self.answers = []

    async def call(self, target, **request):
        status, headers, body = await _ask(self._app, json.dumps(request).encode(), target, "POST", "/", b"", {})
        self.answers.append(json.dumps(headers).encode() + body)
        return SimpleNamespace(http=status, **json.loads(body))

    async def page(self, path):
        _, _, body = await _ask(self._app, b"", None, "GET", path, b"", {})
        self.answers.append(body)


def parameters(name, secret="password"):
    extra = {
        "InvocationHttpParameters": {
            "HeaderParameters": [{"Key": "X-Extra", "Value": SECRETS["header"], "IsValueSecret": True}],
            "QueryStringParameters": [{"Key": "extra", "Value": SECRETS["query"], "IsValueSecret": True}],
            "BodyParameters": [{"Key": "extra", "Value": SECRETS["body"], "IsValueSecret": True}],
        }
    }
    own = {
        "BASIC": {"BasicAuthParameters": {"Username": "user", "Password": SECRETS[secret]}},
        "API_KEY": {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": SECRETS["key"]}},
    }
    return {**own[name], **extra}


def oauth(port):
    return {
        "OAuthParameters": {
            "ClientParameters": {"ClientID": "client", "ClientSecret": SECRETS["client"]},
            "AuthorizationEndpoint": f"https://localhost:{port}/token",
            "HttpMethod": "POST",
            "OAuthHttpParameters": {
                "BodyParameters": [{"Key": "hint", "Value": SECRETS["hint"], "IsValueSecret": True}]
            },
        }
    }


def machine(url, arn, **more):
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {"ApiEndpoint": url, "Method": "POST", "InvocationConfig": {"ConnectionArn": arn}, **more},
        "Retry": RETRY,
        "End": True,
    }
    return json.dumps({"StartAt": "Call", "States": {"Call": task}})


async def connected(client, port):
    """Connections of all three kinds, by kind."""
    arns = {}
    for kind, given in (("BASIC", parameters("BASIC")), ("API_KEY", parameters("API_KEY")), ("OAUTH", oauth(port))):
        kind_name = "OAUTH_CLIENT_CREDENTIALS" if kind == "OAUTH" else kind
        made = await client.call(
            "AWSEvents.CreateConnection", Name=kind, AuthorizationType=kind_name, AuthParameters=given
        )
        arns[kind] = made.ConnectionArn
    for _ in range(200):
        if (await client.call("AWSEvents.DescribeConnection", Name="OAUTH")).ConnectionState != "AUTHORIZING":
            break
        await asyncio.sleep(0.01)
    return arns


async def run_machine(client, name, definition, express=False):
    logging_configuration = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [
            {"cloudWatchLogsLogGroup": {"logGroupArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{LOG_GROUP}:*"}}
        ],
    }
    made = await client.call(
        "AWSStepFunctions.CreateStateMachine",
        name=name,
        definition=definition,
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/r",
        type="EXPRESS" if express else "STANDARD",
        loggingConfiguration=logging_configuration,
    )
    if express:
        return await client.call("AWSStepFunctions.StartSyncExecution", stateMachineArn=made.stateMachineArn)
    started = await client.call("AWSStepFunctions.StartExecution", stateMachineArn=made.stateMachineArn)
    while True:
        found = await client.call("AWSStepFunctions.DescribeExecution", executionArn=started.executionArn)
        if found.status != "RUNNING":
            break
        await asyncio.sleep(0.02)
    await client.call("AWSStepFunctions.GetExecutionHistory", executionArn=started.executionArn)
    return found


async def everything(client, arns, port):
    """Runs of every outcome; name -> (status, error)."""
    base = f"https://localhost:{port}"
    cases = {
        "basic": machine(f"{base}/ok", arns["BASIC"]),
        "key": machine(f"{base}/ok", arns["API_KEY"], RequestBody={"own": 1}),
        "oauth": machine(f"{base}/ok", arns["OAUTH"]),
        "refused": machine(f"{base}/status/401", arns["API_KEY"]),
        "missing": machine(f"{base}/status/404", arns["OAUTH"]),
        "cut": machine(f"{base}/cut", arns["BASIC"]),
        "binary": machine(f"{base}/binary", arns["BASIC"]),
        "text": machine(f"{base}/ok", arns["BASIC"], RequestBody="cannot be merged"),
        "away": machine("https://127.0.0.1:1/", arns["API_KEY"]),
        "plain": machine("http://localhost/", arns["API_KEY"]),
        "header": machine(f"{base}/ok", arns["API_KEY"], Headers={"Authorization": "x"}),
        "nothing": machine(f"{base}/ok", arns["API_KEY"] + "0"),
    }
    runs = [run_machine(client, name, definition) for name, definition in cases.items()]
    runs.append(run_machine(client, "express", cases["basic"], express=True))
    found = await asyncio.gather(*runs)
    return {
        name: (one.status, getattr(one, "error", None)) for name, one in zip([*cases, "express"], found, strict=True)
    }


async def manage(client):
    """What changes and lists connections, refusals included."""
    await client.call("AWSEvents.UpdateConnection", Name="BASIC", AuthParameters=parameters("BASIC", "later"))
    for request in (
        {"Name": "BASIC", "AuthorizationType": "BASIC", "AuthParameters": parameters("BASIC")},
        {"Name": "x", "AuthorizationType": "API_KEY", "AuthParameters": parameters("BASIC")},
        {"Name": "!", "AuthorizationType": "BASIC", "AuthParameters": parameters("BASIC")},
        {"Name": "y", "AuthorizationType": "BASIC", "AuthParameters": {"BasicAuthParameters": SECRETS["later"]}},
    ):
        assert (await client.call("AWSEvents.CreateConnection", **request)).http == 400
    await client.call("AWSEvents.ListConnections")
    for name in ("BASIC", "API_KEY", "OAUTH"):
        await client.call("AWSEvents.DescribeConnection", Name=name)
    await client.call("AWSEvents.DeauthorizeConnection", Name="API_KEY")
    await client.call("Logs_20140328.FilterLogEvents", logGroupName=LOG_GROUP)
    await client.page("/metrics")


@pytest.fixture(scope="module")
def looked_through(tmp_path_factory):
    """(outcomes, answers, files, log text, what the endpoint saw)."""
    folder, keys = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("keys")
    authority, endpoint, records = Authority(keys), Endpoint(), []

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(f"{record.getMessage()} {record.exc_info} {record.args}")

    async def work():
        async with serving(endpoint, authority.context("localhost")) as port:
            route = EgressRoute(name="api", hosts=(f"localhost:{port}",), ca_file=str(authority.ca_file))
            async with assembled(folder, EgressSettings(routes=(route,))) as app:
                client = Client(app)
                await client.call("Logs_20140328.CreateLogGroup", logGroupName=LOG_GROUP)
                outcomes = await everything(client, await connected(client, port), port)
                await manage(client)
            return outcomes, client.answers

    handler, root = Handler(level=logging.DEBUG), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        outcomes, answers = asyncio.run(asyncio.wait_for(work(), 60), debug=False)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    return SimpleNamespace(outcomes=outcomes, answers=answers, files=files, log="\n".join(records), seen=endpoint.seen)


def test_the_runs_ended_as_they_should(looked_through):
    assert looked_through.outcomes == {
        "basic": ("SUCCEEDED", None),
        "key": ("SUCCEEDED", None),
        "oauth": ("SUCCEEDED", None),
        "express": ("SUCCEEDED", None),
        "refused": ("FAILED", "States.Http.StatusCode.401"),
        "missing": ("FAILED", "States.Http.StatusCode.404"),
        "cut": ("FAILED", "States.Http.Socket"),
        "binary": ("FAILED", "States.Runtime"),
        "text": ("FAILED", "States.Runtime"),
        "away": ("FAILED", "States.Http.Socket"),
        "plain": ("FAILED", "States.Runtime"),
        "header": ("FAILED", "States.Runtime"),
        "nothing": ("FAILED", "Events.ConnectionResource.ResourceNotFound"),
    }


def test_the_endpoint_was_given_the_secrets(looked_through):
    """So that what follows looks for the right words."""
    text = json.dumps(looked_through.seen).encode()
    basic = b64encode(f"user:{SECRETS['password']}".encode())
    needed = [basic, quote(SECRETS["client"], safe="").encode(), f"Bearer {TOKEN}".encode()]
    needed += [SECRETS[name].encode() for name in ("key", "header", "hint")]
    needed += [quote(SECRETS["query"], safe="").encode()]
    assert not [word for word in needed if word not in text]


def test_no_answer_holds_a_secret(looked_through):
    assert len(looked_through.answers) > 50
    assert not [(word, answer) for word in spellings() for answer in looked_through.answers if word in answer]


def test_no_file_holds_a_secret(looked_through):
    assert {"newel.db", "connections.json", "connections.key"} <= set(looked_through.files)
    assert any(name.startswith("logs") for name in looked_through.files)
    assert not [(word, name) for word in spellings() for name, data in looked_through.files.items() if word in data]


def test_no_log_line_holds_a_secret(looked_through):
    log = looked_through.log.encode("utf-8", "replace")
    assert not [word for word in spellings() if word in log]
