"""State machines through boto3."""

import asyncio
import json

import msgspec
import pytest
from machines import ENDS, OTHER, ROLE, WAITS, create, fresh, refusal
from wire_server import assemble

from newel.errors import ServiceError
from newel.service.core import Caller
from newel.service.machines import resume_deletions
from newel.service.operations import OPERATIONS

ASSIGNS = json.dumps(
    {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "B"},
            "B": {"Type": "Pass", "InputPath": "$x", "End": True},
        },
    }
)


def test_describe_shows_the_defaults(sfn):
    name = fresh()
    made = create(sfn, name=name)
    found = sfn.describe_state_machine(stateMachineArn=made["stateMachineArn"])
    del found["ResponseMetadata"]
    assert found == {
        "stateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{name}",
        "name": name,
        "status": "ACTIVE",
        "definition": ENDS,
        "roleArn": ROLE,
        "type": "STANDARD",
        "creationDate": made["creationDate"],
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
    }


def test_metadata_only_leaves_the_definition_out(sfn):
    arn = create(sfn, ASSIGNS)["stateMachineArn"]
    found = sfn.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")
    assert found["definition"] == "{}"
    assert "variableReferences" not in found
    assert sfn.describe_state_machine(stateMachineArn=arn)["variableReferences"] == {"B": ["x"]}


def test_creation_is_idempotent_but_for_role_and_tags(sfn):
    name = fresh()
    first = create(sfn, name=name)
    again = create(sfn, name=name, roleArn=ROLE + "2", tags=[{"key": "a", "value": "b"}])
    assert again["creationDate"] == first["creationDate"]
    assert sfn.describe_state_machine(stateMachineArn=first["stateMachineArn"])["roleArn"] == ROLE
    assert sfn.list_tags_for_resource(resourceArn=first["stateMachineArn"])["tags"] == []
    explicit = create(
        sfn,
        name=name,
        type="STANDARD",
        loggingConfiguration={"level": "OFF"},
        tracingConfiguration={"enabled": False},
        encryptionConfiguration={"type": "AWS_OWNED_KEY"},
    )
    assert explicit["creationDate"] == first["creationDate"]


def test_a_version_that_was_published_later_changes_no_idempotency(sfn, live_parts):
    name = fresh()
    arn = create(sfn, name=name)["stateMachineArn"]
    live_parts.clock.ahead_ms += 10
    sfn.publish_state_machine_version(stateMachineArn=arn)
    assert "stateMachineVersionArn" not in create(sfn, name=name)
    published = create(sfn, publish=True, versionDescription="v")
    again = create(sfn, name=published["stateMachineArn"].rpartition(":")[2], publish=True, versionDescription="v")
    assert again["stateMachineVersionArn"] == published["stateMachineVersionArn"]


