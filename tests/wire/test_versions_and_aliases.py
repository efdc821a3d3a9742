"""Versions and aliases through boto3."""

from machines import ENDS, OTHER, WAITS, create, refusal

from newel.service.aliases import pick


def published(sfn, **more):
    made = create(sfn, publish=True, **more)
    return made["stateMachineArn"], made["stateMachineVersionArn"]


def route(*pairs):
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in pairs]


def test_versions_are_numbered_and_never_reused(sfn):
    arn, first = published(sfn)
    assert first == f"{arn}:1"
    sfn.delete_state_machine_version(stateMachineVersionArn=first)
    assert sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"] == []
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:2"


def test_publishing_is_idempotent_per_revision(sfn):
    arn, first = published(sfn)
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == first
    again = sfn.update_state_machine(stateMachineArn=arn, definition=ENDS, publish=True)
    assert again["stateMachineVersionArn"] == first
    second = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER, publish=True, versionDescription="two")
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    versions = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [version["stateMachineVersionArn"] for version in versions] == [f"{arn}:2", f"{arn}:1"]
    shown = sfn.describe_state_machine(stateMachineArn=f"{arn}:2")
    assert (shown["definition"], shown["description"], shown["stateMachineArn"]) == (OTHER, "two", f"{arn}:2")
    assert sfn.describe_state_machine(stateMachineArn=first)["definition"] == ENDS


def test_publishing_a_revision_that_is_not_current_is_a_conflict(sfn):
    arn = create(sfn)["stateMachineArn"]
    expected = (
        "ConflictException",
        "Failed to publish the State Machine version for revision old. The current State Machine revision is INITIAL.",
    )
    assert refusal(sfn.publish_state_machine_version, stateMachineArn=arn, revisionId="old") == expected
    sfn.publish_state_machine_version(stateMachineArn=arn, revisionId="INITIAL")


def test_version_pages(sfn):
    arn, _ = published(sfn)
    for number in range(4):
        sfn.update_state_machine(stateMachineArn=arn, definition=ENDS + " " * (number + 1), publish=True)
    first = sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=3)
    rest = sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=3, nextToken=first["nextToken"])
    numbers = [
        int(version["stateMachineVersionArn"].rpartition(":")[2])
        for version in first["stateMachineVersions"] + rest["stateMachineVersions"]
    ]
    assert numbers == [5, 4, 3, 2, 1]
    assert "nextToken" not in rest


def test_an_execution_through_an_alias_records_alias_and_version(sfn):
    arn, version = published(sfn)
    alias = sfn.create_state_machine_alias(name="PROD", routingConfiguration=route((version, 100)))
    execution = sfn.start_execution(stateMachineArn=alias["stateMachineAliasArn"])["executionArn"]
    found = sfn.describe_execution(executionArn=execution)
    assert (found["stateMachineArn"], found["stateMachineVersionArn"]) == (arn, version)
    assert found["stateMachineAliasArn"] == f"{arn}:PROD"
    listed = sfn.list_executions(stateMachineArn=f"{arn}:PROD")["executions"]
    assert [item["executionArn"] for item in listed] == [execution]
    assert len(sfn.list_executions(stateMachineArn=version)["executions"]) == 1


def test_weights_decide(sfn):
    arn, first = published(sfn)
    second = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER, publish=True)["stateMachineVersionArn"]
    sfn.create_state_machine_alias(name="both", routingConfiguration=route((first, 30), (second, 70)))
    started = [sfn.start_execution(stateMachineArn=f"{arn}:both")["executionArn"] for _ in range(40)]
    taken = {sfn.describe_execution(executionArn=execution)["stateMachineVersionArn"] for execution in started}
    assert taken == {first, second}


def test_the_dice_fall_by_weight():
    assert [pick(((1, 30), (2, 70)), dice / 10) for dice in range(10)] == [1, 1, 1, *[2] * 7]
    assert pick(((1, 0), (2, 100)), 0.0) == 2
    assert pick(((1, 100),), 0.999999) == 1


