"""Test cases of a mock file: what `#TestCase` at the end of a state machine's ARN asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from newel.errors import ValidationError
from newel.integrations.mock_file import MockFile, MockFileError
from newel.language.loader import load_definition
from newel.language.resource import parse_resource
from newel.language.walk import states_of
from newel.ports.store import Machine, Revision

_SCHEDULED: Final = ("TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled")


class Histories(Protocol):
    """Who knows the histories of executions."""

    async def history(self, arn: str) -> Sequence[dict[str, Any]]:
        """All events of an execution, by id."""
        ...


def split_test_case(arn: str) -> tuple[str, str | None]:
    """(`arn`, None), or the ARN and the test case that follows a `#`."""
    base, mark, case = arn.partition("#")
    return base, case if mark else None


def check_test_case(file: MockFile | None, machine: Machine, revision: Revision, test_case: str) -> None:
    """Raises ValidationException unless the test case exists and mocks what can be mocked."""
    if file is None:
        raise ValidationError(
            f"'{test_case}' is a test case of a mock file, and the server was started without one (SFN_MOCK_CONFIG)."
        )
    try:
        script = file.script(machine.name, test_case)
    except MockFileError as error:
        raise ValidationError(f"{error}.") from None
    for state in states_of(load_definition(revision.definition)):
        if state.name in script and state.node.get("Type") == "Task":
            resource = parse_resource(state.node["Resource"])
            if resource.kind == "activity":
                raise ValidationError(
                    f"Activity state cannot be mocked. State '{state.name}' in test case '{test_case}' is one."
                )


async def scheduled_states(histories: Histories, arn: str) -> list[str]:
    """The states whose tasks an execution has scheduled, in order of task id."""
    states: dict[int, str] = {}
    scheduled = []
    for event in await histories.history(arn):
        kind, entered = event["type"], event.get("stateEnteredEventDetails")
        name = entered["name"] if entered else states.get(event.get("previousEventId", 0), "")
        states[event["id"]] = name
        if kind in _SCHEDULED:
            scheduled.append(name)
    return scheduled
