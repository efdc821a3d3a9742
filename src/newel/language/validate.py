"""Definition -> every diagnostic AWS would give, in its codes, words and order; never raises.

First the shape (the table of `fields` with the rules of `checks`), then names that must be unique, then scopes of
variables, then, if the shape is sound, the graph of transitions.
"""

from __future__ import annotations

import json
from typing import cast

from newel.json import Json
from newel.language.checks.names import check_unique_names
from newel.language.checks.objects import check_object, check_state
from newel.language.checks.report import Context, MachineType, Report
from newel.language.checks.scopes import check_scopes
from newel.language.checks.transitions import check_transitions
from newel.language.diagnostics import DefinitionError, Diagnostic, format_invalid_definition
from newel.language.fields import QueryLanguage
from newel.language.loader import duplicate_fields, load_definition

__all__ = ["Diagnostic", "format_invalid_definition", "validate", "validate_machine", "validate_state"]


def validate(text: str, type: MachineType = "STANDARD") -> list[Diagnostic]:  # noqa: A002  (AWS's word)
    """Diagnostics of a definition's JSON text; an ERROR among them means that AWS refuses it."""
    try:
        definition = load_definition(text)
    except DefinitionError as refused:
        return list(refused.diagnostics)
    diagnostics = validate_machine(definition, type)
    return [*diagnostics, *duplicate_fields(text)] if _has_duplicates(text) else diagnostics


def validate_machine(
    definition: dict[str, Json],
    type: MachineType = "STANDARD",  # noqa: A002  (AWS's word)
    *,
    tolerant: bool = False,
) -> list[Diagnostic]:
    """The same for a decoded definition (from YAML, say). `tolerant` accepts values that still hold a `${Name}`."""
    report = Report()
    language = _machine_language(definition)
    context = Context(report=report, machine_language=language, language=language, machine_type=type, tolerant=tolerant)
    check_object("StateMachine", definition, "/", context)
    check_unique_names(definition, report)
    check_scopes(definition, report)
    if not report.broken:
        check_transitions(definition, report)
    return report.diagnostics


def validate_state(
    state: Json,
    name: str = "StateName",  # as the context object of a test names it
    query_language: QueryLanguage = "JSONPath",
    type: MachineType = "STANDARD",  # noqa: A002  (AWS's word)
) -> list[Diagnostic]:
    """Diagnostics of a state by itself (TestState); where its transitions lead is not asked."""
    report = Report()
    context = Context(report=report, machine_language=query_language, language=query_language, machine_type=type)
    check_state(state, f"/States/{name}", context)
    return report.diagnostics


def _machine_language(definition: dict[str, Json]) -> QueryLanguage:
    """As on AWS, whatever is not exactly `JSONPath` is JSONata; the table reports a value outside the enum."""
    return "JSONPath" if definition.get("QueryLanguage", "JSONPath") == "JSONPath" else "JSONata"


def _has_duplicates(text: str) -> bool:
    """Whether a field is given twice somewhere: a pass of the C scanner, cheaper than looking for where."""
    found = False

    def count(pairs: list[tuple[str, Json]]) -> int:
        nonlocal found
        found = found or len({name for name, _ in pairs}) < len(pairs)
        return 0

    json.loads(text, object_pairs_hook=count, parse_int=cast("type[int]", str), parse_float=cast("type[float]", str))
    return found
