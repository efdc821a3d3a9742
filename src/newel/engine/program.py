"""A definition compiled once per revision: every path, template, rule and expression is a ready closure.

Nothing is parsed at run time. A `Program` is immutable and shared by all executions of its revision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from newel import limits
from newel.engine.state import scope_of
from newel.expr.comparison import compile_comparison
from newel.expr.env import Scope
from newel.expr.jsonpath import compile_path, compile_reference_path
from newel.expr.query import compile_typed, is_query
from newel.expr.template import compile_jsonata_template, compile_jsonpath_template
from newel.expr.values import compile_value
from newel.json import Json
from newel.language import model as m
from newel.language.resource import Resource, parse_data_resource, parse_resource

Eval = Callable[[Scope], Json]
Test = Callable[[Scope], bool]
Merge = Callable[[Json, Json], Json]


class CompiledRetrier(msgspec.Struct, frozen=True):
    error_equals: tuple[str, ...]
    interval_seconds: float
    max_attempts: int
    backoff_rate: float
    max_delay_seconds: float | None
    full_jitter: bool


class CompiledCatcher(msgspec.Struct, frozen=True):
    """`merge` combines (state input, error output); `output` is JSONata's instead. None: the error output alone."""

    error_equals: tuple[str, ...]
    next: str
    merge: Merge | None
    assign: Eval | None
    output: Eval | None


class CompiledChoice(msgspec.Struct, frozen=True):
    test: Test
    next: str
    assign: Eval | None
    output: Eval | None


class NumberField(msgspec.Struct, frozen=True):
    """A number by its name: literal, JSONata or, with `path` as written, by JSONPath."""

    name: str
    value: Eval
    path: str | None = None


class CompiledReader(msgspec.Struct, frozen=True):
    """ItemReader: `arguments` (Parameters) and the members of ReaderConfig, MaxItemsPath under `MaxItems`."""

    resource: Resource
    arguments: Eval | None
    config: dict[str, Eval]


class CompiledBatcher(msgspec.Struct, frozen=True):
    """ItemBatcher: what bounds a batch, and BatchInput."""

    items_max: NumberField | None
    input_bytes_max: NumberField | None
    batch_input: Eval | None


class CompiledWriter(msgspec.Struct, frozen=True):
    """ResultWriter: `arguments` (Parameters; None: no export) and WriterConfig."""

    arguments: Eval | None
    config: Eval | None


class CompiledDistribution(msgspec.Struct, frozen=True):
    """What only a Distributed Map has."""

    reader: CompiledReader | None
    batcher: CompiledBatcher | None
    tolerated_count: NumberField | None
    tolerated_percentage: NumberField | None
    writer: CompiledWriter | None = None


class CompiledState(msgspec.Struct, kw_only=True):
    """One state, ready to run. Absent steps are None, so that a state that passes its input on costs nothing."""

    name: str
    type: str
    model: Any
    next: str | None
    jsonata: bool
    input_path: Eval | None = None  # None: `$`
    parameters: Eval | None = None  # Parameters or Arguments
    selector: Eval | None = None  # ResultSelector
    merge: Merge | None = None  # ResultPath; None: the result replaces the input
    discard_result: bool = False  # ResultPath null
    output_path: Eval | None = None
    output: Eval | None = None  # JSONata Output
    assign: Eval | None = None
    result: Json | UnsetType = UNSET  # Pass
    retry: tuple[CompiledRetrier, ...] = ()
    catch: tuple[CompiledCatcher, ...] = ()
    choices: tuple[CompiledChoice, ...] = ()
    default: str | None = None
    seconds: Eval | None = None
    seconds_path: Eval | None = None
    timestamp: Eval | None = None
    timestamp_path: Eval | None = None
    error: Eval | None = None
    cause: Eval | None = None
    resource: Resource | None = None
    timeout: Eval | None = None
    timeout_path: Eval | None = None
    heartbeat: Eval | None = None
    heartbeat_path: Eval | None = None
    credentials: Eval | None = None
    items: Eval | None = None
    item_selector: Eval | None = None
    max_concurrency: Eval | None = None
    max_concurrency_path: Eval | None = None
    distributed: bool = False
    distribution: CompiledDistribution | None = None


class CompiledWorkflow(msgspec.Struct, frozen=True):
    start_at: str
    states: dict[str, CompiledState]


