"""Secrets at rest: AES-256-GCM under a key file that only the server's user may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from newel.ports.store import StoreUnavailable

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class UnreadableSecretError(Exception):
    """A sealed secret that this key does not open, or that belongs to something else."""


class Vault:
    """Seals secrets. The key is made on the first start; without its file what was sealed stays closed."""

    def __init__(self, key_file: Path) -> None:
        """Raises `StoreUnavailable` for a key file that cannot be read or made."""
        try:
            self._cipher = AESGCM(_key(key_file))
        except OSError as error:
            raise StoreUnavailable(f"the key file {key_file} cannot be used: {error.strerror}") from None

    def seal(self, secret: bytes, context: str) -> bytes:
        """Encrypt. `context` names what the secret belongs to: it opens nowhere else."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises `UnreadableSecretError`."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
        except (InvalidTag, ValueError):
            raise UnreadableSecretError from None


def _key(file: Path) -> bytes:
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        key = _made(file)
    if len(key) != _KEY_BYTES:
        raise StoreUnavailable(f"the key file {file} does not hold a key of {_KEY_BYTES} bytes")
    return key


def _made(file: Path) -> bytes:
    """A new key, on disk whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(_KEY_BYTES)
    temporary = file.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(key)
        target.flush()
        os.fsync(target.fileno())
    temporary.replace(file)
    return key
