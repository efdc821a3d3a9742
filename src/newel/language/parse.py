"""Definition -> typed model.

The table of `fields` says which fields an object has and what each takes; this module turns them into model nodes. It
is lenient about everything `validate` reports (unknown fields, dangling targets, bad paths) and refuses only what
cannot become a model: a field that is missing although the model needs it, or a value of the wrong JSON type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from msgspec import UNSET, UnsetType

from newel.json import Json
from newel.language import model
from newel.language.diagnostics import DefinitionError, error
from newel.language.fields import BOOLEAN_OPERATORS, BY_OWNER, OPERATORS, STATE_TYPES, Field, QueryLanguage
from newel.language.loader import load_definition

NodeT = TypeVar("NodeT", bound=model.Node)


def parse_definition(text: str) -> model.StateMachine:
    """The model of a definition's JSON text. Raises `DefinitionError`."""
    return parse_machine(load_definition(text))


def parse_machine(definition: Json) -> model.StateMachine:
    """The model of a decoded definition. Raises `DefinitionError`."""
    machine = _object(definition, "")
    language = _language(machine, "JSONPath", "")
    parts = _parts("StateMachine", machine, language, "")
    return model.StateMachine(query_language=language, **_only(model.StateMachine, parts))


def parse_state(definition: Json, name: str, query_language: QueryLanguage = "JSONPath") -> model.State:
    """The model of a single state (TestState). `query_language` is that of the machine around it.

    Raises `DefinitionError`.
    """
    return _state(name, definition, query_language, "")


def _fail(message: str, pointer: str) -> DefinitionError:
    return DefinitionError([error(message, pointer or "/")])


