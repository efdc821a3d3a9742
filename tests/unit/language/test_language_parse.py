import json

import pytest
from msgspec import UNSET

from newel.language import model
from newel.language.diagnostics import DefinitionError
from newel.language.parse import parse_definition, parse_machine, parse_state

PASS = {"Type": "Pass", "End": True}


def machine(*, language=None, **states):
    top = {"QueryLanguage": language} if language else {}
    return parse_definition(json.dumps({**top, "StartAt": next(iter(states)), "States": states}))


def state(node, language="JSONPath"):
    return parse_state(node, "S", language)


def test_a_machine_has_its_states_in_order_with_pointers():
    found = machine(A={**PASS, "Comment": "c"}, B={"Type": "Succeed"})
    assert found.start_at == "A"
    assert list(found.states) == ["A", "B"]
    assert found.pointer == ""
    assert found.states["A"] == model.Pass(name="A", end=True, comment="c", pointer="/States/A")


def test_the_top_level_fields():
    found = parse_machine(
        {
            "Comment": "c",
            "Version": "1.0",
            "TimeoutSeconds": 9,
            "QueryLanguage": "JSONata",
            "StartAt": "A",
            "States": {"A": PASS},
        }
    )
    assert (found.comment, found.version, found.timeout_seconds, found.query_language) == ("c", "1.0", 9, "JSONata")


def test_absent_null_and_given_differ():
    found = state({**PASS, "InputPath": None, "Result": None})
    assert found.input_path is None
    assert found.output_path is UNSET
    assert found.result is None
    assert state({**PASS, "Output": None}, "JSONata").output is None


def test_a_task_with_everything():
    found = state(
        {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Next": "N",
            "Parameters": {"a.$": "$.a"},
            "ResultSelector": {"b": 1},
            "ResultPath": "$.r",
            "TimeoutSecondsPath": "$.t",
            "HeartbeatSeconds": 5,
            "Credentials": {"RoleArn.$": "$.role"},
            "Retry": [{"ErrorEquals": ["A", "B"], "IntervalSeconds": 2, "MaxAttempts": 0, "BackoffRate": 2, "MaxDelaySeconds": 9, "JitterStrategy": "FULL"}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "C", "ResultPath": None, "Assign": {"x": 1}}],
        }
    )  # fmt: skip
    assert found.resource == "arn:aws:states:::sqs:sendMessage"
    assert (found.next, found.end) == ("N", False)
    assert found.parameters == {"a.$": "$.a"}
    assert (found.timeout_seconds_path, found.heartbeat_seconds) == ("$.t", 5)
    assert found.credentials == {"RoleArn.$": "$.role"}
    assert found.retry == (
        model.Retrier(
            error_equals=("A", "B"),
            interval_seconds=2,
            max_attempts=0,
            backoff_rate=2.0,
            max_delay_seconds=9,
            jitter_strategy="FULL",
            pointer="/Retry/0",
        ),
    )
    assert found.catch == (
        model.Catcher(error_equals=("States.ALL",), next="C", result_path=None, assign={"x": 1}, pointer="/Catch/0"),
    )


def test_jsonata_texts_stand_where_numbers_do():
    found = state({"Type": "Wait", "Seconds": "{% 1 %}", "End": True}, "JSONata")
    assert found.seconds == "{% 1 %}"
    with pytest.raises(DefinitionError, match="Expected value of type Integer at /Seconds"):
        state({"Type": "Wait", "Seconds": "{% 1 %}", "End": True})
    task = state(
        {"Type": "Task", "Resource": "r", "End": True, "TimeoutSeconds": "{% 2 %}", "Credentials": "{% $c %}"},
        "JSONata",
    )
    assert (task.timeout_seconds, task.credentials) == ("{% 2 %}", "{% $c %}")


def test_choice_rules_of_jsonpath():
    found = state(
        {
            "Type": "Choice",
            "Default": "D",
            "Choices": [
                {"Variable": "$.a", "NumericLessThanPath": "$.b", "Next": "X", "Assign": {"v": 1}, "Comment": "c"},
                {"And": [{"Variable": "$.a", "IsNull": True}, {"Not": {"Variable": "$.b", "StringEquals": ""}}], "Next": "Y"},
            ],
        }
    )  # fmt: skip
    first, second = found.choices
    assert first.rule == model.Comparison(
        variable="$.a", operator="NumericLessThanPath", operand="$.b", pointer="/Choices/0"
    )
    assert (first.next, first.assign) == ("X", {"v": 1})
    assert second.rule.operator == "And"
    assert second.rule.operands[0].operand is True
    assert second.rule.operands[1] == model.BooleanRule(
        operator="Not",
        operands=(
            model.Comparison(variable="$.b", operator="StringEquals", operand="", pointer="/Choices/1/And/1/Not"),
        ),
        pointer="/Choices/1/And/1",
    )
    assert found.default == "D"


