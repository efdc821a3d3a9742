"""THE table of Amazon States Language fields.

One row says where a field may stand (its owners: a state type or another object of the language), under which query
language, whether it is required, and what kind of value it takes. The parser, the validator, the JSON Schema and the
studio's forms are driven by it, so a field is added in one place.

Source: the Amazon States Language specification and the Developer Guide (fields of each state type).
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from newel.limits import MAX_DELAY_SECONDS_MAX, SECONDS_MAX

QueryLanguage = Literal["JSONPath", "JSONata"]

Kind = Literal[
    "text",  # any string
    "literal",  # any JSON, never evaluated
    "boolean",
    "integer",
    "number",
    "enum",
    "errors",  # a list of error names
    "state",  # the name of a state of the same States object
    "resource",  # Resource of a Task
    "data_resource",  # Resource of an ItemReader or ResultWriter
    "label",
    "path",  # JSONPath, context path or variable
    "reference_path",  # a path to a single node
    "result_path",  # a reference path into the state's input: no variable, no context object
    "value_path",  # a path or an intrinsic function call
    "timestamp",  # RFC 3339
    "template",  # payload template (`x.$`), or JSON with `{% %}` texts under JSONata
    "assign",  # variable name -> template
    "items",  # JSONata text, an array or an object
    "condition",  # JSONata text or a boolean
    "variable",  # the path of a choice rule
    "object",  # one object of the owner named by `of`
    "objects",  # an array of them
    "states",  # state name -> state
]

#: The state types in the order AWS lists them.
STATE_TYPES: Final = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    `language` limits the field to one query language. `query` says that under JSONata a `{% %}` text may stand in
    place of the value. `of` names the owner of nested objects; `values` are those of an enum; `low` and `high` bound
    a number.
    """

    name: str
    owners: tuple[str, ...]
    kind: Kind
    language: QueryLanguage | None = None
    required: bool = False
    nullable: bool = False
    query: bool = False
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] = ()
    of: str | None = None
    nonempty: bool = False

    @property
    def attribute(self) -> str:
        """The field's name in the model: snake case."""
        return _CAPITAL.sub("_", self.name).lower()

    def allows(self, language: QueryLanguage) -> bool:
        return self.language is None or self.language == language


class Group(msgspec.Struct, frozen=True):
    """Fields of which at most one (`required`: exactly one) may be present."""

    owner: str
    names: tuple[str, ...]
    required: bool = False


_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_WITH_NEXT: Final = ("Task", "Wait", "Pass", "Parallel", "Map")
_WORK: Final = ("Task", "Parallel", "Map")
_PROCESSORS: Final = ("StateMachine", "Branch", "ItemProcessor")
_RULES: Final = ("ChoiceRule", "Rule")


def _field(owners: str | tuple[str, ...], name: str, kind: Kind, **rules: object) -> Field:
    return Field(name=name, owners=(owners,) if isinstance(owners, str) else owners, kind=kind, **rules)  # type: ignore[arg-type]


def _count(owner: str, name: str, low: float, high: float | None = None) -> tuple[Field, Field]:
    """A number field and its JSONPath twin `<name>Path`."""
    return (
        _field(owner, name, "integer", query=True, low=low, high=high),
        _field(owner, f"{name}Path", "reference_path", language="JSONPath"),
    )


#: Operators of a JSONPath data test: the type of the literal operand. Each of the first three families has a twin
#: `…Path` whose operand is a path.
_OPERATOR_OPERANDS: Final[dict[str, Kind]] = {
    **{
        f"String{test}": "text" for test in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    },
    **{
        f"Numeric{test}": "number"
        for test in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    },
    "BooleanEquals": "boolean",
    **{
        f"Timestamp{test}": "timestamp"
        for test in ("Equals", "LessThan", "GreaterThan", "LessThanEquals", "GreaterThanEquals")
    },
}

#: operator -> kind of its operand.
OPERATORS: Final[dict[str, Kind]] = {
    **_OPERATOR_OPERANDS,
    **{f"{operator}Path": "variable" for operator in _OPERATOR_OPERANDS},
    "StringMatches": "text",
    **dict.fromkeys(("IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"), "boolean"),
}

#: The boolean operators of a JSONPath choice rule.
BOOLEAN_OPERATORS: Final = ("And", "Or", "Not")

#: A choice rule has exactly one of these.
RULE_SELECTORS: Final = ("And", "Or", "Not", "Variable", "Condition")


