"""The rules of the validator, one place for each message."""

import json

import pytest

from newel.language.diagnostics import CODES, Diagnostic, format_invalid_definition
from newel.language.fields import OPERATORS
from newel.language.validate import validate, validate_machine, validate_state

PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "End": True}
INNER = {"StartAt": "I", "States": {"I": PASS}}
OTHER = {"StartAt": "J", "States": {"J": PASS}}
DISTRIBUTED = {**INNER, "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}}
MAP = {"Type": "Map", "ItemProcessor": INNER, "End": True}


def machine(*, language=None, **states):
    top = {"QueryLanguage": language} if language else {}
    return {**top, "StartAt": next(iter(states)), "States": states}


def found(definition, machine_type="STANDARD", severity="ERROR"):
    diagnostics = validate(json.dumps(definition), machine_type)
    assert all(diagnostic.code in CODES for diagnostic in diagnostics)
    return [(d.message, d.location) for d in diagnostics if d.severity == severity]


def errors(node, *, language=None, machine_type="STANDARD", **others):
    return found(machine(language=language, S=node, **others), machine_type)


def choice(rule, language=None):
    return errors({"Type": "Choice", "Choices": [{**rule, "Next": "X"}]}, language=language, X={"Type": "Succeed"})


def query(text, language="JSONata"):
    return errors({**PASS, "Output": {"v": f"{{% {text} %}}"}}, language=language)


# --- the message of the API


def test_the_message_lists_every_error_with_its_place():
    diagnostics = [
        Diagnostic("ERROR", "SCHEMA_VALIDATION_FAILED", "a", "/States/A"),
        Diagnostic("WARNING", "NO_DOLLAR", "w", "/States/A"),
        Diagnostic("ERROR", "MISSING_END_STATE", "Workflow has no terminal state"),
    ]
    assert format_invalid_definition(diagnostics) == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: a at /States/A, "
        "MISSING_END_STATE: Workflow has no terminal state at null'"
    )


# --- shape


def test_a_minimal_machine_is_fine():
    assert errors(PASS) == []


def test_required_fields_are_one_message():
    assert found({}) == [("These fields are required: [States, StartAt]", "/")]
    assert found({"States": {"A": PASS}}) == [("These fields are required: [StartAt]", "/")]
    assert errors({"Type": "Task", "End": True}) == [("These fields are required: [Resource]", "/States/S")]


def test_the_type_of_a_state():
    types = "The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"
    assert errors({"Type": "Nope", "End": True}) == [(types, "/States/S/Type")]
    assert errors({"Type": 1}) == [(types, "/States/S/Type")]
    assert errors({"End": True}) == [("These fields are required: [Type]", "/States/S")]
    assert errors(1) == [("Expected value of type Object", "/States/S")]


@pytest.mark.parametrize(
    ("field", "value", "types"),
    [
        ("TimeoutSeconds", 1, ["Pass", "Wait", "Choice", "Succeed", "Fail", "Map", "Parallel"]),
        ("Retry", [], ["Pass", "Wait", "Choice", "Succeed", "Fail"]),
        ("Catch", [], ["Pass", "Wait", "Choice", "Succeed", "Fail"]),
        ("Assign", {}, ["Succeed", "Fail"]),
        ("Next", "S", ["Choice", "Succeed", "Fail"]),
        ("ResultPath", "$", ["Wait", "Choice", "Succeed", "Fail"]),
        ("Resource", "arn:aws:states:::sns:publish", ["Pass", "Wait", "Choice", "Succeed", "Fail", "Parallel", "Map"]),
        ("_comment", "x", ["Pass", "Task"]),
    ],
)
def test_a_field_on_a_state_that_lacks_it(field, value, types):
    for kind in types:
        assert (f"Field '{field}' is not supported", "/States/S") in errors({"Type": kind, field: value})


def test_fields_of_the_other_query_language():
    words = "The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' QueryLanguage"
    assert errors({**PASS, "Output": 1}) == [(words.format("JSONPath", "Output", "JSONata"), "/States/S")]
    assert errors({**PASS, "InputPath": "$"}, language="JSONata") == [
        (words.format("JSONata", "InputPath", "JSONPath"), "/States/S")
    ]


def test_nested_states_have_the_machines_language_whatever_the_map_says():
    inner = {"StartAt": "P", "States": {"P": {**PASS, "Output": 1}}}
    words = (
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage"
    )
    for language in ({}, {"QueryLanguage": "JSONata"}):
        assert errors({"Type": "Map", **language, "ItemProcessor": inner, "End": True}) == [
            (words, "/States/S/ItemProcessor/States/P")
        ]


