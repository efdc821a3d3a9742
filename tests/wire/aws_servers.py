"""Servers in AWS's place, on loopback: one that answers what a test says, and moto's services."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def scope(self) -> dict[str, str]:
        """The access key, region and service that it is signed for."""
        found = _SCOPE.search(self.headers.get("authorization", ""))
        return found.groupdict() if found else {}


@dataclass(frozen=True)
class Told:
    """What to answer."""

    status: int = 200
    body: bytes | str = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: Callable[[Asked], Told]

    def _any(self) -> None:
        length = int(self.headers.get("content-length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = type(self).answer(Asked(self.command, self.path, headers, self.rfile.read(length)))
        body = told.body.encode() if isinstance(told.body, str) else told.body
        given = {name.lower(): value for name, value in told.headers.items()}
        given["content-length"] = (
            given.get("content-length", str(len(body))) if self.command == "HEAD" else str(len(body))
        )
        self.send_response_only(told.status)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _any

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address) -> None:
        """A client that is gone is no news."""


@contextmanager
def answering(answer: Callable[[Asked], Told]) -> Iterator[str]:
    """Serve `answer`; yields the URL."""
    handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
    server = _Server(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def moto_server() -> Iterator[str]:
    """Serve moto's services, told apart by what a request is signed for; yields the URL."""
    from moto.backends import get_backend
    from moto.core.botocore_stubber import BotocoreStubber

    stubber = BotocoreStubber()

    def answer(asked: Asked) -> Told:
        scope = asked.scope
        headers = HTTPHeaders()
        host = f"{scope['service']}.{scope['region']}.amazonaws.com"
        for name, value in (asked.headers | {"host": host}).items():
            headers[name] = value
        request = AWSPreparedRequest(asked.method, f"https://{host}{asked.path}", headers, asked.body, False)
        status, found, body = stubber.process_request(request)
        return Told(status, body, {name: str(value) for name, value in found.items()})

    try:
        with answering(answer) as url:
            yield url
    finally:
        for service in ("s3", "dynamodb", "sqs", "sns", "secretsmanager", "sts", "iam", "ec2"):
            get_backend(service).reset()
