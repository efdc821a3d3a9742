"""Published versions and aliases."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from newel.errors import ServiceError
from newel.functions.model import Alias, Configuration, Function
from newel.functions.names import LATEST, not_found
from newel.service import functions_shapes as shapes
from newel.service.functions_call import (
    Call,
    check_revision,
    conflict,
    invalid,
    missing,
    new_revision,
    page,
    version_key,
)

_PAGE_MAX: Final = 50
_ALIAS_PATTERN: Final = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"


def publish(function: Function, description: str | None) -> tuple[Function, Configuration]:
    """The function with a version made of `$LATEST`; the newest version itself if nothing changed since, as on AWS."""
    newest = function.versions.get(str(function.next_version - 1))
    if newest is not None and _same(newest, function.latest):
        return function, newest
    version = msgspec.structs.replace(
        function.latest,
        version=str(function.next_version),
        description=function.latest.description if description is None else description,
        revision_id=new_revision(),
    )
    return (
        msgspec.structs.replace(
            function,
            versions=function.versions | {version.version: version},
            next_version=function.next_version + 1,
            latest=msgspec.structs.replace(function.latest, revision_id=new_revision()),
        ),
        version,
    )


def _same(version: Configuration, latest: Configuration) -> bool:
    blank = {"version": "", "revision_id": "", "description": "", "last_modified": ""}
    return msgspec.structs.replace(version, **blank) == msgspec.structs.replace(latest, **blank)


async def publish_version(call: Call) -> dict[str, Any]:
    wanted = call.text("CodeSha256")
    description = call.text("Description")
    made: list[Configuration] = []

    def edit(function: Function) -> Function:
        check_revision(call, function.latest.revision_id)
        current = function.latest.code.sha256
        if wanted is not None and wanted != current:
            raise invalid(
                f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({current}). "
                "Please try again with the CodeSHA256 in $LATEST."
            )
        changed, version = publish(function, description)
        made.append(version)
        return changed

    function = await call.change(call.name(), edit)
    return shapes.configuration(function, made[0])


async def list_versions_by_function(call: Call) -> dict[str, Any]:
    function = call.host.catalog.get(call.name())
    rows = [function.latest, *sorted(function.versions.values(), key=lambda item: int(item.version))]
    chosen, marker = page(call, rows, _PAGE_MAX, lambda item: version_key(item.version))
    answer = {"Versions": [shapes.configuration(function, item, item.version) for item in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


async def create_alias(call: Call) -> dict[str, Any]:
    alias_name, version = call.needed("Name"), call.needed("FunctionVersion")
    if not re.fullmatch(_ALIAS_PATTERN, alias_name) or len(alias_name) > 128:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{alias_name}' at 'name' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_ALIAS_PATTERN}",
        )

    def edit(function: Function) -> Function:
        if alias_name in function.aliases:
            raise conflict(f"Alias already exists: {function.arn}:{alias_name}")
        alias = Alias(
            name=alias_name,
            version=_existing(call, function, version),
            description=call.text("Description") or "",
            weights=_weights(call, function, version) or {},
            revision_id=new_revision(),
        )
        return msgspec.structs.replace(function, aliases=function.aliases | {alias_name: alias})

    function = await call.change(call.name(), edit)
    return shapes.alias(function, function.aliases[alias_name])


async def update_alias(call: Call) -> dict[str, Any]:
    alias_name = call.needed("Name")

    def edit(function: Function) -> Function:
        old = _alias(function, alias_name)
        check_revision(call, old.revision_id)
        version = call.text("FunctionVersion") or old.version
        weights = _weights(call, function, version)
        description = call.text("Description")
        new = Alias(
            name=alias_name,
            version=_existing(call, function, version),
            description=old.description if description is None else description,
            weights=old.weights if weights is None else weights,
            revision_id=new_revision(),
        )
        return msgspec.structs.replace(function, aliases=function.aliases | {alias_name: new})

    function = await call.change(call.name(), edit)
    return shapes.alias(function, function.aliases[alias_name])


async def get_alias(call: Call) -> dict[str, Any]:
    function = call.host.catalog.get(call.name())
    return shapes.alias(function, _alias(function, call.needed("Name")))


async def delete_alias(call: Call) -> dict[str, Any]:
    alias_name = call.needed("Name")

    def edit(function: Function) -> Function:
        kept = {key: value for key, value in function.aliases.items() if key != alias_name}
        return msgspec.structs.replace(function, aliases=kept)  # deleting what is not there succeeds, as on AWS

    await call.change(call.name(), edit)
    return {}


async def list_aliases(call: Call) -> dict[str, Any]:
    function = call.host.catalog.get(call.name())
    version = call.text("FunctionVersion")
    rows = [item for _, item in sorted(function.aliases.items()) if version in (None, item.version, *item.weights)]
    chosen, marker = page(call, rows, _PAGE_MAX, lambda item: str(item.name))
    answer = {"Aliases": [shapes.alias(function, item) for item in chosen]}
    return answer | ({"NextMarker": marker} if marker else {})


def _alias(function: Function, name: str) -> Alias:
    found = function.aliases.get(name)
    if found is None:
        raise missing(f"Cannot find alias arn: {function.arn}:{name}")
    return found


def _existing(call: Call, function: Function, version: str) -> str:
    if version != LATEST and version not in function.versions:
        raise not_found(call.name().at(version))
    return version


def _weights(call: Call, function: Function, version: str) -> dict[str, float] | None:
    """RoutingConfig's weights, checked; None if the request has none."""
    routing = call.members.get("RoutingConfig")
    if routing is None:
        return None
    weights = (routing.get("AdditionalVersionWeights") if isinstance(routing, dict) else None) or {}
    if LATEST in (version, *weights) and weights:
        raise invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    for other, weight in weights.items():
        _existing(call, function, other)
        if other == version:
            already = f"Function version {other} is already included in routing configuration."
            raise invalid(f"Invalid function version {other}. {already}")
        if not isinstance(weight, int | float) or not 0.0 <= weight <= 1.0:
            raise invalid("The weight of an additional version must be between 0.0 and 1.0.")
    if sum(weights.values()) > 1.0:
        raise invalid("The sum of the weights of the additional versions must not exceed 1.0.")
    return {other: float(weight) for other, weight in weights.items()}
