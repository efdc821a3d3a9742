"""Mock files of Step Functions Local: scripted results by state machine and test case.

    {"StateMachines": {"Orders": {"TestCases": {"HappyPath": {"Charge": "Charged"}}}},
     "MockedResponses": {"Charged": {"0": {"Throw": {"Error": "Busy"}}, "1-3": {"Return": {"id": 7}}}}}

An execution started as `<state machine ARN>#HappyPath` gets these results; its other states call their targets. The
keys of a response count the calls of the state in one execution, from 0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from newel.integrations.mocks import Entry, Script, answer, parse_entries
from newel.json import InvalidJson, Json, loads
from newel.language.resource import Resource
from newel.ports.tasks import Failed, Outcome, TargetLookup, TaskEvents, TaskRequest, TaskTarget

FILE_ERROR: Final = "Newel.MockFile"

#: machine -> test case -> script.
Cases = Mapping[str, Mapping[str, Script]]
#: The states of an execution's tasks so far, in order of task id (from 1), as its journal has them.
ScheduledStates = Callable[[str], Awaitable[Sequence[str]]]

_EXECUTIONS_MAX: Final = 1000


class MockFileError(ValueError):
    """A mock file that cannot be used, or has no such test case; the text says why."""


def parse_mock_file(document: Json) -> Cases:
    """Check and compile a mock file. Raises `MockFileError`."""
    machines = _objects(_object(document, "A mock file").get("StateMachines", {}), "StateMachines")
    given = document.get("MockedResponses", document.get("MockedResponse", {}))
    try:
        responses = {
            name: parse_entries(f"mocked response '{name}'", response)
            for name, response in _object(given, "MockedResponses").items()
        }
    except MockFileError:
        raise
    except ValueError as error:
        raise MockFileError(str(error)) from None
    return {
        machine: {
            case: {state: _response(responses, name, state) for state, name in states.items()}
            for case, states in _objects(node.get("TestCases", {}), f"TestCases of '{machine}'").items()
        }
        for machine, node in machines.items()
    }


def _response(responses: Script, name: Json, state: str) -> tuple[Entry, ...]:
    if not isinstance(name, str) or name not in responses:
        raise MockFileError(f"State '{state}' names the response {name!r}, which is not in MockedResponses")
    return responses[name]


def _object(value: Json, what: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise MockFileError(f"{what} must be a JSON object")
    return value


def _objects(value: Json, what: str) -> dict[str, dict[str, Json]]:
    return {name: _object(item, f"'{name}' in {what}") for name, item in _object(value, what).items()}


class MockFile:
    """A mock file, read again whenever it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._cases: Cases = {}

    def script(self, machine: str, test_case: str) -> Script:
        """What the test case answers, by state. Raises `MockFileError`."""
        cases = self.cases().get(machine)
        if cases is None:
            raise MockFileError(f"The mock file {self.path} has no state machine '{machine}'")
        if test_case not in cases:
            known = ", ".join(cases) or "none"
            what = f"no test case '{test_case}' for state machine '{machine}' (it has: {known})"
            raise MockFileError(f"The mock file {self.path} has {what}")
        return cases[test_case]

    def cases(self) -> Cases:
        """All test cases. Raises `MockFileError`."""
        try:
            found = self.path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._cases = parse_mock_file(loads(self.path.read_bytes()))
                self._stamp = stamp
        except OSError as error:
            raise MockFileError(f"Cannot read the mock file {self.path}: {error.strerror}") from None
        except InvalidJson as error:
            raise MockFileError(f"The mock file {self.path} is not JSON: {error}") from None
        except MockFileError as error:
            raise MockFileError(f"The mock file {self.path} is wrong: {error}") from None
        return self._cases


class MockFileTargets:
    """A `TargetLookup` whose targets answer for the states that an execution's test case mocks.

    Calls are counted per state and execution. A call that is issued again after a restart has its old number, because
    the numbers follow from the journal.
    """

    def __init__(self, file: MockFile, targets: TargetLookup, scheduled: ScheduledStates) -> None:
        self._file = file
        self._targets = targets
        self._scheduled = scheduled
        self._states: OrderedDict[str, list[str]] = OrderedDict()

    def __call__(self, resource: Resource) -> TaskTarget | None:
        target = self._targets(resource)
        return None if target is None else _MockedByFile(self, target)

    async def answer(self, request: TaskRequest) -> Outcome | None:
        """The scripted outcome; None for an execution without test case, or a state that is not mocked."""
        if request.test_case is None:
            return None
        machine = request.machine_arn.split(":")[6]
        try:
            entries = self._file.script(machine, request.test_case).get(request.state_name)
        except MockFileError as error:
            return Failed(FILE_ERROR, str(error))
        if entries is None:
            return None
        return answer(entries, await self._call_number(request), request.state_name)

    async def _call_number(self, request: TaskRequest) -> int:
        states = self._states.setdefault(request.execution_arn, [])
        self._states.move_to_end(request.execution_arn)
        if len(self._states) > _EXECUTIONS_MAX:
            self._states.popitem(last=False)
        at = request.task_id - 1
        if len(states) == at:
            states.append(request.state_name)
        elif len(states) < at:  # the server was restarted, or other states went to their targets meanwhile
            states[:] = await self._scheduled(request.execution_arn)
        return states[:at].count(request.state_name)


class _MockedByFile:
    def __init__(self, mocks: MockFileTargets, target: TaskTarget) -> None:
        self._mocks = mocks
        self._target = target

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        outcome = await self._mocks.answer(request)
        return await self._target.run(request, events) if outcome is None else outcome
