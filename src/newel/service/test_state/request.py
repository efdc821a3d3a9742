"""A TestState request, checked in the order AWS checks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Literal

import msgspec

from newel.engine.program import Program, compile_program
from newel.engine.state import scope_of
from newel.errors import ServiceError, ValidationError
from newel.json import InvalidJson, Json, Payload, loads
from newel.language import model as m
from newel.language.diagnostics import DefinitionError, Diagnostic, format_invalid_definition
from newel.language.loader import load_definition
from newel.language.parse import parse_machine, parse_state
from newel.language.resource import Resource, parse_resource
from newel.language.validate import validate, validate_state
from newel.service.arns import check_role_arn
from newel.service.payloads import why_not_json
from newel.service.test_state.contexts import read_context
from newel.service.test_state.reader_data import items_of
from newel.service.test_state.schemas import check_result, schema_of

#: The name of a state that is given by itself, as its context object shows it (recorded).
STATE_NAME: Final = "StateName"

_MOCKABLE: Final = ("Task", "Map", "Parallel")
#: What makes sense only beside a mock: path in the request -> its name in the refusal.
_ONLY_MOCKED: Final = (
    (("stateConfiguration", "mapIterationFailureCount"), "MapIterationFailureCount"),
    (("stateConfiguration", "retrierRetryCount"), "RetrierRetryCount"),
    (("stateConfiguration", "errorCausedByState"), "ErrorCausedByState"),
    (("stateConfiguration", "mapItemReaderData"), "MapItemReaderData"),
    (("context",), "Context"),
)


class MockedError(msgspec.Struct, frozen=True):
    error: str | None
    cause: str | None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A request that can be run. `mock` None: the state really works."""

    program: Program
    scope: str
    state: m.State
    resource: Resource | None
    input: Payload
    variables: dict[str, Json]
    context: dict[str, Json] | None
    iteration: bool
    role_arn: str | None
    mock: Payload | MockedError | None
    level: Literal["INFO", "DEBUG", "TRACE"]
    reveal_secrets: bool
    retries: int
    failures: int | None
    read: Callable[[dict[str, Json]], Json]


async def check(request: Mapping[str, Any]) -> Checked:
    """The request, ready to run.

    Raises InvalidDefinition, InvalidExecutionInput, InvalidArn, ValidationException in AWS's words, as far as they are
    known.
    """
    _check_combinations(request)
    program, scope, state = _found(request)
    resource = parse_resource(state.resource) if isinstance(state, m.Task) else None
    given = request.get("mock")
    _check_state(state, resource, request, mocked=given is not None)
    input_text = request.get("input") or "{}"
    reason = why_not_json(input_text)
    if reason is not None:
        raise ServiceError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{reason}'")
    configuration = request.get("stateConfiguration") or {}
    return Checked(
        program=program,
        scope=scope,
        state=state,
        resource=resource,
        input=Payload(input_text),
        variables=_variables(request.get("variables")),
        context=_context(request.get("context"), resource),
        iteration=_is_iteration(program, scope),
        role_arn=request.get("roleArn"),
        mock=None if given is None else await _mock(given, state, resource),
        level=request.get("inspectionLevel") or "INFO",
        reveal_secrets=bool(request.get("revealSecrets")),
        retries=configuration.get("retrierRetryCount") or 0,
        failures=configuration.get("mapIterationFailureCount"),
        read=partial(_read_items, configuration.get("mapItemReaderData"), input_text),
    )


def _check_combinations(request: Mapping[str, Any]) -> None:
    mock = request.get("mock")
    if mock is not None:
        if ("result" in mock) == ("errorOutput" in mock):
            raise ValidationError("A test mock should have only one of the following fields: [result, errorOutput].")
        if request.get("revealSecrets"):
            raise ValidationError("TestState does not support RevealSecrets when a mock is specified.")
        return
    for path, name in _ONLY_MOCKED:
        value: Any = request
        for step in path:
            value = None if value is None else value.get(step)
        if value is not None:
            raise ValidationError(f"TestState does not support {name} when a mock is not specified.")


