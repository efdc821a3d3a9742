from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newel.integrations.aws.models import service_model
from newel.integrations.aws.shapes import RefusedParametersError, instant, request_parameters, result_json

TIME = datetime(2026, 8, 24, 3, 31, 34, tzinfo=UTC)


def taken(service, operation, parameters):
    return request_parameters(service_model(service).operation_model(operation).input_shape, parameters)


def shown(service, operation, result):
    return result_json(service_model(service).operation_model(operation).output_shape, result)


def problems(service, operation, parameters):
    with pytest.raises(RefusedParametersError) as refused:
        taken(service, operation, parameters)
    return refused.value.problems


def test_names_become_the_models():
    assert taken("stepfunctions", "StartExecution", {"StateMachineArn": "arn", "Name": "n"}) == {
        "stateMachineArn": "arn",
        "name": "n",
    }


def test_lists_and_maps_are_entered():
    taken_ = taken(
        "ec2",
        "DescribeInstances",
        {"Filters": [{"Name": "tag:a", "Values": ["b", 5]}], "MaxResults": "7", "DryRun": "true"},
    )
    assert taken_ == {"Filters": [{"Name": "tag:a", "Values": ["b", "5"]}], "MaxResults": 7, "DryRun": True}


def test_items_of_dynamodb():
    item = {"id": {"S": "x"}, "n": {"N": "5"}, "l": {"L": [{"Bool": True}, {"Nul": True}]}, "b": {"B": "aGk="}}
    assert taken("dynamodb", "PutItem", {"TableName": "t", "Item": item})["Item"] == {
        "id": {"S": "x"},
        "n": {"N": "5"},
        "l": {"L": [{"BOOL": True}, {"NULL": True}]},
        "b": {"B": b"hi"},
    }


@pytest.mark.parametrize(
    ("value", "text"), [({"k": "v"}, '{"k":"v"}'), ([1, 2], "[1,2]"), (False, "false"), (5, "5"), ("plain", "plain")]
)
def test_what_is_no_text_becomes_json_text(value, text):
    assert taken("stepfunctions", "StartExecution", {"StateMachineArn": "arn", "Input": value})["input"] == text
    assert taken("s3", "PutObject", {"Bucket": "b", "Key": "k", "Body": value})["Body"] == text.encode()


def test_null_is_absent():
    assert taken("stepfunctions", "StartExecution", {"StateMachineArn": "arn", "Input": None}) == {
        "stateMachineArn": "arn"
    }


def test_a_required_field_that_is_null_is_left_to_the_service():
    assert taken("sqs", "SendMessage", {"QueueUrl": "u", "MessageBody": None}) == {"QueueUrl": "u"}
    assert problems("sqs", "SendMessage", {"QueueUrl": "u"}) == ["The field 'MessageBody' is required but was missing"]


def test_a_blob_that_is_not_the_body_is_base64_or_else_text():
    put = {"StreamName": "s", "PartitionKey": "p"}
    assert taken("kinesis", "PutRecord", {**put, "Data": "aGVsbG8="})["Data"] == b"hello"
    assert taken("kinesis", "PutRecord", {**put, "Data": '{"a": 1}'})["Data"] == b'{"a": 1}'
    assert taken("kinesis", "PutRecord", {**put, "Data": {"a": 1}})["Data"] == b'{"a":1}'


def test_a_body_is_text_even_if_it_looks_like_base64():
    assert taken("lambda", "Invoke", {"FunctionName": "f", "Payload": "aGVsbG8="})["Payload"] == b"aGVsbG8="


def test_timestamps():
    query = {"MetricDataQueries": [], "EndTime": TIME.timestamp(), "StartTime": "2026-08-24T05:31:34+02:00"}
    found = taken("cloudwatch", "GetMetricData", query)
    assert (found["StartTime"], found["EndTime"]) == (TIME, TIME)


def test_numbers():
    rule = {"Statistics": [], "Namespace": "n", "MetricName": "m", "StartTime": 0, "EndTime": 1, "Period": 60.0}
    assert taken("cloudwatch", "GetMetricStatistics", rule)["Period"] == 60
    threshold = {"AlarmName": "a", "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold"}
    assert taken("cloudwatch", "PutMetricAlarm", {**threshold, "Threshold": "1.5"})["Threshold"] == 1.5


def test_documents_pass_as_they_are():
    prompt = [{"role": "user", "content": [{"toolUse": {}}]}]
    given_ = {"ModelId": "m", "Messages": [], "AdditionalModelRequestFields": {"any": prompt}}
    assert taken("bedrock-runtime", "Converse", given_)["additionalModelRequestFields"] == {"any": prompt}


