"""JSON Schema of a definition, made from the table of `fields`: for editors and for the docs.

It tells shapes, not meanings: a definition that fits it may still be refused by `validate` (transitions, scopes,
expressions). Under JSONata a number or timestamp may also be a `{% … %}` text, and which fields belong to which query
language depends on the machine; a schema can't see that, so a field of either language is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from newel.language.fields import BY_OWNER, GROUPS_BY_OWNER, STATE_TYPES, Field
from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES
from newel.limits import LABEL_CHARS_MAX, STATE_NAME_CHARS_MAX

Schema = dict[str, Any]

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_QUERY: Final[Schema] = {"type": "string", "pattern": r"^\{%[\s\S]*%\}$"}
_PATH: Final[Schema] = {"type": "string", "pattern": r"^\$"}
_ANY: Final[Schema] = {}


def json_schema() -> Schema:
    """The schema (draft 2020-12) of a whole definition."""
    definitions = {owner: _object(owner) for owner in BY_OWNER if owner != "StateMachine"}
    definitions["State"] = {"oneOf": [_reference(kind) for kind in STATE_TYPES]}
    return {
        "$schema": _DIALECT,
        "title": "Amazon States Language definition",
        **_object("StateMachine"),
        "$defs": definitions,
    }


def _reference(owner: str) -> Schema:
    return {"$ref": f"#/$defs/{owner}"}


def _object(owner: str) -> Schema:
    rows = BY_OWNER[owner]
    schema: Schema = {
        "type": "object",
        "properties": {name: _property(owner, row) for name, row in rows.items()},
        "additionalProperties": False,
    }
    required = [row.name for row in rows.values() if row.required]
    if required:
        schema["required"] = required
    groups = [rule for group in GROUPS_BY_OWNER[owner] for rule in _group(group.names, group.required)]
    if groups:
        schema["allOf"] = groups
    return schema


def _group(names: tuple[str, ...], required: bool) -> list[Schema]:
    """At most one of the names (`End: false` beside Next is tolerated), and one at least when required."""
    if names == ("Next", "End"):
        return [{"anyOf": [{"required": [name]} for name in names]}]
    pairs = [(first, second) for n, first in enumerate(names) for second in names[n + 1 :]]
    rules: list[Schema] = [{"not": {"required": [first, second]}} for first, second in pairs]
    return [*rules, {"anyOf": [{"required": [name]} for name in names]}] if required else rules


def _property(owner: str, row: Field) -> Schema:
    if row.name == "Type":
        return {"const": owner}
    schema = _KINDS[row.kind](row)
    alternatives = [schema]
    if row.query and schema.get("type") != "string":
        alternatives.append(_QUERY)
    if row.nullable and schema:
        alternatives.append({"type": "null"})
    shown = alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}
    return {**shown, "description": f"{row.language} only"} if row.language else shown


def _text(_row: Field) -> Schema:
    return {"type": "string"}


def _number(row: Field) -> Schema:
    schema: Schema = {"type": row.kind}
    if row.low is not None:
        schema["minimum"] = row.low
    if row.high is not None:
        schema["maximum"] = row.high
    return schema


def _nested(row: Field) -> Schema:
    assert row.of is not None
    return _reference(row.of)


def _list(row: Field) -> Schema:
    schema: Schema = {"type": "array", "items": _nested(row)}
    return {**schema, "minItems": 1} if row.nonempty else schema


def _states(_row: Field) -> Schema:
    return {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"minLength": 1, "maxLength": STATE_NAME_CHARS_MAX},
        "additionalProperties": _reference("State"),
    }


def _resource(_row: Field) -> Schema:
    """Any ARN; the optimized integrations are offered as examples for completion."""
    examples = [
        f"arn:aws:states:::{service}:{action}{PATTERN_SUFFIXES[pattern]}"
        for service, actions in OPTIMIZED.items()
        for action, patterns in actions.items()
        for pattern in sorted(patterns)
    ]
    return {"type": "string", "pattern": r"^(arn:|.*\$\{)", "examples": examples}


_KINDS: Final[dict[str, Callable[[Field], Schema]]] = {
    "text": _text,
    "literal": lambda _row: _ANY,
    "boolean": lambda _row: {"type": "boolean"},
    "integer": _number,
    "number": _number,
    "enum": lambda row: {"enum": list(row.values)},
    "errors": lambda _row: {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "state": lambda _row: {"type": "string", "minLength": 1, "maxLength": STATE_NAME_CHARS_MAX},
    "resource": _resource,
    "data_resource": lambda _row: {"type": "string", "pattern": r"^(arn:|.*\$\{)"},
    "label": lambda _row: {"type": "string", "minLength": 1, "maxLength": LABEL_CHARS_MAX},
    "path": lambda _row: _PATH,
    "reference_path": lambda _row: _PATH,
    "result_path": lambda _row: _PATH,
    "variable": lambda _row: _PATH,
    "value_path": lambda _row: {"type": "string", "pattern": r"^(\$|States\.)"},
    "timestamp": lambda _row: {"type": "string", "format": "date-time"},
    "template": lambda _row: _ANY,
    "assign": lambda _row: {"type": "object"},
    "items": lambda _row: {"anyOf": [_QUERY, {"type": "array"}, {"type": "object"}]},
    "condition": lambda _row: {"anyOf": [_QUERY, {"type": "boolean"}]},
    "object": _nested,
    "objects": _list,
    "states": _states,
}
