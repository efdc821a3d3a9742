"""HTTP for all calls of AWS APIs: one aiohttp session, made when the first request is sent.

A call that waits is a socket and a coroutine, never a thread. Connections are bounded per host and not in all, so a
host that hangs keeps nobody waiting but its own callers.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from newel.integrations.aws.settings import AwsSettings

_DNS_SECONDS: Final = 30
_CHUNK: Final = 65_536
#: aiohttp adds these unless told not to; the request is signed as it is.
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Outgoing(msgspec.Struct, frozen=True):
    """A signed request."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes
    proxy: str | None = None


class Received(msgspec.Struct, frozen=True):
    """An answer, its body as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class NoAnswerError(Exception):
    """No answer came; `message` is what the AWS SDK for Java says."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class AnswerTooLargeError(Exception):
    """An answer over `answer_bytes_max`."""


class Transport:
    """Sends requests."""

    def __init__(self, settings: AwsSettings, ca_bundle: str | None = None) -> None:
        self._settings = settings
        self._ca_bundle = ca_bundle
        self._session: aiohttp.ClientSession | None = None
        self._opening: asyncio.Task[aiohttp.ClientSession] | None = None

    async def send(self, request: Outgoing, read_seconds: float) -> Received:
        """One attempt. Raises `NoAnswerError`, `AnswerTooLargeError`."""
        session = self._session or await self._opened()
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_seconds, sock_read=read_seconds)
        try:
            async with session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                proxy=request.proxy,
                timeout=timeout,
                skip_auto_headers=_NOT_ADDED,
            ) as response:
                return await self._received(response)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise _no_answer(error, request.url) from error

    async def _received(self, response: aiohttp.ClientResponse) -> Received:
        parts, size = [], 0
        async for part in response.content.iter_chunked(_CHUNK):
            size += len(part)
            if size > self._settings.answer_bytes_max:
                response.close()
                raise AnswerTooLargeError
            parts.append(part)
        return Received(response.status, list(response.headers.items()), b"".join(parts))

    async def close(self) -> None:
        """Close all connections."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        session, self._session, self._opening = self._session, None, None
        if session is not None:
            await session.close()

    async def _opened(self) -> aiohttp.ClientSession:
        """The session; whoever comes first makes it, and a caller that is cancelled stops nobody else."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())
        return await asyncio.shield(self._opening)

    async def _open(self) -> aiohttp.ClientSession:
        context = await asyncio.to_thread(_tls, self._ca_bundle)  # reads the system's certificates
        connector = aiohttp.TCPConnector(
            limit=0,
            limit_per_host=self._settings.host_connections,
            ttl_dns_cache=_DNS_SECONDS,
            keepalive_timeout=self._settings.keepalive_seconds,
            ssl=context,
        )
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self._session


def _tls(ca_bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_bundle)


def _no_answer(error: Exception, url: str) -> NoAnswerError:
    host = URL(url, encoded=True).host or ""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NoAnswerError(
            "Received an UnknownHostException when attempting to interact with a service. See cause for the exact "
            "endpoint that is failing to resolve. If this is happening on an endpoint that previously worked, there "
            "may be a network connectivity issue or your DNS cache could be storing endpoints for too long.",
        )
    prefix = "Unable to execute HTTP request: "
    if isinstance(error, aiohttp.SocketTimeoutError):
        return NoAnswerError(prefix + "Read timed out")
    if isinstance(error, TimeoutError):
        return NoAnswerError(f"{prefix}Connect to {host} failed: connect timed out")
    if isinstance(error, aiohttp.ClientConnectorError):
        return NoAnswerError(f"{prefix}Connect to {host}:{error.port} failed: {error.strerror}")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return NoAnswerError(f"{prefix}The target server failed to respond")
    return NoAnswerError(prefix + (str(error) or type(error).__name__))