def test_query_languages():
    downgrade = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
    assert errors({**PASS, "QueryLanguage": "JSONPath"}, language="JSONata") == [(downgrade, "/States/S")]
    assert errors({**PASS, "QueryLanguage": "JSONata"}) == []
    enum = "Value should be one of the following: [JSONPath, JSONata]"
    assert errors({**PASS, "QueryLanguage": "X", "Output": 1}) == [(enum, "/States/S/QueryLanguage")]
    assert errors(PASS, language="X") == [(enum, "/QueryLanguage")]
    for field in ("ItemProcessor", "Iterator"):
        state = {"Type": "Map", field: {**INNER, "QueryLanguage": "JSONPath"}, "End": True}
        assert errors(state) == [("Field 'QueryLanguage' is not supported", f"/States/S/{field}")]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({**PASS, "Next": "S"}, "There should only be one of the following fields: [Next, End]"),
        ({"Type": "Pass"}, "This object should have only one of the following fields: [Next, End]"),
        ({"Type": "Pass", "End": False}, "This object should have only one of the following fields: [Next, End]"),
        (
            {"Type": "Wait", "Seconds": 1, "Timestamp": "2016-03-14T01:59:00Z", "End": True},
            "There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
        ),
        (
            {"Type": "Wait", "End": True},
            "This object should have only one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]",
        ),
        ({**MAP, "Iterator": OTHER}, "There should only be one of the following fields: [ItemProcessor, Iterator]"),
        (
            {"Type": "Map", "End": True},
            "This object should have only one of the following fields: [ItemProcessor, Iterator]",
        ),
        (
            {**MAP, "MaxConcurrency": 1, "MaxConcurrencyPath": "$.a"},
            "There should only be one of the following fields: [MaxConcurrency, MaxConcurrencyPath]",
        ),
        ({"Type": "Fail", "Error": "e", "ErrorPath": "$.e"}, "There should only be one of the following fields: [Error, ErrorPath]"),
    ],
)  # fmt: skip
def test_fields_that_exclude_each_other(node, words):
    assert errors(node) == [(words, "/States/S")]


def test_end_false_beside_next_is_tolerated():
    assert errors({"Type": "Pass", "End": False, "Next": "X"}, X={"Type": "Succeed"}) == []


@pytest.mark.parametrize(
    ("node", "field", "words"),
    [
        ({**PASS, "Comment": 1}, "Comment", "Expected value of type String"),
        ({**PASS, "End": "yes"}, "End", "Expected value of type Boolean"),
        ({"Type": "Wait", "Seconds": "5", "End": True}, "Seconds", "Expected value of type Integer"),
        ({"Type": "Wait", "Seconds": 1.5, "End": True}, "Seconds", "Expected value of type Integer"),
        ({"Type": "Wait", "Seconds": True, "End": True}, "Seconds", "Expected value of type Integer"),
        ({"Type": "Wait", "Seconds": -1, "End": True}, "Seconds", "Minimum value is 0"),
        ({"Type": "Wait", "Seconds": 100000000, "End": True}, "Seconds", "Maximum value is 99999999"),
        ({**TASK, "TimeoutSeconds": 0}, "TimeoutSeconds", "Minimum value is 1"),
        ({**TASK, "HeartbeatSeconds": 9, "TimeoutSeconds": 9}, "HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds"),
        ({**MAP, "ToleratedFailurePercentage": 101}, "ToleratedFailurePercentage", "Maximum value is 100.0"),
        ({**MAP, "ToleratedFailurePercentage": -0.5}, "ToleratedFailurePercentage", "Minimum value is 0.0"),
        ({**MAP, "MaxConcurrencyPath": "$$.Execution.Input.n"}, "MaxConcurrencyPath", "Value is not a Reference Path"),
        ({**MAP, "MaxConcurrencyPath": "$.a[*]"}, "MaxConcurrencyPath", "Value is not a Reference Path"),
        ({**PASS, "InputPath": "Test"}, "InputPath", "Value must be a valid JSONPath."),
        ({**PASS, "ResultPath": "$.a[?(@.b)]"}, "ResultPath", "Value is not a Reference Path"),
        ({**PASS, "ResultPath": "$v.a"}, "ResultPath", "Value is not a Reference Path"),
        ({**PASS, "ResultPath": "$$.a"}, "ResultPath", "Value is not a Reference Path"),
        ({**PASS, "ResultPath": "a"}, "ResultPath", "Value must be a valid JSONPath."),
        ({**PASS, "Assign": []}, "Assign", "Expected value of type Object"),
        ({"Type": "Wait", "Timestamp": 5, "End": True}, "Timestamp", "Expected value of type String"),
        ({"Type": "Parallel", "Branches": [], "End": True}, "Branches", "Value cannot be empty"),
        ({"Type": "Parallel", "Branches": {}, "End": True}, "Branches", "Expected value of type Array"),
        ({**TASK, "Retry": {}}, "Retry", "Expected value of type Array"),
        ({**TASK, "Resource": "x"}, "Resource", "Value is not a valid resource ARN"),
        ({**TASK, "Resource": 1}, "Resource", "Expected value of type String"),
        ({"Type": "Fail", "ErrorPath": "x"}, "ErrorPath", "Value must be a valid JSONPath."),
    ],
)  # fmt: skip
def test_values_of_fields(node, field, words):
    assert errors(node) == [(words, f"/States/S/{field}")]


