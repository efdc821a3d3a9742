"""State machines: create, update, delete, describe, list."""

from typing import Any, Final

import msgspec

from newel.errors import ServiceError, ValidationError
from newel.json import loads
from newel.ports.store import Machine, MachineType, Revision, Version
from newel.service.arns import StateMachineArn, check_role_arn, plain_state_machine_arn
from newel.service.configuration import encryption_of, encryption_text, logging_text, tracing_text
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.definitions import check_definition, references
from newel.service.errors import state_machine_deleting, state_machine_does_not_exist
from newel.service.names import check_name
from newel.service.pages import page_size
from newel.service.resources import preload_models
from newel.service.tags import check_tags, tags_of
from newel.service.versions import publish, version_arn

#: The revision id of a machine that was never updated; AWS does not show it.
INITIAL: Final = "INITIAL"
_SCANNED: Final = 1000
_CHANGEABLE: Final = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


async def create_state_machine(core: Core, caller: Caller, request: Request) -> Answer:
    """CreateStateMachine.

    Idempotent on name, definition, type, logging, tracing, encryption, publish and versionDescription; another role
    or other tags change nothing (API reference).
    """
    name = request["name"]
    check_name(name)
    _check_version_description(request)
    check_role_arn(request["roleArn"])
    kind: MachineType = request.get("type") or "STANDARD"
    await preload_models(request["definition"])
    check_definition(request["definition"], kind)
    arn = caller.arn("stateMachine", name)
    tags = tags_of(request.get("tags"))
    check_tags(arn, tags)
    revision = _revision(core, request, core.entropy.uuid())
    async with core.catalog_lock:
        existing = await core.store.machine(arn)
        if existing is not None:
            return await _same_again(core, existing, revision, kind, request)
        answer = await _create(core, arn, revision, kind, request)
        if tags:
            await core.store.put_tags(arn, tags)
    return answer


def _check_version_description(request: Request) -> None:
    if request.get("versionDescription") is not None and not request.get("publish"):
        raise ValidationError("Version description can only be set when publish is true")


def _revision(core: Core, request: Request, machine_id: str) -> Revision:
    return Revision(
        machine_id=machine_id,
        revision_id=INITIAL,
        definition=request["definition"],
        role_arn=request["roleArn"],
        created_ms=core.clock.now_ms(),
        logging=logging_text(request.get("loggingConfiguration"), core.log_groups),
        tracing=tracing_text(request.get("tracingConfiguration")),
        encryption=encryption_text(request.get("encryptionConfiguration")),
    )


async def _create(core: Core, arn: str, revision: Revision, kind: MachineType, request: Request) -> Answer:
    prefix = arn[: -len(request["name"])]
    await core.census.check("StateMachine", prefix, core.limits.state_machines_max)
    published = bool(request.get("publish"))
    machine = Machine(
        arn=arn,
        id=revision.machine_id,
        name=request["name"],
        type=kind,
        status="ACTIVE",
        created_ms=revision.created_ms,
        updated_ms=revision.created_ms,
        revision_id=INITIAL,
        next_version=2 if published else 1,
    )
    version = None
    if published:
        version = Version(
            machine_id=machine.id,
            number=1,
            revision_id=INITIAL,
            created_ms=revision.created_ms,
            description=request.get("versionDescription"),
        )
    await core.store.put_machine(machine, revision, version)
    core.census.add("StateMachine", prefix, 1)
    return _created(machine, version)


def _created(machine: Machine, version: Version | None) -> Answer:
    answer = {"stateMachineArn": machine.arn, "creationDate": seconds(machine.created_ms)}
    if version is not None:
        answer["stateMachineVersionArn"] = version_arn(machine.arn, version.number)
    return answer


async def _same_again(core: Core, machine: Machine, new: Revision, kind: MachineType, request: Request) -> Answer:
    """The first answer once more, if the request is the one that made the machine. Raises StateMachineAlreadyExists."""
    if machine.status == "DELETING":
        raise state_machine_deleting(machine.arn)
    old = await core.store.revision(machine.id, machine.revision_id)
    version = await core.store.version(machine.id, 1)
    if version is not None and version.created_ms != machine.created_ms:
        version = None  # it was published later, not by the creation
    same = (
        old is not None
        and machine.type == kind
        and _settings(old) == _settings(new)
        and (version is not None) == bool(request.get("publish"))
        and (version is None or version.description == request.get("versionDescription"))
    )
    if not same:
        raise ServiceError("StateMachineAlreadyExists", f"State Machine Already Exists: '{machine.arn}'")
    return _created(machine, version)


def _settings(revision: Revision) -> tuple[Any, ...]:
    """What makes two creations the same: everything but the role."""
    return (revision.definition, revision.logging, revision.tracing, encryption_of(revision.encryption))


