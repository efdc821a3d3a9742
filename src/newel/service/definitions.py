"""Definitions at the door of the API: validated before they are kept, and what Describe tells about them."""

from functools import lru_cache
from typing import Final

from newel.errors import ServiceError
from newel.language.parse import parse_definition
from newel.language.validate import format_invalid_definition, validate
from newel.language.variables import variable_references
from newel.limits import DIAGNOSTICS_MAX
from newel.ports.store import MachineType
from newel.service.core import Answer, Caller, Core, Request

_SEVERITIES: Final = {"ERROR": ("ERROR",), "WARNING": ("ERROR", "WARNING")}


def check_definition(text: str, machine_type: MachineType) -> None:
    """Raises InvalidDefinition with every error in the message."""
    errors = [found for found in validate(text, machine_type) if found.severity == "ERROR"]
    if errors:
        raise ServiceError("InvalidDefinition", format_invalid_definition(errors))


@lru_cache(maxsize=256)
def references(text: str) -> dict[str, list[str]]:
    """The `variableReferences` of Describe: state name to the variables it reads. States without any are left out."""
    return variable_references(parse_definition(text))


async def validate_state_machine_definition(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ValidateStateMachineDefinition: warnings never make it FAIL; `maxResults` 0 means the most that fit."""
    found = validate(request["definition"], request.get("type") or "STANDARD")
    severities = _SEVERITIES[request.get("severity") or "ERROR"]
    shown = [diagnostic for diagnostic in found if diagnostic.severity in severities]
    limit = request.get("maxResults") or DIAGNOSTICS_MAX
    return {
        "result": "FAIL" if any(diagnostic.severity == "ERROR" for diagnostic in found) else "OK",
        "diagnostics": [
            {
                "severity": diagnostic.severity,
                "code": diagnostic.code,
                "message": diagnostic.message,
                **({} if diagnostic.location is None else {"location": diagnostic.location}),
            }
            for diagnostic in shown[:limit]
        ],
        "truncated": len(shown) > limit,
    }
