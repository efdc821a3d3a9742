"""Mock files of Step Functions Local."""

import asyncio
import json
import os

import pytest

from newel.integrations.mock_file import MockFile, MockFileError, MockFileTargets, parse_mock_file
from newel.language.resource import parse_resource
from newel.ports.tasks import Failed, Succeeded

from .fakes import request

RESOURCE = "arn:aws:states:::lambda:invoke"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:Orders"
DOCUMENT = {
    "StateMachines": {
        "Orders": {
            "TestCases": {
                "HappyPath": {"Charge": "Charged"},
                "RetryPath": {"Charge": "Busy", "Ship": "Charged"},
                "Empty": {},
            }
        }
    },
    "MockedResponses": {
        "Charged": {"0": {"Return": {"id": 7}}},
        "Busy": {"0-1": {"Throw": {"Error": "Busy", "Cause": "later"}}, "2": {"Return": "ok"}},
    },
}


class Real:
    async def run(self, asked, events):
        return Succeeded('"real"')


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "MockConfigFile.json"
    path.write_text(json.dumps(DOCUMENT))
    return MockFile(path)


async def nobody(arn):
    raise AssertionError("the journal is not needed")


@pytest.fixture
def outcomes(file, events):
    """What calls answer, given as (state, task id) in one execution."""

    def run(*calls, test_case="RetryPath", targets=None, scheduled=nobody):
        targets = targets or MockFileTargets(file, lambda resource: Real(), scheduled)

        async def one(state, task_id):
            asked = request(RESOURCE, "{}", state_name=state, task_id=task_id, machine_arn=MACHINE, test_case=test_case)
            return await targets(parse_resource(RESOURCE)).run(asked, events)

        return [asyncio.run(one(*call)) for call in calls]

    return run


def test_calls_are_counted_by_state(outcomes):
    assert outcomes(("Charge", 1), ("Charge", 2), ("Ship", 3), ("Charge", 4)) == [
        Failed("Busy", "later"),
        Failed("Busy", "later"),
        Succeeded('{"id":7}'),
        Succeeded('"ok"'),
    ]


def test_a_call_beyond_the_script_fails(outcomes):
    *_, beyond = outcomes(("Charge", 1), ("Charge", 2), test_case="HappyPath")
    assert beyond == Failed("Newel.NotMocked", "The mock of state 'Charge' has no answer for call 1.")


def test_other_states_and_executions_call_their_targets(outcomes):
    assert outcomes(("Ship", 1), test_case="HappyPath") == [Succeeded('"real"')]
    assert outcomes(("Charge", 1), test_case=None) == [Succeeded('"real"')]


def test_a_call_issued_again_has_its_number(outcomes):
    assert outcomes(("Charge", 1), ("Charge", 2), ("Charge", 3), ("Charge", 3), ("Charge", 1)) == [
        Failed("Busy", "later"),
        Failed("Busy", "later"),
        Succeeded('"ok"'),
        Succeeded('"ok"'),
        Failed("Busy", "later"),
    ]


def test_after_a_restart_the_numbers_come_from_the_journal(outcomes):
    async def scheduled(arn):
        return ["Charge", "Ship", "Charge", "Charge"]

    assert outcomes(("Charge", 4), scheduled=scheduled) == [Succeeded('"ok"')]


def test_the_numbers_of_many_executions_are_not_kept_for_ever(file, events):
    targets = MockFileTargets(file, lambda resource: Real(), nobody)

    async def main():
        for number in range(1500):
            asked = request(
                RESOURCE,
                "{}",
                state_name="Charge",
                task_id=1,
                machine_arn=MACHINE,
                execution_arn=f"arn:{number}",
                test_case="HappyPath",
            )
            assert await targets(parse_resource(RESOURCE)).run(asked, events) == Succeeded('{"id":7}')

    asyncio.run(main())
    assert len(targets._states) == 1000


def test_activities_are_left_to_the_runtime(file):
    targets = MockFileTargets(file, lambda resource: None, nobody)
    assert targets(parse_resource("arn:aws:states:us-east-1:123456789012:activity:a")) is None


def test_a_file_is_read_again_when_it_changes(file, outcomes):
    assert outcomes(("Charge", 1), test_case="HappyPath") == [Succeeded('{"id":7}')]
    changed = json.loads(json.dumps(DOCUMENT).replace('"id": 7', '"id": 8'))
    file.path.write_text(json.dumps(changed))
    os.utime(file.path, ns=(1, 1))
    assert outcomes(("Charge", 1), test_case="HappyPath") == [Succeeded('{"id":8}')]
    file.path.unlink()
    (outcome,) = outcomes(("Charge", 1), test_case="HappyPath")
    assert outcome.error == "Newel.MockFile"
    assert "No such file" in outcome.cause


def test_what_is_not_there_is_said_clearly(file):
    with pytest.raises(MockFileError, match="no state machine 'Other'"):
        file.script("Other", "HappyPath")
    with pytest.raises(MockFileError, match=r"no test case 'Sad'.*it has: HappyPath, RetryPath, Empty"):
        file.script("Orders", "Sad")


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "A mock file must be a JSON object"),
        ({"StateMachines": []}, "StateMachines must be a JSON object"),
        ({"StateMachines": {"A": {"TestCases": {"C": {"S": "R"}}}}}, "State 'S' names the response 'R'"),
        ({"StateMachines": {"A": {"TestCases": {"C": {"S": 1}}}}}, "State 'S' names the response 1"),
        ({"StateMachines": {"A": {"TestCases": {"C": "S"}}}}, "'C' in TestCases of 'A' must be a JSON object"),
        ({"MockedResponses": {"R": {"0": {"Retrun": 1}}}}, "The mocked response 'R' must be"),
        ({"MockedResponses": {"R": {"2-1": {"Return": 1}}}}, "The mocked response 'R' has an empty range: 2-1"),
        ({"MockedResponses": {"R": {}}}, "The mocked response 'R' must be"),
    ],
)
def test_a_wrong_file_is_refused(document, problem):
    with pytest.raises(MockFileError) as refusal:
        parse_mock_file(document)
    assert problem in str(refusal.value)


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "mocks.json"
    path.write_text("{")
    with pytest.raises(MockFileError, match=r"mocks\.json is not JSON"):
        MockFile(path).cases()