class Program(msgspec.Struct, frozen=True):
    """`workflows` by scope (see `engine.state.scope_of`)."""

    machine: m.StateMachine
    workflows: dict[str, CompiledWorkflow]
    timeout_seconds: int | None


def compile_program(machine: m.StateMachine) -> Program:
    """Compile a validated definition. Raises ValueError for an expression that cannot be compiled."""
    workflows: dict[str, CompiledWorkflow] = {}
    _compile_workflow("", machine, workflows)
    return Program(machine, workflows, machine.timeout_seconds)


def _compile_workflow(scope: str, workflow: m.Workflow, into: dict[str, CompiledWorkflow]) -> None:
    states = {name: compile_state(state) for name, state in workflow.states.items()}
    into[scope] = CompiledWorkflow(workflow.start_at, states)
    for state in workflow.states.values():
        if isinstance(state, m.Parallel):
            for index, branch in enumerate(state.branches):
                _compile_workflow(scope_of(scope, state.name, index), branch, into)
        elif isinstance(state, m.Map):
            _compile_workflow(scope_of(scope, state.name, 0), state.item_processor, into)


def compile_state(state: m.State) -> CompiledState:
    """Compile one state of either query language."""
    jsonata = state.query_language == "JSONata"
    compiled = CompiledState(name=state.name, type=state.type, model=state, next=state.next, jsonata=jsonata)
    if jsonata:
        compiled.output = _jsonata(state.output, "Output")
        compiled.assign = _jsonata(state.assign, "Assign")
    else:
        compiled.input_path = _path_field(state.input_path)
        compiled.output_path = _path_field(state.output_path)
        compiled.assign = _jsonpath(state.assign, "Assign")
    _SPECIFIC[state.type](compiled, state)
    return compiled


def _jsonata(value: Json | UnsetType, location: str) -> Eval | None:
    return None if value is UNSET else compile_jsonata_template(value, location)


def _jsonpath(value: Json | UnsetType, field: str) -> Eval | None:
    return None if value is UNSET else compile_jsonpath_template(value, field)


def _empty(_scope: Scope) -> Json:
    return {}


def _path_field(text: str | UnsetType | None) -> Eval | None:
    """InputPath or OutputPath: absent and `$` pass everything on, null gives an empty object."""
    if text is UNSET or text == "$":
        return None
    if text is None:
        return _empty
    return compile_path(text).read


def _merge(text: str | UnsetType | None) -> tuple[Merge | None, bool]:
    """ResultPath as (combine, discard)."""
    if text is UNSET or text == "$":
        return None, False
    if text is None:
        return None, True
    return compile_reference_path(text).insert, False


def _work(compiled: CompiledState, state: m.Task | m.Parallel | m.Map) -> None:
    """What Task, Parallel and Map share."""
    if compiled.jsonata:
        compiled.parameters = _jsonata(state.arguments, "Arguments")
    else:
        compiled.parameters = _jsonpath(state.parameters, "Parameters")
        compiled.selector = _jsonpath(state.result_selector, "ResultSelector")
        compiled.merge, compiled.discard_result = _merge(state.result_path)
    compiled.retry = tuple(compile_retrier(retrier) for retrier in state.retry)
    compiled.catch = tuple(
        _catcher(catcher, compiled.jsonata, f"Catch[{at}]/") for at, catcher in enumerate(state.catch)
    )


