"""How functions, aliases and versions look in Lambda's answers."""

from __future__ import annotations

from typing import Any

from newel.functions.environment import log_group
from newel.functions.model import Alias, Configuration, Function
from newel.functions.names import LATEST


def configuration(function: Function, version: Configuration, qualifier: str | None = None) -> dict[str, Any]:
    """FunctionConfiguration. The ARN carries what was asked for, else the version of a published one."""
    if qualifier is None and version.version != LATEST:
        qualifier = version.version
    arn = function.arn if qualifier is None else f"{function.arn}:{qualifier}"
    shape: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": arn,
        "Runtime": version.runtime,
        "Role": version.role,
        "Handler": version.handler,
        "CodeSize": version.code.size,
        "Description": version.description,
        "Timeout": version.timeout,
        "MemorySize": version.memory_size,
        "LastModified": version.last_modified,
        "CodeSha256": version.code.sha256,
        "Version": version.version,
        "TracingConfig": {"Mode": "PassThrough"},
        "RevisionId": version.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": version.architectures,
        "EphemeralStorage": {"Size": version.ephemeral_storage},
    }
    if version.environment is not None:
        shape["Environment"] = {"Variables": version.environment}
    shape |= {name: value for name, value in version.extras.items() if name in ("TracingConfig", "VpcConfig")}
    snap_start = version.extras.get("SnapStart", {}).get("ApplyOn", "None")
    shape["SnapStart"] = {"ApplyOn": snap_start, "OptimizationStatus": "Off"}
    shape["LoggingConfig"] = {"LogFormat": "Text", "LogGroup": log_group(function, version)}
    return shape


def alias(function: Function, item: Alias) -> dict[str, Any]:
    """AliasConfiguration."""
    shape: dict[str, Any] = {
        "AliasArn": f"{function.arn}:{item.name}",
        "Name": item.name,
        "FunctionVersion": item.version,
        "Description": item.description,
        "RevisionId": item.revision_id,
    }
    if item.weights:
        shape["RoutingConfig"] = {"AdditionalVersionWeights": item.weights}
    return shape
