"""What is known of a function: configurations by version, aliases, permissions. Plain frozen data, stored as JSON."""

from __future__ import annotations

from typing import Any, Final

import msgspec

#: Bytes (Lambda quotas: invocation payload, asynchronous payload, response, code unzipped and zipped in a request).
REQUEST_BYTES_MAX: Final = 6_291_456
EVENT_REQUEST_BYTES_MAX: Final = 1_048_576
RESPONSE_BYTES_MAX: Final = 6_291_556
CODE_UNZIPPED_BYTES_MAX: Final = 262_144_000
CODE_ZIPPED_BYTES_MAX: Final = 52_428_800
ENVIRONMENT_BYTES_MAX: Final = 4096
TIMEOUT_SECONDS_MAX: Final = 900
TIMEOUT_SECONDS_DEFAULT: Final = 3
MEMORY_MB_MIN: Final = 128
MEMORY_MB_MAX: Final = 10_240
ACCOUNT_CONCURRENCY_DEFAULT: Final = 1000
#: What PutFunctionConcurrency must leave to functions without a reservation.
UNRESERVED_CONCURRENCY_MIN: Final = 100
LOG_TAIL_BYTES_MAX: Final = 4096


class Code(msgspec.Struct, frozen=True):
    """Code of one version: `sha256` is base64 of the archive's digest. `directory` is set when the function runs from
    a folder of its owner (`newel dev`); otherwise the code is a folder of the catalog named by the digest.
    """

    sha256: str
    size: int
    directory: str | None = None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a function. `$LATEST` is replaced on every update; a published version never changes.

    `timeout` is in seconds, `memory_size` and `ephemeral_storage` in MB, `last_modified` in ISO 8601 with milliseconds.
    `extras` holds members that are stored and returned as they were given (tracing, VPC, logging, …).
    """

    version: str
    code: Code
    runtime: str
    handler: str
    role: str
    description: str = ""
    timeout: int = TIMEOUT_SECONDS_DEFAULT
    memory_size: int = MEMORY_MB_MIN
    environment: dict[str, str] | None = None
    architectures: list[str] = msgspec.field(default_factory=lambda: ["x86_64"])
    ephemeral_storage: int = 512
    last_modified: str
    revision_id: str
    extras: dict[str, Any] = msgspec.field(default_factory=dict)


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """A name for a version; `weights` sends a share (0..1) of the traffic to other versions."""

    name: str
    version: str
    description: str = ""
    weights: dict[str, float] = msgspec.field(default_factory=dict)
    revision_id: str


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """Everything stored of one function. Policies and their revisions are by qualifier (`""`: unqualified)."""

    account: str
    region: str
    name: str
    latest: Configuration
    versions: dict[str, Configuration] = msgspec.field(default_factory=dict)
    next_version: int = 1
    aliases: dict[str, Alias] = msgspec.field(default_factory=dict)
    policies: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)
    policy_revisions: dict[str, str] = msgspec.field(default_factory=dict)
    tags: dict[str, str] = msgspec.field(default_factory=dict)
    reserved_concurrency: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    def codes(self) -> set[str]:
        """Digests of all code that some version uses."""
        return {item.code.sha256 for item in (self.latest, *self.versions.values())}
