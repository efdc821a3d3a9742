"""Versions: immutable numbered snapshots of a machine."""

import msgspec

from newel.errors import ServiceError, ValidationError
from newel.ports.store import Alias, Machine, Revision, Version
from newel.service.arns import StateMachineArn, plain_state_machine_arn
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.errors import quota_exceeded, state_machine_deleting, state_machine_does_not_exist
from newel.service.pages import page_size


def version_arn(machine_arn: str, number: int) -> str:
    return f"{machine_arn}:{number}"


async def publish(
    core: Core, machine: Machine, description: str | None, revision: Revision | None = None
) -> tuple[Machine, Version]:
    """Store the machine, its new revision if there is one, and a version of its current revision.

    If the newest version is of the same revision, that one is the answer. Raises ServiceQuotaExceededException.
    """
    if revision is None:
        newest = await core.store.versions(machine.id, None, 1)
        if newest and newest[0].revision_id == machine.revision_id:
            await core.store.put_machine(machine)
            return machine, newest[0]
    limit = core.limits.versions_max
    if machine.next_version > limit and len(await core.store.versions(machine.id, None, limit)) >= limit:
        raise quota_exceeded(f"The maximum number of versions ({limit}) of this state machine has been reached.")
    version = Version(
        machine_id=machine.id,
        number=machine.next_version,
        revision_id=machine.revision_id,
        created_ms=core.clock.now_ms(),
        description=description,
    )
    machine = msgspec.structs.replace(machine, next_version=version.number + 1)
    await core.store.put_machine(machine, revision, version)
    return machine, version


async def publish_state_machine_version(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """PublishStateMachineVersion: idempotent per revision; a `revisionId` that is not current is a conflict."""
    arn = plain_state_machine_arn(request["stateMachineArn"])
    async with core.catalog_lock:
        machine = None if arn.qualified else await core.store.machine(arn.base)
        if machine is None:
            raise state_machine_does_not_exist(arn.text)
        if machine.status == "DELETING":
            raise state_machine_deleting(arn.text)
        asked = request.get("revisionId")
        if asked is not None and asked != machine.revision_id:
            message = (
                f"Failed to publish the State Machine version for revision {asked}. "
                f"The current State Machine revision is {machine.revision_id}."
            )
            raise ServiceError("ConflictException", message)
        machine, version = await publish(core, machine, request.get("description"))
    return {
        "stateMachineVersionArn": version_arn(machine.arn, version.number),
        "creationDate": seconds(version.created_ms),
    }


async def list_state_machine_versions(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ListStateMachineVersions, newest first."""
    arn = plain_state_machine_arn(request["stateMachineArn"])
    before = core.tokens.read("ListStateMachineVersions", request)
    machine = None if arn.qualified else await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(arn.text)
    size = page_size(request)
    found = await core.store.versions(machine.id, before, size + 1)
    answer: Answer = {
        "stateMachineVersions": [
            {
                "stateMachineVersionArn": version_arn(arn.base, version.number),
                "creationDate": seconds(version.created_ms),
            }
            for version in found[:size]
        ]
    }
    if len(found) > size:
        answer["nextToken"] = core.tokens.issue("ListStateMachineVersions", request, found[size - 1].number)
    return answer


async def delete_state_machine_version(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DeleteStateMachineVersion; a version that an alias routes to stays. Deleting what is not there succeeds."""
    arn = plain_state_machine_arn(request["stateMachineVersionArn"])
    if arn.version is None:
        raise ValidationError(f"The state machine version ARN is not valid: {arn.text}")
    async with core.catalog_lock:
        machine = await core.store.machine(arn.base)
        if machine is None:
            return {}
        names = [alias.name for alias in await aliases_of_version(core, machine, arn)]
        if names:
            message = (
                "Version to be deleted must not be referenced by an alias. "
                f"Current list of aliases referencing this version: [{', '.join(names)}]"
            )
            raise ServiceError("ConflictException", message)
        await core.store.delete_version(machine.id, arn.version)
    return {}


async def aliases_of_version(core: Core, machine: Machine, arn: StateMachineArn) -> list[Alias]:
    """The aliases of a machine; only those that route to the version, if the ARN names one."""
    found = await core.store.aliases(machine.id, None, core.limits.aliases_max)
    if arn.version is None:
        return list(found)
    return [alias for alias in found if any(number == arn.version for number, _ in alias.routes)]