def _object(value: Json, pointer: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise _fail("Expected value of type Object", pointer)
    return value


def _list(value: Json, pointer: str) -> list[Json]:
    if not isinstance(value, list):
        raise _fail("Expected value of type Array", pointer)
    return value


def _language(node: dict[str, Json], inherited: QueryLanguage, pointer: str) -> QueryLanguage:
    """A state inside a Map or Parallel inherits the machine's language, never that of the state around it."""
    language = node.get("QueryLanguage", inherited)
    if language not in ("JSONPath", "JSONata"):
        raise _fail("The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata]", pointer)
    return cast("QueryLanguage", language)


# --- scalar fields


def _text(field: Field, value: Json, pointer: str) -> str:
    if not isinstance(value, str):
        raise _fail("Expected value of type String", pointer)
    if field.kind == "enum" and value not in field.values:
        raise _fail(f"The field '{field.name}' should have one of these values: [{', '.join(field.values)}]", pointer)
    return value


def _boolean(_field: Field, value: Json, pointer: str) -> bool:
    if not isinstance(value, bool):
        raise _fail("Expected value of type Boolean", pointer)
    return value


def _integer(_field: Field, value: Json, pointer: str) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _fail("Expected value of type Integer", pointer)
    return value


def _number(_field: Field, value: Json, pointer: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _fail("Expected value of type Number", pointer)
    try:
        return float(value)
    except OverflowError:
        raise _fail("Value is too large", pointer) from None


def _errors(_field: Field, value: Json, pointer: str) -> tuple[str, ...]:
    names = _list(value, pointer)
    if not all(isinstance(name, str) for name in names):
        raise _fail("Expected value of type String", pointer)
    return tuple(names)


def _any(_field: Field, value: Json, _pointer: str) -> Json:
    return value


def _condition(_field: Field, value: Json, pointer: str) -> str | bool:
    if not isinstance(value, str | bool):
        raise _fail("Expected value of type String", pointer)
    return value


_SCALARS: Final[dict[str, Callable[[Field, Json, str], Any]]] = {
    **dict.fromkeys(("text", "enum", "state", "resource", "data_resource", "label", "timestamp", "variable"), _text),
    **dict.fromkeys(("path", "reference_path", "result_path", "value_path"), _text),
    **dict.fromkeys(("literal", "template", "assign", "items", "object"), _any),
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "errors": _errors,
    "condition": _condition,
}


def _value(field: Field, value: Json, language: QueryLanguage, pointer: str) -> Any:
    if value is None and field.nullable:
        return None
    if field.query and language == "JSONata" and isinstance(value, str):
        return value
    return _SCALARS[field.kind](field, value, pointer)


# --- objects


def _parts(owner: str, node: dict[str, Json], language: QueryLanguage, pointer: str) -> dict[str, Any]:
    """Attribute -> value for every field of the table that is present and speaks the object's query language.

    Nested objects are left to the builders registered in `_NESTED`; a `language` is the effective one of the object.
    """
    parts: dict[str, Any] = {"pointer": pointer}
    for field in BY_OWNER[owner].values():
        if not field.allows(language):
            continue
        if field.name not in node:
            if field.required:
                raise _fail(f"These fields are required: [{field.name}]", pointer)
            continue
        where = f"{pointer}/{field.name}"
        nested = _NESTED.get(field.of or field.kind)
        value = node[field.name]
        parts[field.attribute] = (
            _value(field, value, language, where) if nested is None else nested(field, value, language, where)
        )
    return parts


def _only(cls: type[NodeT], parts: dict[str, Any]) -> dict[str, Any]:
    """The parts that are fields of the model's class; its `query_language` is given apart, already resolved."""
    return {name: parts[name] for name in cls.__struct_fields__ if name in parts and name != "query_language"}


def _node(cls: type[NodeT], owner: str) -> Callable[[Json, QueryLanguage, str], NodeT]:
    def build(value: Json, language: QueryLanguage, pointer: str) -> NodeT:
        return cls(**_only(cls, _parts(owner, _object(value, pointer), language, pointer)))

    return build


def _each(
    build: Callable[[Json, QueryLanguage, str], Any],
) -> Callable[[Field, Json, QueryLanguage, str], tuple[Any, ...]]:
    def build_all(_field: Field, value: Json, language: QueryLanguage, pointer: str) -> tuple[Any, ...]:
        return tuple(build(item, language, f"{pointer}/{n}") for n, item in enumerate(_list(value, pointer)))

    return build_all


def _one(build: Callable[[Json, QueryLanguage, str], Any]) -> Callable[[Field, Json, QueryLanguage, str], Any]:
    return lambda _field, value, language, pointer: build(value, language, pointer)


# --- choice rules


def _choice(value: Json, language: QueryLanguage, pointer: str) -> model.Choice:
    node = _object(value, pointer)
    parts = _parts("ChoiceRule", node, language, pointer)
    return model.Choice(rule=_rule(node, language, pointer), **_only(model.Choice, parts))


def _rule(value: Json, language: QueryLanguage, pointer: str) -> model.Rule:
    node = _object(value, pointer)
    if language == "JSONata":
        if "Condition" not in node:
            raise _fail("These fields are required: [Condition]", pointer)
        return model.Condition(expression=node["Condition"], pointer=pointer)
    boolean = next((name for name in BOOLEAN_OPERATORS if name in node), None)
    if boolean is not None:
        return _boolean_rule(boolean, node[boolean], language, pointer)
    operator = next((name for name in node if name in OPERATORS), None)
    variable = node.get("Variable")
    if operator is None or not isinstance(variable, str):
        raise _fail("Expected a choice rule with a Variable and a comparison operator", pointer)
    return model.Comparison(variable=variable, operator=operator, operand=node[operator], pointer=pointer)


def _boolean_rule(name: str, value: Json, language: QueryLanguage, pointer: str) -> model.BooleanRule:
    where = f"{pointer}/{name}"
    operands = (
        (_rule(value, language, where),)
        if name == "Not"
        else tuple(_rule(item, language, f"{where}/{n}") for n, item in enumerate(_list(value, where)))
    )
    return model.BooleanRule(operator=cast("Any", name), operands=operands, pointer=pointer)


# --- states


def _states(value: Json, machine_language: QueryLanguage, pointer: str) -> dict[str, model.State]:
    states = _object(value, pointer)
    return {name: _state(name, state, machine_language, f"{pointer}/{name}") for name, state in states.items()}


def _state(name: str, value: Json, machine_language: QueryLanguage, pointer: str) -> model.State:
    node = _object(value, pointer)
    kind = node.get("Type")
    if kind not in STATE_TYPES:
        raise _fail(f"The field 'Type' should have one of these values: [{', '.join(STATE_TYPES)}]", f"{pointer}/Type")
    language = _language(node, machine_language, pointer)
    parts = _parts(kind, node, language, pointer)
    cls: Any = _MODELS[kind]
    if kind == "Parallel":
        parts["branches"] = _branches(parts["branches"], machine_language, f"{pointer}/Branches")
    elif kind == "Map":
        parts.update(_map_parts(node, parts, machine_language, pointer))
    return cast("model.State", cls(name=name, query_language=language, **_only(cls, parts)))


_MODELS: Final[dict[str, type[model.StateBase]]] = {
    cls.type: cls
    for cls in (
        model.Task,
        model.Wait,
        model.Pass,
        model.Succeed,
        model.Fail,
        model.ChoiceState,
        model.Parallel,
        model.Map,
    )
}


def _branches(value: Json, machine_language: QueryLanguage, pointer: str) -> tuple[model.Workflow, ...]:
    return tuple(
        _workflow("Branch", branch, machine_language, f"{pointer}/{n}")
        for n, branch in enumerate(_list(value, pointer))
    )


def _workflow(owner: str, value: Json, machine_language: QueryLanguage, pointer: str) -> model.Workflow:
    parts = _parts(owner, _object(value, pointer), machine_language, pointer)
    return model.Workflow(**_only(model.Workflow, parts))


def _map_parts(
    node: dict[str, Json], parts: dict[str, Any], machine_language: QueryLanguage, pointer: str
) -> dict[str, Any]:
    """ItemProcessor or the legacy Iterator, its mode, and the legacy Parameters in the place of ItemSelector."""
    name = "ItemProcessor" if "ItemProcessor" in node else "Iterator"
    if name not in node:
        raise _fail("These fields are required: [ItemProcessor]", pointer)
    processor = _object(node[name], f"{pointer}/{name}")
    config = _object(processor.get("ProcessorConfig", {}), f"{pointer}/{name}/ProcessorConfig")
    legacy: Json | UnsetType = parts.pop("parameters", UNSET)
    extra: dict[str, Any] = {
        "item_processor": _workflow("ItemProcessor", processor, machine_language, f"{pointer}/{name}"),
        "mode": config.get("Mode", "INLINE"),
        "execution_type": config.get("ExecutionType"),
    }
    if legacy is not UNSET and "item_selector" not in parts:
        extra.update(item_selector=legacy, legacy_parameters=True)
    return extra


def _raw(_field: Field, value: Json, _language: QueryLanguage, _pointer: str) -> Json:
    """An object the model keeps as JSON, or one that the state's own builder makes."""
    return value


#: `of` (or kind) of a field -> how its nested objects are built.
_NESTED: Final[dict[str, Callable[[Field, Json, QueryLanguage, str], Any]]] = {
    "states": _one(_states),
    "Retrier": _each(_node(model.Retrier, "Retrier")),
    "Catcher": _each(_node(model.Catcher, "Catcher")),
    "ChoiceRule": _each(_choice),
    "ItemReader": _one(_node(model.ItemReader, "ItemReader")),
    "ItemBatcher": _one(_node(model.ItemBatcher, "ItemBatcher")),
    "ResultWriter": _one(_node(model.ResultWriter, "ResultWriter")),
    "Rule": _raw,
    "Branch": _raw,
    "ItemProcessor": _raw,
    "ProcessorConfig": _raw,
    "ReaderConfig": _raw,
    "WriterConfig": _raw,
    "Credentials": _raw,
}
