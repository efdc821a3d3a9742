import pytest

from newel.language.resource import UnrecognizedResourceError, parse_data_resource, parse_resource
from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES


@pytest.mark.parametrize(
    ("text", "kind", "service", "name", "pattern"),
    [
        ("arn:aws:states:::sqs:sendMessage", "service", "sqs", "sendMessage", "REQUEST_RESPONSE"),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "service",
            "sqs",
            "sendMessage.waitForTaskToken",
            "WAIT_FOR_TASK_TOKEN",
        ),
        ("arn:aws:states:::states:startExecution.sync", "service", "states", "startExecution.sync", "SYNC"),
        ("arn:aws:states:::states:startExecution.sync:2", "service", "states", "startExecution.sync:2", "SYNC2"),
        ("arn:aws-us-gov:states:::glue:startJobRun.sync", "service", "glue", "startJobRun.sync", "SYNC"),
        ("arn:aws:states:::aws-sdk:s3:getObject", "service", "aws-sdk:s3", "getObject", "REQUEST_RESPONSE"),
        (
            "arn:aws:states:us-east-1:123456789012:aws-sdk:s3:getObject",
            "service",
            "aws-sdk:s3",
            "getObject",
            "REQUEST_RESPONSE",
        ),
        ("arn:aws:states:::http:invoke", "service", "http", "invoke", "REQUEST_RESPONSE"),
        ("arn:${AWS::Partition}:states:::lambda:invoke", "service", "lambda", "invoke", "REQUEST_RESPONSE"),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", "lambda", "lambda", "invoke", "REQUEST_RESPONSE"),
        ("arn:aws:lambda:your-region:your-account-id:function:f", "lambda", "lambda", "invoke", "REQUEST_RESPONSE"),
        ("arn:aws:states:us-east-1:123456789012:activity:a.b", "activity", "activity", "a.b", "REQUEST_RESPONSE"),
    ],
)
def test_a_resource_says_what_is_called_and_how(text, kind, service, name, pattern):
    resource = parse_resource(text)
    assert (resource.kind, resource.resource_type, resource.resource_name) == (kind, service, name)
    assert resource.pattern == pattern
    assert resource.text == text


def test_a_lambda_arn_keeps_its_region_account_and_qualifier():
    resource = parse_resource("arn:aws:lambda:eu-west-1:123456789012:function:f:$LATEST")
    assert (resource.region, resource.account, resource.qualifier) == ("eu-west-1", "123456789012", "$LATEST")
    assert parse_resource("arn:aws:lambda:eu-west-1:123456789012:function:f").qualifier is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqs:sendMessage",
        "arn:aws:states:::dynamodb:query",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:::glue:startJobRun.sync:2",
        "arn:aws:states:::aws-sdk:s3:getObject.sync",
        "arn:aws:states:::aws-sdk:S3:getObject",
        "arn:aws:states:::s3:getObject",
        "arn:aws:states:::nosuch:thing",
        "arn:aws:states:::sqs:sendMessage\n",
        "arn:aws:lambda:us-east-1:123456789012:f",
        "arn:aws:states:us-east-1:123456789012:stateMachine:m",
        "arn:aws:states:us-east-1:123456789012:activity:a b",
    ],
)
def test_anything_else_is_refused_in_aws_words(text):
    with pytest.raises(UnrecognizedResourceError) as refused:
        parse_resource(text)
    assert str(refused.value) == (
        f"The resource provided {text} is not recognized. The value is not a valid resource ARN, "
        "or the resource is not available in this region."
    )


def test_every_entry_of_the_table_is_recognised():
    for service, actions in OPTIMIZED.items():
        for action, patterns in actions.items():
            for pattern in PATTERN_SUFFIXES:
                text = f"arn:aws:states:::{service}:{action}{PATTERN_SUFFIXES[pattern]}"
                if pattern in patterns:
                    assert parse_resource(text).pattern == pattern
                else:
                    with pytest.raises(ValueError, match="is not recognized"):
                        parse_resource(text)


def test_readers_and_writers_have_resources_of_their_own():
    assert parse_data_resource("arn:aws:states:::s3:getObject").action == "getObject"
    for text in ("arn:aws:states:::sqs:sendMessage", "arn:aws:states:::s3:getObject.sync", "s3"):
        with pytest.raises(UnrecognizedResourceError):
            parse_data_resource(text)
