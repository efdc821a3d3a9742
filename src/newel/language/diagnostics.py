"""Diagnostics: what is wrong with a definition and where, in AWS's codes and words.

`CODES` is the catalogue of ValidateStateMachineDefinitionDiagnostic (API reference). A location is AWS's: a slash
path with indexes in brackets (`/States/C/Choices[0]/Next`), `/` for the definition itself, or absent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

Severity = Literal["ERROR", "WARNING"]

#: code -> meaning. Those from INVALID_JSONATA_EXPRESSION on are not in the reference but are what AWS sends; the last
#: two are Newel's own and only ever warnings.
CODES: Final[dict[str, str]] = {
    "INVALID_JSON_DESCRIPTION": "JSON syntax problem found.",
    "MISSING_DESCRIPTION": "Received a null or empty workflow input.",
    "SCHEMA_VALIDATION_FAILED": "Schema validation reported errors.",
    "INVALID_RESOURCE": "The value of a Task state's Resource field is invalid.",
    "MISSING_END_STATE": "The workflow does not have a terminal state.",
    "DUPLICATE_STATE_NAME": "The same state name appears more than once.",
    "INVALID_STATE_NAME": "The state name does not follow the naming convention.",
    "DUPLICATE_LABEL_NAME": "A label name appears more than once.",
    "INVALID_LABEL_NAME": "An invalid label name is given.",
    "MISSING_TRANSITION_TARGET": "The value of a transition does not match a known state name, or a state has none.",
    "TOO_DEEPLY_NESTED": "The states are too deeply nested.",
    "NO_DOLLAR": "No .$ on a field that appears to be a JSONPath or intrinsic function.",
    "NO_PATH": "A value looks like a path, but the field name does not end with 'Path'.",
    "PASS_RESULT_IS_STATIC": "A path is used in the Result of a Pass state, which is never evaluated.",
    "INVALID_JSONATA_EXPRESSION": "A JSONata expression has a syntax error.",
    "UNSUPPORTED_JSONATA_EXPRESSION": "A JSONata expression refers to something that is not there.",
    "INVALID_VARIABLE_NAME": "Assign names a variable that is no identifier.",
    "RESERVED_VARIABLE_NAME": "Assign names the reserved variable 'states'.",
    "DUPLICATE_FIELD": "A field appears twice in one object; the last one counts.",
    "NOT_PORTABLE": "Newel accepts what AWS Step Functions refuses.",
}


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding; the order of members is the API's."""

    severity: Severity
    code: str
    message: str
    location: str | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {'null' if self.location is None else self.location}"


class DefinitionError(ValueError):
    """A text that cannot become a model; `diagnostics` say why (at least one ERROR)."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(format_invalid_definition(self.diagnostics))


def error(message: str, location: str | None = None, code: str = "SCHEMA_VALIDATION_FAILED") -> Diagnostic:
    """An ERROR: AWS refuses the definition."""
    assert code in CODES, code
    return Diagnostic("ERROR", code, message, location)


def warning(code: str, message: str, location: str | None = None) -> Diagnostic:
    """A WARNING: the definition is accepted."""
    assert code in CODES, code
    return Diagnostic("WARNING", code, message, location)


def format_invalid_definition(diagnostics: Iterable[Diagnostic]) -> str:
    """The message of the API error `InvalidDefinition`: every ERROR with its location (`null` when it has none)."""
    errors = ", ".join(str(diagnostic) for diagnostic in diagnostics if diagnostic.severity == "ERROR")
    return f"Invalid State Machine Definition: '{errors}'"