def test_choice_rules_of_jsonata():
    found = state({"Type": "Choice", "Choices": [{"Condition": True, "Next": "X", "Output": 1}]}, "JSONata")
    assert found.choices[0].rule == model.Condition(expression=True, pointer="/Choices/0")
    assert found.choices[0].output == 1


@pytest.mark.parametrize(
    "rule",
    [{}, {"Variable": "$.a"}, {"StringEquals": "a"}, {"Variable": 1, "StringEquals": "a"}, {"And": 1}, {"Not": []}],
)
def test_a_rule_that_compares_nothing_is_refused(rule):
    with pytest.raises(DefinitionError):
        state({"Type": "Choice", "Choices": [{**rule, "Next": "X"}]})


def test_maps_of_both_ages():
    processor = {"StartAt": "I", "States": {"I": PASS}}
    modern = state(
        {
            "Type": "Map",
            "End": True,
            "ItemProcessor": {**processor, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}},
            "ItemSelector": {"a.$": "$"},
            "ItemReader": {"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON"}},
            "ItemBatcher": {"MaxItemsPerBatch": 3, "BatchInput": {"x": 1}},
            "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "WriterConfig": {"OutputType": "JSON"}},
            "Label": "L",
            "ToleratedFailurePercentage": 50,
        }
    )
    assert (modern.mode, modern.execution_type, modern.label) == ("DISTRIBUTED", "EXPRESS", "L")
    assert modern.item_reader.reader_config == {"InputType": "JSON"}
    assert modern.item_batcher == model.ItemBatcher(max_items_per_batch=3, batch_input={"x": 1}, pointer="/ItemBatcher")
    assert modern.result_writer.writer_config == {"OutputType": "JSON"}
    assert modern.tolerated_failure_percentage == 50.0
    assert modern.item_processor.states["I"].pointer == "/ItemProcessor/States/I"
    legacy = state({"Type": "Map", "End": True, "Iterator": processor, "Parameters": {"p": 1}})
    assert (legacy.mode, legacy.item_selector, legacy.legacy_parameters) == ("INLINE", {"p": 1}, True)
    assert legacy.parameters is UNSET
    assert legacy.item_processor.start_at == "I"


def test_nested_states_inherit_the_machines_language_not_the_enclosing_states():
    inner = {"StartAt": "I", "States": {"I": PASS}}
    found = machine(
        M={"Type": "Map", "QueryLanguage": "JSONata", "ItemProcessor": inner, "Next": "P"},
        P={"Type": "Parallel", "QueryLanguage": "JSONata", "Branches": [inner], "End": True},
    )
    assert found.states["M"].query_language == "JSONata"
    assert found.states["M"].item_processor.states["I"].query_language == "JSONPath"
    assert found.states["P"].branches[0].states["I"].query_language == "JSONPath"
    assert found.states["P"].branches[0].states["I"].pointer == "/States/P/Branches/0/States/I"


def test_fields_of_the_other_language_are_left_out():
    assert state({**PASS, "Output": 1, "InputPath": "$.a"}).output is UNSET
    assert state({**PASS, "Output": 1, "InputPath": "$.a"}, "JSONata").input_path is UNSET


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "These fields are required: [States] at /"),
        ({"States": {}}, "These fields are required: [StartAt] at /"),
        ({"StartAt": 1, "States": {}}, "Expected value of type String at /StartAt"),
        ({"StartAt": "A", "States": []}, "Expected value of type Object at /States"),
        ({"StartAt": "A", "States": {"A": 1}}, "Expected value of type Object at /States/A"),
        ({"StartAt": "A", "States": {"A": {"Type": "X"}}}, "should have one of these values: [Task, Wait, Pass"),
        ({"StartAt": "A", "States": {"A": {"Type": "Task"}}}, "These fields are required: [Resource] at /States/A"),
        ({"StartAt": "A", "States": {"A": {"Type": "Map", "End": True}}}, "These fields are required: [ItemProcessor]"),
        ({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": 1}}}, "Expected value of type Boolean"),
        ({"StartAt": "A", "QueryLanguage": "X", "States": {}}, "QueryLanguage"),
        ({"StartAt": "A", "TimeoutSeconds": 1.5, "States": {}}, "Expected value of type Integer"),
    ],
)
def test_what_cannot_be_a_model_is_refused_with_its_place(definition, words):
    with pytest.raises(DefinitionError) as refused:
        parse_machine(definition)
    assert words in str(refused.value)


def test_integral_floats_are_integers():
    assert state({"Type": "Wait", "Seconds": 5.0, "End": True}).seconds == 5
