"""What AWS was recorded to answer, against direct evaluation of the same paths, templates and comparisons."""

import json
from pathlib import Path
from typing import Any

import expr_recorded as recorded
import pytest
from expr_scopes import scope

from newel.errors import StatesError
from newel.expr.comparison import compile_comparison
from newel.expr.jsonpath import compile_path, compile_reference_path
from newel.expr.query import compile_query, is_query
from newel.expr.references import referenced_variables
from newel.expr.syntax import ExpressionSyntaxError
from newel.expr.template import compile_jsonata_template, compile_jsonpath_template


def test_choice_operators(shared: Path) -> None:
    seen = 0
    for case in recorded.decisions(shared):
        operator = next(key for key in case.rule if key not in ("Variable", "Next"))
        test = compile_comparison(operator, case.rule["Variable"], case.rule[operator])
        assert test(scope(case.input)) is case.matched, case
        seen += 1
    assert seen > 100


def jsonpath_pass(visit: recorded.PassVisit) -> tuple[Any, Any]:
    state, variables = visit.state, visit.variables
    raw = visit.input
    effective = (
        {}
        if state.get("InputPath", "$") is None
        else compile_path(state.get("InputPath", "$"))(scope(raw, variables=variables))
    )
    result = effective
    if "Parameters" in state:
        result = compile_jsonpath_template(state["Parameters"], "Parameters")(scope(effective, variables=variables))
    result = state.get("Result", result)
    assigned = compile_jsonpath_template(state.get("Assign", {}), "Assign")(scope(result, variables=variables))
    path = state.get("ResultPath", "$")
    combined = raw if path is None else compile_reference_path(path).insert(raw, result)
    output = state.get("OutputPath", "$")
    return ({} if output is None else compile_path(output)(scope(combined, variables=variables))), assigned


def jsonata_pass(visit: recorded.PassVisit) -> tuple[Any, Any]:
    seen = scope(visit.input, variables=visit.variables, states={"input": visit.input, "context": {}})
    output = compile_jsonata_template(visit.state["Output"], "Output")(seen) if "Output" in visit.state else visit.input
    return output, compile_jsonata_template(visit.state.get("Assign", {}), "Assign")(seen)


def unpredictable(visit: recorded.PassVisit) -> bool:
    """Reads the context object or chance, or was recorded with words in place of values."""
    text, answer = json.dumps(visit.state), json.dumps([visit.output, visit.assigned])
    return any(word in text for word in ("$$", "context", "UUID")) or any(word in answer for word in ("<", '"date"'))


@pytest.mark.parametrize(
    ("language", "run", "fewest"), [("JSONPath", jsonpath_pass, 100), ("JSONata", jsonata_pass, 20)]
)
def test_pass_states(shared: Path, language: str, run: Any, fewest: int) -> None:
    seen = 0
    for visit in recorded.pass_visits(shared):
        if unpredictable(visit) or visit.state["QueryLanguage"] != language:
            continue
        output, assigned = run(visit)
        assert json.dumps(output) == json.dumps(visit.output), visit  # the order of members counts
        assert {key: assigned[key] for key in visit.assigned} == visit.assigned, visit
        seen += 1
    assert seen > fewest


def test_illegal_escapes_are_refused_at_creation(shared: Path) -> None:
    seen = 0
    for name, case in recorded.cases(shared):
        if "illegal_escapes" in name:
            state = case["steps"][0]["params"]["definition"]["States"]["IntrinsicEscape"]
            with pytest.raises(ExpressionSyntaxError) as caught:
                compile_jsonpath_template(state["Parameters"], "Parameters")
            assert caught.value.message in case["expected"]["exception"]["exception_value"]
            seen += 1
    assert seen


def test_undefined_queries(shared: Path) -> None:
    """Causes and locations of expressions that read a variable that is not there."""
    seen = 0
    for name, case in recorded.cases(shared):
        if ".undefined_reference_" not in name:
            continue
        events = next(value for value in case["expected"].values() if "events" in value)["events"]
        details = next(event["evaluationFailedEventDetails"] for event in events if "Evaluation" in event["type"])
        field = details["location"].partition("/")[0]
        state = case["definition"]["States"][details["state"]]
        with pytest.raises(StatesError) as caught:
            compile_jsonata_template(state[field], field)(scope({}, states={"input": {}}))
        assert caught.value.location == details["location"]
        assert caught.value.error == details["error"]
        assert details["cause"].endswith(f"). {caught.value.cause}")
        seen += 1
    assert seen >= 5


def test_variable_references(shared: Path) -> None:
    """The recorded `variableReferences` of machines without nested states."""
    seen = 0
    for name, case in recorded.cases(shared):
        answers = [
            value for value in case["expected"].values() if isinstance(value, dict) and value.get("variableReferences")
        ]
        machine = case.get("definition")
        if not name.startswith("api.sfn_api_variable_references.") or not answers or machine is None:
            continue
        for state_name, names in answers[0]["variableReferences"].items():
            state = machine["States"].get(state_name)
            if state is None or state["Type"] == "Map":
                continue
            assert state_references(state) == set(names), name
            seen += 1
    assert seen >= 5


def state_references(state: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    fields = [value for key, value in state.items() if key.endswith("Path") or key in ("Parameters", "Assign")]
    for rule in state.get("Choices", ()):
        fields += [value for key, value in rule.items() if key.endswith("Path") or key == "Variable"]
    for value in fields:
        names |= referenced_variables(value, "JSONPath")
    return names


def test_every_recorded_query_compiles(shared: Path) -> None:
    seen = 0
    for name, case in recorded.cases(shared):
        for text in strings(case.get("definition")):
            if is_query(text):
                compile_query(text, name)
                seen += 1
    assert seen > 20


def strings(json_value: Any) -> list[str]:
    if isinstance(json_value, str):
        return [json_value]
    parts = json_value.values() if isinstance(json_value, dict) else json_value if isinstance(json_value, list) else ()
    return [text for part in parts for text in strings(part)]
