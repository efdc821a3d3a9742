"""How a request names a function: a name, a partial ARN or a full ARN, with or without a version or alias.

Forms (Lambda API Reference, `FunctionName`): `my-function`, `my-function:v1`, `123456789012:function:my-function`,
`arn:aws:lambda:us-west-2:123456789012:function:my-function`, each with an optional `:qualifier`.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from newel.errors import ServiceError

LATEST: Final = "$LATEST"

_NAME: Final = re.compile(
    r"(?:arn:(?P<partition>aws[a-zA-Z-]*):lambda:)?(?:(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?"
    r"(?:function:)?(?P<name>[a-zA-Z0-9_-]{1,140})(?::(?P<qualifier>\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9_-]{1,128}))?"
)
_PATTERN_SHOWN: Final = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)


class FunctionName(msgspec.Struct, frozen=True):
    """Where a function lives. `qualifier` is a version, an alias, or None if the request gave none."""

    account: str
    region: str
    name: str
    qualifier: str | None = None

    @property
    def arn(self) -> str:
        """Without the qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def qualified_arn(self) -> str:
        return self.arn if self.qualifier is None else f"{self.arn}:{self.qualifier}"

    def at(self, qualifier: str | None) -> FunctionName:
        """The same function with another qualifier."""
        return FunctionName(self.account, self.region, self.name, qualifier)


def parse_name(text: str, *, account: str, region: str, qualifier: str | None = None) -> FunctionName:
    """Read any form. `account` and `region` are the caller's; `qualifier` is the request's own member.

    Raises `ServiceError` ValidationException for a malformed name, InvalidParameterValueException when both the name
    and the request carry a different qualifier.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {_PATTERN_SHOWN}",
        )
    in_name = match["qualifier"]
    if qualifier is not None and in_name is not None and qualifier != in_name:
        raise ServiceError(
            "InvalidParameterValueException",
            "The derived qualifier from the function name does not match the specified qualifier.",
        )
    return FunctionName(match["account"] or account, match["region"] or region, match["name"], qualifier or in_name)


def not_found(name: FunctionName) -> ServiceError:
    """ResourceNotFoundException in Lambda's words."""
    return ServiceError("ResourceNotFoundException", f"Function not found: {name.qualified_arn}", status=404)
