import asyncio

import pytest

from newel.integrations.mocks import MockedTargets, parse_mocks
from newel.language.resource import parse_resource
from newel.ports.tasks import Failed, Succeeded

from .fakes import request

RESOURCE = "arn:aws:states:::lambda:invoke"


class Real:
    async def run(self, asked, events):
        return Succeeded('"real"')


@pytest.fixture
def outcomes(events):
    def run(script, *states, **changes):
        """What one call after the other answers, in one execution."""
        target = MockedTargets(parse_mocks(script), lambda resource: Real())(parse_resource(RESOURCE))
        return [
            asyncio.run(target.run(request(RESOURCE, "{}", state_name=state, **changes), events)) for state in states
        ]

    return run


def test_one_answer_is_given_to_every_call(outcomes):
    assert outcomes({"A": {"Return": {"id": 7}}}, "A", "A") == [Succeeded('{"id":7}')] * 2


def test_a_throw_fails_the_task(outcomes):
    script = {"A": {"Throw": {"Error": "E", "Cause": "c"}}, "B": {"Throw": {"Error": "E"}}}
    assert outcomes(script, "A", "B") == [Failed("E", "c"), Failed("E")]


def test_a_list_answers_call_after_call_and_its_last_entry_all_later_ones(outcomes):
    script = {"A": [{"Throw": {"Error": "E"}}, {"Return": 1}]}
    assert outcomes(script, "A", "A", "A") == [Failed("E"), Succeeded("1"), Succeeded("1")]


def test_calls_of_different_states_are_counted_apart(outcomes):
    script = {name: [{"Return": 0}, {"Return": 1}] for name in "AB"}
    assert outcomes(script, "A", "B", "A") == [Succeeded("0"), Succeeded("0"), Succeeded("1")]


def test_calls_of_different_executions_are_counted_apart(events):
    script = parse_mocks({"A": [{"Return": 0}, {"Return": 1}]})
    target = MockedTargets(script, lambda resource: Real())(parse_resource(RESOURCE))
    answers = [
        asyncio.run(target.run(request(RESOURCE, "{}", state_name="A", execution_arn=arn), events)) for arn in "xyx"
    ]
    assert answers == [Succeeded("0"), Succeeded("0"), Succeeded("1")]


def test_ranges_are_those_of_step_functions_local(outcomes):
    script = {"A": {"0": {"Return": 0}, "1-2": {"Throw": {"Error": "E"}}}}
    *scripted, beyond = outcomes(script, "A", "A", "A", "A")
    assert scripted == [Succeeded("0"), Failed("E"), Failed("E")]
    assert beyond == Failed("Newel.NotMocked", "The mock of state 'A' has no answer for call 3.")


def test_other_states_are_performed(outcomes):
    assert outcomes({"A": {"Return": 0}}, "B") == [Succeeded('"real"')]


def test_an_activity_without_a_mock_fails_rather_than_waiting_for_a_worker(events):
    activity = parse_resource("arn:aws:states:us-east-1:123456789012:activity:a")
    target = MockedTargets({}, lambda resource: None)(activity)
    outcome = asyncio.run(target.run(request(activity.text, "{}", state_name="A"), events))
    assert outcome.error == "Newel.NotMocked"


@pytest.mark.parametrize(
    "script",
    [
        [],
        "x",
        {"A": 1},
        {"A": {}},
        {"A": []},
        {"A": {"Result": 1}},
        {"A": {"Throw": {"Cause": "c"}}},
        {"A": {"Throw": {"Error": "E", "Cause": 1}}},
        {"A": {"Throw": {"Error": "E", "More": 1}}},
        {"A": {"Return": 1, "Throw": {"Error": "E"}}},
        {"A": [1]},
        {"A": {"x": {"Return": 1}}},
        {"A": {"2-1": {"Return": 1}}},
    ],
)
def test_a_wrong_script_is_refused_in_words(script):
    with pytest.raises(ValueError, match=r"[Mm]ock"):
        parse_mocks(script)
