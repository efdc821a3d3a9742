"""What every Lambda operation gets: the host, who calls, the request's members, and small readers of them."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from newel.errors import ServiceError
from newel.functions.host import FunctionHost
from newel.functions.model import Function
from newel.functions.names import LATEST, FunctionName, parse_name

_PAGE_DEFAULT: Final = 50
_REVISION_MISMATCH: Final = (
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
)


class Call(msgspec.Struct, frozen=True):
    """One request. `members` is named as in the API model (`FunctionName`, …)."""

    host: FunctionHost
    account: str
    region: str
    members: Mapping[str, Any]

    def name(self) -> FunctionName:
        """The function that FunctionName and Qualifier mean."""
        text = self.needed("FunctionName")
        return parse_name(text, account=self.account, region=self.region, qualifier=self.text("Qualifier"))

    def text(self, member: str) -> str | None:
        value = self.members.get(member)
        if value is not None and not isinstance(value, str):
            raise serialization(member, "string")
        return value

    def needed(self, member: str) -> str:
        """A string that must be there."""
        value = self.text(member)
        if value is None:
            shown = member[:1].lower() + member[1:]
            raise ServiceError(
                "ValidationException",
                f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: "
                "Member must not be null",
            )
        return value

    async def change(self, name: FunctionName, edit: Callable[[Function], Function]) -> Function:
        """Store what `edit` makes of a function; durable on return."""
        async with self.host.writing:
            function = edit(self.host.catalog.get(name))
            await self.host.store(function)
            return function


def serialization(member: str, kind: str) -> ServiceError:
    """SerializationException: a member has another JSON type than the model says."""
    return ServiceError("SerializationException", f"The member {member} must be a {kind}")


def invalid(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message)


def conflict(message: str) -> ServiceError:
    return ServiceError("ResourceConflictException", message, status=409)


def missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, status=404)


def check_revision(call: Call, current: str) -> None:
    """The optimistic lock that RevisionId is."""
    given = call.text("RevisionId")
    if given is not None and given != current:
        raise ServiceError("PreconditionFailedException", _REVISION_MISMATCH, status=412)


def new_revision() -> str:
    return str(uuid.uuid4())


def now_text() -> str:
    """LastModified: ISO 8601 with milliseconds and `+0000`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def blob(value: Any, member: str) -> bytes:
    """A blob member: base64 text in JSON, or bytes from a caller in this process."""
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise serialization(member, "base64 string") from None


def page(call: Call, items: list[Any], maximum: int, key: Callable[[Any], str]) -> tuple[list[Any], str | None]:
    """The items after Marker, at most MaxItems. The marker names the last item seen: changes between pages are safe."""
    size = call.members.get("MaxItems")
    if size is None:
        size = _PAGE_DEFAULT
    if not isinstance(size, int) or not 1 <= size <= 10_000:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy constraint: "
            "Member must have value between 1 and 10000",
        )
    size = min(size, maximum)
    start = 0
    marker = call.text("Marker")
    if marker is not None:
        start = _after(marker, [key(item) for item in items])
    chosen = items[start : start + size]
    more = start + size < len(items)
    return chosen, base64.urlsafe_b64encode(key(chosen[-1]).encode()).decode() if more and chosen else None


def version_key(version: str) -> str:
    """Orders versions by number, `$LATEST` first."""
    return "0" if version == LATEST else version.zfill(20)


def _after(marker: str, keys: list[str]) -> int:
    try:
        last = base64.urlsafe_b64decode(marker).decode()
    except (ValueError, UnicodeDecodeError):
        raise invalid("Invalid Marker") from None
    return next((index for index, key in enumerate(keys) if key > last), len(keys))