def test_every_problem_is_told_in_awss_words():
    given_ = {"bucket": "b", "Key": ["k"], "Metadata": "m", "ContentLength": "many"}
    assert problems("s3", "PutObject", given_) == [
        'The field "bucket" is not supported by Step Functions',
        "The value of the field 'Metadata' has an invalid format",
        "The value of the field 'ContentLength' has an invalid format",
        "The field 'Bucket' is required but was missing",
    ]


@pytest.mark.parametrize(
    ("service", "operation", "given_"),
    [
        ("sqs", "ReceiveMessage", {"QueueUrl": "u", "MaxNumberOfMessages": True}),
        ("sqs", "ReceiveMessage", {"QueueUrl": "u", "MaxNumberOfMessages": 1.5}),
        ("ec2", "DescribeInstances", {"DryRun": 1}),
        ("ec2", "DescribeInstances", {"DryRun": "yes"}),
        ("ec2", "DescribeInstances", {"Filters": {"Name": "n"}}),
        ("cloudwatch", "GetMetricData", {"MetricDataQueries": [], "StartTime": "soon", "EndTime": 1}),
        ("cloudwatch", "GetMetricData", {"MetricDataQueries": [], "StartTime": True, "EndTime": 1}),
    ],
)
def test_wrong_types_are_refused(service, operation, given_):
    assert [problem for problem in problems(service, operation, given_) if "invalid format" in problem]


def test_an_operation_without_parameters_takes_none():
    assert taken("cloudwatch", "DescribeAlarms", {}) == {}
    assert request_parameters(None, {}) == {}
    with pytest.raises(RefusedParametersError):
        request_parameters(None, {"A": 1})
    with pytest.raises(RefusedParametersError):
        request_parameters(None, ["a"])


def test_a_required_idempotency_token_is_filled_in_later():
    assert taken("ssm", "StartSession", {"Target": "i"}) == {"Target": "i"}
    assert taken("drs", "CreateExtendedSourceServer", {"SourceServerArn": "a"}) == {"sourceServerArn": "a"}


def test_results_are_in_alphabetical_order_with_a_streamed_body_last():
    result = {"Body": b"text data", "Metadata": {}, "ETag": '"e"', "ContentLength": 9, "LastModified": TIME}
    assert list(shown("s3", "GetObject", result).items()) == [
        ("ContentLength", 9),
        ("ETag", '"e"'),
        ("LastModified", "2026-08-24T03:31:34Z"),
        ("Metadata", {}),
        ("Body", "text data"),
    ]


def test_results_leave_out_what_is_absent_and_what_is_botocores_own():
    result = {"executionArn": "arn", "startDate": TIME, "ResponseMetadata": {"RequestId": "r"}}
    assert shown("stepfunctions", "StartExecution", result) == {
        "ExecutionArn": "arn",
        "StartDate": "2026-08-24T03:31:34Z",
    }
    assert shown("stepfunctions", "GetActivityTask", {"taskToken": None}) == {}
    assert result_json(None, {"anything": 1}) == {}


def test_keys_of_maps_are_nobodys_business():
    result = {"Items": [{"id": {"S": "x"}, "flag": {"BOOL": True}}], "Count": 1}
    assert shown("dynamodb", "Query", result) == {
        "Count": 1,
        "Items": [{"id": {"S": "x"}, "flag": {"Bool": True}}],
    }


def test_blobs_in_results():
    assert shown("kms", "Encrypt", {"CiphertextBlob": b"\xff\x00"}) == {"CiphertextBlob": "/wA="}
    assert shown("lambda", "Invoke", {"Payload": b'{"a":1}', "StatusCode": 200})["Payload"] == '{"a":1}'
    assert shown("s3", "GetObject", {"Body": b"\xff\x00"}) == {"Body": "/wA="}


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (TIME, "2026-08-24T03:31:34Z"),
        (TIME + timedelta(milliseconds=123), "2026-08-24T03:31:34.123Z"),
        (TIME + timedelta(microseconds=5), "2026-08-24T03:31:34.000005Z"),
        (TIME.astimezone(timezone(timedelta(hours=5))), "2026-08-24T03:31:34Z"),
    ],
)
def test_times_are_written_as_javas_instant(moment, text):
    assert instant(moment) == text


@given(st.binary(max_size=60))
def test_a_blob_comes_back_as_it_went(data):
    text = shown("kms", "Encrypt", {"CiphertextBlob": data})["CiphertextBlob"]
    assert taken("kms", "Decrypt", {"CiphertextBlob": text})["CiphertextBlob"] == data
