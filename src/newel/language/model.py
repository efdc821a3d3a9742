"""The typed model of a definition: frozen, every node with the JSON pointer where it stands.

Fields carry the raw JSON of the definition (paths and expressions as text, templates as JSON); the engine compiles
them. `UNSET` means the field is absent, which differs from null (`InputPath: null`, `Result: null`, `Output: null`).
Field names are AWS's in snake case.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from newel.json import Json

QueryLanguage = Literal["JSONPath", "JSONata"]
Maybe = Json | UnsetType


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Anything in a definition; `pointer` is its slash path (`/States/A/Retry/0`), empty for the top."""

    pointer: str = ""


class Retrier(Node, frozen=True, kw_only=True):
    """One entry of Retry. Absent numbers take AWS's defaults when compiled."""

    error_equals: tuple[str, ...]
    interval_seconds: int | UnsetType = UNSET
    max_attempts: int | UnsetType = UNSET
    backoff_rate: float | UnsetType = UNSET
    max_delay_seconds: int | UnsetType = UNSET
    jitter_strategy: Literal["NONE", "FULL"] | UnsetType = UNSET


class Catcher(Node, frozen=True, kw_only=True):
    """One entry of Catch. `result_path` is JSONPath only, `output` JSONata only."""

    error_equals: tuple[str, ...]
    next: str
    result_path: str | UnsetType | None = UNSET
    assign: Maybe = UNSET
    output: Maybe = UNSET


class Comparison(Node, frozen=True, kw_only=True):
    """A JSONPath data test: `variable` path, `operator` as spelt in ASL (`StringEquals`, `NumericLessThanPath`)."""

    variable: str
    operator: str
    operand: Json


class BooleanRule(Node, frozen=True, kw_only=True):
    """And, Or (any number of operands) or Not (one operand)."""

    operator: Literal["And", "Or", "Not"]
    operands: tuple[Rule, ...]


class Condition(Node, frozen=True, kw_only=True):
    """A JSONata rule: the text of Condition as written (`{% … %}`), or a literal boolean."""

    expression: str | bool


Rule = Comparison | BooleanRule | Condition


class Choice(Node, frozen=True, kw_only=True):
    """One entry of Choices."""

    rule: Rule
    next: str
    assign: Maybe = UNSET
    output: Maybe = UNSET


class StateBase(Node, frozen=True, kw_only=True):
    """What every state has. `query_language` is already resolved (state, else machine)."""

    type: ClassVar[str] = ""

    name: str
    query_language: QueryLanguage = "JSONPath"
    comment: str | None = None
    input_path: str | UnsetType | None = UNSET
    output_path: str | UnsetType | None = UNSET
    assign: Maybe = UNSET
    output: Maybe = UNSET
    next: str | None = None  # None together with end for Pass, Task, Wait, Parallel, Map
    end: bool = False


class Pass(StateBase, frozen=True, kw_only=True):
    type: ClassVar[str] = "Pass"

    result: Maybe = UNSET
    parameters: Maybe = UNSET
    result_path: str | UnsetType | None = UNSET


class Succeed(StateBase, frozen=True, kw_only=True):
    type: ClassVar[str] = "Succeed"


class Fail(StateBase, frozen=True, kw_only=True):
    type: ClassVar[str] = "Fail"

    error: str | UnsetType = UNSET
    error_path: str | UnsetType = UNSET
    cause: str | UnsetType = UNSET
    cause_path: str | UnsetType = UNSET


class Wait(StateBase, frozen=True, kw_only=True):
    """Exactly one of the four; `seconds` is an int, or JSONata text."""

    type: ClassVar[str] = "Wait"

    seconds: int | str | UnsetType = UNSET
    seconds_path: str | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET
    timestamp_path: str | UnsetType = UNSET


class ChoiceState(StateBase, frozen=True, kw_only=True):
    type: ClassVar[str] = "Choice"

    choices: tuple[Choice, ...]
    default: str | None = None


class WorkState(StateBase, frozen=True, kw_only=True):
    """Task, Parallel and Map: states whose work can fail and be retried or caught."""

    parameters: Maybe = UNSET  # JSONPath
    arguments: Maybe = UNSET  # JSONata
    result_selector: Maybe = UNSET
    result_path: str | UnsetType | None = UNSET
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()


class Task(WorkState, frozen=True, kw_only=True):
    type: ClassVar[str] = "Task"

    resource: str
    timeout_seconds: int | str | UnsetType = UNSET  # str: JSONata text
    timeout_seconds_path: str | UnsetType = UNSET
    heartbeat_seconds: int | str | UnsetType = UNSET
    heartbeat_seconds_path: str | UnsetType = UNSET
    credentials: Maybe = UNSET


class Parallel(WorkState, frozen=True, kw_only=True):
    type: ClassVar[str] = "Parallel"

    branches: tuple[Workflow, ...]


class ItemReader(Node, frozen=True, kw_only=True):
    resource: str
    parameters: Maybe = UNSET
    arguments: Maybe = UNSET
    reader_config: Maybe = UNSET


class ItemBatcher(Node, frozen=True, kw_only=True):
    max_items_per_batch: int | str | UnsetType = UNSET
    max_items_per_batch_path: str | UnsetType = UNSET
    max_input_bytes_per_batch: int | str | UnsetType = UNSET
    max_input_bytes_per_batch_path: str | UnsetType = UNSET
    batch_input: Maybe = UNSET


class ResultWriter(Node, frozen=True, kw_only=True):
    resource: str | UnsetType = UNSET
    parameters: Maybe = UNSET
    arguments: Maybe = UNSET
    writer_config: Maybe = UNSET


class Map(WorkState, frozen=True, kw_only=True):
    """`item_processor` also holds a legacy Iterator; `mode` and `execution_type` come from its ProcessorConfig.

    A legacy Map's `Parameters` stands in `item_selector` with `legacy_parameters` true.
    """

    type: ClassVar[str] = "Map"

    item_processor: Workflow
    mode: Literal["INLINE", "DISTRIBUTED"] = "INLINE"
    execution_type: Literal["STANDARD", "EXPRESS"] | None = None
    items_path: str | UnsetType = UNSET
    items: Maybe = UNSET  # JSONata text, or a literal array/object
    item_selector: Maybe = UNSET
    legacy_parameters: bool = False
    max_concurrency: int | str | UnsetType = UNSET
    max_concurrency_path: str | UnsetType = UNSET
    item_reader: ItemReader | None = None
    item_batcher: ItemBatcher | None = None
    result_writer: ResultWriter | None = None
    label: str | None = None
    tolerated_failure_count: int | str | UnsetType = UNSET
    tolerated_failure_count_path: str | UnsetType = UNSET
    tolerated_failure_percentage: float | str | UnsetType = UNSET
    tolerated_failure_percentage_path: str | UnsetType = UNSET


State = Pass | Task | ChoiceState | Wait | Succeed | Fail | Parallel | Map


class Workflow(Node, frozen=True, kw_only=True):
    """A `States` object with its start: the machine's own, a Parallel branch, or an item processor."""

    start_at: str
    states: dict[str, State]
    comment: str | None = None


class StateMachine(Workflow, frozen=True, kw_only=True):
    """A whole definition."""

    query_language: QueryLanguage = "JSONPath"
    version: str | None = None
    timeout_seconds: int | None = None
