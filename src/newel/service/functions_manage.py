"""Creating, reading, changing and deleting functions, and their concurrency."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote

import msgspec

from newel.functions.model import (
    CODE_UNZIPPED_BYTES_MAX,
    CODE_ZIPPED_BYTES_MAX,
    UNRESERVED_CONCURRENCY_MIN,
    Code,
    Configuration,
    Function,
)
from newel.functions.names import LATEST, FunctionName, not_found
from newel.service import functions_shapes as shapes
from newel.service.functions_call import (
    Call,
    blob,
    check_revision,
    conflict,
    invalid,
    missing,
    new_revision,
    now_text,
    page,
    version_key,
)
from newel.service.functions_checks import check_members
from newel.service.functions_versions import publish

_ACCOUNT_CODE_BYTES_MAX: Final = 80_530_636_800
_PAGE_MAX: Final = 50
_EXTRAS: Final = ("TracingConfig", "SnapStart", "LoggingConfig", "VpcConfig")
_S3: Final = (
    "Newel takes the code of a function in the request (Code.ZipFile); it does not fetch it from S3. Download the "
    "package and send it as ZipFile."
)


async def create_function(call: Call) -> dict[str, Any]:
    members = call.members
    for member in ("FunctionName", "Role"):
        call.needed(member)
    check_members(members)
    name = call.name()
    for member in ("Runtime", "Handler"):
        if not members.get(member):
            raise invalid(f"{member} is mandatory for functions created with deployment packages.")
    async with call.host.writing:
        if call.host.catalog.find(name) is not None:
            raise conflict(f"Function already exist: {name.name}")
        code = await _code_of(call, name, members.get("Code"))
        function = Function(
            account=name.account,
            region=name.region,
            name=name.name,
            latest=_first_configuration(call, code),
            tags=members.get("Tags") or {},
        )
        if members.get("Publish"):
            function, _ = publish(function, None)
        await call.host.store(function)
    return shapes.configuration(function, _published(function) if members.get("Publish") else function.latest)


def _first_configuration(call: Call, code: Code) -> Configuration:
    bare = Configuration(
        version=LATEST,
        code=code,
        runtime="",
        handler="",
        role="",
        last_modified="",
        revision_id="",
    )
    return _edited(call, bare)


def _published(function: Function) -> Configuration:
    return function.versions[str(function.next_version - 1)]


async def _code_of(call: Call, name: FunctionName, code: Any) -> Code:
    """Store the package that a `Code` structure (or UpdateFunctionCode's own members) carries."""
    source = code if isinstance(code, dict) else {}
    if source.get("S3Bucket") or source.get("S3Key"):
        raise invalid(_S3)
    if source.get("ImageUri"):
        raise invalid("Newel runs functions without containers: ImageUri is not supported. Use a zip package.")
    if source.get("ZipFile") is None:
        raise invalid("Please provide a source for function code.")
    data = blob(source["ZipFile"], "ZipFile")
    return await asyncio.to_thread(call.host.catalog.add_code, name, data)


def _edited(call: Call, old: Configuration) -> Configuration:
    """The configuration with the request's members put in; what is absent stays."""
    members = call.members
    plain = {
        "runtime": "Runtime",
        "handler": "Handler",
        "role": "Role",
        "description": "Description",
        "timeout": "Timeout",
        "memory_size": "MemorySize",
        "architectures": "Architectures",
    }
    changes: dict[str, Any] = {
        field: members[member] for field, member in plain.items() if members.get(member) is not None
    }
    if members.get("Environment") is not None:
        changes["environment"] = members["Environment"].get("Variables") or None
    if members.get("EphemeralStorage") is not None:
        changes["ephemeral_storage"] = members["EphemeralStorage"].get("Size", old.ephemeral_storage)
    extras = {member: members[member] for member in _EXTRAS if members.get(member) is not None}
    return msgspec.structs.replace(
        old,
        **changes,
        extras=old.extras | extras,
        last_modified=now_text(),
        revision_id=new_revision(),
    )


async def get_function(call: Call) -> dict[str, Any]:
    name = call.name()
    function = call.host.catalog.get(name)
    version = call.host.catalog.configuration(name)
    answer: dict[str, Any] = {
        "Configuration": shapes.configuration(function, version, name.qualifier),
        "Code": {"RepositoryType": "S3", "Location": _code_location(call, function, version)},
    }
    if function.tags:
        answer["Tags"] = function.tags
    if function.reserved_concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return answer


def _code_location(call: Call, function: Function, version: Configuration) -> str:
    """Where the package can be fetched: a path of this server, or the folder that a linked function runs from."""
    if version.code.directory is not None:
        return f"file://{quote(version.code.directory)}"
    base = (call.host.settings.endpoint_url or "").rstrip("/")
    return f"{base}/2015-03-31/functions/{quote(function.arn, safe='')}/package?Qualifier={quote(version.version)}"


async def get_package(call: Call) -> bytes:
    """The package of a version as it was uploaded (what `Code.Location` points at; not an operation of Lambda)."""
    name = call.name()
    function = call.host.catalog.get(name)
    version = call.host.catalog.configuration(name)
    try:
        return await asyncio.to_thread(call.host.catalog.package(function, version.code).read_bytes)
    except FileNotFoundError:
        raise missing("The package of this version is not stored.") from None


async def get_function_configuration(call: Call) -> dict[str, Any]:
    name = call.name()
    version = call.host.catalog.configuration(name)
    return shapes.configuration(call.host.catalog.get(name), version, name.qualifier)


async def list_functions(call: Call) -> dict[str, Any]:
    if call.text("MasterRegion") not in (None, "ALL", call.region):
        raise invalid("Newel has no replicated functions: MasterRegion must be ALL or this region.")
    functions = call.host.catalog.all(call.account, call.region)
    every = call.text("FunctionVersion") == "ALL"
    rows = [(item, version) for item in functions for version in _versions(item, every)]
    chosen, marker = page(call, rows, _PAGE_MAX, _row_key)
    answer = {
        "Functions": [
            shapes.configuration(item, version, version.version if every else None) for item, version in chosen
        ]
    }
    return answer | ({"NextMarker": marker} if marker else {})


def _versions(function: Function, every: bool) -> list[Configuration]:
    return [function.latest, *function.versions.values()] if every else [function.latest]


def _row_key(row: tuple[Function, Configuration]) -> str:
    """Orders as the catalog does: a space sorts before every character of a name."""
    return f"{row[0].name} {version_key(row[1].version)}"


async def update_function_code(call: Call) -> dict[str, Any]:
    name = call.name()
    catalog = call.host.catalog
    members = call.members
    check_members({"Architectures": members.get("Architectures")})
    if members.get("SourceKMSKeyArn"):
        raise invalid("Newel does not support the member SourceKMSKeyArn of a function.")
    async with call.host.writing:
        function = catalog.get(name)
        check_revision(call, function.latest.revision_id)
        code = await _code_of(call, name, members)
        latest = msgspec.structs.replace(
            function.latest,
            code=code,
            architectures=members.get("Architectures") or function.latest.architectures,
            last_modified=now_text(),
            revision_id=new_revision(),
        )
        changed = msgspec.structs.replace(function, latest=latest)
        if members.get("DryRun"):
            await call.host.store(function)
            return shapes.configuration(changed, latest)
        if members.get("Publish"):
            changed, _ = publish(changed, None)
        await call.host.store(changed)
    return shapes.configuration(changed, _published(changed) if members.get("Publish") else latest)


async def update_function_configuration(call: Call) -> dict[str, Any]:
    check_members(call.members)

    def edit(function: Function) -> Function:
        check_revision(call, function.latest.revision_id)
        return msgspec.structs.replace(function, latest=_edited(call, function.latest))

    function = await call.change(call.name(), edit)
    return shapes.configuration(function, function.latest)


async def delete_function(call: Call) -> dict[str, Any]:
    name = call.name()
    if name.qualifier is None:
        async with call.host.writing:
            await call.host.remove(name)
        return {}
    if name.qualifier == LATEST:
        raise invalid("$LATEST version cannot be deleted without deleting the function.")
    version = name.qualifier
    if not version.isdigit():
        raise invalid("Deletion of aliases is not currently supported by DeleteFunction: use DeleteAlias.")

    def edit(function: Function) -> Function:
        users = sorted(item.name for item in function.aliases.values() if version in (item.version, *item.weights))
        if users:
            raise conflict(f"Version {version} is referenced by the following aliases and cannot be deleted: {users}")
        if version not in function.versions:
            raise not_found(name)
        kept = {key: value for key, value in function.versions.items() if key != version}
        return msgspec.structs.replace(function, versions=kept)

    await call.change(name, edit)
    return {}


async def put_function_concurrency(call: Call) -> dict[str, Any]:
    reserved = call.members.get("ReservedConcurrentExecutions")
    if not isinstance(reserved, int) or isinstance(reserved, bool) or reserved < 0:
        raise invalid("ReservedConcurrentExecutions must be a number of 0 or more.")
    name = call.name()
    others = sum(
        item.reserved_concurrency or 0
        for item in call.host.catalog.all(name.account, name.region)
        if item.name != name.name
    )
    if call.host.settings.account_concurrency - others - reserved < UNRESERVED_CONCURRENCY_MIN:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED_CONCURRENCY_MIN}]."
        )
    await call.change(name, lambda function: msgspec.structs.replace(function, reserved_concurrency=reserved))
    return {"ReservedConcurrentExecutions": reserved}


