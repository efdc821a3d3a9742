"""Access tokens: got once, kept, renewed before they expire."""

import asyncio
import json
from base64 import b64decode
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from newel.errors import StatesError
from newel.integrations.http_task.oauth import token_request
from newel.ports.connections import AuthorizationError, OAuthClient

from .conftest import connection, parameters

SECRET = "the-clients-secret"


def run(work):
    return asyncio.run(asyncio.wait_for(work, 30))


class Server:
    """An authorization server and the API it protects, at one endpoint."""

    def __init__(self, life=3600):
        self.life = life
        self.tokens = 0
        self.requests = []
        self.calls = []
        self.status = 200
        self.extra = {}
        self.hold = None
        self.basic_only = False

    async def __call__(self, given):
        if given.path != "/token":
            self.calls.append(given.headers.get("Authorization"))
            return web.json_response({"ok": True}, status=self.api_status())
        self.requests.append((given.method, dict(given.headers), given.query_string, await given.text()))
        if self.hold is not None:
            await self.hold.wait()
        if self.basic_only and "Authorization" not in given.headers:
            return web.json_response({"error": "invalid_client"}, status=401, headers={"WWW-Authenticate": "Basic"})
        if self.status != 200:
            return web.json_response({"error": "no", "echo": await given.text()}, status=self.status)
        self.tokens += 1
        answer = {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": self.life}
        return web.json_response({**answer, **self.extra})

    def api_status(self):
        return 200


@asynccontextmanager
async def protected(bench, server, **changes):
    async with bench(handler=server) as b:
        client = OAuthClient("the-client", SECRET, f"https://localhost:{b.port}/token", "POST", **changes)
        b.connections.one = connection(client)
        yield b


async def failure(call):
    with pytest.raises(StatesError) as caught:
        await call
    return caught.value.error, caught.value.cause


def test_a_token_serves_many_calls(bench):
    server = Server()

    async def work():
        async with protected(bench, server) as b:
            for _ in range(3):
                await b.call()

    run(work())
    assert server.calls == ["Bearer token-1"] * 3
    ((method, headers, query, body),) = server.requests
    assert (method, query) == ("POST", "")
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(body) == {
        "grant_type": ["client_credentials"],
        "client_id": ["the-client"],
        "client_secret": [SECRET],
    }


def test_calls_at_once_ask_for_one_token(bench):
    server = Server()
    server.hold = asyncio.Event()

    async def work():
        async with protected(bench, server) as b:
            calls = [asyncio.ensure_future(b.call()) for _ in range(20)]
            while not server.requests:
                await asyncio.sleep(0.01)
            calls[0].cancel()
            server.hold.set()
            return await asyncio.gather(*calls, return_exceptions=True)

    results = run(work())
    assert isinstance(results[0], asyncio.CancelledError)
    assert len(server.requests) == 1
    assert server.calls == ["Bearer token-1"] * 19


@pytest.mark.parametrize(
    ("life", "fresh_s", "due_s"), [(3600, 3539, 3541), (30, 14, 16), ("120", 59, 61), (90.5, 45, 46)]
)
def test_a_token_is_renewed_before_it_expires(bench, life, fresh_s, due_s):
    server = Server(life)

    async def work():
        async with protected(bench, server) as b:
            for ahead in (0, fresh_s, due_s):
                b.clock.ahead_ms = ahead * 1000
                await b.call()

    run(work())
    assert server.calls == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_a_token_without_an_end_is_kept(bench):
    server = Server(None)

    async def work():
        async with protected(bench, server) as b:
            await b.call()
            b.clock.ahead_ms = 10**10
            await b.call()

    run(work())
    assert server.calls == ["Bearer token-1"] * 2


def test_while_a_token_lives_a_failed_renewal_harms_nobody(bench):
    server = Server(30)

    async def work():
        async with protected(bench, server) as b:
            await b.call()
            server.status = 503
            b.clock.ahead_ms = 20_000
            await b.call()
            b.clock.ahead_ms = 31_000
            return await failure(b.call())

    assert run(work()) == (
        "Events.ConnectionResource.InternalError",
        "The authorization endpoint answered with status 503",
    )
    assert server.calls == ["Bearer token-1"] * 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_client_deauthorizes_the_connection(bench, status):
    server = Server()
    server.status = status

    async def work():
        async with protected(bench, server) as b:
            return await failure(b.call()), b.connections.refused

    reason = f"The authorization endpoint answered with status {status}"
    assert run(work()) == (("Events.ConnectionResource.InvalidConnectionState", reason), [("r1", reason)])


@pytest.mark.parametrize("extra", [{"access_token": None}, {"access_token": "a\r\nb: c"}, {"access_token": 5}])
def test_an_answer_without_a_token(bench, extra):
    server = Server()
    server.extra = extra

    async def work():
        async with protected(bench, server) as b:
            return await failure(b.call())

    assert run(work())[0] == "Events.ConnectionResource.InvalidConnectionState"


def test_a_refused_token_is_got_anew(bench):
    server = Server()
    statuses = [401, 200]
    server.api_status = lambda: statuses.pop(0)

    async def work():
        async with protected(bench, server) as b:
            first = await failure(b.call())
            await b.call()
            return first

    assert run(work()) == ("States.Http.StatusCode.401", "Unauthorized")
    assert server.calls == ["Bearer token-1", "Bearer token-2"]


def test_a_new_revision_gets_its_own_token(bench):
    server = Server()

    async def work():
        async with protected(bench, server) as b:
            await b.call()
            b.connections.one = connection(b.connections.one.credentials, revision="r2")
            await b.call()

    run(work())
    assert server.calls == ["Bearer token-1", "Bearer token-2"]


def test_a_server_that_takes_secrets_in_the_header_alone(bench):
    server = Server()
    server.basic_only = True

    async def work():
        async with protected(bench, server) as b:
            await b.call()

    run(work())
    _, headers, _, body = server.requests[1]
    assert b64decode(headers["Authorization"].removeprefix("Basic ")).decode() == f"the-client:{SECRET}"
    assert SECRET not in body


def test_an_endpoint_that_is_not_there(bench):
    async def work():
        async with bench() as b:
            b.connections.one = connection(OAuthClient("c", SECRET, "https://localhost:1/token", "POST"))
            return await failure(b.call())

    error, cause = run(work())
    assert error == "Events.ConnectionResource.InternalError"
    assert SECRET not in cause


def test_an_answer_that_is_too_large(bench):
    server = Server()
    server.extra = {"more": "x" * 70_000}

    async def work():
        async with protected(bench, server) as b:
            return await failure(b.call())

    assert run(work())[0] == "Events.ConnectionResource.InternalError"


def test_authorize_raises(bench):
    server = Server()
    server.status = 400

    async def work():
        async with protected(bench, server) as b:
            with pytest.raises(AuthorizationError) as caught:
                await b.tokens.authorize(b.connections.one)
            return caught.value

    assert run(work()).rejected


def client(method="POST", **lists):
    return OAuthClient("id", SECRET, "https://a.test/token?x=1", method, parameters(**lists))


def test_the_connections_parameters_are_in_the_token_request():
    request = token_request(
        client(headers={"X-Tenant": "t"}, query={"q": "1"}, body={"audience": "a b", "grant_type": "other"}),
        in_header=False,
    )
    assert request.url == "https://a.test/token?x=1&q=1"
    assert ("X-Tenant", "t") in request.headers
    assert parse_qs(request.body.decode())["audience"] == ["a b"]
    assert parse_qs(request.body.decode())["grant_type"] == ["other"]


def test_a_token_request_by_get_has_no_body():
    request = token_request(client("GET", query={"grant_type": "mine"}), in_header=False)
    assert request.body is None
    assert request.url == f"https://a.test/token?x=1&client_id=id&client_secret={SECRET}&grant_type=mine"


def test_a_token_request_in_json():
    request = token_request(client("PUT", headers={"content-type": "application/json"}), in_header=False)
    assert json.loads(request.body) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": SECRET,
    }
    assert [name for name, _ in request.headers] == ["content-type", "Accept"]


