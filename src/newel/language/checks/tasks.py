"""Task states: what an Express machine can't run, Credentials, and what an integration can't do without."""

from __future__ import annotations

from typing import Final

from newel.json import Json
from newel.language.checks.report import Context
from newel.language.resource import Resource, UnrecognizedResourceError, parse_resource

#: (service, action) -> parameters AWS asks for when a machine is created.
REQUIRED_PARAMETERS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("apigateway", "invoke"): ("ApiEndpoint", "Method"),
    ("dynamodb", "deleteItem"): ("TableName", "Key"),
    ("dynamodb", "getItem"): ("TableName", "Key"),
    ("dynamodb", "putItem"): ("TableName", "Item"),
    ("dynamodb", "updateItem"): ("TableName", "Key"),
    ("ecs", "runTask"): ("TaskDefinition",),
    ("events", "putEvents"): ("Entries",),
    ("glue", "startJobRun"): ("JobName",),
    ("http", "invoke"): ("ApiEndpoint", "Method"),
    ("lambda", "invoke"): ("FunctionName",),
    ("sns", "publish"): ("Message",),
    ("sqs", "sendMessage"): ("QueueUrl", "MessageBody"),
    ("states", "startExecution"): ("StateMachineArn",),
}


def check_task(task: dict[str, Json], location: str, context: Context) -> None:
    """Check what the fields of a Task mean together; its Resource as far as it is recognised."""
    _check_heartbeat(task, location, context)
    resource = _resource(task)
    if resource is None:
        return
    if context.machine_type == "EXPRESS":
        _check_express(resource, f"{location}/Resource", context)
    if resource.kind == "activity" and "Credentials" in task:
        context.report.error("The field 'Credentials' is not supported for activities", f"{location}/Credentials")
    if resource.kind == "service":
        _check_parameters(task, resource, location, context)


def check_credentials(credentials: dict[str, Json], location: str, context: Context) -> None:
    """RoleArn is required, in either spelling."""
    if not _has(credentials, "RoleArn"):
        context.report.error("The field 'RoleArn' is required but was missing", location)


def _resource(task: dict[str, Json]) -> Resource | None:
    text = task.get("Resource")
    try:
        return parse_resource(text) if isinstance(text, str) else None
    except UnrecognizedResourceError:
        return None


def _check_heartbeat(task: dict[str, Json], location: str, context: Context) -> None:
    heartbeat, timeout = task.get("HeartbeatSeconds"), task.get("TimeoutSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
        context.report.error("HeartbeatSeconds must be smaller than TimeoutSeconds", f"{location}/HeartbeatSeconds")


def _check_express(resource: Resource, location: str, context: Context) -> None:
    if resource.kind == "activity":
        context.report.error("Express state machine does not support Activity ARN", location)
    elif resource.pattern in ("SYNC", "SYNC2"):
        context.report.error("Express state machine does not support '.sync' service integration", location)
    elif resource.pattern == "WAIT_FOR_TASK_TOKEN":
        # The space at the end is AWS's.
        context.report.error(
            "Express state machine does not support '.waitForTaskToken' service integration ", location
        )


def _check_parameters(task: dict[str, Json], resource: Resource, location: str, context: Context) -> None:
    field = "Arguments" if context.language == "JSONata" else "Parameters"
    if field not in task:
        context.report.error(f"{field} field is required for resource ARN: {resource.text}", location)
        return
    given = task[field]
    if not isinstance(given, dict):
        return  # computed as a whole, or reported as no template
    for name in REQUIRED_PARAMETERS.get((resource.service, resource.action), ()):
        if not _has(given, name):
            context.report.error(f"The field '{name}' is required but was missing", f"{location}/{field}")


def _has(node: dict[str, Json], name: str) -> bool:
    return name in node or f"{name}.$" in node
