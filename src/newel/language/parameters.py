"""The parameters of optimized integrations: a table per action, checked before the call.

AWS refuses what the table does not allow with `States.Runtime` and lists every problem in one cause.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from newel.errors import RuntimeFailure
from newel.json import InvalidJson, Json, loads
from newel.language.service_parameters import SUPPORTED

#: `json`: any value. `string`: a JSON string. `integer` and `boolean`: those JSON types. `lists`: an object of arrays.
FieldType = Literal["json", "string", "integer", "boolean", "lists"]

_PYTHON_TYPES: Mapping[FieldType, type] = {"string": str, "integer": int, "boolean": bool}


class Field(msgspec.Struct, frozen=True):
    """One parameter. `values` are the only strings allowed, where given."""

    name: str
    type: FieldType = "json"
    required: bool = False
    values: tuple[str, ...] = ()


def check_parameters(text: str, fields: Sequence[Field]) -> dict[str, Json]:
    """Decode a Task's parameters and hold them against the table; null means absent except for `json` fields.

    Raises `RuntimeFailure` in AWS's words:
    `The Parameters '<text>' could not be used to start the Task: [<problem>, …]`.
    """
    given = _decode(text)
    problems = list(_problems(given, fields)) if isinstance(given, dict) else ["The value must be a JSON object"]
    if problems:
        raise RuntimeFailure(f"The Parameters '{text}' could not be used to start the Task: [{', '.join(problems)}]")
    types = {field.name: field.type for field in fields}
    return {name: value for name, value in given.items() if value is not None or types[name] == "json"}


def _decode(text: str) -> Any:
    try:
        return loads(text)
    except InvalidJson:
        return None


def _problems(given: dict[str, Json], fields: Sequence[Field]) -> Iterator[str]:
    known = {field.name for field in fields}
    for name in given:
        if name not in known:
            yield f'The field "{name}" is not supported by Step Functions'
    for field in fields:
        value = given.get(field.name)
        if value is None:
            if field.required:
                yield f"The field '{field.name}' is required but was missing"
        elif not _has_type(value, field.type):
            yield f"The value of the field '{field.name}' has an invalid format"
        elif field.values and value not in field.values:
            allowed = ", ".join(field.values)
            yield f"The value for '{field.name}' must be one of the values: [{allowed}] but was '{value}'"


def _has_type(value: Json, wanted: FieldType) -> bool:
    if wanted == "json":
        return True
    if wanted == "integer" and isinstance(value, bool):
        return False
    if wanted == "lists":
        return isinstance(value, dict) and all(item is None or isinstance(item, list) for item in value.values())
    return isinstance(value, _PYTHON_TYPES[wanted])


INVOKE_PARAMETERS: Final = (
    Field("FunctionName", "string", required=True),
    Field("Payload"),
    Field("InvocationType", "string", values=("RequestResponse", "Event", "DryRun")),
    Field("Qualifier", "string"),
    Field("LogType", "string", values=("None", "Tail")),
    Field("ClientContext", "string"),
)

START_PARAMETERS: Final = (
    Field("StateMachineArn", "string", required=True),
    Field("Input"),
    Field("Name", "string"),
    Field("TraceHeader", "string"),
)

_API_GATEWAY: Final = (
    Field("ApiEndpoint", "string", required=True),
    Field("Method", "string", required=True, values=("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")),
    Field("Headers", "lists"),
    Field("Stage", "string"),
    Field("Path", "string"),
    Field("QueryParameters", "lists"),
    Field("RequestBody"),
    Field("AllowNullValues", "boolean"),
    Field("AuthType", "string", values=("NO_AUTH", "IAM_ROLE", "RESOURCE_POLICY")),
)


def _fields(names: str) -> tuple[Field, ...]:
    return tuple(Field(name.removesuffix("*"), required=name.endswith("*")) for name in names.split())


#: By `service:action`. What is not here is checked by the service that is called.
PARAMETERS: Final[Mapping[str, Sequence[Field]]] = {
    **{action: _fields(names) for action, names in SUPPORTED.items()},
    "apigateway:invoke": _API_GATEWAY,
    "lambda:invoke": INVOKE_PARAMETERS,
    "states:startExecution": START_PARAMETERS,
}
