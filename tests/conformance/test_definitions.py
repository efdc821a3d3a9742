"""Every definition that was sent to the real AWS: what it accepted gives no error, what it refused gives its words."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from newel.language.diagnostics import Diagnostic, format_invalid_definition
from newel.language.parse import parse_definition, parse_state
from newel.language.validate import validate, validate_state
from newel.language.variables import variable_references

#: What a step's answer fills in when a case is run; any ARN of the kind serves here.
FILLED = (
    (re.compile(r"\$\{fn\d+\.FunctionArn\}"), "arn:aws:lambda:us-east-1:000000000000:function:f"),
    (re.compile(r"\$\{r\d+\.activityArn\}"), "arn:aws:states:us-east-1:000000000000:activity:a"),
)
SENDERS = ("stepfunctions.CreateStateMachine", "stepfunctions.UpdateStateMachine")


def cases(shared: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((shared / "conformance" / "cases").glob("*.json")):
        yield json.loads(path.read_text())


def steps(shared: Path, *operations: str) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """(case, step, definition text) of every step that sends a definition."""
    for case in cases(shared):
        for step in case["steps"]:
            if step.get("do") in operations and "definition" in step["params"]:
                definition = step["params"]["definition"]
                text = definition if isinstance(definition, str) else json.dumps(definition)
                for pattern, arn in FILLED:
                    text = pattern.sub(arn, text)
                yield case, step, text


def answers(case: dict[str, Any], step: dict[str, Any]) -> list[dict[str, Any]]:
    return [case["expected"][match["key"]] for match in step.get("match", [])]


def refusal(case: dict[str, Any], step: dict[str, Any]) -> str | None:
    """The recorded text of an InvalidDefinition error."""
    for answer in answers(case, step):
        text = str(answer.get("exception_value") or answer.get("message") or "")
        found = re.search(r"Invalid State Machine Definition: .*", text, re.DOTALL)
        if found:
            return found[0]
    return None


def errors(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return [diagnostic for diagnostic in diagnostics if diagnostic.severity == "ERROR"]


def judged(diagnostics: list[Diagnostic]) -> str | None:
    found = format_invalid_definition(diagnostics) if errors(diagnostics) else None
    return found and found.replace("arn:aws:", "arn:<partition>:")


def test_create_and_update_judge_as_aws_did(shared):
    accepted = refused = 0
    for case, step, text in steps(shared, *SENDERS):
        expected = refusal(case, step)
        assert judged(validate(text, step["params"].get("type") or "STANDARD")) == expected, case["id"]
        if expected is None:
            accepted += 1
            parse_definition(text)
        else:
            refused += 1
    assert accepted > 500
    assert refused >= 11


def test_validate_answers_the_recorded_diagnostics(shared):
    seen = 0
    for case, step, text in steps(shared, "stepfunctions.ValidateStateMachineDefinition"):
        found = errors(validate(text, step["params"].get("type") or "STANDARD"))
        given = [
            {
                name: value
                for name in ("severity", "code", "message", "location")
                if (value := getattr(d, name)) is not None
            }
            for d in found
        ]
        assert given == answers(case, step)[0]["diagnostics"], case["id"]
        seen += 1
    assert seen >= 5


def test_states_that_were_tested_are_judged_as_aws_did(shared):
    seen = 0
    for case, step, text in steps(shared, "stepfunctions.TestState"):
        definition = json.loads(text)
        whole = "States" in definition
        diagnostics = validate(text) if whole else validate_state(definition)
        assert judged(diagnostics) == refusal(case, step), case["id"]
        if not whole:
            parse_state(definition, "StateName")
        seen += 1
    assert seen > 100


def test_variable_references_are_those_aws_described(shared):
    seen = 0
    for case, _step, text in steps(shared, "stepfunctions.CreateStateMachine"):
        if case["id"].startswith("api.sfn_api_variable_references."):
            expected = case["expected"]["describe_response"].get("variableReferences", {})
            assert variable_references(parse_definition(text)) == expected, case["id"]
            seen += 1
    assert seen >= 10
