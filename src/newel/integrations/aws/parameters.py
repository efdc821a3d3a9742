"""What is checked of a call's parameters before it is sent.

The AWS SDK for Java checks names and types and leaves the rest to the service, whose answer names the error: a queue
that is told no MessageBody says so itself. botocore would refuse such a call with an error of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel  # type: ignore[import-untyped]
from botocore.validate import ParamValidator, ValidationErrors  # type: ignore[import-untyped]

_LEFT_TO_THE_SERVICE: Final = frozenset(
    {"empty input", "invalid length", "invalid range", "missing required field", "more than one input"}
)


class _Errors(ValidationErrors):  # type: ignore[misc]
    def report(self, name: str, reason: str, **details: Any) -> None:
        if reason not in _LEFT_TO_THE_SERVICE:
            super().report(name, reason, **details)


def check_parameters(operation: OperationModel, parameters: Mapping[str, Any]) -> None:
    """Raises ValueError for unknown members, wrong types, and a member of the address that is missing."""
    shape = operation.input_shape
    errors = _Errors()
    if shape is None:
        if parameters:
            raise ValueError(f"Operation {operation.name} takes no parameters: {', '.join(parameters)}")
        return
    ParamValidator()._validate(dict(parameters), shape, errors, name="")
    if errors.has_errors():
        raise ValueError(f"Parameter validation failed:\n{errors.generate_report()}")
    for member in shape.required_members:
        if shape.members[member].serialization.get("location") == "uri" and parameters.get(member) in (None, ""):
            raise ValueError(f"Parameter validation failed:\n{member} cannot be empty.")
