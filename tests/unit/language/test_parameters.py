import pytest

from newel.errors import RuntimeFailure
from newel.language.parameters import Field, check_parameters

FIELDS = (
    Field("Name", "string", required=True),
    Field("Payload"),
    Field("Mode", "string", values=("A", "B")),
    Field("Count", "integer"),
    Field("Flag", "boolean"),
)


def test_what_the_table_allows_is_returned():
    given = check_parameters('{"Name":"n","Payload":[1],"Mode":"A","Count":2,"Flag":true}', FIELDS)
    assert given == {"Name": "n", "Payload": [1], "Mode": "A", "Count": 2, "Flag": True}


def test_null_is_absent_but_a_json_value():
    assert check_parameters('{"Name":"n","Mode":null,"Payload":null}', FIELDS) == {"Name": "n", "Payload": None}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{}", "The field 'Name' is required but was missing"),
        ('{"Name":null}', "The field 'Name' is required but was missing"),
        ('{"Name":1}', "The value of the field 'Name' has an invalid format"),
        ('{"Name":"n","name":"n"}', 'The field "name" is not supported by Step Functions'),
        ('{"Name":"n","Mode":"C"}', "The value for 'Mode' must be one of the values: [A, B] but was 'C'"),
        ('{"Name":"n","Count":true}', "The value of the field 'Count' has an invalid format"),
        ('{"Name":"n","Count":1.5}', "The value of the field 'Count' has an invalid format"),
        ('{"Name":"n","Flag":"true"}', "The value of the field 'Flag' has an invalid format"),
        (
            '{"X":1,"Name":2}',
            "The field \"X\" is not supported by Step Functions, The value of the field 'Name' has an invalid format",
        ),
        ("[]", "The value must be a JSON object"),
        ("1", "The value must be a JSON object"),
    ],
)
def test_every_problem_is_named_in_one_cause(text, problems):
    with pytest.raises(RuntimeFailure) as caught:
        check_parameters(text, FIELDS)
    assert caught.value.error == "States.Runtime"
    assert caught.value.cause == f"The Parameters '{text}' could not be used to start the Task: [{problems}]"