async def get_function_concurrency(call: Call) -> dict[str, Any]:
    reserved = call.host.catalog.get(call.name()).reserved_concurrency
    return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}


async def delete_function_concurrency(call: Call) -> dict[str, Any]:
    await call.change(call.name(), lambda function: msgspec.structs.replace(function, reserved_concurrency=None))
    return {}


async def get_function_code_signing_config(call: Call) -> dict[str, Any]:
    """No function has one: they are refused on creation. Tools ask all the same."""
    return {"FunctionName": call.host.catalog.get(call.name()).name}


async def get_account_settings(call: Call) -> dict[str, Any]:
    functions = call.host.catalog.all(call.account, call.region)
    reserved = sum(item.reserved_concurrency or 0 for item in functions)
    limit = call.host.settings.account_concurrency
    return {
        "AccountLimit": {
            "TotalCodeSize": _ACCOUNT_CODE_BYTES_MAX,
            "CodeSizeUnzipped": CODE_UNZIPPED_BYTES_MAX,
            "CodeSizeZipped": CODE_ZIPPED_BYTES_MAX,
            "ConcurrentExecutions": limit,
            "UnreservedConcurrentExecutions": limit - reserved,
        },
        "AccountUsage": {
            "TotalCodeSize": sum(version.code.size for item in functions for version in _versions(item, True)),
            "FunctionCount": len(functions),
        },
    }