def test_machine_values():
    assert found({**machine(S=PASS), "Version": "2"}) == [("Value should be one of the following: [1.0]", "/Version")]
    assert found({**machine(S=PASS), "TimeoutSeconds": 0}) == []
    assert found({"StartAt": "S", "States": {}}) == [("Value cannot be empty", "/States")]


@pytest.mark.parametrize(
    ("text", "legal"),
    [
        ("2016-03-14T01:59:00Z", True),
        ("2016-03-14T01:59:00.123456789Z", True),
        ("2016-03-14T01:59:00+02:00", True),
        ("2016-02-29T00:00:00Z", True),
        ("2015-02-29T00:00:00Z", False),
        ("2016-13-05T21:29:29Z", False),
        ("2016-12-05T25:29:29Z", False),
        ("2016-12-05T21:29:29", False),
        ("2016-12-05 21:29:29Z", False),
        ("2016-12-05t21:29:29z", False),
        ("2016-12-05T21:29:29+24:00", False),
        ("2016-12-05T21:29:29Z\n", False),
        ("0000-12-05T21:29:29Z", False),
        ("٢016-12-05T21:29:29Z", False),
        ("{% '2016-03-14T01:59:00Z' %}", False),
        ("", False),
    ],
)
def test_timestamps(text, legal):
    expected = [] if legal else [("String does not match RFC3339 timestamp", "/States/S/Timestamp")]
    assert errors({"Type": "Wait", "Timestamp": text, "End": True}) == expected


# --- tasks


