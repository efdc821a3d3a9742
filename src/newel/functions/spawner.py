"""The host's side of the spawner process: start, kill and be told of exits. See `bootstrap/spawn.py`."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

_SCRIPT: Final = Path(__file__).parent / "bootstrap" / "spawn.py"
_START_SECONDS_MAX: Final = 30.0

OnExit = Callable[[int], None]


class SpawnFailed(Exception):  # noqa: N818  (an event, not the user's error)
    """The process could not be started; the message is the operating system's."""


class Order(msgspec.Struct, kw_only=True):
    """One process to start. `mode` is `python` (fork of the warm interpreter) or `exec`."""

    id: str
    mode: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    log: str


class Spawner(asyncio.Protocol):
    """One spawner process under one interpreter. `on_exit` callbacks get the wait status; -1 if the spawner is lost."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._transport: Any = None
        self._buffer = b""
        self._pending: dict[str, asyncio.Future[int]] = {}
        self._exits: dict[str, OnExit] = {}
        self.lost = False

    @classmethod
    async def start(cls, python: str, scratch: Path, env: dict[str, str]) -> Spawner:
        """Start the process; it serves as soon as its modules are loaded, and removes `scratch` when it ends."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Popen and not asyncio's: its child watcher would need a thread or a signal of the main loop.
            process = subprocess.Popen(  # noqa: S603, ASYNC220
                [python, "-E", str(_SCRIPT), str(theirs.fileno()), str(scratch)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=env,
                cwd="/",
                start_new_session=True,
            )
        ours.setblocking(False)
        spawner = cls(process)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: spawner, sock=ours)
        except BaseException:
            ours.close()
            process.kill()
            process.wait()
            raise
        return spawner

    async def spawn(self, order: Order, on_exit: OnExit) -> int:
        """Start a process and return its pid. Raises `SpawnFailed`."""
        if self.lost:
            raise SpawnFailed("the spawner process ended")
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending[order.id] = answer
        self._exits[order.id] = on_exit
        self._send({"op": "spawn", **msgspec.to_builtins(order)})
        try:
            return await asyncio.wait_for(answer, _START_SECONDS_MAX)
        except TimeoutError:
            raise SpawnFailed("the spawner process does not answer") from None
        finally:
            self._pending.pop(order.id, None)

    def kill(self, identifier: str) -> None:
        """SIGKILL to the process group; the exit is reported as any other."""
        if not self.lost:
            self._send({"op": "kill", "id": identifier})

    async def close(self) -> None:
        """End the spawner and with it every process."""
        if self._transport is not None:
            self._transport.close()
        await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        self._transport.write(msgspec.json.encode(message) + b"\n")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._hear(msgspec.json.decode(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(SpawnFailed("the spawner process ended"))
        for on_exit in list(self._exits.values()):
            on_exit(-1)
        self._exits.clear()

    def _hear(self, message: dict[str, Any]) -> None:
        identifier = message["id"]
        if "exit" in message:
            on_exit = self._exits.pop(identifier, None)
            if on_exit is not None:
                on_exit(message["exit"])
            return
        answer = self._pending.get(identifier)
        if answer is None or answer.done():
            self.kill(identifier)  # whoever asked has given up
        elif "pid" in message:
            answer.set_result(message["pid"])
        else:
            self._exits.pop(identifier, None)
            answer.set_exception(SpawnFailed(message["error"]))
