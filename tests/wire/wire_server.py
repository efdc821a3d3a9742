"""The API on a loopback port, over a store in memory and a fake runtime."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fake_runtime import FakeRuntime

from newel.api.app import Apis, App
from newel.api.credentials import Credentials
from newel.api.iam import iam_api
from newel.api.logs import LogsApi
from newel.api.states import StatesApi
from newel.api.sts import sts_api
from newel.runtime.clock import SystemClock
from newel.runtime.env import Entropy
from newel.service.core import Core
from newel.service.log_groups import LogGroups
from newel.service.metrics import PrometheusMetrics
from newel.service.roles import Roles
from newel.store.memory import MemoryStore

ACCOUNT = "000000000000"
REGION = "us-east-1"


class TestClock(SystemClock):
    """The system's clock, moved forward by hand."""

    __test__ = False
    ahead_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@dataclass(frozen=True)
class Parts:
    """What a test may look into."""

    app: App
    core: Core
    runtime: FakeRuntime
    clock: TestClock
    metrics: PrometheusMetrics


def assemble(folder: Path, **options: Any) -> Parts:
    clock, store, metrics = TestClock(), MemoryStore(), PrometheusMetrics()
    runtime = FakeRuntime(store, clock)
    more = {key: options.pop(key) for key in ("lambda_", "companion", "console", "events") if key in options}
    browser_hosts = options.pop("browser_hosts", ())
    core = Core(
        store=store,
        runtime=runtime,
        clock=clock,
        entropy=Entropy(7),
        log_groups=LogGroups(folder / "logs", clock),
        **options,
    )
    apis = Apis(
        states=StatesApi(core),
        logs=LogsApi(core.log_groups),
        query={"sts": sts_api(clock), "iam": iam_api(Roles(folder / "iam" / "roles.json", clock))},
        pages={"/metrics": metrics.page},
        **more,
    )
    return Parts(App(apis, Credentials(ACCOUNT, REGION), metrics, browser_hosts), core, runtime, clock, metrics)


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread; yields its URL."""
    # With the protocol named, asyncio turns Nagle's algorithm off; without, every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = uvicorn.Config(app, lifespan="on", log_level="warning", ws="none", http="httptools", loop="asyncio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


def ask(
    app: Any,
    body: bytes = b"{}",
    *,
    target: str | bytes | None = None,
    method: str = "POST",
    path: str = "/",
    query: bytes = b"",
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """One request to an ASGI application without a server: (status, headers, body)."""
    return asyncio.run(_ask(app, body, target, method, path, query, headers or {}))


async def _ask(app, body, target, method, path, query, headers):
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    if target is not None:
        raw.append((b"x-amz-target", target.encode() if isinstance(target, str) else target))
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": raw,
    }
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    got: list[dict[str, Any]] = []

    async def receive():
        if sent:
            return sent.pop()
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message):
        got.append(message)

    await app(scope, receive, send)
    reply = {name.decode(): value.decode() for name, value in got[0]["headers"]}
    return got[0]["status"], reply, b"".join(message.get("body", b"") for message in got[1:])
