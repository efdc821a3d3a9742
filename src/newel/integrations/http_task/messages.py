"""The HTTP request and response of a task, as plain data."""

from __future__ import annotations

from typing import Final

import msgspec
from yarl import URL

Headers = tuple[tuple[str, str], ...]

#: What a client may learn from Range, and the most that is read of a response: 256 KiB.
RESPONSE_BYTES_MAX: Final = 262_144
RANGE: Final = f"bytes=0-{RESPONSE_BYTES_MAX}"
JSON_TYPE: Final = "application/json; charset=UTF-8"
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to be sent. `implied` are headers that the service adds without showing them; Host is not listed."""

    method: str
    url: str
    headers: Headers
    body: bytes | None = None
    implied: Headers = ()
    chunked: bool = False

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method}>"  # the rest may be secret


class HttpResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A response that was read to its end. Header names are in lower case."""

    status: int
    reason: str
    headers: Headers
    body: bytes
    protocol: str = "https"

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """One request and what came back, for inspection.

    `request` is what was sent, `hidden` the same with everything the connection added masked. `response` is None where
    none came.
    """

    request: HttpRequest
    hidden: HttpRequest
    response: HttpResponse | None = None


def scheme_of(url: str) -> str:
    return URL(url, encoded=True).scheme
