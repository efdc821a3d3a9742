"""HTTP for the integrations that call an address a definition names: API Gateway, Kubernetes.

Such an address is as untrusted as an HTTP Task's, so it is under the same egress policy, except for the origins that
the server's own configuration names (an emulator on loopback).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import aiohttp
import msgspec
from botocore.credentials import ReadOnlyCredentials  # type: ignore[import-untyped]
from multidict import CIMultiDict
from yarl import URL

from newel.json import InvalidJson, Json, dumps, loads

_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_CHUNK: Final = 65_536
_HOST_CONNECTIONS: Final = 2000
#: More than a Task's result may be.
_BYTES_MAX: Final = 2 * 1024 * 1024


class Clients(Protocol):
    """The egress policy: the client that may request a URL."""

    def client(self, url: URL) -> aiohttp.ClientSession:
        """Raises an exception that says why the URL may not be requested."""
        ...


class Credentials(Protocol):
    """Whose signature a request bears."""

    async def credentials(
        self, service: str, *, account: str, region: str, role_arn: str | None = None
    ) -> ReadOnlyCredentials:
        """What a call of a service is signed with. Raises `AwsError`."""
        ...


class HttpAnswer(msgspec.Struct, frozen=True):
    """A response: header names as they came, the body whole."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: bytes


class NoAnswerError(Exception):
    """No answer came; the text says why."""


class TooLargeError(Exception):
    """The answer is larger than any Task's result may be."""


class HttpCaller:
    """Sends one request at a time and follows no redirects. `trusted` are URLs whose origins are always allowed."""

    def __init__(self, egress: Clients | None = None, trusted: Iterable[str] = ()) -> None:
        self._egress = egress
        self._trusted = frozenset(URL(url).origin() for url in trusted)
        self._own: aiohttp.ClientSession | None = None

    async def send(
        self,
        method: str,
        url: URL,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes | None = None,
        *,
        seconds: float,
        tls: ssl.SSLContext | None = None,
    ) -> HttpAnswer:
        """Raises `NoAnswerError`, `TooLargeError`."""
        client = self._client(url)
        try:
            async with (
                asyncio.timeout(seconds),
                client.request(
                    method,
                    url,
                    headers=CIMultiDict(headers),
                    data=body,
                    allow_redirects=False,
                    skip_auto_headers=_NOT_ADDED,
                    timeout=aiohttp.ClientTimeout(total=None),
                    ssl=True if tls is None else tls,
                ) as response,
            ):
                content = await _content(response)
                return HttpAnswer(response.status, response.reason or "", list(response.headers.items()), content)
        except TimeoutError:
            raise NoAnswerError(f"{url.host}:{url.port} did not answer within {seconds:g} seconds") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswerError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections to trusted origins; the egress policy's clients are their owner's."""
        own, self._own = self._own, None
        if own is not None:
            await own.close()

    def _client(self, url: URL) -> aiohttp.ClientSession:
        if url.scheme not in ("http", "https") or not url.host:
            raise NoAnswerError(f"{url} is not an HTTP address")
        if self._egress is not None and url.origin() not in self._trusted:
            try:
                return self._egress.client(url)
            except Exception as refusal:  # whatever the policy raises; it says why
                raise NoAnswerError(str(refusal)) from refusal
        if self._own is None:
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=_HOST_CONNECTIONS)
            self._own = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._own


def shown_response(answer: HttpAnswer) -> str:
    """A response as the integrations show it, header names in alphabetical order."""
    headers: dict[str, list[str]] = {}
    for name, value in sorted(answer.headers, key=lambda header: header[0].lower()):
        headers.setdefault(name, []).append(value)
    shown: dict[str, Json] = {
        "Headers": headers,
        "ResponseBody": json_or_text(answer.body),
        "StatusCode": answer.status,
        "StatusText": answer.reason,
    }
    return dumps(shown)


def json_or_text(body: bytes) -> Json:
    """A body as a value: what is not JSON is text."""
    text = body.decode("utf-8", "replace")
    try:
        return loads(text)
    except InvalidJson:
        return text


def query_pairs(given: Mapping[str, Json]) -> list[tuple[str, str]]:
    """The pairs of a query whose parameters are arrays or single values."""
    return [
        (name, value if isinstance(value, str) else dumps(value))
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
    ]


async def _content(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK):
        size += len(part)
        if size > _BYTES_MAX:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)