@pytest.mark.parametrize(
    "change",
    [{"definition": OTHER}, {"type": "EXPRESS"}, {"publish": True}, {"tracingConfiguration": {"enabled": True}}],
)
def test_another_creation_under_the_same_name_is_refused(sfn, change):
    name = fresh()
    arn = create(sfn, name=name)["stateMachineArn"]
    request = {"name": name, "definition": ENDS, "roleArn": ROLE, **change}
    expected = ("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
    assert refusal(sfn.create_state_machine, **request) == expected


@pytest.mark.parametrize("name", ["a b", "a<b", "a/b", "a:b", "a\x7f", "a*", "a\u00a0b", "a\ufffe"])
def test_a_name_with_a_forbidden_character_is_refused(sfn, name):
    request = {"name": name, "definition": ENDS, "roleArn": ROLE}
    assert refusal(sfn.create_state_machine, **request) == ("InvalidName", f"Invalid Name: '{name}'")


def test_a_name_may_be_in_any_script(sfn):
    name = fresh("máquina-機械")
    arn = create(sfn, name=name)["stateMachineArn"]
    assert sfn.describe_state_machine(stateMachineArn=arn)["name"] == name


def test_a_bad_definition_is_refused_with_every_error(sfn):
    request = {"name": fresh(), "definition": "{}", "roleArn": ROLE}
    message = "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States, StartAt] at /'"
    assert refusal(sfn.create_state_machine, **request) == ("InvalidDefinition", message)


def test_a_version_description_needs_publish(sfn):
    request = {"name": fresh(), "definition": ENDS, "roleArn": ROLE, "versionDescription": "v"}
    expected = ("ValidationException", "Version description can only be set when publish is true")
    assert refusal(sfn.create_state_machine, **request) == expected


def test_a_customer_managed_key_is_kept_and_shown(sfn):
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/k"}
    arn = create(sfn, encryptionConfiguration=key)["stateMachineArn"]
    shown = sfn.describe_state_machine(stateMachineArn=arn)["encryptionConfiguration"]
    assert shown == {**key, "kmsDataKeyReusePeriodSeconds": 300}


def test_a_customer_managed_key_needs_its_id(sfn):
    request = {"name": fresh(), "definition": ENDS, "roleArn": ROLE}
    key = {"type": "CUSTOMER_MANAGED_KMS_KEY"}
    code, _ = refusal(sfn.create_state_machine, **request, encryptionConfiguration=key)
    assert code == "InvalidEncryptionConfiguration"


def test_an_encryption_that_was_asked_for_is_shown(sfn):
    arn = create(sfn, encryptionConfiguration={"type": "AWS_OWNED_KEY"})["stateMachineArn"]
    found = sfn.describe_state_machine(stateMachineArn=arn)
    assert found["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}


def test_an_update_makes_a_revision_only_if_something_changes(sfn):
    arn = create(sfn)["stateMachineArn"]
    assert "revisionId" not in sfn.update_state_machine(stateMachineArn=arn, definition=ENDS)
    first = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER)["revisionId"]
    assert sfn.describe_state_machine(stateMachineArn=arn)["revisionId"] == first
    assert sfn.update_state_machine(stateMachineArn=arn, definition=OTHER)["revisionId"] == first
    second = sfn.update_state_machine(stateMachineArn=arn, roleArn=ROLE + "2")["revisionId"]
    assert second != first
    found = sfn.describe_state_machine(stateMachineArn=arn)
    assert (found["definition"], found["roleArn"], found["revisionId"]) == (OTHER, ROLE + "2", second)


def test_an_update_of_nothing_is_refused(sfn):
    arn = create(sfn)["stateMachineArn"]
    message = (
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified"
    )
    assert refusal(sfn.update_state_machine, stateMachineArn=arn) == ("MissingRequiredParameter", message)


@pytest.mark.parametrize("call", ["describe_state_machine", "list_executions", "update_state_machine"])
def test_what_is_not_there(sfn, call):
    arn = f"arn:aws:states:us-east-1:000000000000:stateMachine:{fresh()}"
    more = {"roleArn": ROLE} if call == "update_state_machine" else {}
    expected = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert refusal(getattr(sfn, call), stateMachineArn=arn, **more) == expected


def test_deleting_what_is_not_there_succeeds(sfn):
    sfn.delete_state_machine(stateMachineArn=f"arn:aws:states:us-east-1:000000000000:stateMachine:{fresh()}")


@pytest.mark.parametrize(
    ("arn", "detail"),
    [
        ("nonsense", "Invalid ARN prefix: nonsense"),
        ("arn:aws:lambda:us-east-1:1:function:f", "Invalid ARN prefix: arn:aws:lambda:us-east-1:1:function:f"),
        ("arn:aws:states:us-east-1:1:activity:a", "Resource type not valid in this context: activity"),
        ("arn:aws:states:us-east-1:1:stateMachine", "Invalid ARN: arn:aws:states:us-east-1:1:stateMachine"),
    ],
)
def test_an_invalid_arn_says_why(sfn, arn, detail):
    assert refusal(sfn.describe_state_machine, stateMachineArn=arn) == ("InvalidArn", f"Invalid Arn: '{detail}'")


@pytest.mark.parametrize("qualifier", ["0", "01", "9", "99999999999999999999", "²", "nope"])
def test_a_qualifier_that_is_not_there(sfn, qualifier):
    arn = create(sfn, publish=True)["stateMachineArn"] + f":{qualifier}"
    expected = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
    assert refusal(sfn.start_execution, stateMachineArn=arn) == expected
    assert refusal(sfn.describe_state_machine, stateMachineArn=arn) == expected


def test_a_labelled_arn_is_refused_with_its_reason(sfn):
    arn = create(sfn)["stateMachineArn"] + "/label"
    with pytest.raises(sfn.exceptions.ValidationException) as caught:
        sfn.start_execution(stateMachineArn=arn)
    assert caught.value.response["reason"] == "API_DOES_NOT_SUPPORT_LABELED_ARNS"


def pages_of(sfn):
    pages = sfn.get_paginator("list_state_machines").paginate()
    return [machine for page in pages for machine in page["stateMachines"]]


def test_deletion_ends_the_executions_and_a_new_machine_does_not_show_them(sfn):
    name = fresh()
    arn = create(sfn, WAITS, name=name)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.delete_state_machine(stateMachineArn=arn)
    assert refusal(sfn.start_execution, stateMachineArn=arn)[0] in ("StateMachineDeleting", "StateMachineDoesNotExist")
    while arn in {machine["stateMachineArn"] for machine in pages_of(sfn)}:
        pass
    assert sfn.describe_execution(executionArn=execution)["status"] == "ABORTED"
    create(sfn, WAITS, name=name)
    assert sfn.list_executions(stateMachineArn=arn)["executions"] == []


def test_accounts_and_regions_are_apart(client_of):
    second, west = client_of("stepfunctions", access_key="000000000002"), client_of("stepfunctions", region="eu-west-1")
    mine = create(second)["stateMachineArn"]
    assert mine.startswith("arn:aws:states:us-east-1:000000000002:stateMachine:")
    theirs = create(west)["stateMachineArn"]
    assert theirs.startswith("arn:aws:states:eu-west-1:000000000000:stateMachine:")
    assert [machine["stateMachineArn"] for machine in second.list_state_machines()["stateMachines"]] == [mine]
    assert [machine["stateMachineArn"] for machine in west.list_state_machines()["stateMachines"]] == [theirs]


def test_listing_goes_page_by_page(client_of):
    client = client_of("stepfunctions", access_key="000000000003")
    made = sorted(create(client)["stateMachineArn"] for _ in range(5))
    pages = client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 2})
    sizes, found = [], []
    for page in pages:
        sizes.append(len(page["stateMachines"]))
        found += [machine["stateMachineArn"] for machine in page["stateMachines"]]
    assert sizes == [2, 2, 1]
    assert found == made
    assert len(client.list_state_machines(maxResults=0)["stateMachines"]) == 5


