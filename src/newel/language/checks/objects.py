"""The table-driven walk: which fields an object may, must and must not have, and the nested objects it holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from newel.json import Json
from newel.language.checks import choices, handlers, maps, names, tasks
from newel.language.checks.report import STATES_ALWAYS, Context
from newel.language.checks.values import check_value
from newel.language.fields import BY_OWNER, GROUPS_BY_OWNER, STATE_TYPES, Field, Group, QueryLanguage

#: Rules of one kind of object that the table can't tell; run after it.
_EXTRA: Final[dict[str, Callable[[dict[str, Json], str, Context], None]]] = {
    "Task": tasks.check_task,
    "Map": maps.check_map,
    "ProcessorConfig": maps.check_processor_config,
    "ReaderConfig": maps.check_reader_config,
    "ItemReader": maps.check_item_reader,
    "ItemBatcher": maps.check_item_batcher,
    "Credentials": tasks.check_credentials,
    "ChoiceRule": choices.check_rule,
    "Rule": choices.check_rule,
}

_RESULT: Final = STATES_ALWAYS | {"result"}
_ERROR_OUTPUT: Final = STATES_ALWAYS | {"errorOutput"}


def check_object(owner: str, value: Json, location: str, context: Context) -> None:
    """Check one object of the table and everything in it."""
    if not isinstance(value, dict):
        context.report.shape_error("Expected value of type Object", location)
        return
    rows = BY_OWNER[owner]
    _check_names(value, rows, location, context)
    _check_required(value, rows, location, context)
    for group in GROUPS_BY_OWNER[owner]:
        _check_group(group, value, location, context)
    for name, item in value.items():
        row = rows.get(name)
        if row is not None and row.allows(context.language):
            where = f"{location.rstrip('/')}/{name}"
            _check_field(owner, row, item, where, context.within(states=_visible_states(owner, name)))
    extra = _EXTRA.get(owner)
    if extra is not None:
        extra(value, location, context)


def _check_names(node: dict[str, Json], rows: dict[str, Field], location: str, context: Context) -> None:
    for name in node:
        row = rows.get(name)
        if row is None:
            context.report.error(f"Field '{name}' is not supported", location)
        elif not row.allows(context.language):
            context.report.error(
                f"The QueryLanguage is set to '{context.language}', but field '{name}' is only supported for the "
                f"'{row.language}' QueryLanguage",
                location,
            )


def _check_required(node: dict[str, Json], rows: dict[str, Field], location: str, context: Context) -> None:
    missing = [
        row.name for row in rows.values() if row.required and row.allows(context.language) and row.name not in node
    ]
    if missing:
        context.report.shape_error(f"These fields are required: [{', '.join(missing)}]", location)


def _check_group(group: Group, node: dict[str, Json], location: str, context: Context) -> None:
    rows = BY_OWNER[group.owner]
    names = [name for name in group.names if rows[name].allows(context.language)]
    present = [name for name in names if name in node and not (name == "End" and node[name] is False)]
    if len(present) > 1:
        context.report.shape_error(
            f"There should only be one of the following fields: [{', '.join(group.names)}]", location
        )
    elif group.required and not present:
        context.report.shape_error(
            f"This object should have only one of the following fields: [{', '.join(group.names)}]", location
        )


def _visible_states(owner: str, name: str) -> frozenset[str]:
    """Members of `$states` that a field sees: the result only where there is one, the error only in a catcher."""
    if name in ("Output", "Assign"):
        if owner == "Catcher":
            return _ERROR_OUTPUT
        if owner in ("Task", "Parallel", "Map"):
            return _RESULT
    return STATES_ALWAYS


def _check_field(owner: str, row: Field, value: Json, location: str, context: Context) -> None:
    if row.kind == "object":
        _check_nested(row, value, location, context)
    elif row.kind == "objects":
        _check_list(row, value, location, context)
    elif row.kind == "states":
        _check_states(value, location, context)
    else:
        check_value(owner, row, value, location, context)


def _check_nested(row: Field, value: Json, location: str, context: Context) -> None:
    assert row.of is not None
    if row.query and context.language == "JSONata" and isinstance(value, str):
        check_value(row.of, row, value, location, context)
        return
    check_object(row.of, value, location, _inside(row.of, value, context))


def _inside(owner: str, value: Json, context: Context) -> Context:
    """The context of a nested object: containers of states go back to the machine's language (never the enclosing
    state's), and a distributed Map's children are executions of their own type.
    """
    if owner not in ("Branch", "ItemProcessor"):
        return context
    inner = context.within(language=context.machine_language)
    return inner.within(machine_type=maps.child_type(value, context)) if owner == "ItemProcessor" else inner


def _check_list(row: Field, value: Json, location: str, context: Context) -> None:
    assert row.of is not None
    if not isinstance(value, list):
        context.report.shape_error("Expected value of type Array", location)
        return
    if row.nonempty and not value:
        context.report.shape_error("Value cannot be empty", location)
    for n, item in enumerate(value):
        check_object(row.of, item, f"{location}[{n}]", _inside(row.of, item, context))
    if row.of in ("Retrier", "Catcher"):
        handlers.check_handlers(value, location, context)


def _check_states(value: Json, location: str, context: Context) -> None:
    if not isinstance(value, dict):
        context.report.shape_error("Expected value of type Object", location)
        return
    if not value:
        context.report.shape_error("Value cannot be empty", location)
    for name, state in value.items():
        where = f"{location}/{name}"
        names.check_state_name(name, where, context)
        check_state(state, where, context)


def check_state(value: Json, location: str, context: Context) -> None:
    """Check one state. `context.machine_language` is what it inherits."""
    if not isinstance(value, dict):
        context.report.shape_error("Expected value of type Object", location)
        return
    kind = value.get("Type")
    if "Type" not in value:
        context.report.shape_error("These fields are required: [Type]", location)
    elif not isinstance(kind, str) or kind not in STATE_TYPES:
        types = ", ".join(STATE_TYPES)
        context.report.shape_error(f"The field 'Type' should have one of these values: [{types}]", f"{location}/Type")
    else:
        check_object(kind, value, location, context.within(language=_state_language(value, location, context)))


def _state_language(node: dict[str, Json], location: str, context: Context) -> QueryLanguage:
    """The state's own language, else the machine's. Whatever is not exactly `JSONPath` is taken for JSONata, as on
    AWS; the table reports a value outside the enum.
    """
    if "QueryLanguage" not in node:
        return context.machine_language
    if node["QueryLanguage"] != "JSONPath":
        return "JSONata"
    if context.machine_language == "JSONata":
        context.report.error(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine", location
        )
    return "JSONPath"
