"""Endpoints on loopback and everything an HTTP Task needs to reach them."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from aiohttp import web

from https_server import Authority, serving
from integrations.fakes import request
from newel.errors import StatesError
from newel.integrations.http_task.egress import Egress
from newel.integrations.http_task.egress_settings import EgressRoute, EgressSettings
from newel.integrations.http_task.oauth import OAuthTokens
from newel.integrations.http_task.target import HttpInvoke, HttpTaskSettings
from newel.ports.connections import ApiKey, Connection, HttpParameters, Parameter
from newel.runtime.clock import SystemClock

ARN = "arn:aws:events:eu-west-1:123456789012:connection/c/00000000-0000-0000-0000-000000000001"

DEFAULTS = HttpTaskSettings()


class Clock(SystemClock):
    ahead_ms = 0

    def now_ms(self):
        return super().now_ms() + self.ahead_ms


def parameters(**lists):
    """`headers={"a": "b"}` and so on as HttpParameters, all of them secret."""
    made = {
        kind: tuple(Parameter(key, value, secret=True) for key, value in pairs.items()) for kind, pairs in lists.items()
    }
    return HttpParameters(**made)


def connection(credentials=None, revision="r1", resource=None, **lists):
    return Connection(
        arn=ARN,
        revision=revision,
        credentials=credentials or ApiKey("x-api-key", "key-of-the-test"),
        parameters=parameters(**lists),
        resource_configuration=resource,
    )


class Connections:
    """One connection, or an error."""

    def __init__(self, one):
        self.one = one
        self.refused = []

    def use(self, arn):
        assert arn == ARN
        if isinstance(self.one, StatesError):
            raise self.one
        return self.one

    def deauthorized(self, connection, reason):
        self.refused.append((connection.revision, reason))


@dataclass
class Seen:
    """A request as the endpoint saw it."""

    method: str
    path: str
    query: str
    headers: dict
    raw_headers: list
    body: bytes


@dataclass
class Endpoint:
    """Answers with `answer` (a function of the request, or a response's arguments) and keeps what it saw."""

    answer: object = field(default_factory=lambda: {"text": "{}", "content_type": "application/json"})
    seen: list = field(default_factory=list)

    async def __call__(self, given: web.Request):
        self.seen.append(
            Seen(
                given.method,
                given.rel_url.raw_path,
                given.rel_url.raw_query_string,
                {name.lower(): value for name, value in given.headers.items()},
                [(name.decode(), value.decode()) for name, value in given.raw_headers],
                await given.read(),
            )
        )
        if callable(self.answer):
            answer = self.answer(given)
            return await answer if asyncio.iscoroutine(answer) else answer
        return web.Response(**self.answer)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def tls(authority):
    return authority.context("localhost", "127.0.0.1")


@pytest.fixture
def endpoint():
    return Endpoint()


@pytest.fixture
def bench(authority, tls, endpoint):
    """`async with bench() as b`: an endpoint, and `await b.call({...})`, which gives the decoded result."""

    @asynccontextmanager
    async def make(one=None, *, settings=DEFAULTS, egress=None, handler=None, context=tls):
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(serving(handler or endpoint, context))
            route = EgressRoute(name="test", hosts=(f"localhost:{port}",), ca_file=str(authority.ca_file))
            policy = egress(port) if callable(egress) else EgressSettings(routes=(route,))
            out = Egress(policy)
            stack.push_async_callback(out.close)
            clock = Clock()
            tokens = OAuthTokens(out, clock)
            connections = Connections(one or connection())
            action = HttpInvoke(connections, out, tokens, settings)

            async def call(given=None, *, action=action, **changes):
                defaults = {
                    "ApiEndpoint": f"https://localhost:{port}/things",
                    "Method": "GET",
                    "InvocationConfig": {"ConnectionArn": ARN},
                }
                parameters = {key: value for key, value in {**defaults, **(given or {}), **changes}.items() if value}
                return json.loads(await action.call(request("arn:aws:states:::http:invoke", json.dumps(parameters))))

            yield SimpleNamespace(
                call=call, port=port, action=action, connections=connections, tokens=tokens, clock=clock, egress=out
            )

    return make