FIELDS: Final[tuple[Field, ...]] = (
    # --- containers of states
    _field(_PROCESSORS, "Comment", "text"),
    _field("StateMachine", "Version", "enum", values=("1.0",)),
    _field("StateMachine", "QueryLanguage", "enum", values=("JSONPath", "JSONata")),
    _field("StateMachine", "TimeoutSeconds", "integer", low=0, high=SECONDS_MAX),
    _field("ItemProcessor", "ProcessorConfig", "object", of="ProcessorConfig"),
    _field(_PROCESSORS, "States", "states", required=True),
    _field(_PROCESSORS, "StartAt", "state", required=True),
    _field("ProcessorConfig", "Mode", "enum", values=("INLINE", "DISTRIBUTED")),
    _field("ProcessorConfig", "ExecutionType", "enum", values=("STANDARD", "EXPRESS")),
    # --- every state
    _field(STATE_TYPES, "Type", "enum", required=True, values=STATE_TYPES),
    _field(STATE_TYPES, "Comment", "text"),
    _field(STATE_TYPES, "QueryLanguage", "enum", values=("JSONPath", "JSONata")),
    # --- data flow
    _field((*_WITH_NEXT, "Choice", "Succeed"), "InputPath", "path", language="JSONPath", nullable=True),
    _field((*_WITH_NEXT, "Choice", "Succeed"), "OutputPath", "path", language="JSONPath", nullable=True),
    _field(("Task", "Parallel", "Pass", "Map"), "Parameters", "template", language="JSONPath"),
    _field(("Task", "Parallel"), "Arguments", "template", language="JSONata"),
    _field(_WORK, "ResultSelector", "template", language="JSONPath"),
    _field((*_WORK, "Pass"), "ResultPath", "result_path", language="JSONPath", nullable=True),
    _field((*_WITH_NEXT, "Choice", "Succeed"), "Output", "template", language="JSONata", nullable=True),
    _field((*_WITH_NEXT, "Choice"), "Assign", "assign"),
    _field(_WITH_NEXT, "Next", "state"),
    _field(_WITH_NEXT, "End", "boolean"),
    _field(_WORK, "Retry", "objects", of="Retrier"),
    _field(_WORK, "Catch", "objects", of="Catcher"),
    # --- Pass
    _field("Pass", "Result", "literal", language="JSONPath", nullable=True),
    # --- Task
    _field("Task", "Resource", "resource", required=True),
    *_count("Task", "TimeoutSeconds", 1, SECONDS_MAX),
    *_count("Task", "HeartbeatSeconds", 1, SECONDS_MAX),
    _field("Task", "Credentials", "object", of="Credentials", query=True),
    _field("Credentials", "RoleArn", "text", query=True),
    _field("Credentials", "RoleArn.$", "value_path", language="JSONPath"),
    # --- Choice
    _field("Choice", "Choices", "objects", of="ChoiceRule", required=True, nonempty=True),
    _field("Choice", "Default", "state"),
    _field(_RULES, "Comment", "text"),
    _field("ChoiceRule", "Next", "state", required=True),
    _field("ChoiceRule", "Condition", "condition", language="JSONata"),
    _field(_RULES, "Variable", "variable", language="JSONPath"),
    _field(_RULES, "And", "objects", of="Rule", language="JSONPath", nonempty=True),
    _field(_RULES, "Or", "objects", of="Rule", language="JSONPath", nonempty=True),
    _field(_RULES, "Not", "object", of="Rule", language="JSONPath"),
    *(_field(_RULES, operator, kind, language="JSONPath") for operator, kind in OPERATORS.items()),
    _field("ChoiceRule", "Assign", "assign"),
    _field("ChoiceRule", "Output", "template", language="JSONata", nullable=True),
    # --- Wait
    _field("Wait", "Seconds", "integer", query=True, low=0, high=SECONDS_MAX),
    _field("Wait", "SecondsPath", "reference_path", language="JSONPath"),
    _field("Wait", "Timestamp", "timestamp", query=True),
    _field("Wait", "TimestampPath", "reference_path", language="JSONPath"),
    # --- Fail
    _field("Fail", "Error", "text", query=True),
    _field("Fail", "ErrorPath", "value_path", language="JSONPath"),
    _field("Fail", "Cause", "text", query=True),
    _field("Fail", "CausePath", "value_path", language="JSONPath"),
    # --- Parallel
    _field("Parallel", "Branches", "objects", of="Branch", required=True, nonempty=True),
    # --- Map
    _field("Map", "ItemProcessor", "object", of="ItemProcessor"),
    _field("Map", "Iterator", "object", of="ItemProcessor"),
    _field("Map", "ItemsPath", "reference_path", language="JSONPath"),
    _field("Map", "Items", "items", language="JSONata"),
    _field("Map", "ItemSelector", "template"),
    *_count("Map", "MaxConcurrency", 0),
    _field("Map", "ItemReader", "object", of="ItemReader"),
    _field("Map", "ItemBatcher", "object", of="ItemBatcher"),
    _field("Map", "ResultWriter", "object", of="ResultWriter"),
    _field("Map", "Label", "label"),
    *_count("Map", "ToleratedFailureCount", 0),
    _field("Map", "ToleratedFailurePercentage", "number", query=True, low=0.0, high=100.0),
    _field("Map", "ToleratedFailurePercentagePath", "reference_path", language="JSONPath"),
    _field("ItemReader", "Resource", "data_resource", required=True),
    _field("ItemReader", "Parameters", "template", language="JSONPath"),
    _field("ItemReader", "Arguments", "template", language="JSONata"),
    _field("ItemReader", "ReaderConfig", "object", of="ReaderConfig"),
    _field("ReaderConfig", "InputType", "enum", values=("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST")),
    _field("ReaderConfig", "Transformation", "enum", values=("NONE", "LOAD_AND_FLATTEN")),
    _field("ReaderConfig", "ManifestType", "enum", values=("ATHENA_DATA", "S3_INVENTORY")),
    _field("ReaderConfig", "CSVHeaderLocation", "enum", values=("FIRST_ROW", "GIVEN")),
    _field("ReaderConfig", "CSVHeaders", "literal"),
    _field("ReaderConfig", "CSVDelimiter", "enum", values=("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")),
    _field("ReaderConfig", "ItemsPointer", "text"),
    *_count("ReaderConfig", "MaxItems", 0, 100_000_000),
    *_count("ItemBatcher", "MaxItemsPerBatch", 0),
    *_count("ItemBatcher", "MaxInputBytesPerBatch", 0, 262_144),
    _field("ItemBatcher", "BatchInput", "template"),
    _field("ResultWriter", "Resource", "data_resource"),
    _field("ResultWriter", "Parameters", "template", language="JSONPath"),
    _field("ResultWriter", "Arguments", "template", language="JSONata"),
    _field("ResultWriter", "WriterConfig", "object", of="WriterConfig"),
    _field("WriterConfig", "Transformation", "enum", values=("NONE", "COMPACT", "FLATTEN")),
    _field("WriterConfig", "OutputType", "enum", values=("JSON", "JSONL")),
    # --- Retry and Catch
    _field(("Retrier", "Catcher"), "ErrorEquals", "errors", required=True, nonempty=True),
    _field("Retrier", "IntervalSeconds", "integer", low=0, high=SECONDS_MAX),
    _field("Retrier", "MaxAttempts", "integer", low=0, high=SECONDS_MAX),
    _field("Retrier", "BackoffRate", "number", low=1.0),
    _field("Retrier", "MaxDelaySeconds", "integer", low=1, high=MAX_DELAY_SECONDS_MAX),
    _field("Retrier", "JitterStrategy", "enum", values=("NONE", "FULL")),
    _field(("Retrier", "Catcher"), "Comment", "text"),
    _field("Catcher", "Next", "state", required=True),
    _field("Catcher", "ResultPath", "result_path", language="JSONPath", nullable=True),
    _field("Catcher", "Output", "template", language="JSONata", nullable=True),
    _field("Catcher", "Assign", "assign"),
)