@pytest.mark.parametrize("url", ["https://a:b/", "https://", "https://user:word@localhost/token"])
def test_an_endpoint_that_is_no_url(bench, url):
    async def work():
        async with bench() as b:
            b.connections.one = connection(OAuthClient("c", SECRET, url, "POST"))
            return await failure(b.call())

    assert run(work())[0] == "Events.ConnectionResource.InvalidConnectionState"


def test_a_token_that_comes_after_it_was_forgotten_is_not_kept(bench):
    server = Server()
    server.hold = asyncio.Event()

    async def work():
        async with protected(bench, server) as b:
            first = asyncio.ensure_future(b.call())
            while not server.requests:
                await asyncio.sleep(0.01)
            b.tokens.forget(b.connections.one.arn)
            server.hold.set()
            await first
            await b.call()

    run(work())
    assert server.calls == ["Bearer token-1", "Bearer token-2"]


def test_a_late_refusal_of_an_old_token_leaves_the_new_one(bench):
    server = Server()

    async def work():
        async with protected(bench, server) as b:
            await b.call()
            b.tokens.refused(b.connections.one.arn, "Bearer token-1")
            await b.call()
            b.tokens.refused(b.connections.one.arn, "Bearer token-1")
            await b.call()

    run(work())
    assert server.calls == ["Bearer token-1", "Bearer token-2", "Bearer token-2"]
