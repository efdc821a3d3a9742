import json

import pytest

GOOD = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
BROKEN = """{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "Nowhere"},
    "B": {"Type": "Wait",
      "Seconds": -1, "End": true}
  }
}
"""
BROKEN_YAML = """StartAt: A
States:
  A:
    Type: Pass
    Nxt: B
    End: true
"""


def records(result):
    return json.loads(result.stdout)["diagnostics"]


def test_a_sound_definition(newel, definition):
    result = newel("validate", definition(GOOD))
    assert result.exit_code == 0
    assert result.stdout == "1 definition: 0 errors, 0 warnings\n"


def test_findings_have_line_and_column_and_come_in_the_order_of_the_text(newel, definition):
    path = definition(BROKEN)
    result = newel("validate", path)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}:4:27: error MISSING_TRANSITION_TARGET: Missing 'Next' target: Nowhere (/States/A/Next)",
        f'{path}:5:5: error MISSING_TRANSITION_TARGET: State "B" is not reachable. (/States/B)',
        f"{path}:6:7: error SCHEMA_VALIDATION_FAILED: Minimum value is 0 (/States/B/Seconds)",
        "1 definition: 3 errors, 0 warnings",
    ]


@pytest.mark.parametrize("name", ["flow.yaml", "flow.asl.yml"])
def test_yaml_has_positions_too_and_the_field_that_a_finding_names(newel, definition, name):
    path = definition(BROKEN_YAML, name)
    assert newel("validate", path).stdout.splitlines()[0] == (
        f"{path}:5:5: error SCHEMA_VALIDATION_FAILED: Field 'Nxt' is not supported (/States/A)"
    )


def test_text_that_is_not_json_is_shown_where_it_breaks_on_one_line(newel, definition):
    path = definition('{"StartAt":\n  oops}')
    result = newel("validate", path)
    assert result.exit_code == 1
    first, _ = result.stdout.splitlines()
    assert first.startswith(f"{path}:2:")
    assert "INVALID_JSON_DESCRIPTION" in first
    assert "[Source:" not in first


def test_yaml_that_cannot_be_read(newel, definition):
    result = newel("validate", definition("a: [1\nb: 2", "flow.yaml"))
    assert result.exit_code == 1
    assert "flow.yaml:" in result.stdout


def test_json_output(newel, definition):
    path = definition(BROKEN)
    result = newel("validate", "--json", path)
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["result"] == "FAIL"
    assert document["diagnostics"][0] == {
        "file": str(path),
        "line": 4,
        "column": 27,
        "severity": "ERROR",
        "code": "MISSING_TRANSITION_TARGET",
        "message": "Missing 'Next' target: Nowhere",
        "location": "/States/A/Next",
    }


def test_several_files_are_all_checked(newel, definition):
    good, broken = definition(GOOD, "good.json"), definition(BROKEN, "broken.json")
    result = newel("validate", "--json", good, broken)
    assert result.exit_code == 1
    assert {record["file"] for record in records(result)} == {str(broken)}


def test_warnings_do_not_make_a_definition_invalid(newel, definition):
    text = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Comment": "a", "Comment": "b", "End": true}}}'
    result = newel("validate", "--json", definition(text))
    assert result.exit_code == 0
    assert [record["severity"] for record in records(result)] == ["WARNING"]


def test_the_type_matters(newel, definition):
    resource = "arn:aws:states:::states:startExecution.sync"
    text = json.dumps(
        {
            "StartAt": "A",
            "States": {
                "A": {
                    "Type": "Task",
                    "Resource": resource,
                    "Parameters": {"StateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"},
                    "End": True,
                }
            },
        }
    )
    path = definition(text)
    assert newel("validate", path).exit_code == 0
    assert newel("validate", "--type", "EXPRESS", path).exit_code == 1


def test_substitutions_of_a_template_are_accepted(newel, definition):
    text = '{"StartAt": "A", "States": {"A": {"Type": "Task", "Resource": "${Function}", "End": true}}}'
    assert newel("validate", definition(text)).exit_code == 0


@pytest.mark.parametrize("text", [GOOD, "StartAt: A\nStates: {A: {Type: Pass, End: true}}"])
def test_stdin(newel, text):
    assert newel("validate", "-", stdin=text).exit_code == 0


def test_a_file_that_is_not_there(newel):
    result = newel("validate", "absent.json")
    assert result.exit_code == 2
    assert result.stderr == "newel: cannot read absent.json: No such file or directory\n"


def test_a_file_that_is_not_text(newel, tmp_path):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe")
    result = newel("validate", "x.json")
    assert result.exit_code == 2
    assert result.stderr == "newel: cannot read x.json: it is not UTF-8 text\n"