def test_resources_that_are_not_recognised():
    text = "arn:aws:states:::dynamodb:query"
    words = (
        f"The resource provided {text} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )
    assert errors({**TASK, "Resource": text}) == [(words, "/States/S/Resource")]


def test_what_express_cannot_run():
    sync = {**TASK, "Resource": "arn:aws:states:::glue:startJobRun.sync", "Parameters": {"JobName": "j"}}
    token = {**TASK, "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "Parameters": {"Message": "m"}}
    activity = {**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a"}
    where = "/States/S/Resource"
    assert errors(sync, machine_type="EXPRESS") == [
        ("Express state machine does not support '.sync' service integration", where)
    ]
    assert errors(token, machine_type="EXPRESS") == [
        ("Express state machine does not support '.waitForTaskToken' service integration ", where)
    ]
    assert errors(activity, machine_type="EXPRESS") == [("Express state machine does not support Activity ARN", where)]
    assert errors(sync) == errors(token) == errors(activity) == []
    assert errors({**MAP, "ItemProcessor": DISTRIBUTED}, machine_type="EXPRESS") == [
        (
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state machines",
            "/States/S/ItemProcessor/ProcessorConfig/Mode",
        )
    ]


def test_express_children_of_a_standard_map_are_express():
    token = {**TASK, "Resource": "arn:aws:states:::sns:publish.waitForTaskToken", "Parameters": {"Message": "m"}}
    for execution_type, count in (("EXPRESS", 1), ("STANDARD", 0)):
        processor = {
            "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": execution_type},
            "StartAt": "T",
            "States": {"T": token},
        }
        assert len(errors({**MAP, "ItemProcessor": processor})) == count


def test_credentials():
    where = "/States/S/Credentials"
    assert errors({**TASK, "Credentials": {}}) == [("The field 'RoleArn' is required but was missing", where)]
    assert errors({**TASK, "Credentials": {"RoleArn": "r"}}) == []
    assert errors({**TASK, "Credentials": {"RoleArn.$": "$.r"}}) == []
    assert errors({**TASK, "Credentials": "{% $r %}"}, language="JSONata") == []
    assert errors({**TASK, "Credentials": "r"}, language="JSONata") == [("Expected value of type Object", where)]
    activity = {**TASK, "Resource": "arn:aws:states:us-east-1:123456789012:activity:a", "Credentials": {"RoleArn": "r"}}
    assert errors(activity) == [("The field 'Credentials' is not supported for activities", where)]


def test_parameters_an_integration_needs():
    invoke = {**TASK, "Resource": "arn:aws:states:::lambda:invoke"}
    words = "{} field is required for resource ARN: arn:aws:states:::lambda:invoke"
    assert errors(invoke) == [(words.format("Parameters"), "/States/S")]
    assert errors(invoke, language="JSONata") == [(words.format("Arguments"), "/States/S")]
    assert errors({**invoke, "Parameters": {}}) == [
        ("The field 'FunctionName' is required but was missing", "/States/S/Parameters")
    ]
    assert errors({**invoke, "Parameters": {"FunctionName.$": "$.f"}}) == []
    assert errors({**invoke, "Arguments": "{% $a %}"}, language="JSONata") == []


# --- retry and catch


def test_states_all_stands_alone_and_last():
    words = "States.ALL must appear alone and at end of list"
    everything, some = {"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["A"]}
    assert errors({**TASK, "Retry": [some, everything]}) == []
    assert errors({**TASK, "Retry": [everything, some]}) == [(words, "/States/S/Retry[0]/ErrorEquals[0]")]
    mixed = {"ErrorEquals": ["A", "States.ALL"], "Next": "X"}
    assert errors({**TASK, "Catch": [mixed]}, X={"Type": "Succeed"}) == [(words, "/States/S/Catch[0]/ErrorEquals[1]")]


@pytest.mark.parametrize(
    ("entry", "place", "words"),
    [
        ({}, "", "These fields are required: [ErrorEquals]"),
        ({"ErrorEquals": []}, "/ErrorEquals", "Value cannot be empty"),
        ({"ErrorEquals": [1]}, "/ErrorEquals[0]", "Expected value of type String"),
        ({"ErrorEquals": ["A"], "MaxAttempts": -1}, "/MaxAttempts", "Minimum value is 0"),
        ({"ErrorEquals": ["A"], "BackoffRate": 0.5}, "/BackoffRate", "Minimum value is 1.0"),
        ({"ErrorEquals": ["A"], "BackoffRate": 10**400}, "/BackoffRate", "Value is too large"),
        ({"ErrorEquals": ["A"], "MaxDelaySeconds": 31622401}, "/MaxDelaySeconds", "Maximum value is 31622400"),
        ({"ErrorEquals": ["A"], "JitterStrategy": "X"}, "/JitterStrategy", "Value should be one of the following: [NONE, FULL]"),
        ({"ErrorEquals": ["A"], "Next": "S"}, "", "Field 'Next' is not supported"),
        (1, "", "Expected value of type Object"),
    ],
)  # fmt: skip
def test_retriers(entry, place, words):
    assert errors({**TASK, "Retry": [entry]}) == [(words, f"/States/S/Retry[0]{place}")]


def test_catchers_need_a_next_and_interval_zero_is_tolerated():
    assert errors({**TASK, "Catch": [{"ErrorEquals": ["A"]}]}) == [
        ("These fields are required: [Next]", "/States/S/Catch[0]")
    ]
    assert errors({**TASK, "Retry": [{"ErrorEquals": ["A"], "IntervalSeconds": 0}]}) == []


# --- choices


def test_choice_rules():
    selectors = "The object must have only one of the following fields, [And, Or, Not, Variable, Condition]"
    where = "/States/S/Choices[0]"
    comparison = {"Variable": "$.a", "IsNull": True}
    assert choice(comparison) == []
    assert choice({}) == [(selectors, where)]
    assert choice({**comparison, "Not": comparison}) == [(selectors, where)]
    assert choice({"Variable": "$.a", "IsNull": True, "IsString": True})[0][0].startswith(
        "There should only be one of the following fields: [StringEquals, "
    )
    assert choice({"Variable": "$.a"})[0][0].startswith(
        "This object should have only one of the following fields: [StringEquals, "
    )
    assert choice({"And": [comparison], "IsNull": True}) == [("Field 'IsNull' is not supported", where)]
    assert choice({"Variable": "a", "IsNull": True}) == [
        ("Value is not a Reference Path: Reference path didn't start with '$'", f"{where}/Variable")
    ]
    assert choice({"Variable": "$.a[*]", "IsNull": True}) == [("Value is not a Reference Path", f"{where}/Variable")]
    assert choice({"And": []}) == [("Value cannot be empty", f"{where}/And")]
    assert choice({"And": [{**comparison, "Next": "X"}]}) == [("Field 'Next' is not supported", f"{where}/And[0]")]
    assert choice({"Not": {**comparison, "Next": "X"}}) == [("Field 'Next' is not supported", f"{where}/Not")]
    assert choice({"Variable": "$.a", "StringEquals": 1}) == [
        ("Expected value of type String", f"{where}/StringEquals")
    ]
    assert choice({"Variable": "$.a", "TimestampEquals": "x"}) == [
        ("String does not match RFC3339 timestamp", f"{where}/TimestampEquals")
    ]
    assert errors({"Type": "Choice", "Choices": []}, X={"Type": "Succeed"}) == [
        ("Value cannot be empty", "/States/S/Choices")
    ]
    assert errors({"Type": "Choice", "Choices": [comparison]}, X={"Type": "Succeed"}) == [
        ("These fields are required: [Next]", where)
    ]


def test_every_operator_is_accepted_with_its_operand():
    operands = {"text": "a", "number": 1, "boolean": True, "timestamp": "2016-03-14T01:59:00Z", "variable": "$v.b"}
    for operator, kind in OPERATORS.items():
        assert choice({"Variable": "$.a", operator: operands[kind]}) == []


def test_jsonata_conditions():
    where = "/States/S/Choices[0]"
    assert choice({"Condition": "{% $states.input.a %}"}, "JSONata") == choice({"Condition": True}, "JSONata") == []
    assert choice({"Condition": "true"}, "JSONata") == [
        ("JSONata string must start with {% and end with %}", f"{where}/Condition")
    ]
    words = "The QueryLanguage is set to '{}', but field '{}' is only supported for the '{}' QueryLanguage"
    assert choice({"Condition": True})[0] == (words.format("JSONPath", "Condition", "JSONata"), where)
    assert (words.format("JSONata", "Variable", "JSONPath"), where) in choice(
        {"Variable": "$.a", "IsNull": True}, "JSONata"
    )


# --- templates and expressions


def test_template_values_must_be_paths_or_calls():
    words = "The value for the field '{}' must be a valid JSONPath or a valid intrinsic function call"
    where = "/States/S/Parameters"
    for value in ("abc", "States.Nope()", "States.Format('{}'", 1, None, {}, "$.a["):
        assert errors({**PASS, "Parameters": {"k.$": value}}) == [(words.format("k.$"), where)]
    assert errors({**PASS, "Parameters": {"a": {"k.$": "x"}}}) == [(words.format("k.$"), f"{where}/a")]
    assert errors({**PASS, "Parameters": {"k.$": "$.a", "l.$": "$$.b", "m.$": "$v", "n.$": "States.UUID()"}}) == []


def test_a_path_without_dollar_is_a_warning():
    definition = machine(S={**PASS, "Parameters": {"a": "$.b"}, "ResultSelector": 1})
    assert [where for _, where in found(definition, severity="WARNING")] == ["/States/S/Parameters/a"]
    static = machine(S={**PASS, "Result": {"a.$": "$.b"}})
    assert [d.code for d in validate(json.dumps(static))] == ["PASS_RESULT_IS_STATIC"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[1,2)", 'Expected "]", got ","'),
        ('"unterminated', "String literal must be terminated by a matching quote"),
        ("1 +", "Unexpected end of expression"),
        ('{"a":}', 'The symbol "}" cannot be used as a unary operator'),
        ("$x :=", "Unexpected end of expression"),
        ('$match("a", /abc', "No terminating / in regular expression"),
        ("phone", "Reference to 'phone' at the top level is not supported."),
        ("phone.number", "Reference to 'phone' at the top level is not supported."),
        ("$map($states.input.a, function($x){ b })", "Reference to 'b' at the top level is not supported."),
        ("$", "Reference to '$' at the top level is not supported."),
        ("$$", "Reference to '$$' is not supported."),
        ("$$.a", "Reference to '$$' is not supported."),
        ("$.a", "Reference to '$' at the top level is not supported."),
        ("$sum(a)", "Reference to 'a' at the top level is not supported."),
        ("$states.wrong", "Field '$states.wrong' does not exist."),
        ("$x[$$.a]", "Reference to '$$' is not supported."),
        ("{'k': b}", "Reference to 'b' at the top level is not supported."),
        ("$states.errorOutput", "Field '$states.errorOutput' does not exist."),
        ("$states.result.a", "Field '$states.result' does not exist."),
        ("(" * 5000 + "1" + ")" * 5000, "The expression is nested too deeply"),
    ],
)
def test_expressions_aws_refuses(text, message):
    assert query(text) == [(message, "/States/S/Output/v")]


@pytest.mark.parametrize(
    "text",
    [
        "$states.input.items[value > 3]",
        "$states.input.items.(price * quantity)",
        "$states.input.items^(>price).name",
        "$states.input.items{category: $sum(price)}",
        "$count($states.input[$ = 1])",
        "$map($states.input.a, function($v) { $ })",
        "$map($states.input.a, function($v, $i) { $v.price * $i })",
        "($y := 1; $y + $z)",
        "$states",
        "$states.context.Execution.Id",
        "$states.input ~> |account|{'status': active}|",
        "{'a': [1..3], 'b': null}",
        "$state.input",
        "$states.input.a",
        "$states.input.*",
        "$x[a > 1].b",
        "$map($x, function($v){$ & $v.a})",
        "$x^(a)",
        "{'a': $x}",
        "$states.context.Execution.Name",
        "$x ? 1 : 2",
        "$x.($ + 1)",
        "$x{k: v}",
        "[1..3].($*2)",
    ],
)
def test_expressions_aws_accepts(text):
    assert query(text) == []


def test_newer_operators_are_a_warning():
    for operator in ("?:", "??"):
        definition = machine(language="JSONata", S={**PASS, "Output": f"{{% $states.input.a {operator} 1 %}}"})
        diagnostics = validate(json.dumps(definition))
        assert [(d.severity, d.code, d.location) for d in diagnostics] == [
            ("WARNING", "NOT_PORTABLE", "/States/S/Output")
        ]


def test_where_results_and_errors_can_be_read():
    task = {**TASK, "Output": "{% $states.result %}", "Assign": {"x": "{% $states.result %}"}}
    assert errors(task, language="JSONata") == []
    catcher = {
        "ErrorEquals": ["A"],
        "Next": "X",
        "Output": "{% $states.errorOutput %}",
        "Assign": {"y": "{% $states.errorOutput %}"},
    }
    assert errors({**task, "Catch": [catcher]}, language="JSONata", X={"Type": "Succeed"}) == []
    wrong = {**catcher, "Output": "{% $states.result %}"}
    assert errors({**task, "Catch": [wrong]}, language="JSONata", X={"Type": "Succeed"}) == [
        ("Field '$states.result' does not exist.", "/States/S/Catch[0]/Output")
    ]
    assert errors({**TASK, "Arguments": "{% $states.result %}"}, language="JSONata") != []


def test_an_open_expression():
    words = "JSONata string must start with {% and end with %}"
    assert errors({**PASS, "Output": ["{% 1", "1 %}", " {% 1 %}"]}, language="JSONata") == [
        (words, "/States/S/Output[0]")
    ]
    assert errors({"Type": "Wait", "Seconds": "{% 1", "End": True}, language="JSONata") == [
        (words, "/States/S/Seconds")
    ]


def test_fail_takes_paths_calls_and_expressions():
    for value in ("$.e", "$v", "$$.Execution.Id", "States.Format('Data Quality check failed')"):
        assert errors({"Type": "Fail", "CausePath": value, "ErrorPath": value}) == []
    assert errors({"Type": "Fail", "Cause": "{% $states.input.c %}", "Error": "plain"}, language="JSONata") == []


# --- maps


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"Mode": "DISTRIBUTED"}, "These fields are required: [ExecutionType]"),
        ({"Mode": "INLINE", "ExecutionType": "STANDARD"}, "Field 'ExecutionType' is not supported"),
    ],
)
def test_processor_configs(config, words):
    state = {**MAP, "ItemProcessor": {**INNER, "ProcessorConfig": config}}
    assert errors(state) == [(words, "/States/S/ItemProcessor/ProcessorConfig")]


