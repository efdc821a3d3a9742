"""Requests for services that are not ours, handed on to the endpoints that are configured for them.

A reverse proxy that streams both ways. The `Host` header and with it the signature stay what the client made them, so
an endpoint that checks signatures (MinIO, another Newel) accepts them under its own keys. AWS's own endpoints need
their own name in `Host`, which the signature then does not fit: call AWS directly instead.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from newel.api.protocol import Receive, Scope, Send
from newel.api.refusals import send_refusal
from newel.api.unsigned import raw_path, wanted
from newel.errors import ServiceError

logger = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 10
#: The longest that any operation of AWS stays silent (Lambda's Invoke).
_READ_SECONDS: Final = 905
_PIECE: Final = 262_144
_HOP_BY_HOP: Final = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "upgrade", "expect")
)
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class _LeftError(Exception):
    """The client went away in the middle of its request."""


class Forward:
    """The ASGI application. `endpoints` are URLs by the name a service signs with, `default` is for all others."""

    def __init__(self, endpoints: Mapping[str, str], default: str | None = None) -> None:
        self._endpoints = endpoints
        self._default = default
        self._session: aiohttp.ClientSession | None = None

    def serves(self, service: str) -> bool:
        """Whether an endpoint is configured for a service."""
        return self._url(service) is not None

    def claims(self, scope: Scope) -> bool:
        """Whether an unsigned request says by itself that it is for one of these services."""
        want = wanted(scope)
        return want is not None and self.serves(want.service)

    async def close(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on one request and its answer."""
        want = wanted(scope)
        service = want.service if want is not None else ""
        url = self._url(service)
        if url is None:
            what = service or "of this request"
            message = (
                f"The AWS service {what} is not served by this endpoint, and no other endpoint is configured for it."
            )
            await send_refusal(scope, send, service, ServiceError("UnsupportedService", message, status=501))
            return
        try:
            await self._hand_on(url, service, scope, receive, send)
        except _LeftError:
            return

    def _url(self, service: str) -> str | None:
        return self._endpoints.get(service, self._default)

    async def _hand_on(self, url: str, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        try:
            async with self._opened().request(
                scope["method"],
                _target(url, scope),
                headers=_headers(scope, url),
                data=_body(receive) if _has_body(scope) else None,
                allow_redirects=False,
                skip_auto_headers=_NOT_ADDED,
            ) as response:
                begun = True
                await _answer(response, send)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            if begun:
                raise  # half an answer was sent; the server closes the connection
            logger.warning("%s does not answer: %s", url, error)
            message = f"The endpoint {url} does not answer: {error or type(error).__name__}"
            await send_refusal(scope, send, service, ServiceError("ServiceUnavailable", message, status=502))

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_READ_SECONDS),
            )
        return self._session


def _target(url: str, scope: Scope) -> URL:
    query = scope["query_string"].decode("latin-1")
    return URL(f"{url.rstrip('/')}{raw_path(scope)}{'?' + query if query else ''}", encoded=True)


def _headers(scope: Scope, url: str) -> list[tuple[str, str]]:
    host = urlsplit(url).netloc
    given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    kept = [(name, value) for name, value in given if name not in _HOP_BY_HOP]
    if (urlsplit(url).hostname or "").endswith(_AWS):
        return [(name, host if name == "host" else value) for name, value in kept]
    return kept


def _has_body(scope: Scope) -> bool:
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in scope["headers"]
    )


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _LeftError
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _answer(response: aiohttp.ClientResponse, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
        if name.lower() not in _HOP_BY_HOP and name.lower() != "transfer-encoding"
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    async for part in response.content.iter_chunked(_PIECE):
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
