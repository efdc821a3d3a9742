"""Log groups through boto3's `logs` client."""

import json

import pytest
from machines import ENDS, ROLE, create, fresh, refusal

from newel.service.log_groups import LogGroups


@pytest.fixture(scope="module")
def logs(client_of):
    return client_of("logs")


def group(logs):
    name = f"/aws/vendedlogs/states/{fresh('group')}"
    logs.create_log_group(logGroupName=name)
    (found,) = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return name, found["arn"]


def test_group_life(logs):
    name, arn = group(logs)
    assert arn == f"arn:aws:logs:us-east-1:000000000000:log-group:{name}:*"
    assert refusal(logs.create_log_group, logGroupName=name)[0] == "ResourceAlreadyExistsException"
    logs.delete_log_group(logGroupName=name)
    assert refusal(logs.delete_log_group, logGroupName=name)[0] == "ResourceNotFoundException"
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_groups_page_by_page(client_of):
    logs = client_of("logs", access_key="000000000008")
    made = sorted(group(logs)[0] for _ in range(3))
    pages = logs.get_paginator("describe_log_groups").paginate(PaginationConfig={"PageSize": 2})
    assert [item["logGroupName"] for page in pages for item in page["logGroups"]] == made


def test_a_logging_configuration_needs_its_group(sfn, logs):
    _, arn = group(logs)
    destination = {"cloudWatchLogsLogGroup": {"logGroupArn": arn}}
    made = create(sfn, loggingConfiguration={"level": "ERROR", "destinations": [destination]})
    found = sfn.describe_state_machine(stateMachineArn=made["stateMachineArn"])
    assert found["loggingConfiguration"] == {
        "level": "ERROR",
        "includeExecutionData": False,
        "destinations": [destination],
    }

    def message(configuration):
        request = {"name": fresh(), "definition": ENDS, "roleArn": ROLE, "loggingConfiguration": configuration}
        return refusal(sfn.create_state_machine, **request)

    one = "Invalid Logging Configuration: Must specify exactly one Log Destination."
    assert message({"level": "ALL"}) == ("InvalidLoggingConfiguration", one)
    assert message({"level": "ALL", "destinations": []}) == ("InvalidLoggingConfiguration", one)
    assert message({"level": "OFF", "destinations": [destination] * 2}) == ("InvalidLoggingConfiguration", one)
    gone = {"cloudWatchLogsLogGroup": {"logGroupArn": arn.replace("group", "gone")}}
    missing = "Invalid Logging Configuration: Log Destination not found."
    assert message({"level": "ALL", "destinations": [gone]}) == ("InvalidLoggingConfiguration", missing)
    assert message({"level": "ALL", "destinations": [{}]}) == ("InvalidLoggingConfiguration", missing)


def write(live_parts, arn, stream, *records):
    live_parts.core.log_groups.write(arn, stream, records)


def test_events_are_read_back(logs, live_parts):
    name, arn = group(logs)
    write(live_parts, arn, "states/a", (1000, {"id": "1", "type": "ExecutionStarted"}), (2000, {"id": "2"}))
    write(live_parts, arn, "states/b", (1500, {"id": "3", "type": "ExecutionFailed"}))
    streams = logs.describe_log_streams(logGroupName=name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["states/a", "states/b"]
    found = logs.filter_log_events(logGroupName=name)["events"]
    assert [json.loads(event["message"])["id"] for event in found] == ["1", "3", "2"]
    found = logs.filter_log_events(logGroupName=name, filterPattern="ExecutionFailed")["events"]
    assert [event["logStreamName"] for event in found] == ["states/b"]
    found = logs.filter_log_events(logGroupName=name, startTime=1500, endTime=2000, logStreamNames=["states/a"])
    assert [event["timestamp"] for event in found["events"]] == [2000]
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name, PaginationConfig={"PageSize": 2})
    assert [len(page["events"]) for page in pages] == [2, 1]
    assert refusal(logs.filter_log_events, logGroupName=name, filterPattern="{ $.id = 1 }")[0] == (
        "InvalidParameterException"
    )


def test_events_of_a_stream(logs, live_parts):
    name, arn = group(logs)
    write(live_parts, arn, "s", *((number, {"n": number}) for number in range(5)))
    head = logs.get_log_events(logGroupName=name, logStreamName="s", startFromHead=True, limit=3)
    assert [event["timestamp"] for event in head["events"]] == [0, 1, 2]
    more = logs.get_log_events(logGroupName=name, logStreamName="s", nextToken=head["nextForwardToken"], limit=3)
    assert [event["timestamp"] for event in more["events"]] == [3, 4]
    end = logs.get_log_events(logGroupName=name, logStreamName="s", nextToken=more["nextForwardToken"])
    assert (end["events"], end["nextForwardToken"]) == ([], more["nextForwardToken"])
    assert refusal(logs.get_log_events, logGroupName=name, logStreamName="t")[0] == "ResourceNotFoundException"


def test_what_is_written_to_a_deleted_group_is_dropped(logs, live_parts):
    name, arn = group(logs)
    logs.delete_log_group(logGroupName=name)
    write(live_parts, arn, "s", (1, {}))
    assert not live_parts.core.log_groups.exists(arn)


def test_a_line_that_is_being_written_is_left_out(logs, live_parts):
    name, arn = group(logs)
    write(live_parts, arn, "s", (1, {"n": 1}))
    groups = live_parts.core.log_groups
    with groups._path("000000000000", "us-east-1", name).open("ab") as file:
        file.write(b'{"stream":"s","time_ms":2,"mess')
    assert [event.time_ms for event in groups.events("000000000000", "us-east-1", name)] == [1]


def test_an_arn_leads_nowhere_outside_the_folder(logs, live_parts, tmp_path):
    groups = LogGroups(tmp_path / "data" / "logs", live_parts.clock)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.jsonl").write_text("secret")
    for arn in (
        "arn:aws:logs:..:..:log-group:x",
        "arn:aws:logs:us-east-1:000000000000:log-group:../../../x",
        "arn:aws:logs:us-east-1:000000000000:log-group:" + "/" * 200,
    ):
        assert not groups.exists(arn)
        groups.write(arn, "s", [(1, {})])
    assert (tmp_path / "data" / "x.jsonl").read_text() == "secret"


@pytest.mark.parametrize("name", ["", "a b", "../x y", "x" * 513, "/" * 100])
def test_a_bad_group_name(client_of, name):
    logs = client_of("logs", parameter_validation=False)
    assert refusal(logs.create_log_group, logGroupName=name)[0] == "InvalidParameterException"


def test_an_operation_that_is_not_there(logs):
    code, message = refusal(logs.describe_metric_filters)
    assert code == "UnknownOperationException"
    assert "DescribeMetricFilters" in message
