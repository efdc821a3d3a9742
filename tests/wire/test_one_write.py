"""What is answered arrives whole or not at all, as far as a process that may be killed can see to it."""

import asyncio
import json
import socket

import pytest

from newel.api.one_write import JoinedTransport
from server_process import ROLE, Server

PASS = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


class Recorded:
    """A transport that keeps what is written to it."""

    def __init__(self):
        self.writes = []
        self.closed = False

    def write(self, data):
        self.writes.append(data)

    def close(self):
        self.closed = True

    def is_closing(self):
        return self.closed


def written(play):
    """The writes that `play(joined)`, a coroutine function, makes."""

    async def main():
        below = Recorded()
        await play(JoinedTransport(below, asyncio.get_running_loop()))
        return below

    return asyncio.run(main())


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n"


def test_head_and_body_are_one_write():
    async def play(joined):
        joined.write(HEAD)
        joined.write(b"{}")
        await asyncio.sleep(0)

    assert written(play).writes == [HEAD + b"{}"]


def test_a_body_that_takes_its_time_does_not_hold_the_head_back():
    async def play(joined):
        joined.write(HEAD)
        await asyncio.sleep(0)
        joined.write(b"{")
        joined.write(b"}")

    assert written(play).writes == [HEAD, b"{", b"}"]


def test_closing_writes_what_was_kept():
    async def play(joined):
        joined.write(HEAD)
        joined.close()
        assert joined.is_closing()
        await asyncio.sleep(0)

    below = written(play)
    assert (below.writes, below.closed) == ([HEAD], True)


@pytest.fixture
def connection(tmp_path):
    server = Server(tmp_path / "data")
    server.start()
    try:
        with socket.create_connection(("127.0.0.1", int(server.port)), timeout=30) as client:
            yield client
    finally:
        server.close()


def answer(client, operation, **request):
    """What the first `recv` brings of an answer's body, and its whole length."""
    body = json.dumps(request).encode()
    head = (
        f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\nContent-Length: {len(body)}\r\n"
    )
    client.sendall(head.encode() + b"\r\n" + body)
    head, _, first = client.recv(65_536).partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return first, int(lengths[0].partition(b":")[2])


def test_a_server_never_shows_a_head_alone(connection):
    first, length = answer(connection, "CreateStateMachine", name="m", roleArn=ROLE, definition=json.dumps(PASS))
    assert len(first) == length
    machine = json.loads(first)["stateMachineArn"]
    for _ in range(500):
        first, length = answer(connection, "StartExecution", stateMachineArn=machine, input="{}")
        assert len(first) == length


def test_an_answer_without_a_body(connection):
    connection.sendall(b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    received = b""
    while b'{"status":"ok"}' not in received:
        received += connection.recv(65_536)
    assert received.count(b"HTTP/1.1 200 OK") == 2
