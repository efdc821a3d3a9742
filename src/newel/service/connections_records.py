"""Connections as they are kept: one JSON file, its secrets sealed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from newel.ports.store import StoreUnavailable

Key = tuple[str, str, str]


class ConnectionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A connection. Times are epoch milliseconds.

    `sealed` holds the authorization parameters of the request as sealed JSON; None once they were removed. `revision`
    changes with every authorization.
    """

    partition: str
    account: str
    region: str
    name: str
    id: str
    secret_suffix: str
    authorization_type: str
    state: str
    revision: str
    created_ms: int
    modified_ms: int
    state_reason: str | None = None
    description: str | None = None
    kms_key: str | None = None
    resource_configuration: str | None = None
    authorized_ms: int | None = None
    sealed: bytes | None = None

    def __repr__(self) -> str:
        return f"<ConnectionRecord {self.arn}>"

    @property
    def key(self) -> Key:
        return self.account, self.region, self.name

    @property
    def arn(self) -> str:
        return f"arn:{self.partition}:events:{self.region}:{self.account}:connection/{self.name}/{self.id}"

    @property
    def secret_arn(self) -> str:
        """The ARN that the secret would have in Secrets Manager."""
        owner = f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}"
        return f"{owner}:secret:events!connection/{self.name}/{self.id}-{self.secret_suffix}"

    @property
    def context(self) -> str:
        """What the sealed parameters are bound to."""
        return self.arn


_decoder: Final = msgspec.json.Decoder(list[ConnectionRecord])


class ConnectionFile:
    """All connections of a server. Every change replaces the file, so that a crash leaves the old or the new one."""

    def __init__(self, file: Path) -> None:
        """Raises `StoreUnavailable` for a file that cannot be read."""
        self._file = file
        self._records: dict[Key, ConnectionRecord] = {record.key: record for record in _read(file)}

    def get(self, key: Key) -> ConnectionRecord | None:
        return self._records.get(key)

    def all(self) -> list[ConnectionRecord]:
        return list(self._records.values())

    def put(self, record: ConnectionRecord) -> None:
        """Keep a new or changed record."""
        self._save({**self._records, record.key: record})

    def remove(self, key: Key) -> None:
        self._save({other: record for other, record in self._records.items() if other != key})

    def _save(self, records: dict[Key, ConnectionRecord]) -> None:
        """Replace the file, and only then what is in memory."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(list(records.values()))))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._file)
        self._records = records


def _read(file: Path) -> list[ConnectionRecord]:
    try:
        return _decoder.decode(file.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, msgspec.DecodeError) as error:
        raise StoreUnavailable(f"the connections in {file} cannot be read: {error}") from None
