"""What `newel dev` tells about itself while it runs."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from newel.dev.project import Problem

ChangeKind = Literal["created", "updated", "removed"]
ProgressKind = Literal["started", "entered", "exited", "caught", "failed", "retry", "aborted", "ended"]


class Change(msgspec.Struct, frozen=True):
    """A state machine, function or resource that came, changed or went. `what` is `state machine`, `queue`, …"""

    kind: ChangeKind
    what: str
    name: str
    arn: str
    file: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One step of an execution. `state` is its path (`Each[3] / Charge`); times are epoch milliseconds.

    `status` is the execution's where it has ended, `took_ms` what the state or the execution took.
    """

    kind: ProgressKind
    machine: str
    execution: str
    arn: str
    at_ms: int
    state: str = ""
    type: str = ""
    note: str = ""
    status: str = ""
    took_ms: int | None = None


class Served(msgspec.Struct, frozen=True):
    """Everything that is served once the server is ready. `services` says what answers for other AWS services."""

    url: str
    data_dir: str
    account: str
    region: str
    machines: tuple[Change, ...]
    functions: tuple[Change, ...]
    resources: tuple[Change, ...]
    services: str
    endpoints: dict[str, str]


class Report(Protocol):
    """Who is told. Called on the event loop: must not block."""

    def ready(self, served: Served) -> None: ...

    def change(self, change: Change) -> None: ...

    def problem(self, problem: Problem) -> None: ...

    def progress(self, progress: Progress) -> None: ...