GROUPS: Final[tuple[Group, ...]] = (
    *(Group(owner, ("Next", "End"), required=True) for owner in _WITH_NEXT),
    Group("Wait", ("SecondsPath", "Seconds", "TimestampPath", "Timestamp"), required=True),
    Group("Fail", ("Error", "ErrorPath")),
    Group("Fail", ("Cause", "CausePath")),
    Group("Task", ("TimeoutSeconds", "TimeoutSecondsPath")),
    Group("Task", ("HeartbeatSeconds", "HeartbeatSecondsPath")),
    Group("Map", ("ItemProcessor", "Iterator"), required=True),
    Group("Map", ("ItemSelector", "Parameters")),
    Group("Map", ("MaxConcurrency", "MaxConcurrencyPath")),
    Group("Map", ("ToleratedFailureCount", "ToleratedFailureCountPath")),
    Group("Map", ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath")),
    Group("ReaderConfig", ("MaxItems", "MaxItemsPath")),
    Group("ItemBatcher", ("MaxItemsPerBatch", "MaxItemsPerBatchPath")),
    Group("ItemBatcher", ("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath")),
)


def _by_owner() -> dict[str, dict[str, Field]]:
    table: dict[str, dict[str, Field]] = {}
    for field in FIELDS:
        for owner in field.owners:
            table.setdefault(owner, {})[field.name] = field
    return table


#: owner -> field name -> row.
BY_OWNER: Final[dict[str, dict[str, Field]]] = _by_owner()
#: owner -> its exclusivity groups.
GROUPS_BY_OWNER: Final[dict[str, tuple[Group, ...]]] = {
    owner: tuple(group for group in GROUPS if group.owner == owner) for owner in BY_OWNER
}
