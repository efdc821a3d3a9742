"""The Runtime API's protocol against a plain HTTP client, and against junk."""

import asyncio
import contextlib
import gc
import http.client
import json
import socket
import sys

from hypothesis import given
from hypothesis import strategies as st

from newel.functions import runtime_api
from newel.functions.runtime_api import Answer, Connection, InitError, Invocation, Session

BASE = "/2018-06-01/runtime"


def invocation(request_id="id-1", **more):
    return Invocation(
        request_id=request_id, payload=b'{"a":1}', function_arn="arn", deadline_ms=5, trace_id="t", **more
    )


def quiet_session():
    return Session(on_idle=lambda: None, on_answered=lambda: None, on_init_error=lambda error: None)


def serve(test):
    """Run `test(session, call, events)`; `call` makes one HTTP request on the one connection in a thread."""

    async def main():
        events = []
        session = Session(
            on_idle=lambda: events.append("idle"),
            on_answered=lambda: events.append("answered"),
            on_init_error=events.append,
        )
        server, address = await runtime_api.listen_loopback(session)
        client = http.client.HTTPConnection(*address.split(":"), timeout=30)

        def request(method, path, body=None, headers=()):
            client.request(method, path, body, dict(headers))
            answer = client.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

        async def call(*arguments, **more):
            return await asyncio.to_thread(request, *arguments, **more)

        try:
            await test(session, call, events)
        finally:
            client.close()
            server.close()
            session.close()
            for _ in range(10):
                await asyncio.sleep(0)
            await server.wait_closed()

    asyncio.run(main())


def test_next_waits_for_work_and_the_answer_reaches_the_host():
    async def test(session, call, events):
        waiting = asyncio.create_task(call("GET", f"{BASE}/invocation/next"))
        while not session.idle:
            await asyncio.sleep(0.001)
        answer = session.submit(invocation(client_context='{"k": 1}'))
        status, headers, body = await waiting
        assert (status, body) == (200, b'{"a":1}')
        assert headers["Lambda-Runtime-Aws-Request-Id"] == "id-1"
        assert headers["Lambda-Runtime-Deadline-Ms"] == "5"
        assert headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn"
        assert headers["Lambda-Runtime-Client-Context"] == '{"k": 1}'
        assert (await call("GET", f"{BASE}/invocation/next"))[0] == 403  # before it has answered
        status, _, body = await call("POST", f"{BASE}/invocation/id-1/response", b"[1]")
        assert (status, json.loads(body)) == (202, {"status": "OK"})
        assert await answer == Answer(b"[1]")
        assert events == ["idle", "answered"]

    serve(test)


def test_work_that_is_there_first():
    async def test(session, call, events):
        answer = session.submit(invocation())
        assert (await call("GET", f"{BASE}/invocation/next"))[0] == 200
        await call("POST", f"{BASE}/invocation/id-1/error", b'{"errorType":"E"}')
        assert await answer == Answer(b'{"errorType":"E"}', "E")
        assert events == ["answered"]

    serve(test)


def test_the_error_type_of_the_header_wins():
    async def test(session, call, events):
        answer = session.submit(invocation())
        await call("GET", f"{BASE}/invocation/next")
        headers = {"Lambda-Runtime-Function-Error-Type": "Mine"}
        await call("POST", f"{BASE}/invocation/id-1/error", b"not json", headers=headers)
        assert (await answer).error_type == "Mine"

    serve(test)


def test_a_chunked_result():
    async def test(session, call, events):
        answer = session.submit(invocation())
        await call("GET", f"{BASE}/invocation/next")
        assert (await call("POST", f"{BASE}/invocation/id-1/response", iter([b"[1", b",2]"])))[0] == 202
        assert (await answer).payload == b"[1,2]"

    serve(test)


def test_what_is_refused():
    async def test(session, call, events):
        session.submit(invocation())
        await call("GET", f"{BASE}/invocation/next")
        for method, path, status, kind in (
            ("POST", f"{BASE}/invocation/other/response", 400, "InvalidRequestID"),
            ("POST", f"{BASE}/nothing", 404, "InvalidPath"),
            ("POST", "/2020-01-01/extension/register", 404, "InvalidPath"),
        ):
            answer = await call(method, path, b"{}")
            assert answer[0] == status
            assert json.loads(answer[2])["errorType"] == kind

    serve(test)


def test_a_result_that_is_too_large():
    async def test(session, call, events):
        answer = session.submit(invocation())
        await call("GET", f"{BASE}/invocation/next")
        assert (await call("POST", f"{BASE}/invocation/id-1/response", b"x" * 6_291_557))[0] == 413
        assert (await answer).too_large == 6_291_557

    serve(test)


def test_an_init_error():
    async def test(session, call, events):
        assert (await call("POST", f"{BASE}/init/error", b'{"errorType":"A.B"}'))[0] == 202
        assert events == [InitError(b'{"errorType":"A.B"}', "A.B")]

    serve(test)


def test_a_next_whose_connection_closed_gets_no_work():
    answers = []
    session = quiet_session()
    reply = answers.append
    session.handle("GET", f"{BASE}/invocation/next", {}, b"", reply)
    assert session.idle
    session.disconnected(reply)
    assert not session.idle


class Transport:
    def __init__(self):
        self.data, self.closed = b"", False

    def write(self, data):
        self.data += data

    def close(self):
        self.closed = True

    abort = close


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_junk_is_refused_or_waited_on_but_never_an_error(pieces):
    session = quiet_session()
    connection = Connection(session)
    connection.connection_made(Transport())
    for piece in pieces:
        connection.data_received(piece)
    connection.connection_lost(None)


def test_an_upgrade_is_refused():
    session = quiet_session()
    connection, transport = Connection(session), Transport()
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert transport.closed
    assert b" 400 " in transport.data or b" 404 " in transport.data


@given(st.integers(1, 40))
def test_a_request_in_pieces_is_one_request(size):
    with contextlib.closing(asyncio.new_event_loop()) as loop:

        async def main():
            session = quiet_session()
            answer = session.submit(invocation())
            connection, transport = Connection(session), Transport()
            connection.connection_made(transport)
            text = (
                f"GET {BASE}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"
                f"POST {BASE}/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n[1]"
            ).encode()
            for start in range(0, len(text), size):
                connection.data_received(text[start : start + size])
            assert (await answer).payload == b"[1]"
            assert transport.data.count(b"HTTP/1.1 20") == 2

        loop.run_until_complete(main())


def test_a_connection_made_as_the_process_ends_is_closed(monkeypatch):
    """Whatever the loop has done with it by then: nothing, accepted it, or made its transport."""
    left_open = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: left_open.append(str(unraisable.exc_value)))

    async def end_after(turns):
        session = quiet_session()
        server, address = await runtime_api.listen_loopback(session)
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            for _ in range(turns):
                await asyncio.sleep(0)
            # As a callback, which is what the end of a process is: it may run between accept and the transport.
            asyncio.get_running_loop().call_soon(runtime_api.close_when_settled, server)
            asyncio.get_running_loop().call_soon(session.close)
            for _ in range(10):
                await asyncio.sleep(0)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(1) == b""
        assert not server.is_serving()
        assert session.connections == set()

    for turns in range(4):
        asyncio.run(end_after(turns))
    gc.collect()
    assert left_open == []
