"""Aliases: names that route executions to one or two versions by weight."""

from collections.abc import Sequence
from typing import Any, NoReturn

import msgspec

from newel.errors import ServiceError, ValidationError
from newel.ports.store import Alias, Machine
from newel.service.arns import StateMachineArn, plain_state_machine_arn
from newel.service.core import Answer, Caller, Core, Request, seconds
from newel.service.errors import (
    missing_resource,
    quota_exceeded,
    state_machine_deleting,
    state_machine_does_not_exist,
)
from newel.service.pages import page_size
from newel.service.versions import aliases_of_version, version_arn

Routes = tuple[tuple[int, int], ...]


def pick(routes: Routes, dice: float) -> int:
    """The version that a throw of `dice` (at least 0, below 1) falls on."""
    rest = dice * 100
    for number, weight in routes:
        if rest < weight:
            return number
        rest -= weight
    return routes[-1][0]


def _bad_routing(message: str) -> NoReturn:
    raise ValidationError(message, "INVALID_ROUTING_CONFIGURATION")


def _routes(items: Sequence[dict[str, Any]]) -> tuple[StateMachineArn, Routes]:
    """The machine and the routes of a `routingConfiguration`. Raises ValidationException with AWS's messages."""
    texts = [item["stateMachineVersionArn"] for item in items]
    arns = [plain_state_machine_arn(text) for text in texts]
    listed = ", ".join(texts)
    if any(arn.version is None for arn in arns):
        _bad_routing(f"Routing configuration must contain state machine version ARNs. Received: [{listed}]")
    if len(set(texts)) != len(texts):
        _bad_routing(f"Routing configuration must contain distinct state machine version ARNs. Received: [{listed}]")
    if len({arn.base for arn in arns}) != 1:
        _bad_routing(f"Routing configuration must contain versions of one state machine. Received: [{listed}]")
    weights = [item["weight"] for item in items]
    if sum(weights) != 100:
        received = ", ".join(map(str, weights))
        _bad_routing(f"Sum of routing configuration weights must equal 100. Received: [{received}]")
    return arns[0], tuple((arn.version or 0, weight) for arn, weight in zip(arns, weights, strict=True))


async def _check_versions(core: Core, machine: Machine, routes: Routes) -> None:
    for number, _ in routes:
        if await core.store.version(machine.id, number) is None:
            raise missing_resource()


def alias_arn(machine_arn: str, name: str) -> str:
    return f"{machine_arn}:{name}"


async def create_state_machine_alias(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """CreateStateMachineAlias: idempotent on name, description and routing."""
    arn, routes = _routes(request["routingConfiguration"])
    name, description = request["name"], request.get("description")
    async with core.catalog_lock:
        machine = await core.store.machine(arn.base)
        if machine is None:
            raise missing_resource()
        if machine.status == "DELETING":
            raise state_machine_deleting(arn.base)
        await _check_versions(core, machine, routes)
        alias = await core.store.alias(machine.id, name)
        if alias is None:
            alias = await _create(core, machine, name, description, routes)
        elif (alias.routes, alias.description) != (routes, description):
            what = "routing configuration" if alias.routes != routes else "description"
            message = (
                f"Failed to create alias because an alias with the same name and a different {what} already exists."
            )
            raise ServiceError("ConflictException", message)
    return {"stateMachineAliasArn": alias_arn(arn.base, name), "creationDate": seconds(alias.created_ms)}


async def _create(core: Core, machine: Machine, name: str, description: str | None, routes: Routes) -> Alias:
    limit = core.limits.aliases_max
    if len(await core.store.aliases(machine.id, None, limit)) >= limit:
        raise quota_exceeded(f"The maximum number of aliases ({limit}) of this state machine has been reached.")
    now = core.clock.now_ms()
    alias = Alias(
        machine_id=machine.id, name=name, routes=routes, created_ms=now, updated_ms=now, description=description
    )
    await core.store.put_alias(alias)
    return alias


async def update_state_machine_alias(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """UpdateStateMachineAlias: changes the description, the routing, or both."""
    items, description = request.get("routingConfiguration"), request.get("description")
    if items is None and description is None:
        message = "Either the description or the routingConfiguration must be specified"
        raise ValidationError(message, "MISSING_REQUIRED_PARAMETER")
    async with core.catalog_lock:
        machine, alias = await _existing(core, request["stateMachineAliasArn"])
        if machine.status == "DELETING":
            raise state_machine_deleting(machine.arn)
        routes = alias.routes
        if items is not None:
            arn, routes = _routes(items)
            if arn.base != machine.arn:
                _bad_routing(f"Routing configuration must contain versions of {machine.arn}. Received: [{arn.text}]")
            await _check_versions(core, machine, routes)
        alias = msgspec.structs.replace(
            alias,
            routes=routes,
            description=alias.description if description is None else description,
            updated_ms=core.clock.now_ms(),
        )
        await core.store.put_alias(alias)
    return {"updateDate": seconds(alias.updated_ms)}


async def _existing(core: Core, text: str) -> tuple[Machine, Alias]:
    """The alias of an ARN and its machine. Raises ValidationException, ResourceNotFound."""
    arn = _alias_arn(text)
    machine = await core.store.machine(arn.base)
    alias = await core.store.alias(machine.id, arn.alias or "") if machine else None
    if machine is None or alias is None:
        raise missing_resource()
    return machine, alias


def _alias_arn(text: str) -> StateMachineArn:
    arn = plain_state_machine_arn(text)
    if arn.alias is None:
        raise ValidationError(f"The state machine alias ARN is not valid: {text}")
    return arn


async def delete_state_machine_alias(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DeleteStateMachineAlias; deleting what is not there succeeds (recorded)."""
    arn = _alias_arn(request["stateMachineAliasArn"])
    async with core.catalog_lock:
        machine = await core.store.machine(arn.base)
        if machine is not None:
            await core.store.delete_alias(machine.id, arn.alias or "")
    return {}


async def describe_state_machine_alias(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """DescribeStateMachineAlias."""
    machine, alias = await _existing(core, request["stateMachineAliasArn"])
    answer: Answer = {
        "stateMachineAliasArn": request["stateMachineAliasArn"],
        "name": alias.name,
        "routingConfiguration": [
            {"stateMachineVersionArn": version_arn(machine.arn, number), "weight": weight}
            for number, weight in alias.routes
        ],
        "creationDate": seconds(alias.created_ms),
        "updateDate": seconds(alias.updated_ms),
    }
    if alias.description is not None:
        answer["description"] = alias.description
    return answer


async def list_state_machine_aliases(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ListStateMachineAliases by creation (recorded), of a machine or of those that route to one version."""
    arn = plain_state_machine_arn(request["stateMachineArn"])
    after = core.tokens.read("ListStateMachineAliases", request)
    machine = None if arn.alias else await core.store.machine(arn.base)
    if machine is None:
        raise state_machine_does_not_exist(arn.text)
    if arn.version is not None and await core.store.version(machine.id, arn.version) is None:
        raise missing_resource()
    size = page_size(request)
    found = await aliases_of_version(core, machine, arn)
    names = [alias.name for alias in found]
    start = names.index(after) + 1 if after in names else 0
    page = found[start : start + size]
    answer: Answer = {
        "stateMachineAliases": [
            {"stateMachineAliasArn": alias_arn(arn.base, alias.name), "creationDate": seconds(alias.created_ms)}
            for alias in page
        ]
    }
    if start + size < len(found):
        answer["nextToken"] = core.tokens.issue("ListStateMachineAliases", request, page[-1].name)
    return answer
