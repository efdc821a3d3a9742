"""Definitions at the door of the API: validated before they are kept, and what Describe tells about them."""

from functools import lru_cache
from typing import Final

from newel.errors import ServiceError
from newel.language.diagnostics import Diagnostic
from newel.language.parse import parse_definition
from newel.language.validate import format_invalid_definition, validate
from newel.language.variables import variable_references
from newel.limits import DIAGNOSTICS_MAX
from newel.ports.store import MachineType
from newel.service.core import Answer, Caller, Core, Request
from newel.service.resources import preload_models, resource_errors

_SEVERITIES: Final = {"ERROR": ("ERROR",), "WARNING": ("ERROR", "WARNING")}


def check_definition(text: str, machine_type: MachineType) -> None:
    """Raises InvalidDefinition with every error in the message; `preload_models` spares it reading service models."""
    errors = [found for found in _diagnostics(text, machine_type) if found.severity == "ERROR"]
    if errors:
        raise ServiceError("InvalidDefinition", format_invalid_definition(errors))


def _diagnostics(text: str, machine_type: MachineType) -> list[Diagnostic]:
    return [*validate(text, machine_type), *resource_errors(text)]


@lru_cache(maxsize=256)
def references(text: str) -> dict[str, list[str]]:
    """The `variableReferences` of Describe: state name to the variables it reads. States without any are left out."""
    return variable_references(parse_definition(text))


async def validate_state_machine_definition(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ValidateStateMachineDefinition: warnings never make it FAIL; `maxResults` 0 means the most that fit."""
    await preload_models(request["definition"])
    found = _diagnostics(request["definition"], request.get("type") or "STANDARD")
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
