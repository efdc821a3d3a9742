"""Where execution logs go."""

from collections.abc import Iterable
from typing import Protocol


class ExecutionLogs(Protocol):
    """Appends records to a log group."""

    def write(self, arn: str, stream: str, records: Iterable[tuple[int, str]]) -> bool:
        """`records` are (epoch ms, JSON text). False for a group that does not exist: its records go nowhere, as on
        AWS."""
        ...
