"""Where execution logs go."""

from collections.abc import Sequence
from typing import Protocol

from newel.json import Json


class ExecutionLogs(Protocol):
    """Appends records (JSON objects) to a log group."""

    def write(self, group_arn: str, stream: str, records: Sequence[tuple[int, Json]]) -> None:
        """`records` are (epoch ms, record); those for a group that does not exist go nowhere, as on AWS.

        Best effort, as there: a log that cannot be written is lost, and nothing is raised.
        """
        ...