def test_the_quota_holds(live_parts, sfn, client_of):
    client = client_of("stepfunctions", access_key="000000000004")
    arn = create(client)["stateMachineArn"]
    counts = live_parts.core.census._counts
    counts["StateMachine", "arn:aws:states:us-east-1:000000000004:stateMachine:"] = 100_000
    code, _ = refusal(client.create_state_machine, name=fresh(), definition=ENDS, roleArn=ROLE)
    assert code == "StateMachineLimitExceeded"
    client.delete_state_machine(stateMachineArn=arn)
    create(client)


def test_validation_without_creation(sfn):
    found = sfn.validate_state_machine_definition(definition="{}")
    assert (found["result"], found["truncated"]) == ("FAIL", False)
    assert found["diagnostics"] == [
        {
            "severity": "ERROR",
            "code": "SCHEMA_VALIDATION_FAILED",
            "message": "These fields are required: [States, StartAt]",
            "location": "/",
        }
    ]
    found = sfn.validate_state_machine_definition(definition=ENDS, maxResults=0)
    assert (found["result"], found["diagnostics"]) == ("OK", [])


def test_truncated_diagnostics(sfn):
    broken = json.dumps({"StartAt": "A", "States": {name: {"Type": "Nope"} for name in "ABC"}})
    every = sfn.validate_state_machine_definition(definition=broken)
    assert len(every["diagnostics"]) >= 3
    cut = sfn.validate_state_machine_definition(definition=broken, maxResults=1)
    assert (len(cut["diagnostics"]), cut["truncated"], cut["result"]) == (1, True, "FAIL")


def test_a_deletion_that_was_interrupted_is_finished_at_the_next_start(tmp_path):
    asyncio.run(interrupted_deletion(assemble(tmp_path)))


async def interrupted_deletion(parts):
    core, caller = parts.core, Caller("000000000000", "us-east-1")
    requests = [{"name": name, "definition": WAITS, "roleArn": ROLE} for name in ("a", "b")]
    arns = [(await OPERATIONS["CreateStateMachine"](core, caller, request))["stateMachineArn"] for request in requests]
    started = await OPERATIONS["StartExecution"](core, caller, {"stateMachineArn": arns[0]})
    machine = await core.store.machine(arns[0])
    await core.store.put_machine(msgspec.structs.replace(machine, status="DELETING"))
    for operation, request in (("StartExecution", {"stateMachineArn": arns[0]}), ("CreateStateMachine", requests[0])):
        with pytest.raises(ServiceError) as caught:
            await OPERATIONS[operation](core, caller, request)
        assert (caught.value.code, caught.value.message) == (
            "StateMachineDeleting",
            f"State Machine Deleting: '{arns[0]}'",
        )
    await resume_deletions(core)
    assert await core.store.machine(arns[0]) is None
    assert await core.store.machine(arns[1]) is not None
    assert (await core.store.execution(started["executionArn"])).status == "ABORTED"


def test_default_fields_can_be_shown(tmp_path):
    asyncio.run(default_fields(assemble(tmp_path, default_fields=True)))


async def default_fields(parts):
    caller = Caller("000000000000", "us-east-1")

    async def call(operation, **request):
        return await OPERATIONS[operation](parts.core, caller, request)

    arn = (await call("CreateStateMachine", name="a", definition=ENDS, roleArn=ROLE))["stateMachineArn"]
    found = await call("DescribeStateMachine", stateMachineArn=arn)
    assert found["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
    await call("StartExecution", stateMachineArn=arn)
    (listed,) = (await call("ListExecutions", stateMachineArn=arn))["executions"]
    assert listed["redriveCount"] == 0
