"""Names: of states, of labels, of variables; and that those which must be unique are."""

from __future__ import annotations

import re
from typing import Final

from newel.json import Json
from newel.language.checks.report import Context, Report
from newel.language.walk import states_of
from newel.limits import LABEL_CHARS_MAX, STATE_NAME_CHARS_MAX, VARIABLE_NAME_CHARS_MAX

#: What a name of the API may not hold (§1): white space, brackets, wildcards, special and control characters.
_LABEL_REFUSED: Final = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def check_state_name(name: str, location: str, context: Context) -> None:
    """At most 80 characters, at least one."""
    if not name:
        context.report.error("Invalid State name: a name cannot be empty", location, "INVALID_STATE_NAME")
    elif len(name) > STATE_NAME_CHARS_MAX:
        context.report.error(
            f"Invalid State name: {name} exceeds the {STATE_NAME_CHARS_MAX}-character limit allowed by the service",
            location,
            "INVALID_STATE_NAME",
        )


def check_label(label: str, location: str, context: Context) -> None:
    """At most 40 characters of those that names of the API may have."""
    if len(label) > LABEL_CHARS_MAX:
        reason = f"exceeds the {LABEL_CHARS_MAX}-character limit allowed by the service"
    elif not label or _LABEL_REFUSED.search(label):
        reason = "contains invalid characters" if label else "cannot be empty"
    else:
        return
    context.report.error(f"Invalid Label name: {label} {reason}", location, "INVALID_LABEL_NAME")


def check_variable_name(key: str, location: str, context: Context) -> None:
    """A key of Assign: an identifier of at most 80 characters that is not `states`."""
    name = key.removesuffix(".$") if context.language == "JSONPath" else key
    where = f"{location}/{key}"
    if name == "states":
        context.report.error("Cannot assign to reserved variable '$states'.", where, "RESERVED_VARIABLE_NAME")
    elif len(name) > VARIABLE_NAME_CHARS_MAX:
        context.report.error(
            f"Invalid variable name '{name}': the variable name exceeds {VARIABLE_NAME_CHARS_MAX} characters.",
            where,
            "INVALID_VARIABLE_NAME",
        )
    elif not is_variable_name(name):
        context.report.error(
            f"Invalid variable name '{name}': the variable name contains invalid characters.",
            where,
            "INVALID_VARIABLE_NAME",
        )


def is_variable_name(name: str) -> bool:
    """Unicode ID_Start, then ID_Continue. Python's identifiers are those and a leading underscore, which Unicode leaves
    out.
    """
    return name.isidentifier() and not name.startswith("_")


def check_unique_names(definition: dict[str, Json], report: Report) -> None:
    """State names, and labels, are unique in the whole machine, nested states included.

    A repeated state name is only warned of: definitions that were never on AWS have such names in sibling branches, and
    the interpreter tells states apart by their whole path.
    """
    names: set[str] = set()
    labels: set[str] = set()
    for state in states_of(definition):
        if state.name in names:
            message = f"Duplicate State name: {state.name}"
            report.warning("DUPLICATE_STATE_NAME", message, state.location)
        names.add(state.name)
        label = state.node.get("Label")
        if isinstance(label, str):
            if label in labels:
                report.error(f"Duplicate Label name: {label}", f"{state.location}/Label", "DUPLICATE_LABEL_NAME")
            labels.add(label)