def test_readers_writers_and_batchers_belong_to_distributed_maps():
    reader = {"ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}}}
    assert errors({**MAP, **reader}) == [("Field 'ItemReader' is not supported", "/States/S")]
    assert errors({**MAP, "Label": "L", "ToleratedFailureCount": 1}) == []  # without meaning there, but harmless
    assert errors({**MAP, **reader, "ItemProcessor": DISTRIBUTED}) == []


@pytest.mark.parametrize(
    ("reader", "place", "words"),
    [
        ({"Resource": "arn:aws:states:::sqs:sendMessage"}, "/Resource", "The field 'Resource' does not match any of the allowed values"),
        ({"Resource": "arn:aws:states:::s3:putObject"}, "/Resource", "The field 'Resource' does not match any of the allowed values"),
        ({"Resource": "arn:aws:states:::s3:getObject"}, "", "These fields are required: [ReaderConfig]"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV"}}, "/ReaderConfig", "The field 'CSVHeaderLocation' is required"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}}, "/ReaderConfig", "These fields are required: [CSVHeaders]"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "CSVHeaderLocation": "FIRST_ROW"}}, "/ReaderConfig", "Field 'CSVHeaderLocation' is not supported"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "MaxItems": -1}}, "/ReaderConfig/MaxItems", "Minimum value is 0"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "MaxItems": 100000001}}, "/ReaderConfig/MaxItems", "Maximum value is 100000000"),
        ({"Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": {"InputType": "JSON", "MaxItems": 1, "MaxItemsPath": "$.n"}}, "/ReaderConfig", "There should only be one of the following fields: [MaxItems, MaxItemsPath]"),
    ],
)  # fmt: skip
def test_item_readers(reader, place, words):
    assert errors({**MAP, "ItemProcessor": DISTRIBUTED, "ItemReader": reader}) == [
        (words, f"/States/S/ItemReader{place}")
    ]


def test_an_item_batcher_has_a_bound():
    assert errors({**MAP, "ItemProcessor": DISTRIBUTED, "ItemBatcher": {"BatchInput": {}}}) == [
        (
            "At least one of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]",
            "/States/S/ItemBatcher",
        )
    ]


# --- names


def test_names_of_states():
    long = "x" * 81
    assert found(machine(**{long: PASS})) == [
        (f"Invalid State name: {long} exceeds the 80-character limit allowed by the service", f"/States/{long}")
    ]
    assert found(machine(**{"x" * 80: PASS})) == []
    nested = {"StartAt": "A", "States": {"A": PASS}}
    twice = machine(A={"Type": "Parallel", "Branches": [nested, INNER], "End": True})
    assert [(d.severity, d.code, d.message, d.location) for d in validate(json.dumps(twice))] == [
        ("WARNING", "DUPLICATE_STATE_NAME", "Duplicate State name: A", "/States/A/Branches[0]/States/A")
    ]


def test_labels():
    def labelled(label, name="I"):
        inner = {"StartAt": name, "States": {name: PASS}, "ProcessorConfig": DISTRIBUTED["ProcessorConfig"]}
        return {"Type": "Map", "ItemProcessor": inner, "Label": label}

    assert errors({**labelled("a" * 41), "End": True}) == [
        (f"Invalid Label name: {'a' * 41} exceeds the 40-character limit allowed by the service", "/States/S/Label")
    ]
    assert errors({**labelled("a b"), "End": True}) == [
        ("Invalid Label name: a b contains invalid characters", "/States/S/Label")
    ]
    twice = machine(S={**labelled("L"), "Next": "T"}, T={**labelled("L", "J"), "End": True})
    assert found(twice) == [("Duplicate Label name: L", "/States/T/Label")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("states", "Cannot assign to reserved variable '$states'."),
        ("x.y", "Invalid variable name 'x.y': the variable name contains invalid characters."),
        ("x[2]", "Invalid variable name 'x[2]': the variable name contains invalid characters."),
        ("1a", "Invalid variable name '1a': the variable name contains invalid characters."),
        ("", "Invalid variable name '': the variable name contains invalid characters."),
        ("a" * 81, f"Invalid variable name '{'a' * 81}': the variable name exceeds 80 characters."),
    ],
)
def test_names_of_variables(name, words):
    assert errors({**PASS, "Assign": {name: 1}}) == [(words, f"/States/S/Assign/{name}")]
    assert errors({**PASS, "Assign": {f"{name}.$": "$"}}) == [(words, f"/States/S/Assign/{name}.$")]


def test_variables_may_be_any_identifier():
    assert errors({**PASS, "Assign": {"größe": 1, "a_1": 2, "b.$": "$.c", "名": 3}}) == []


def test_inner_scopes_may_not_assign_outer_names():
    inner = {"StartAt": "I", "States": {"I": {**PASS, "Assign": {"x.$": "$", "y": 1}}}}
    outer = {**PASS, "Assign": {"x": 1}, "End": False, "Next": "P"}
    words = "Variable 'x' is already assigned in an outer scope"
    where = "/States/P/Branches[0]/States/I/Assign/x.$"
    assert found(machine(S=outer, P={"Type": "Parallel", "Branches": [inner], "End": True})) == [(words, where)]
    later = {"Type": "Parallel", "Branches": [inner], "Next": "T"}
    assert len(found(machine(P=later, T={**PASS, "Assign": {"x": 1}}))) == 1
    siblings = [inner, {"StartAt": "J", "States": {"J": {**PASS, "Assign": {"x": 1}}}}]
    assert found(machine(P={"Type": "Parallel", "Branches": siblings, "End": True})) == []
    distributed = {**inner, "ProcessorConfig": DISTRIBUTED["ProcessorConfig"]}
    assert found(machine(S=outer, P={**MAP, "ItemProcessor": distributed})) == []


# --- transitions


def test_a_missing_target_uses_the_word_next_everywhere():
    task = {**TASK, "Catch": [{"ErrorEquals": ["A"], "Next": "N2"}]}
    fork = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsNull": True, "Next": "N1"}], "Default": "N3"}
    assert found(machine(S={**PASS, "End": False, "Next": "C"}, C=fork)) == [
        ("Missing 'Next' target: N3", "/States/C/Default"),
        ("Missing 'Next' target: N1", "/States/C/Choices[0]/Next"),
        ("Workflow has no terminal state", None),
    ]
    assert found(machine(T=task)) == [("Missing 'Next' target: N2", "/States/T/Catch[0]/Next")]


def test_dangling_and_unreachable_together():
    definition = machine(pass1={"Type": "Pass", "Next": "pass3"}, pass2=PASS)
    assert format_invalid_definition(validate(json.dumps(definition))) == (
        "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at "
        '/States/pass1/Next, MISSING_TRANSITION_TARGET: State "pass2" is not reachable. at /States/pass2\''
    )


def test_a_loop_without_an_end():
    loop = {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}
    ending = [("Workflow has no terminal state", None)]
    assert found(machine(**loop)) == ending
    assert found(machine(**loop, X={"Type": "Pass", "Next": "A"})) == ending
    assert found(machine(**loop, C={"Type": "Succeed"})) == [('State "C" is not reachable.', "/States/C")]


def test_a_cycle_of_orphans_is_not_reachable():
    orphans = {"X": {"Type": "Pass", "Next": "Y"}, "Y": {"Type": "Pass", "Next": "X"}}
    assert [where for _, where in found(machine(S=PASS, **orphans))] == ["/States/X", "/States/Y"]


def test_a_start_that_is_not_there():
    assert found({"StartAt": "N", "States": {"A": PASS}}) == [("Missing 'Next' target: N", "/StartAt")]


def test_transitions_stay_in_their_container():
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "S"}, "J": PASS}}
    assert errors({"Type": "Parallel", "Branches": [inner], "End": True}) == [
        ("Missing 'Next' target: S", "/States/S/Branches[0]/States/I/Next"),
        ('State "J" is not reachable.', "/States/S/Branches[0]/States/J"),
    ]


