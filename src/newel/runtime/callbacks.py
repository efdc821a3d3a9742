"""What SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat refuse, in AWS's words."""

from __future__ import annotations

from newel.errors import ServiceError
from newel.json import InvalidJson, loads


def invalid_token() -> ServiceError:
    return ServiceError("InvalidToken", "Invalid Token: 'Invalid token'")


def task_timed_out() -> ServiceError:
    """The task has ended, timed out or been retried: its token is void."""
    return ServiceError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")


def read_output(output: str) -> str:
    """The output of a callback, which must be JSON. Raises `InvalidOutput`."""
    try:
        loads(output)
    except InvalidJson as error:
        raise ServiceError("InvalidOutput", f"Invalid Output: '{error}'") from None
    return output
