"""Log streams and events that clients put."""

import pytest
from botocore.exceptions import ClientError
from machines import fresh


@pytest.fixture(scope="module")
def logs(client_of):
    return client_of("logs")


@pytest.fixture
def group(logs):
    name = f"/put/{fresh()}"
    logs.create_log_group(logGroupName=name)
    return name


def refused(call, **request):
    with pytest.raises(ClientError) as error:
        call(**request)
    return error.value.response["Error"]["Code"]


def test_events_are_put_and_read(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    assert logs.describe_log_streams(logGroupName=group)["logStreams"][0].keys() >= {"logStreamName", "creationTime"}
    assert logs.get_log_events(logGroupName=group, logStreamName="a")["events"] == []
    events = [{"timestamp": 1000, "message": "one"}, {"timestamp": 2000, "message": '{"n": 2}'}]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)
    found = logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True)["events"]
    assert [(event["timestamp"], event["message"]) for event in found] == [(1000, "one"), (2000, '{"n": 2}')]
    (stream,) = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (1000, 2000)


def test_what_is_refused(logs, group):
    event = {"timestamp": 1, "message": "m"}
    put = logs.put_log_events
    missing = refused(put, logGroupName=group, logStreamName="none", logEvents=[event])
    assert missing == "ResourceNotFoundException"
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    again = refused(logs.create_log_stream, logGroupName=group, logStreamName="a")
    assert again == "ResourceAlreadyExistsException"
    backwards = [{"timestamp": 2, "message": "m"}, event]
    assert refused(put, logGroupName=group, logStreamName="a", logEvents=backwards) == "InvalidParameterException"


def test_a_group_that_is_made_again_has_no_streams(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    logs.delete_log_group(logGroupName=group)
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    assert refused(
        logs.put_log_events, logGroupName=group, logStreamName="a", logEvents=[{"timestamp": 1, "message": "m"}]
    ) == ("ResourceNotFoundException")