# --- the definition


def _found(request: Mapping[str, Any]) -> tuple[Program, str, m.State]:
    """The program with the state in it, and the state's place."""
    text, name = request["definition"], request.get("stateName")
    try:
        document = load_definition(text)
        if name is None:
            _refuse_errors(validate_state(document))
            state = parse_state(document, STATE_NAME)
            machine = m.StateMachine(start_at=STATE_NAME, states={STATE_NAME: state})
            return compile_program(machine), "", state
        found = _place(document, name)
        _refuse_errors(validate(text))
        machine = parse_machine(document)
        if found is None:
            raise ValidationError("State not found in definition")
        program = compile_program(machine)
        return program, found, _workflow(machine, found).states[name]
    except DefinitionError as error:
        raise _invalid_definition(error.diagnostics) from None
    except ValueError as error:  # an expression that the validator let pass
        message = f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {error} at /'"
        raise ServiceError("InvalidDefinition", message) from None


def _refuse_errors(found: list[Diagnostic]) -> None:
    errors = [diagnostic for diagnostic in found if diagnostic.severity == "ERROR"]
    if errors:
        raise _invalid_definition(errors)


def _invalid_definition(diagnostics: Any) -> ServiceError:
    return ServiceError("InvalidDefinition", format_invalid_definition(diagnostics))


def _place(document: Json, name: str) -> str | None:
    """The scope of the first state of that name, the outer ones first; None if there is none."""
    pending: list[tuple[str, Json]] = [("", document)]
    while pending:
        scope, workflow = pending.pop(0)
        states = workflow.get("States") if isinstance(workflow, dict) else None
        if not isinstance(states, dict):
            continue
        if name in states:
            return scope
        for outer, state in states.items():
            if not isinstance(state, dict):
                continue
            inner = state.get("Branches") if state.get("Type") == "Parallel" else None
            processor = state.get("ItemProcessor") or state.get("Iterator")
            nested = inner if isinstance(inner, list) else [processor]
            pending.extend((scope_of(scope, outer, n), workflow) for n, workflow in enumerate(nested))
    return None


def _workflow(machine: m.StateMachine, scope: str) -> m.Workflow:
    """The workflow that a scope names."""
    workflow: m.Workflow = machine
    steps = iter(scope.split("\x1f")[1:])
    for name, index in zip(steps, steps, strict=True):
        state = workflow.states[name]
        assert isinstance(state, m.Map | m.Parallel)
        workflow = state.item_processor if isinstance(state, m.Map) else state.branches[int(index)]
    return workflow


def _is_iteration(program: Program, scope: str) -> bool:
    """Whether the state stands in a Map's processor, not in a branch."""
    if not scope:
        return False
    outer, name, _ = scope.rsplit("\x1f", 2)
    return program.workflows[outer].states[name].type == "Map"


# --- the state and its mock


def _check_state(state: m.State, resource: Resource | None, request: Mapping[str, Any], *, mocked: bool) -> None:
    if mocked and state.type not in _MOCKABLE:
        raise ValidationError(f"State type '{state.type}' is not supported when a mock is specified")
    if not mocked and state.type in ("Map", "Parallel"):
        raise ServiceError(
            "InvalidDefinition",
            "TestState API does not support Map or Parallel states. Supported state types include: "
            "[Task, Wait, Pass, Succeed, Fail, Choice]",
        )
    role_arn = request.get("roleArn")
    if role_arn is not None:
        check_role_arn(role_arn)
    if resource is not None and not mocked:
        _check_resource(resource)
        if role_arn is None:
            raise ValidationError("RoleArn must be specified when testing a Task state")
    configuration = request.get("stateConfiguration") or {}
    _check_configuration(state, configuration)