async def update_state_machine(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """UpdateStateMachine: a new revision if anything differs; running executions keep theirs."""
    arn = plain_state_machine_arn(request["stateMachineArn"])
    if not any(request.get(member) is not None for member in _CHANGEABLE):
        message = (
            "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
            "specified"
        )
        raise ServiceError("MissingRequiredParameter", message)
    _check_version_description(request)
    if request.get("definition") is not None:
        await preload_models(request["definition"])
    async with core.catalog_lock:
        machine = await changeable_machine(core, arn)
        old = await revision_of(core, machine.id, machine.revision_id)
        revision = _changed(core, old, request, machine.type)
        changed = revision is not None
        machine = msgspec.structs.replace(
            machine,
            updated_ms=core.clock.now_ms(),
            revision_id=revision.revision_id if revision else machine.revision_id,
        )
        if request.get("publish"):
            machine, version = await publish(core, machine, request.get("versionDescription"), revision)
        else:
            version = None
            await core.store.put_machine(machine, revision)
    answer: Answer = {"updateDate": seconds(machine.updated_ms)}
    if changed or machine.revision_id != INITIAL:
        answer["revisionId"] = machine.revision_id
    if version is not None:
        answer["stateMachineVersionArn"] = version_arn(machine.arn, version.number)
    return answer


def _changed(core: Core, old: Revision, request: Request, kind: MachineType) -> Revision | None:
    """The revision that a request makes of the current one; None if it changes nothing."""
    changes: dict[str, str] = {}
    if request.get("definition") is not None:
        check_definition(request["definition"], kind)
        changes["definition"] = request["definition"]
    if request.get("roleArn") is not None:
        check_role_arn(request["roleArn"])
        changes["role_arn"] = request["roleArn"]
    if request.get("loggingConfiguration") is not None:
        changes["logging"] = logging_text(request["loggingConfiguration"], core.log_groups)
    if request.get("tracingConfiguration") is not None:
        changes["tracing"] = tracing_text(request["tracingConfiguration"])
    if request.get("encryptionConfiguration") is not None:
        changes["encryption"] = encryption_text(request["encryptionConfiguration"])
    new = msgspec.structs.replace(old, **changes)
    if new == old:
        return None
    return msgspec.structs.replace(new, revision_id=core.entropy.uuid(), created_ms=core.clock.now_ms())


async def changeable_machine(core: Core, arn: StateMachineArn) -> Machine:
    """The machine of an unqualified ARN, if it is not being deleted. Raises DoesNotExist, StateMachineDeleting."""
    machine = None if arn.qualified else await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(arn.text)
    if machine.status == "DELETING":
        raise state_machine_deleting(arn.text)
    return machine


async def revision_of(core: Core, machine_id: str, revision_id: str) -> Revision:
    revision = await core.store.revision(machine_id, revision_id)
    assert revision is not None, "a machine, version or execution names a revision that the store keeps"
    return revision


async def delete_state_machine(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DeleteStateMachine: DELETING first, gone when its executions are; deleting what is not there succeeds.

    Without running executions the machine is gone when this returns; their end is not waited for.
    """
    arn = plain_state_machine_arn(request["stateMachineArn"])
    if arn.qualified:
        raise ValidationError(f"DeleteStateMachine does not support a version or alias ARN: {arn.text}")
    async with core.catalog_lock:
        machine = await core.store.machine(arn.base)
        if machine is None:
            return {}
        if machine.status == "ACTIVE":
            machine = msgspec.structs.replace(machine, status="DELETING", updated_ms=core.clock.now_ms())
            await core.store.put_machine(machine)
    if await core.store.open_count(machine.id):
        core.spawn(_finish_deletion(core, machine))
    else:
        await _finish_deletion(core, machine)
    return {}


async def resume_deletions(core: Core) -> None:
    """Finish at start-up what a stop of the server left DELETING."""
    after = None
    while page := await core.store.machines("arn:", after, _SCANNED):
        for machine in page:
            if machine.status == "DELETING":
                await _finish_deletion(core, machine)
        after = page[-1].arn


async def _finish_deletion(core: Core, machine: Machine) -> None:
    """End a DELETING machine's executions and remove it."""
    await core.runtime.terminate_machine(machine.id)
    async with core.catalog_lock:
        current = await core.store.machine(machine.arn)
        if current is not None and current.id == machine.id:
            await core.store.delete_machine(machine.arn)
            core.census.add("StateMachine", machine.arn[: -len(machine.name)], -1)


async def describe_state_machine(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeStateMachine of a machine or one of its versions."""
    arn = plain_state_machine_arn(request["stateMachineArn"])
    machine = None if arn.alias else await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(arn.text)
    version = None
    if arn.version is not None:
        version = await core.store.version(machine.id, arn.version)
        if version is None:
            raise state_machine_does_not_exist(arn.text)
    revision = await revision_of(core, machine.id, version.revision_id if version else machine.revision_id)
    answer: Answer = {
        "stateMachineArn": arn.text,
        "name": machine.name,
        "status": machine.status,
        "type": machine.type,
        "creationDate": seconds(version.created_ms if version else machine.created_ms),
        **revision_answer(core, revision, metadata_only=request.get("includedData") == "METADATA_ONLY"),
    }
    if version is not None and version.description is not None:
        answer["description"] = version.description
    return answer


def revision_answer(core: Core, revision: Revision, *, metadata_only: bool) -> Answer:
    """What both Describe operations show of a revision."""
    answer: Answer = {
        "definition": "{}" if metadata_only else revision.definition,
        "roleArn": revision.role_arn,
        "loggingConfiguration": loads(revision.logging),
        "tracingConfiguration": loads(revision.tracing),
    }
    if revision.revision_id != INITIAL:
        answer["revisionId"] = revision.revision_id
    if core.default_fields or loads(revision.encryption):
        answer["encryptionConfiguration"] = encryption_of(revision.encryption)
    if not metadata_only:
        variables = references(revision.definition)
        if variables:
            answer["variableReferences"] = variables
    return answer


async def list_state_machines(core: Core, caller: Caller, request: Request) -> Answer:
    """ListStateMachines of the caller's account and region, by name."""
    size = page_size(request)
    after = core.tokens.read("ListStateMachines", request)
    found = await core.store.machines(caller.arn("stateMachine", ""), after, size + 1)
    answer: Answer = {
        "stateMachines": [
            {
                "stateMachineArn": machine.arn,
                "name": machine.name,
                "type": machine.type,
                "creationDate": seconds(machine.created_ms),
            }
            for machine in found[:size]
        ]
    }
    if len(found) > size:
        answer["nextToken"] = core.tokens.issue("ListStateMachines", request, found[size - 1].arn)
    return answer
