"""`newel test-state`: one state by itself in the terminal, without a server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.text import Text

from newel.cli.files import Definition, json_argument, read_definition, read_text
from newel.cli.folder_functions import ACCOUNT, REGION, folder_functions
from newel.cli.output import ExitCode, fail, print_json, stdout
from newel.cli.run import substituted
from newel.errors import ServiceError
from newel.json import InvalidJson, Json, dumps, loads
from newel.language.diagnostics import DefinitionError
from newel.limits import DEFAULT_LIMITS

_ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/newel-test-state"
_STYLES: Final = {"SUCCEEDED": "green", "CAUGHT_ERROR": "yellow", "RETRIABLE": "yellow", "FAILED": "red"}
#: Members of an answer that are JSON documents in text.
_DOCUMENTS: Final = ("output", "input", "result", "variables")


class Level(StrEnum):
    """Inspection levels of the API."""

    INFO = "INFO"
    DEBUG = "DEBUG"
    TRACE = "TRACE"


class ValidationMode(StrEnum):
    """How a mocked result is checked against its API's model."""

    STRICT = "STRICT"
    PRESENT = "PRESENT"
    NONE = "NONE"


def state_test(
    file: Annotated[str, typer.Argument(help="A state, or a whole definition, in JSON or YAML; - reads stdin.")],
    *,
    state: Annotated[str | None, typer.Option("--state", help="Which state of a whole definition.")] = None,
    input_: Annotated[str, typer.Option("--input", "-i", metavar="JSON|@FILE", help="The state's input.")] = "{}",
    mock: Annotated[
        str | None, typer.Option(metavar="JSON|@FILE", help='{"Return": JSON} or {"Throw": {"Error": …, "Cause": …}}.')
    ] = None,
    validation: Annotated[
        ValidationMode, typer.Option(help="How the mock is checked against the API's model.")
    ] = ValidationMode.STRICT,
    inspection_level: Annotated[Level, typer.Option(help="DEBUG and TRACE show the steps in between.")] = Level.INFO,
    variables: Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="Variables by name.")] = None,
    context: Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="The context object; needs a mock.")] = None,
    retries: Annotated[int | None, typer.Option(min=0, help="Retries so far; needs a mock.")] = None,
    map_failures: Annotated[int | None, typer.Option(min=0, help="Failed iterations of a Map; needs a mock.")] = None,
    reader_data: Annotated[
        str | None, typer.Option(metavar="TEXT|@FILE", help="What a Map's ItemReader would read; needs a mock.")
    ] = None,
    caused_by: Annotated[
        str | None, typer.Option(metavar="STATE", help="Where in a Map or Parallel the mocked error is from.")
    ] = None,
    functions: Annotated[Path | None, typer.Option(metavar="DIR", help="Lambda functions by file or folder.")] = None,
    define: Annotated[
        list[str] | None, typer.Option("--define", "-D", metavar="NAME=VALUE", help="A value for ${NAME}.")
    ] = None,
    virtual_time: Annotated[bool, typer.Option("--virtual-time", help="Skip a Wait state's time.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Test one state: what it makes of its input, and where it goes.

    A Task calls its target unless it has a mock. Exit code 1 if the state fails or would be retried.
    """
    definition = substituted(read_definition(file), define or [])
    if functions is not None and not functions.is_dir():
        fail(f"there is no folder {functions}")
    request: dict[str, Any] = {
        "definition": _definition(definition, state),
        "roleArn": _ROLE,
        "stateName": state,
        "input": json_argument(input_, "--input")[0],
        "inspectionLevel": inspection_level.value,
        "mock": None if mock is None else {**_mock(mock), "fieldValidationMode": validation.value},
        "variables": None if variables is None else json_argument(variables, "--variables")[0],
        "context": None if context is None else json_argument(context, "--context")[0],
        "stateConfiguration": _present(
            retrierRetryCount=retries,
            mapIterationFailureCount=map_failures,
            errorCausedByState=caused_by,
            mapItemReaderData=_text(reader_data),
        ),
    }
    try:
        answer = asyncio.run(_test(_present(**request), functions, virtual_time=virtual_time))
    except ServiceError as error:
        code = ExitCode.NEGATIVE if error.code == "InvalidDefinition" else ExitCode.USAGE
        fail(f"{error.code}: {error.message}", code)
    except KeyboardInterrupt:
        fail("interrupted", ExitCode.INTERRUPTED)
    _report(_decoded(answer), as_json=as_json)


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, {})}


def _text(given: str | None) -> str | None:
    return read_text(given[1:]) if given is not None and given.startswith("@") else given


def _definition(definition: Definition, state: str | None) -> str:
    """The definition as JSON text; a whole one needs the name of a state."""
    try:
        document = definition.load()
    except DefinitionError as error:
        fail(str(error), ExitCode.NEGATIVE)
    states = document.get("States")
    if state is None and isinstance(states, dict) and "Type" not in document:
        fail(f"say which state to test with --state: {', '.join(states)}")
    return definition.json()


def _mock(given: str) -> dict[str, Any]:
    mock = _api_mock(json_argument(given, "--mock")[1])
    if mock is None:
        fail('--mock must be {"Return": <JSON>} or {"Throw": {"Error": <text>, "Cause": <text>}}')
    return mock


def _api_mock(value: Json) -> dict[str, Any] | None:
    """The API's mock: from a mock as `newel run` takes it, or the API's own object."""
    match value:
        case {"Return": result} if len(value) == 1:
            return {"result": dumps(result)}
        case {"Throw": {"Error": str(error), **rest}} if len(value) == 1 and rest.keys() <= {"Cause"}:
            return {"errorOutput": _present(error=error, cause=rest.get("Cause"))}
        case {"result": result} if len(value) == 1:
            return {"result": result if isinstance(result, str) else dumps(result)}
        case {"errorOutput": {"error": str(error), **rest}} if len(value) == 1 and rest.keys() <= {"cause"}:
            return {"errorOutput": _present(error=error, cause=rest.get("cause"))}
    return None


async def _test(request: dict[str, Any], functions: Path | None, *, virtual_time: bool) -> Mapping[str, Any]:
    # Imported here so that the other commands start without the engine.
    from newel.cli.local import local_targets  # noqa: PLC0415
    from newel.runtime.clock import SystemClock, VirtualClock  # noqa: PLC0415
    from newel.runtime.env import Entropy  # noqa: PLC0415
    from newel.service.core import Caller  # noqa: PLC0415
    from newel.service.test_state.operation import answer_of  # noqa: PLC0415
    from newel.service.test_state.perform import Targets  # noqa: PLC0415
    from newel.service.test_state.run import Tools  # noqa: PLC0415

    clock = VirtualClock(time.time_ns() // 1_000_000) if virtual_time else SystemClock()
    async with folder_functions(functions) as host:
        tools = Tools(
            clock=clock, entropy=Entropy(), limits=DEFAULT_LIMITS, targets=Targets(local_targets(host, clock))
        )
        return await answer_of(request, tools, Caller(ACCOUNT, REGION))


def _decoded(answer: Mapping[str, Any]) -> dict[str, Json]:
    """The answer with its JSON documents as JSON."""
    decoded: dict[str, Json] = {}
    for name, value in answer.items():
        if isinstance(value, str) and (name in _DOCUMENTS or name.startswith("after")):
            decoded[name] = _document(value)
        else:
            decoded[name] = _decoded(value) if name == "inspectionData" else value
    return decoded


def _document(text: str) -> Json:
    try:
        return loads(text)
    except InvalidJson:
        return text


def _report(answer: dict[str, Json], *, as_json: bool) -> NoReturn:
    status = answer["status"]
    if as_json:
        print_json(answer)
    else:
        _print(answer)
    raise typer.Exit(ExitCode.OK if status in ("SUCCEEDED", "CAUGHT_ERROR") else ExitCode.NEGATIVE)


def _print(answer: dict[str, Json]) -> None:
    console = stdout()
    status = answer["status"]
    console.print(Text(status, _STYLES[status]))
    for name, value in answer.get("inspectionData", {}).items():
        console.print(Text.assemble((f"  {name}: ", "bold"), _shown(value)))
    for name, label in (("error", "error"), ("cause", "cause"), ("output", "output"), ("nextState", "next")):
        if name in answer:
            console.print(Text.assemble((f"{label}: ", "bold"), _shown(answer[name], quoted=name == "output")))


def _shown(value: Json, *, quoted: bool = True) -> str:
    return value if isinstance(value, str) and not quoted else dumps(value)
