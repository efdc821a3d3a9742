"""Activities, task tokens and tags through boto3."""

import pytest
from machines import create, fresh, refusal


def make(sfn, **more):
    return sfn.create_activity(name=fresh("activity"), **more)["activityArn"]


def test_activity_life(sfn):
    name = fresh("activity")
    made = sfn.create_activity(name=name)
    assert sfn.create_activity(name=name)["creationDate"] == made["creationDate"]
    found = sfn.describe_activity(activityArn=made["activityArn"])
    del found["ResponseMetadata"]
    assert found == {
        "activityArn": f"arn:aws:states:us-east-1:000000000000:activity:{name}",
        "name": name,
        "creationDate": made["creationDate"],
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    sfn.delete_activity(activityArn=made["activityArn"])
    sfn.delete_activity(activityArn=made["activityArn"])
    expected = ("ActivityDoesNotExist", f"Activity Does Not Exist: '{made['activityArn']}'")
    assert refusal(sfn.describe_activity, activityArn=made["activityArn"]) == expected
    assert refusal(sfn.get_activity_task, activityArn=made["activityArn"]) == expected


def test_activity_pages(client_of):
    client = client_of("stepfunctions", access_key="000000000006")
    made = sorted(make(client) for _ in range(3))
    pages = client.get_paginator("list_activities").paginate(PaginationConfig={"PageSize": 2})
    assert [item["activityArn"] for page in pages for item in page["activities"]] == made


def test_a_poll_without_a_task_has_no_token(sfn):
    assert "taskToken" not in sfn.get_activity_task(activityArn=make(sfn), workerName="me")


def test_a_poll_with_a_task(sfn, live_parts):
    arn = make(sfn)
    live_parts.runtime.offer(arn, "token", '{"a":1}')
    found = sfn.get_activity_task(activityArn=arn)
    assert (found["taskToken"], found["input"]) == ("token", '{"a":1}')


def test_answers_reach_the_runtime(sfn, live_parts):
    live_parts.runtime.answers.clear()
    sfn.send_task_success(taskToken="t1", output="[1]")
    sfn.send_task_failure(taskToken="t2", error="E", cause="C")
    sfn.send_task_failure(taskToken="t3")
    sfn.send_task_heartbeat(taskToken="t4")
    assert live_parts.runtime.answers == [
        ("success", "t1", "[1]"),
        ("failure", "t2", "E", "C"),
        ("failure", "t3", "", ""),
        ("heartbeat", "t4"),
    ]
    assert refusal(sfn.send_task_failure, taskToken="unknown") == ("InvalidToken", "Invalid Token: 'Invalid token'")


def test_tags(sfn):
    for arn in (
        make(sfn, tags=[{"key": "a", "value": "1"}]),
        create(sfn, tags=[{"key": "a", "value": "1"}])["stateMachineArn"],
    ):
        assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "1"}]
        sfn.tag_resource(resourceArn=arn, tags=[{"key": "b", "value": ""}, {"key": "a", "value": "2"}])
        assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [
            {"key": "a", "value": "2"},
            {"key": "b", "value": ""},
        ]
        sfn.untag_resource(resourceArn=arn, tagKeys=["a", "nope"])
        assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": ""}]


def test_tags_have_bounds(sfn):
    arn = create(sfn)["stateMachineArn"]
    tags = [{"key": f"k{number}", "value": "v"} for number in range(50)]
    sfn.tag_resource(resourceArn=arn, tags=tags)
    with pytest.raises(sfn.exceptions.TooManyTags) as caught:
        sfn.tag_resource(resourceArn=arn, tags=[{"key": "one more", "value": "v"}])
    assert caught.value.response["resourceName"] == arn
    assert refusal(sfn.tag_resource, resourceArn=arn, tags=[{"key": "aws:x", "value": "v"}])[0] == "ValidationException"


def test_versions_carry_no_tags(sfn):
    made = create(sfn, publish=True)
    arn = made["stateMachineVersionArn"]
    expected = ("ResourceNotFound", f"Resource not found: '{arn}'")
    assert refusal(sfn.tag_resource, resourceArn=arn, tags=[]) == expected
    assert refusal(sfn.list_tags_for_resource, resourceArn=arn) == expected


def test_tags_go_with_their_resource(sfn):
    name = fresh()
    arn = create(sfn, name=name, tags=[{"key": "a", "value": "1"}])["stateMachineArn"]
    sfn.delete_state_machine(stateMachineArn=arn)
    create(sfn, name=name)
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == []
