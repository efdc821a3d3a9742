"""The context object a test may bring: what it may hold, and AWS's words for what it may not."""

from __future__ import annotations

from typing import Final

from newel.errors import ValidationError
from newel.json import InvalidJson, Json, loads

#: member -> its members and their JSON types. Any is a free value.
_MEMBERS: Final[dict[str, dict[str, str]]] = {
    "Execution": {
        "Id": "string",
        "Input": "any",
        "Name": "string",
        "RoleArn": "string",
        "StartTime": "string",
        "RedriveCount": "number",
        "RedriveTime": "string",
    },
    "State": {"EnteredTime": "string", "Name": "string", "RetryCount": "number"},
    "StateMachine": {"Id": "string", "Name": "string"},
    "Task": {"Token": "string"},
}
_NOUNS: Final = {"string": "a string", "number": "a number"}


def read_context(text: str, *, has_token: bool) -> dict[str, Json]:
    """The context object of a request. Raises ValidationException.

    `has_token` says that the state is a Task that may see a token (`.sync`, `.waitForTaskToken`).
    """
    try:
        context = loads(text)
    except InvalidJson:
        raise _invalid("Context must be valid JSON") from None
    if not isinstance(context, dict):
        raise _invalid("Context must be a JSON object")
    if "Map" in context:
        raise _invalid("'Map' field is not supported when mocking a Context object")
    for name, value in context.items():
        if name not in _MEMBERS:
            raise _invalid(f"Field '{name}' is not allowed")
        _check_member(name, value)
    if "Task" in context and not has_token:
        raise _invalid(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or '.waitForTaskToken' "
            "service integration pattern"
        )
    return context


def _check_member(name: str, value: Json) -> None:
    if not isinstance(value, dict):
        raise _invalid(f"{name} must be an object")
    allowed = _MEMBERS[name]
    for key, item in value.items():
        if key not in allowed:
            raise _invalid(f"Field '{key}' is not allowed")
        kind = allowed[key]
        if kind == "any":
            continue
        fits = isinstance(item, str) if kind == "string" else isinstance(item, int | float) and item is not True
        if not fits or item is False:
            raise _invalid(f"{name}.{key} must be {_NOUNS[kind]}")


def _invalid(problem: str) -> ValidationError:
    return ValidationError(f"Invalid Context object provided: {problem}")
