"""Stub servers on loopback."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer


@asynccontextmanager
async def serving(application: web.Application) -> AsyncIterator[str]:
    server = TestServer(application, host="127.0.0.1")
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


class Recorder:
    """Answers every request with `answer(request, body)`; keeps what came."""

    def __init__(self, answer: Callable[[web.Request, bytes], web.Response]) -> None:
        self._answer = answer
        self.requests: list[tuple[web.Request, bytes]] = []

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request, body))
        return self._answer(request, body)

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.raw_path}" for request, _ in self.requests]
