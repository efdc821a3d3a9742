"""Resource ARNs of Task, ItemReader and ResultWriter: what they name and how the call is made.

`OPTIMIZED` is the table of optimized integrations (service, action, patterns) of the Developer Guide. An AWS SDK
integration (`aws-sdk:<service>:<action>`) is accepted by its shape; whether the service has the action is known to
the integrations layer, which holds the service models.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES, Pattern

__all__ = ["OPTIMIZED", "Pattern", "Resource", "UnrecognizedResourceError", "parse_data_resource", "parse_resource"]

Kind = Literal["lambda", "activity", "service"]

# The partition may still be a substitution (`arn:${AWS::Partition}:states:::…`): templates fill it in at deploy time.
_PARTITION: Final = r"arn:(?:aws[a-z-]*|\$\{[^}]+\})"
_LAMBDA: Final = re.compile(
    rf"{_PARTITION}:lambda:(?P<region>[^:]+):(?P<account>[^:]+)"
    r":function:(?P<name>[A-Za-z0-9_-]{1,140})(?::(?P<qualifier>\$LATEST|[A-Za-z0-9_-]{1,128}))?"
)
_ACTIVITY: Final = re.compile(
    rf"{_PARTITION}:states:(?P<region>[^:]+):(?P<account>[^:]+):activity:(?P<name>[^\s<>{{}}\[\]?*\"#%\\^|~`$&,;:/]{{1,80}})"
)
_SERVICE: Final = re.compile(
    rf"{_PARTITION}:states:(?P<region>[^:]*):(?P<account>[^:]*)"
    r":(?P<service>aws-sdk:[a-z0-9]+|[a-z0-9-]+):(?P<action>[a-z][A-Za-z0-9]*)"
    r"(?P<suffix>\.sync:2|\.sync|\.waitForTaskToken)?"
)
_AWS_SDK_PATTERNS: Final[frozenset[Pattern]] = frozenset({"REQUEST_RESPONSE", "WAIT_FOR_TASK_TOKEN"})
_DATA_RESOURCES: Final = {("s3", "getObject"), ("s3", "listObjectsV2"), ("s3", "putObject")}


class UnrecognizedResourceError(ValueError):
    """A Resource that names nothing; the text is AWS's diagnostic."""

    def __init__(self, text: object) -> None:
        super().__init__(
            f"The resource provided {text} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region."
        )


class Resource(msgspec.Struct, frozen=True):
    """A recognised Resource.

    `service` is the prefix of §13 (`lambda`, `sqs`, `aws-sdk:s3`, `http`); a Lambda ARN has `lambda` and `invoke`, an
    activity has `activity` and its name. `region` and `account` are empty where the ARN leaves them out, and
    `qualifier` is the version or alias of a Lambda ARN.
    """

    text: str
    kind: Kind
    service: str
    action: str
    pattern: Pattern
    region: str = ""
    account: str = ""
    qualifier: str | None = None

    @property
    def resource_type(self) -> str:
        """`resourceType` of history events."""
        return self.service

    @property
    def resource_name(self) -> str:
        """`resource` of history events: the action with its suffix (`startExecution.sync:2`)."""
        return self.action + PATTERN_SUFFIXES[self.pattern]


def parse_resource(text: str) -> Resource:
    """The Resource of a Task. Raises `UnrecognizedResourceError` (a `ValueError`) in AWS's words."""
    found = _parse(text)
    if found is None or not _is_integration(found):
        raise UnrecognizedResourceError(text)
    return found


def parse_data_resource(text: str) -> Resource:
    """The Resource of an ItemReader or ResultWriter (`s3:getObject`, `s3:listObjectsV2`, `s3:putObject`).

    Raises `UnrecognizedResourceError`.
    """
    found = _parse(text)
    if found is None or (found.service, found.action) not in _DATA_RESOURCES or found.pattern != "REQUEST_RESPONSE":
        raise UnrecognizedResourceError(text)
    return found


def _parse(text: str) -> Resource | None:
    if found := _LAMBDA.fullmatch(text):
        region, account, qualifier = found["region"], found["account"], found["qualifier"]
        return Resource(text, "lambda", "lambda", "invoke", "REQUEST_RESPONSE", region, account, qualifier)
    if found := _ACTIVITY.fullmatch(text):
        return Resource(
            text, "activity", "activity", found["name"], "REQUEST_RESPONSE", found["region"], found["account"]
        )
    if found := _SERVICE.fullmatch(text):
        pattern = _PATTERNS_BY_SUFFIX[found["suffix"] or ""]
        return Resource(text, "service", found["service"], found["action"], pattern, found["region"], found["account"])
    return None


_PATTERNS_BY_SUFFIX: Final[dict[str, Pattern]] = {suffix: pattern for pattern, suffix in PATTERN_SUFFIXES.items()}


def _is_integration(resource: Resource) -> bool:
    if resource.kind != "service":
        return True
    if resource.service.startswith("aws-sdk:"):
        return resource.pattern in _AWS_SDK_PATTERNS
    return resource.pattern in OPTIMIZED.get(resource.service, {}).get(resource.action, frozenset())
