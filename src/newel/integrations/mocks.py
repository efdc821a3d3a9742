"""Scripted results in place of real calls: what `newel run --mock` and tests of definitions use.

The script is a JSON object from state name to what the state's task answers:

    {"Charge": {"Return": {"id": 7}},
     "Ship": [{"Throw": {"Error": "Busy", "Cause": "later"}}, {"Return": "ok"}],
     "Notify": {"0-1": {"Throw": {"Error": "Busy"}}, "2": {"Return": "ok"}}}

A list answers one call after the other, and its last entry every later one. An object with indexes or ranges is how
Step Functions Local writes it; a call outside its ranges is an error of the script.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from newel.json import Json, dumps
from newel.language.resource import Resource
from newel.ports.tasks import Failed, Outcome, Succeeded, TargetLookup, TaskEvents, TaskRequest, TaskTarget

_RANGE: Final = re.compile(r"(\d+)(?:-(\d+))?")

UNMOCKED_ERROR: Final = "Newel.NotMocked"


class Entry(msgspec.Struct, frozen=True):
    """What the calls numbered `first` to `last` (None: and all later ones) answer."""

    first: int
    last: int | None
    outcome: Outcome


Script = Mapping[str, tuple[Entry, ...]]


def parse_mocks(document: Json) -> Script:
    """Check and compile a script. Raises `ValueError` saying which state is wrong and why."""
    if not isinstance(document, dict):
        raise ValueError("Mocks must be a JSON object from state name to result")  # noqa: TRY004  (one error type)
    return {state: parse_entries(f"mock of state '{state}'", given) for state, given in document.items()}


class MockedTargets:
    """A `TargetLookup` that answers for scripted states and asks `targets` for all others.

    Calls are counted per state and execution, so that retries walk through a list.
    """

    def __init__(self, script: Script, targets: TargetLookup) -> None:
        self._script = script
        self._targets = targets
        self._calls: Counter[tuple[str, str]] = Counter()

    def __call__(self, resource: Resource) -> TaskTarget:
        return _MockedTarget(self, self._targets(resource))

    def answer(self, request: TaskRequest) -> Outcome | None:
        """The scripted outcome of this call; None for a state that is not scripted."""
        entries = self._script.get(request.state_name)
        if entries is None:
            return None
        key = (request.execution_arn, request.state_name)
        call = self._calls[key]
        self._calls[key] += 1
        return answer(entries, call, request.state_name)


def answer(entries: tuple[Entry, ...], call: int, state: str) -> Outcome:
    """What the entries of a state answer to call number `call`."""
    for entry in entries:
        if entry.first <= call and (entry.last is None or call <= entry.last):
            return entry.outcome
    return Failed(UNMOCKED_ERROR, f"The mock of state '{state}' has no answer for call {call}.")


class _MockedTarget:
    def __init__(self, mocks: MockedTargets, target: TaskTarget | None) -> None:
        self._mocks = mocks
        self._target = target

    async def run(self, request: TaskRequest, events: TaskEvents) -> Outcome | None:
        outcome = self._mocks.answer(request)
        if outcome is not None:
            return outcome
        if self._target is None:
            return Failed(UNMOCKED_ERROR, f"Activity state '{request.state_name}' needs a mock: no worker can take it.")
        return await self._target.run(request, events)


def parse_entries(what: str, given: Json) -> tuple[Entry, ...]:
    """The answers to a state's calls; `what` names them in the `ValueError`."""
    match given:
        case {"Return": _} | {"Throw": _}:
            return (Entry(0, None, _outcome(what, given)),)
        case [_, *_]:
            last = len(given) - 1
            return tuple(
                Entry(call, None if call == last else call, _outcome(what, answer)) for call, answer in enumerate(given)
            )
        case dict() if given:
            return tuple(Entry(*_range(what, key), _outcome(what, answer)) for key, answer in given.items())
    raise ValueError(_expected(what))


def _range(what: str, key: str) -> tuple[int, int]:
    found = _RANGE.fullmatch(key)
    if found is None:
        raise ValueError(_expected(what))
    first = int(found[1])
    last = int(found[2] or first)
    if last < first:
        raise ValueError(f"The {what} has an empty range: {key}")
    return first, last


def _outcome(what: str, given: Json) -> Outcome:
    match given:
        case {"Return": result} if len(given) == 1:
            return Succeeded(dumps(result))
        case {"Throw": {"Error": str(error), **rest}} if len(given) == 1 and rest.keys() <= {"Cause"}:
            cause = rest.get("Cause")
            if cause is None or isinstance(cause, str):
                return Failed(error, cause)
    raise ValueError(_expected(what))


def _expected(what: str) -> str:
    return (
        f'The {what} must be {{"Return": <JSON>}} or '
        '{"Throw": {"Error": <text>, "Cause": <text>}}, a list of those, or an object of those by call number'
    )
