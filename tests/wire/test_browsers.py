"""Web pages of strangers cannot use the endpoint; our own and every SDK can."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_server import ask, assemble

TARGET = "AWSStepFunctions.ListStateMachines"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    return assemble(tmp_path_factory.mktemp("browsers")).app


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "newel:8083"},
        {"host": "sync-localhost:8083"},
        {"host": "localhost:8083", "origin": "http://localhost:8083"},
        {"host": "127.0.0.1:8083", "origin": "http://127.0.0.1:8083", "sec-fetch-site": "same-origin"},
        {"host": "[::1]:8083", "origin": "http://[::1]:8083"},
        {"host": "[::1]", "origin": "http://[::1]"},
        {"host": "studio.localhost", "origin": "http://studio.localhost"},
        {"host": "localhost:8083", "sec-fetch-site": "none"},
    ],
)
def test_what_may_come_in(app, headers):
    assert ask(app, target=TARGET, headers=headers)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8083", "origin": "https://evil.example"},
        {"host": "localhost:8083", "origin": "http://localhost:3000"},
        {"host": "localhost:8083", "origin": "null"},
        {"host": "evil.example:8083", "origin": "http://evil.example:8083"},
        {"host": "evil.example:8083", "sec-fetch-site": "same-origin"},
        {"host": "notlocalhost", "sec-fetch-site": "same-origin"},
        {"origin": "http://localhost"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/2015-03-31/functions"])
def test_what_may_not(app, headers, path):
    status, _, body = ask(app, path=path, target=TARGET if path == "/" else None, headers=headers)
    assert (status, b"AccessDeniedException" in body) == (403, True)


def test_a_name_may_be_allowed(tmp_path):
    app = assemble(tmp_path, browser_hosts=["flows.example"]).app
    assert ask(app, target=TARGET, headers={"host": "flows.example", "origin": "https://flows.example"})[0] == 200
    assert ask(app, target=TARGET, headers={"host": "other.example", "origin": "https://other.example"})[0] == 403


def test_websockets_are_the_consoles(tmp_path):
    async def console(scope, receive, send):
        await send({"type": "websocket.accept"})

    app = assemble(tmp_path, console=console).app

    def connect(host, origin):
        sent = []

        async def send(message):
            sent.append(message["type"])

        headers = [(b"host", host), (b"origin", origin)]
        asyncio.run(app({"type": "websocket", "path": "/", "headers": headers}, None, send))
        return sent

    assert connect(b"localhost:8083", b"http://localhost:8083") == ["websocket.accept"]
    assert connect(b"localhost:8083", b"http://evil.example") == ["websocket.close"]


@given(st.text(st.characters(max_codepoint=255), max_size=30), st.text(st.characters(max_codepoint=255), max_size=30))
def test_any_origin_and_host_have_an_answer(app, origin, host):
    assert ask(app, target=TARGET, headers={"host": host, "origin": origin})[0] in (200, 403)
