"""The roots of the error families; they are never mixed.

- `StatesError`: an error of the language, seen by Retry and Catch (`States.Runtime`, `Lambda.Unknown`, a user's own).
- `ServiceError`: an answer of the API with an AWS error code.
- A failed `assert` is our own bug.
"""

from collections.abc import Mapping
from typing import Any


class StatesError(Exception):
    """An error of the Amazon States Language: a name that Retry and Catch match, and a cause in words.

    `cause` is AWS's text without the `An error occurred while executing the state …` prefix, which the engine adds
    because only it knows the state and its event id. `location` is the slash path of the failed field
    (`Output/result`), given for `States.QueryEvaluationError` alone.
    """

    def __init__(self, error: str, cause: str | None, *, location: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.location = location

    def __str__(self) -> str:
        return self.error if self.cause is None else f"{self.error}: {self.cause}"


class RuntimeFailure(StatesError):  # noqa: N818  (the language's own word)
    """`States.Runtime`: an execution cannot go on; never retried or caught."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.Runtime", cause)


class IntrinsicFailure(StatesError):  # noqa: N818  (as above)
    """`States.IntrinsicFailure`: an intrinsic function refused its arguments."""

    def __init__(self, cause: str) -> None:
        super().__init__("States.IntrinsicFailure", cause)


class QueryEvaluationError(StatesError):
    """`States.QueryEvaluationError`: a JSONata expression failed; `location` names the field in slash form."""

    def __init__(self, cause: str, location: str | None = None) -> None:
        super().__init__("States.QueryEvaluationError", cause, location=location)


class ServiceError(Exception):
    """An API error as AWS words it: `code` becomes `__type`; `extra` are further members (`reason`, `resourceName`)."""

    def __init__(self, code: str, message: str, *, status: int = 400, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.extra: Mapping[str, Any] = extra or {}

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class ValidationError(ServiceError):
    """`ValidationException`; `reason` is one of the model's ValidationExceptionReason values."""

    def __init__(self, message: str, reason: str | None = None) -> None:
        super().__init__("ValidationException", message, extra={"reason": reason} if reason else None)