def compile_retrier(retrier: m.Retrier) -> CompiledRetrier:
    """A retrier with AWS's defaults filled in."""
    return CompiledRetrier(
        retrier.error_equals,
        _or(retrier.interval_seconds, limits.RETRY_INTERVAL_SECONDS_DEFAULT),
        _or(retrier.max_attempts, limits.RETRY_MAX_ATTEMPTS_DEFAULT),
        _or(retrier.backoff_rate, limits.RETRY_BACKOFF_RATE_DEFAULT),
        _or(retrier.max_delay_seconds, None),
        retrier.jitter_strategy == "FULL",
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is UNSET else value


def _catcher(catcher: m.Catcher, jsonata: bool, where: str) -> CompiledCatcher:
    if jsonata:
        assign, output = _jsonata(catcher.assign, f"{where}Assign"), _jsonata(catcher.output, f"{where}Output")
        return CompiledCatcher(catcher.error_equals, catcher.next, None, assign, output)
    merge, discard = _merge(catcher.result_path)
    if discard:
        merge = _keep_input
    return CompiledCatcher(catcher.error_equals, catcher.next, merge, _jsonpath(catcher.assign, "Assign"), None)


def _keep_input(document: Json, _error_output: Json) -> Json:
    return document


def _pass(compiled: CompiledState, state: m.Pass) -> None:
    compiled.result = state.result
    compiled.parameters = _jsonpath(state.parameters, "Parameters")
    if not compiled.jsonata:
        compiled.merge, compiled.discard_result = _merge(state.result_path)


def _nothing(_compiled: CompiledState, _state: m.Succeed) -> None:
    return


def _text_or_path(text: str | UnsetType, path: str | UnsetType, compiled: CompiledState, field: str) -> Eval | None:
    if path is not UNSET:
        return compile_value(str(path), f"{field}Path")
    if text is UNSET:
        return None
    if compiled.jsonata:
        return compile_typed(text, field, "string")
    constant = text
    return lambda _scope: constant


def _fail(compiled: CompiledState, state: m.Fail) -> None:
    compiled.error = _text_or_path(state.error, state.error_path, compiled, "Error")
    compiled.cause = _text_or_path(state.cause, state.cause_path, compiled, "Cause")


def _number_field(value: Json | UnsetType, field: str) -> Eval | None:
    """A number that may be a JSONata expression."""
    if value is UNSET:
        return None
    if isinstance(value, str) and is_query(value):
        return compile_typed(value, field, "number")
    return lambda _scope: value


def _path_or_none(text: str | UnsetType) -> Eval | None:
    return None if text is UNSET else compile_path(str(text)).read


def _wait(compiled: CompiledState, state: m.Wait) -> None:
    compiled.seconds = _number_field(state.seconds, "Seconds")
    compiled.seconds_path = _path_or_none(state.seconds_path)
    compiled.timestamp_path = _path_or_none(state.timestamp_path)
    if state.timestamp is not UNSET:
        compiled.timestamp = compile_typed(state.timestamp, "Timestamp", "string")


def compile_rule(rule: m.Rule, where: str = "") -> Test:
    """A Choice rule of either query language; `where` is the slash path of the rule (`Choices[0]/`)."""
    if isinstance(rule, m.Comparison):
        return compile_comparison(rule.operator, rule.variable, rule.operand)
    if isinstance(rule, m.Condition):
        return compile_typed(rule.expression, f"{where}Condition", "boolean")
    tests = [compile_rule(operand) for operand in rule.operands]
    if rule.operator == "Not":
        return lambda scope: not tests[0](scope)
    if rule.operator == "And":
        return lambda scope: _all(tests, scope)
    return lambda scope: _any(tests, scope)


def _all(tests: list[Test], scope: Scope) -> bool:
    for test in tests:  # noqa: SIM110  (a generator costs more than the tests themselves)
        if not test(scope):
            return False
    return True


def _any(tests: list[Test], scope: Scope) -> bool:
    for test in tests:  # noqa: SIM110
        if test(scope):
            return True
    return False


def _rule(choice: m.Choice, where: str, *, jsonata: bool) -> CompiledChoice:
    test = compile_rule(choice.rule, where)
    if jsonata:
        assign, output = _jsonata(choice.assign, f"{where}Assign"), _jsonata(choice.output, f"{where}Output")
        return CompiledChoice(test, choice.next, assign, output)
    return CompiledChoice(test, choice.next, _jsonpath(choice.assign, "Assign"), None)


def _choice(compiled: CompiledState, state: m.ChoiceState) -> None:
    compiled.choices = tuple(
        _rule(choice, f"Choices[{at}]/", jsonata=compiled.jsonata) for at, choice in enumerate(state.choices)
    )
    compiled.default = state.default


def _task(compiled: CompiledState, state: m.Task) -> None:
    _work(compiled, state)
    compiled.resource = parse_resource(state.resource)
    compiled.timeout = _number_field(state.timeout_seconds, "TimeoutSeconds")
    compiled.timeout_path = _path_or_none(state.timeout_seconds_path)
    compiled.heartbeat = _number_field(state.heartbeat_seconds, "HeartbeatSeconds")
    compiled.heartbeat_path = _path_or_none(state.heartbeat_seconds_path)
    template = _jsonata if compiled.jsonata else _jsonpath
    compiled.credentials = template(state.credentials, "Credentials")


def _parallel(compiled: CompiledState, state: m.Parallel) -> None:
    _work(compiled, state)


def _items_path(text: str) -> Eval:
    """ItemsPath, a reference path; a context or read path is taken too."""
    path = compile_path(text)
    return compile_reference_path(text).select if path.is_reference else path.read


def _map(compiled: CompiledState, state: m.Map) -> None:
    _work(compiled, state)
    compiled.distributed = state.mode == "DISTRIBUTED"
    if compiled.jsonata:
        if state.items is not UNSET:
            compiled.items = (
                compile_typed(state.items, "Items", "array")
                if isinstance(state.items, str) and is_query(state.items)
                else _jsonata(state.items, "Items")
            )
        compiled.item_selector = _jsonata(state.item_selector, "ItemSelector")
    else:
        compiled.items = None if state.items_path is UNSET else _items_path(str(state.items_path))
        field = "Parameters" if state.legacy_parameters else "ItemSelector"
        compiled.item_selector = _jsonpath(state.item_selector, field)
    compiled.max_concurrency = _number_field(state.max_concurrency, "MaxConcurrency")
    compiled.max_concurrency_path = _path_or_none(state.max_concurrency_path)
    if compiled.distributed:
        compiled.distribution = _distribution(compiled, state)


def _distribution(compiled: CompiledState, state: m.Map) -> CompiledDistribution:
    return CompiledDistribution(
        None if state.item_reader is None else _reader(compiled, state.item_reader),
        None if state.item_batcher is None else _batcher(compiled, state.item_batcher),
        _number_or_path("ToleratedFailureCount", state.tolerated_failure_count, state.tolerated_failure_count_path),
        _number_or_path(
            "ToleratedFailurePercentage", state.tolerated_failure_percentage, state.tolerated_failure_percentage_path
        ),
        None if state.result_writer is None else _writer(compiled, state.result_writer),
    )


def _writer(compiled: CompiledState, writer: m.ResultWriter) -> CompiledWriter:
    if compiled.jsonata:
        return CompiledWriter(
            _jsonata(writer.arguments, "ResultWriter/Arguments"),
            _jsonata(writer.writer_config, "ResultWriter/WriterConfig"),
        )
    return CompiledWriter(_jsonpath(writer.parameters, "Parameters"), _jsonpath(writer.writer_config, "WriterConfig"))


def _number_or_path(
    name: str, value: Json | UnsetType, path: str | UnsetType, where: str | None = None
) -> NumberField | None:
    """A number field with its `…Path` twin; `where` is its slash path, its name if not given."""
    if path is not UNSET:
        return NumberField(name, compile_path(str(path)).read, str(path))
    number = _number_field(value, where or name)
    return None if number is None else NumberField(name, number)


def _reader(compiled: CompiledState, reader: m.ItemReader) -> CompiledReader:
    where = "ItemReader/ReaderConfig"
    if compiled.jsonata:
        arguments = _jsonata(reader.arguments, "ItemReader/Arguments")
    else:
        arguments = _jsonpath(reader.parameters, "Parameters")
    given = {} if reader.reader_config is UNSET else reader.reader_config
    config: dict[str, Eval] = {}
    for name, value in given.items():
        if name == "MaxItemsPath":
            config["MaxItems"] = compile_path(value).read
        elif compiled.jsonata:
            config[name] = compile_jsonata_template(value, f"{where}/{name}")
        else:
            config[name] = compile_jsonpath_template(value, name)
    return CompiledReader(parse_data_resource(reader.resource), arguments, config)


def _batcher(compiled: CompiledState, batcher: m.ItemBatcher) -> CompiledBatcher:
    template = _jsonata if compiled.jsonata else _jsonpath
    return CompiledBatcher(
        _number_or_path(
            "MaxItemsPerBatch",
            batcher.max_items_per_batch,
            batcher.max_items_per_batch_path,
            "ItemBatcher/MaxItemsPerBatch",
        ),
        _number_or_path(
            "MaxInputBytesPerBatch",
            batcher.max_input_bytes_per_batch,
            batcher.max_input_bytes_per_batch_path,
            "ItemBatcher/MaxInputBytesPerBatch",
        ),
        template(batcher.batch_input, "ItemBatcher/BatchInput" if compiled.jsonata else "BatchInput"),
    )


_SPECIFIC: Final[dict[str, Callable[[CompiledState, Any], None]]] = {
    "Pass": _pass,
    "Succeed": _nothing,
    "Fail": _fail,
    "Wait": _wait,
    "Choice": _choice,
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
