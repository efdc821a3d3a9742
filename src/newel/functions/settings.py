"""What an operator may set of the function host."""

from __future__ import annotations

import os
from typing import Final

import msgspec

from newel.functions.model import ACCOUNT_CONCURRENCY_DEFAULT


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Defaults suit one machine.

    `workers_max`: function processes at a time; further invocations wait their turn. `starting_max`: processes being
    started at a time. `idle_seconds`: how long an unused process is kept. `endpoint_url`: what AWS_ENDPOINT_URL says
    inside functions, so that their AWS clients talk to this server. `access_key_id`, `secret_access_key`,
    `session_token`: the functions' credentials. `init_seconds_max`: AWS's bound of the init phase.
    `event_retry_seconds`: pauses before an asynchronous invocation is tried again after a function error.
    `environment`: further variables for every function. `node`: the Node.js executable.
    """

    workers_max: int = 48
    starting_max: int = max(2, os.cpu_count() or 2)
    idle_seconds: float = 600.0
    account_concurrency: int = ACCOUNT_CONCURRENCY_DEFAULT
    endpoint_url: str | None = None
    access_key_id: str = "test"
    secret_access_key: str = "test"  # noqa: S105  (what local tools expect; a secured server sets its own)
    session_token: str | None = None
    init_seconds_max: float = 10.0
    memory_check_seconds: float = 0.1
    event_retry_seconds: tuple[float, ...] = (60.0, 120.0)
    event_backoff_seconds_max: float = 300.0
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    node: str = "node"


DEFAULT_SETTINGS: Final = HostSettings()
