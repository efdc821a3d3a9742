"""Tags of state machines and activities."""

from collections.abc import Sequence
from typing import Any, Final

from newel.errors import ServiceError, ValidationError
from newel.limits import TAGS_MAX
from newel.service.arns import state_machine_arn, taggable_arn
from newel.service.core import Answer, Caller, Core, Request

_RESERVED: Final = "aws:"


def tags_of(items: Sequence[dict[str, Any]] | None) -> dict[str, str]:
    """The tags of a request; a later one with the same key wins, a missing value is empty."""
    return {item.get("key") or "": item.get("value") or "" for item in items or ()}


def check_tags(arn: str, tags: dict[str, str]) -> None:
    """Raises ValidationException for an empty or reserved key, TooManyTags for more than fit."""
    for key in tags:
        if not key:
            raise ValidationError("Tag keys must not be null or empty")
        if key.lower().startswith(_RESERVED):
            raise ValidationError("aws: prefixed tag key names are not allowed for external use.")
    if len(tags) > TAGS_MAX:
        message = f"The maximum number of tags ({TAGS_MAX}) of a resource has been reached."
        raise ServiceError("TooManyTags", message, extra={"resourceName": arn})


async def _existing(core: Core, text: str) -> str:
    """The ARN of a resource that is there. Raises InvalidArn, ResourceNotFound (also for versions and aliases)."""
    arn, is_activity = taggable_arn(text)
    if is_activity:
        found = await core.store.activity(arn) is not None
    else:
        found = not state_machine_arn(arn).qualified and await core.store.machine(arn) is not None
    if not found:
        raise ServiceError("ResourceNotFound", f"Resource not found: '{text}'", extra={"resourceName": text})
    return arn


async def tag_resource(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """TagResource: adds tags, and replaces those whose key is there."""
    async with core.catalog_lock:
        arn = await _existing(core, request["resourceArn"])
        new = tags_of(request["tags"])
        tags = {**await core.store.tags(arn), **new}
        check_tags(arn, tags)
        await core.store.put_tags(arn, tags)
    return {}


async def untag_resource(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """UntagResource: keys that are not there are no error."""
    async with core.catalog_lock:
        arn = await _existing(core, request["resourceArn"])
        gone = set(request["tagKeys"])
        tags = await core.store.tags(arn)
        await core.store.put_tags(arn, {key: value for key, value in tags.items() if key not in gone})
    return {}


async def list_tags_for_resource(core: Core, caller: Caller, request: Request) -> Answer:  # noqa: ARG001
    """ListTagsForResource."""
    arn = await _existing(core, request["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in (await core.store.tags(arn)).items()]}