def test_transitions_are_not_judged_when_the_shape_is_wrong():
    assert found(machine(A={"Type": "Pass"}, B=PASS)) == [
        ("This object should have only one of the following fields: [Next, End]", "/States/A")
    ]


# --- entry points


def test_a_duplicate_field_is_a_warning_at_its_place():
    text = '{"StartAt": "A", "StartAt": "S", "States": {"S": {"Type": "Pass", "End": true}}}'
    assert [(d.severity, d.code, d.location) for d in validate(text)] == [("WARNING", "DUPLICATE_FIELD", "/StartAt")]


def test_a_state_by_itself():
    assert validate_state({"Type": "Pass", "Next": "Elsewhere"}) == []
    assert [d.location for d in validate_state({"Type": "Wait", "End": True})] == ["/States/StateName"]
    assert validate_state({**PASS, "Output": "{% 1 %}"}, "A", "JSONata") == []


def test_substitutions_still_open_are_tolerated_when_asked():
    definition = machine(
        S={**TASK, "Resource": "${Function}", "End": False, "Next": "W"},
        W={"Type": "Wait", "Seconds": "${Seconds}", "Next": "P"},
        P={**PASS, "Parameters": {"a.$": "$.x.${Name}"}, "InputPath": "${Path}"},
    )
    assert validate_machine(definition, tolerant=True) == []
    assert len(validate_machine(definition)) == 3  # a `${` can also be read as part of a path
