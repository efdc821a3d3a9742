"""Sending a request and reading its response within the limits of time and size."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Final

import aiohttp
from aiohttp.client_exceptions import ClientConnectorCertificateError, ClientConnectorError, ClientConnectorSSLError
from multidict import CIMultiDict
from yarl import URL

from newel.engine.errors import data_limit
from newel.errors import StatesError
from newel.integrations.http_task.messages import RESPONSE_BYTES_MAX, HttpRequest, HttpResponse

SOCKET_ERROR: Final = "States.Http.Socket"
_CHUNK_BYTES: Final = 65_536


class NoResponseError(Exception):
    """No (whole) response came; the text says why and holds nothing of the request but its host."""


class TooLargeError(Exception):
    """The response is larger than may be read."""


async def exchange(
    client: aiohttp.ClientSession, request: HttpRequest, *, seconds: float, bytes_max: int = RESPONSE_BYTES_MAX
) -> HttpResponse:
    """Send `request`; redirects are not followed, so that no credentials follow them.

    Raises `NoResponseError`, `TooLargeError`.
    """
    url = URL(request.url, encoded=True)
    where = f"{url.host}:{url.port}"
    try:
        async with (
            asyncio.timeout(seconds),
            client.request(
                request.method,
                url,
                headers=CIMultiDict((*request.headers, *request.implied)),
                data=_chunks(request.body) if request.chunked and request.body else request.body,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None),
            ) as response,
        ):
            body = await _read(response, bytes_max)
            headers = tuple((name.lower(), value) for name, value in response.headers.items())
            return HttpResponse(
                status=response.status, reason=response.reason or "", headers=headers, body=body, protocol=url.scheme
            )
    except TimeoutError:
        raise NoResponseError(f"The request to {where} timed out after {seconds:g} seconds") from None
    except (ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        raise NoResponseError(f"The certificate of {where} is not accepted: {_certificate_problem(error)}") from None
    except ClientConnectorSSLError:
        raise NoResponseError(f"The TLS handshake with {where} failed") from None
    except ClientConnectorError as error:
        raise NoResponseError(f"No connection to {where}: {error.os_error.strerror or 'it failed'}") from None
    except aiohttp.ServerDisconnectedError:
        raise NoResponseError(f"{where} closed the connection without a response") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # The text of such an error may quote the URL or a header, and so a secret.
        raise NoResponseError(f"The request to {where} failed: {type(error).__name__}") from None


def socket_failure(error: NoResponseError) -> StatesError:
    return StatesError(SOCKET_ERROR, str(error))


def too_large() -> StatesError:
    return data_limit("http")


async def _read(response: aiohttp.ClientResponse, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(_CHUNK_BYTES):
        size += len(part)
        if size > bytes_max:
            raise TooLargeError
        parts.append(part)
    return b"".join(parts)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    """A body that aiohttp sends chunked, as AWS sends forms."""
    yield body


def _certificate_problem(error: Exception) -> str:
    cause = error.certificate_error if isinstance(error, ClientConnectorCertificateError) else error
    return getattr(cause, "verify_message", None) or type(cause).__name__
