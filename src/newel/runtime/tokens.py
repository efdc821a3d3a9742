"""Task tokens: opaque, unguessable, valid across restarts, and stored nowhere.

A token carries the execution and the task it belongs to, signed with the server's key. Whether it is still valid is
for the execution to say: a task that ended, timed out or was retried has another id.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

_SIGNATURE_BYTES: Final = 24


class BadTokenError(ValueError):
    """Not a token of this server."""


class TaskTokens:
    """Signs and reads tokens with `key` (32 random bytes kept in the data directory)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, execution_arn: str, task_id: int) -> str:
        body = f"{task_id}|{execution_arn}".encode()
        return urlsafe_b64encode(self._signature(body) + body).decode()

    def read(self, token: str) -> tuple[str, int]:
        """(execution ARN, task id). Raises `BadTokenError`."""
        try:
            raw = urlsafe_b64decode(token.encode("ascii"))
            signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
            if not hmac.compare_digest(signature, self._signature(body)):
                raise BadTokenError(token)
            task_id, _, arn = body.decode().partition("|")
            return arn, int(task_id)
        except ValueError:
            raise BadTokenError(token) from None

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, hashlib.sha256)[:_SIGNATURE_BYTES]
