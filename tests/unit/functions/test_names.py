"""Names, partial ARNs and ARNs."""

import pytest

from newel.errors import ServiceError
from newel.functions.names import FunctionName, not_found, parse_name

HERE = {"account": "111111111111", "region": "us-east-1"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f", FunctionName("111111111111", "us-east-1", "f")),
        ("my-function_1:v1", FunctionName("111111111111", "us-east-1", "my-function_1", "v1")),
        ("f:$LATEST", FunctionName("111111111111", "us-east-1", "f", "$LATEST")),
        ("222222222222:function:f", FunctionName("222222222222", "us-east-1", "f")),
        ("222222222222:function:f:3", FunctionName("222222222222", "us-east-1", "f", "3")),
        ("arn:aws:lambda:eu-central-1:333333333333:function:f", FunctionName("333333333333", "eu-central-1", "f")),
        (
            "arn:aws:lambda:us-gov-west-1:333333333333:function:f:live",
            FunctionName("333333333333", "us-gov-west-1", "f", "live"),
        ),
    ],
)
def test_every_form_of_a_name(text, expected):
    assert parse_name(text, **HERE) == expected


@pytest.mark.parametrize("text", ["", "a b", "f:", "arn:aws:s3:::bucket", "../etc", "f/../../g", "a" * 141, "f:a:b"])
def test_a_malformed_name_is_refused(text):
    with pytest.raises(ServiceError) as caught:
        parse_name(text, **HERE)
    assert caught.value.code == "ValidationException"
    assert f"Value '{text}' at 'functionName' failed to satisfy constraint" in caught.value.message


def test_the_qualifier_may_come_from_either_place_but_not_differ():
    assert parse_name("f", **HERE, qualifier="2").qualifier == "2"
    assert parse_name("f:2", **HERE, qualifier="2").qualifier == "2"
    with pytest.raises(ServiceError) as caught:
        parse_name("f:1", **HERE, qualifier="2")
    assert caught.value.message == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


def test_arns():
    name = FunctionName("1" * 12, "us-east-1", "f", "live")
    assert name.arn == "arn:aws:lambda:us-east-1:111111111111:function:f"
    assert name.qualified_arn == name.arn + ":live"
    assert not_found(name).message == f"Function not found: {name.arn}:live"
    assert not_found(name).status == 404