def _check_resource(resource: Resource) -> None:
    """Refuse what could not be waited for."""
    what = None
    if resource.kind == "activity":
        what = "Activity tasks"
    elif resource.pattern == "WAIT_FOR_TASK_TOKEN":
        what = "the '.waitForTaskToken' service integration pattern"
    elif resource.pattern != "REQUEST_RESPONSE":
        what = "the '.sync' service integration pattern"
    if what is not None:
        raise ServiceError("InvalidDefinition", f"TestState API does not support {what} when a mock is not specified.")


def _check_configuration(state: m.State, configuration: Mapping[str, Any]) -> None:
    if state.type != "Map":
        for member, name in (
            ("mapIterationFailureCount", "MapIterationFailureCount"),
            ("mapItemReaderData", "MapItemReaderData"),
        ):
            if configuration.get(member) is not None:
                raise ValidationError(f"TestState supports {name} only for Map states.")
    caused_by = configuration.get("errorCausedByState")
    if caused_by is None:
        return
    if not isinstance(state, m.Map | m.Parallel):
        raise ValidationError("TestState supports ErrorCausedByState only for Map or Parallel states.")
    if caused_by not in _names_within(state):
        raise ValidationError("State not found in definition")


def _names_within(state: m.Map | m.Parallel) -> set[str]:
    names: set[str] = set()
    for workflow in (state.item_processor,) if isinstance(state, m.Map) else state.branches:
        for name, inner in workflow.states.items():
            names.add(name)
            if isinstance(inner, m.Map | m.Parallel):
                names |= _names_within(inner)
    return names


async def _mock(given: Mapping[str, Any], state: m.State, resource: Resource | None) -> Payload | MockedError:
    if "errorOutput" in given:
        output = given["errorOutput"]
        if output.get("error") is None:
            raise ValidationError("Mocked error output must have an error.")
        return MockedError(output["error"], output.get("cause"))
    text = given["result"]
    try:
        result = loads(text)
    except InvalidJson:
        raise ValidationError("Mocked result must be valid JSON") from None
    if isinstance(state, m.Task):
        assert resource is not None
        await _check_task_result(result, resource, given.get("fieldValidationMode") or "STRICT")
    elif isinstance(state, m.Map) and state.result_writer is not None and state.result_writer.resource:
        if not isinstance(result, dict):
            raise ValidationError("Mocked result must be a JSON object.")
    elif not isinstance(result, list):
        raise ValidationError("Mocked result must be an array.")
    elif isinstance(state, m.Parallel) and len(result) != len(state.branches):
        raise ValidationError("Mocked result must contain the same number of items as number of Parallel branches.")
    return Payload(text, result)


async def _check_task_result(result: Json, resource: Resource, mode: str) -> None:
    """A service answers with an object, a function, a worker or a callback with anything."""
    if resource.kind != "service" or resource.pattern == "WAIT_FOR_TASK_TOKEN":
        return
    if not isinstance(result, dict):
        raise ValidationError("Mocked result must be a JSON object.")
    if mode == "NONE":
        return
    schema = await schema_of(resource)
    if schema is not None:
        check_result(result, schema, strict=mode == "STRICT")


# --- the rest


def _variables(text: str | None) -> dict[str, Json]:
    if text is None:
        return {}
    try:
        variables = loads(text)
    except InvalidJson:
        raise ValidationError("Variables must be valid JSON") from None
    if not isinstance(variables, dict):
        raise ValidationError("Variables must be a JSON object.")
    return variables


def _context(text: str | None, resource: Resource | None) -> dict[str, Json] | None:
    if text is None:
        return None
    has_token = resource is not None and resource.pattern != "REQUEST_RESPONSE"
    return read_context(text, has_token=has_token)


def _read_items(data: str | None, input_text: str, config: dict[str, Json]) -> Json:
    """The items of an ItemReader: its data as given, or else the state's input if that can be iterated."""
    return items_of(input_text if data is None else data, config)
