"""Pagination tokens: opaque to the client, bound to one operation and its parameters, good for 24 hours."""

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from newel.errors import ServiceError
from newel.limits import PAGE_SIZE_DEFAULT
from newel.ports.clock import Clock

_HOUR_MS: Final = 3_600_000
_DIGEST: Final = 9
#: Parameters that may change between pages (AWS lets the page size change).
_FREE: Final = {"nextToken", "maxResults"}


class _Token(msgspec.Struct, frozen=True, array_like=True):
    operation: str
    parameters: str
    issued_ms: int
    cursor: Any


def page_size(request: Mapping[str, Any]) -> int:
    """`maxResults`, where 0 and absence mean the default."""
    return request.get("maxResults") or PAGE_SIZE_DEFAULT


def invalid_token() -> ServiceError:
    return ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")


class PageTokens:
    """Makes tokens and reads them back."""

    def __init__(self, clock: Clock, hours: int) -> None:
        self._clock = clock
        self._life_ms = hours * _HOUR_MS

    def issue(self, operation: str, request: Mapping[str, Any], cursor: Any) -> str:
        """A token from which the same operation with the same parameters goes on after `cursor` (JSON)."""
        token = _Token(operation, _fingerprint(request), self._clock.now_ms(), cursor)
        body = msgspec.json.encode(token)
        return base64.urlsafe_b64encode(_digest(body) + body).decode().rstrip("=")

    def read(self, operation: str, request: Mapping[str, Any]) -> Any:
        """The cursor of the request's `nextToken`, or None without one.

        Raises InvalidToken if the token is not ours, was changed, is older than a day, or belongs to another request.
        """
        text = request.get("nextToken")
        if text is None:
            return None
        token = _open(text)
        age = self._clock.now_ms() - token.issued_ms
        if token.operation != operation or token.parameters != _fingerprint(request) or age > self._life_ms:
            raise invalid_token()
        return token.cursor


def _open(text: str) -> _Token:
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        if raw[:_DIGEST] != _digest(raw[_DIGEST:]):
            raise invalid_token()
        return msgspec.json.decode(raw[_DIGEST:], type=_Token)
    except (UnicodeError, binascii.Error, msgspec.DecodeError):
        raise invalid_token() from None


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST, person=b"newel.pages").digest()


def _fingerprint(request: Mapping[str, Any]) -> str:
    kept = sorted((key, value) for key, value in request.items() if key not in _FREE)
    return hashlib.blake2b(msgspec.json.encode(kept), digest_size=6).hexdigest()
