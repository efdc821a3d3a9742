"""`newel run`: one execution of a definition in the terminal, without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NoReturn

import typer

from newel.cli.files import Definition, json_argument, read_definition
from newel.cli.output import ExitCode, fail, print_json, stderr
from newel.cli.validate import Finding, MachineType, check
from newel.integrations.mocks import Script, parse_mocks
from newel.json import Json, loads
from newel.language.loader import substitute
from newel.language.resource import parse_resource
from newel.language.walk import states_of
from newel.ports.store import Execution


class Result(NamedTuple):
    """An ended execution and its history."""

    execution: Execution
    events: list[dict[str, Any]]


def run(
    file: Annotated[str, typer.Argument(help="A definition in JSON or YAML; - reads stdin.")],
    *,
    input_: Annotated[str, typer.Option("--input", "-i", metavar="JSON|@FILE", help="The execution's input.")] = "{}",
    mock: Annotated[str | None, typer.Option(metavar="FILE", help="Results of tasks by state name.")] = None,
    functions: Annotated[Path | None, typer.Option(metavar="DIR", help="Lambda functions by file or folder.")] = None,
    define: Annotated[
        list[str] | None, typer.Option("--define", "-D", metavar="NAME=VALUE", help="A value for ${NAME}.")
    ] = None,
    machine_type: Annotated[MachineType, typer.Option("--type", help="The kind of state machine.")] = (
        MachineType.STANDARD
    ),
    virtual_time: Annotated[
        bool, typer.Option("--virtual-time", help="Skip waits and pauses between retries.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print status, output and events as JSON.")] = False,
) -> None:
    """Run a definition once and print its output.

    Progress goes to stderr, the output alone to stdout. Exit code 1 if the execution does not succeed.

    A mock file answers tasks by state name, a list one call after the other (its last entry all later ones):

    {"Charge": {"Return": {"id": 7}},
     "Ship": [{"Throw": {"Error": "Busy", "Cause": "later"}}, {"Return": "ok"}]}
    """
    definition = substituted(read_definition(file), define or [])
    document = _checked(definition, machine_type)
    script = _script(mock)
    _check_waits(document, script)
    if functions is not None and not functions.is_dir():
        fail(f"there is no folder {functions}")
    # Imported here so that the other commands start without the engine.
    from newel.cli import local, progress  # noqa: PLC0415

    order = local.LocalOrder(
        definition=definition.json(),
        input=json_argument(input_, "--input")[0],
        machine_name=_machine_name(file),
        execution_name="run",
        type=machine_type.value,
        script=script,
        functions=functions,
        virtual_time=virtual_time,
    )
    try:
        result = asyncio.run(progress.run_watched(order, None if quiet or as_json else stderr()))
    except KeyboardInterrupt:
        fail("interrupted", ExitCode.INTERRUPTED)
    _report(Result(*result), as_json=as_json, quiet=quiet)


def _report(result: Result, *, as_json: bool, quiet: bool) -> NoReturn:
    execution = result.execution
    succeeded = execution.status == "SUCCEEDED"
    if as_json:
        print_json(_summary(result))
    elif succeeded:
        typer.echo(execution.output)
    elif quiet:
        words = ": ".join(text for text in (execution.error, execution.cause) if text)
        fail(f"the execution {execution.status.lower().replace('_', ' ')}: {words}", ExitCode.NEGATIVE)
    raise typer.Exit(ExitCode.OK if succeeded else ExitCode.NEGATIVE)


def _summary(result: Result) -> dict[str, Json]:
    """What `--json` prints; times are epoch seconds, absent members are null."""
    execution = result.execution
    return {
        "executionArn": execution.arn,
        "status": execution.status,
        "startDate": execution.start_ms / 1000,
        "stopDate": None if execution.stop_ms is None else execution.stop_ms / 1000,
        "output": None if execution.output is None else loads(execution.output),
        "error": execution.error,
        "cause": execution.cause,
        "events": result.events,
    }


def substituted(definition: Definition, values: list[str]) -> Definition:
    """The definition with its `${NAME}` filled in from `NAME=VALUE` texts."""
    mapping = dict(_named_value(given) for given in values)
    if not mapping:
        return definition
    return definition._replace(text=substitute(definition.text, mapping))


def _named_value(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not (name and equals):
        fail(f"--define takes NAME=VALUE, not {given}")
    return name, value


def _checked(definition: Definition, machine_type: MachineType) -> dict[str, Json]:
    """The definition as JSON; errors end the command as `newel validate` would show them."""
    findings = check(definition, machine_type, tolerant=False)
    errors = [finding for finding in findings if finding.diagnostic.severity == "ERROR"]
    if errors:
        _refuse(errors)
    return definition.load()


def _refuse(errors: list[Finding]) -> NoReturn:
    console = stderr()
    for finding in errors:
        console.print(finding.line_of_text())
    raise typer.Exit(ExitCode.NEGATIVE)


def _script(mock: str | None) -> Script:
    if mock is None:
        return {}
    _, document = json_argument(f"@{mock}", "--mock")
    try:
        return parse_mocks(document)
    except ValueError as error:
        fail(f"{mock}: {error}")


def _check_waits(document: dict[str, Json], script: Script) -> None:
    """Refuse what would wait for ever here: nobody can take an activity or send back a token."""
    tasks = [state for state in states_of(document) if state.node.get("Type") == "Task"]
    unknown = script.keys() - {state.name for state in tasks}
    if unknown:
        fail(f"the mocks name no Task state of this definition: {', '.join(sorted(unknown))}")
    for state in tasks:
        resource = parse_resource(state.node["Resource"])
        if resource.kind == "activity":
            fail(f"state {state.name} waits for an activity worker, and there is none without a server")
        if resource.pattern == "WAIT_FOR_TASK_TOKEN" and state.name not in script:
            fail(f"state {state.name} waits for its task token to come back; give it a mock")


def _machine_name(file: str) -> str:
    """`orders` for `flows/orders.asl.json`."""
    return "stdin" if file == "-" else Path(file).name.split(".", 1)[0] or "definition"