def test_routing_is_checked(sfn):
    arn, first = published(sfn)
    second = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER, publish=True)["stateMachineVersionArn"]
    create_alias = sfn.create_state_machine_alias

    def message(*pairs):
        return refusal(create_alias, name="a", routingConfiguration=route(*pairs))

    assert message((first, 70), (second, 31)) == (
        "ValidationException",
        "Sum of routing configuration weights must equal 100. Received: [70, 31]",
    )
    assert message((arn, 100)) == (
        "ValidationException",
        f"Routing configuration must contain state machine version ARNs. Received: [{arn}]",
    )
    assert message((first, 50), (first, 50)) == (
        "ValidationException",
        f"Routing configuration must contain distinct state machine version ARNs. Received: [{first}, {first}]",
    )
    assert message((f"{arn}:9", 100))[0] == "ResourceNotFound"
    other = published(sfn)[1]
    assert message((first, 50), (other, 50))[0] == "ValidationException"


def test_alias_creation_is_idempotent(sfn):
    arn, version = published(sfn)
    request = {"name": "a", "description": "d", "routingConfiguration": route((version, 100))}
    assert (
        sfn.create_state_machine_alias(**request)["creationDate"]
        == sfn.create_state_machine_alias(**request)["creationDate"]
    )
    second = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER, publish=True)["stateMachineVersionArn"]
    expected = (
        "ConflictException",
        (
            "Failed to create alias because an alias with the same name and a different routing configuration already "
            "exists."
        ),
    )
    request["routingConfiguration"] = route((second, 100))
    assert refusal(sfn.create_state_machine_alias, **request) == expected


def test_alias_life(sfn):
    arn, version = published(sfn)
    alias = sfn.create_state_machine_alias(name="a", routingConfiguration=route((version, 100)))["stateMachineAliasArn"]
    assert refusal(sfn.update_state_machine_alias, stateMachineAliasArn=alias)[0] == "ValidationException"
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, description="said")
    found = sfn.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert (found["name"], found["description"]) == ("a", "said")
    assert found["routingConfiguration"] == route((version, 100))
    expected = (
        "ConflictException",
        (
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: "
            "[a]"
        ),
    )
    assert refusal(sfn.delete_state_machine_version, stateMachineVersionArn=version) == expected
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    missing = ("ResourceNotFound", "Request references a resource that does not exist.")
    assert refusal(sfn.describe_state_machine_alias, stateMachineAliasArn=alias) == missing
    assert refusal(sfn.update_state_machine_alias, stateMachineAliasArn=alias, description="x") == missing
    expected = ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{alias}'")
    assert refusal(sfn.start_execution, stateMachineArn=alias) == expected
    assert sfn.list_state_machine_aliases(stateMachineArn=arn)["stateMachineAliases"] == []


def test_aliases_of_a_version(sfn):
    arn, first = published(sfn)
    second = sfn.update_state_machine(stateMachineArn=arn, definition=OTHER, publish=True)["stateMachineVersionArn"]
    for name, version in (("a", first), ("b", second), ("c", first)):
        sfn.create_state_machine_alias(name=name, routingConfiguration=route((version, 100)))

    def names(**request):
        found = sfn.list_state_machine_aliases(**request)["stateMachineAliases"]
        return [alias["stateMachineAliasArn"].rpartition(":")[2] for alias in found]

    assert sorted(names(stateMachineArn=arn)) == ["a", "b", "c"]
    assert names(stateMachineArn=second) == ["b"]
    assert len(names(stateMachineArn=arn, maxResults=2)) == 2


def test_a_version_keeps_its_definition_for_running_executions(sfn):
    arn = create(sfn, WAITS)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.update_state_machine(stateMachineArn=arn, definition=ENDS)
    found = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert found["definition"] == WAITS
    assert "revisionId" not in found
