"""What is handed to the runtime to start."""

import msgspec

from newel.ports.store import Machine, Revision


class StartOrder(msgspec.Struct, kw_only=True, frozen=True):
    """An execution to start; `input` is JSON text that was checked already."""

    machine: Machine
    revision: Revision
    arn: str
    name: str
    input: str
    version: int | None = None
    alias: str | None = None
    trace_header: str | None = None
    parent: str | None = None
    test_case: str | None = None
