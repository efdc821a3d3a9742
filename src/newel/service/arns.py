"""Amazon Resource Names of Step Functions: taken apart, put together, refused in AWS's words."""

import re
from functools import lru_cache
from typing import Final, NoReturn

import msgspec

from newel.errors import ServiceError, ValidationError

_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}")
_PREFIXES: Final = ("arn:aws:states:", "arn:aws-cn:states:", "arn:aws-us-gov:states:")


class StateMachineArn(msgspec.Struct, frozen=True):
    """An ARN of a state machine, one of its versions or aliases, or of a labelled Map state in it.

    `base` is the unqualified ARN. At most one of `version`, `alias` and `label` is set.
    """

    text: str
    base: str
    region: str
    account: str
    name: str
    version: int | None = None
    alias: str | None = None
    label: str | None = None

    @property
    def qualified(self) -> bool:
        return self.text != self.base


class ExecutionArn(msgspec.Struct, frozen=True):
    """An ARN of an execution; `kind` is `execution` (Standard) or `express`, `machine` the state machine's name."""

    text: str
    kind: str
    region: str
    account: str
    machine: str
    name: str


def invalid_arn(detail: str) -> NoReturn:
    raise ServiceError("InvalidArn", f"Invalid Arn: '{detail}'")


def _split(text: str) -> list[str]:
    """`[arn, partition, states, region, account, type, rest…]`, all of them non-empty."""
    if not text.startswith(_PREFIXES):
        invalid_arn(f"Invalid ARN prefix: {text}")
    parts = text.split(":")
    if len(parts) < 7 or not all(parts):
        invalid_arn(f"Invalid ARN: {text}")
    return parts


def _expect(parts: list[str], kinds: tuple[str, ...]) -> None:
    if parts[5] not in kinds:
        invalid_arn(f"Resource type not valid in this context: {parts[5]}")


@lru_cache(maxsize=4096)
def state_machine_arn(text: str) -> StateMachineArn:
    """Take an ARN of a state machine apart. Raises InvalidArn."""
    parts = _split(text)
    _expect(parts, ("stateMachine",))
    if len(parts) > 8:
        invalid_arn(f"Invalid ARN: {text}")
    name, _, label = parts[6].partition("/")
    base = ":".join((*parts[:6], name))
    qualifier = parts[7] if len(parts) == 8 else None
    version = int(qualifier) if qualifier and _VERSION.fullmatch(qualifier) else None
    alias = qualifier if version is None else None
    return StateMachineArn(text, base, parts[3], parts[4], name, version, alias, label or None)


def plain_state_machine_arn(text: str) -> StateMachineArn:
    """The same for operations that refuse labelled ARNs (ValidationException with AWS's reason)."""
    arn = state_machine_arn(text)
    if arn.label is not None:
        raise ValidationError(
            f"This operation does not support a state machine ARN with a label: {text}",
            "API_DOES_NOT_SUPPORT_LABELED_ARNS",
        )
    return arn


def execution_arn(text: str, *, express: bool = False) -> ExecutionArn:
    """Take an ARN of an execution apart. Raises InvalidArn; also for Express executions unless `express`."""
    parts = _split(text)
    _expect(parts, ("execution", "express") if express else ("execution",))
    if len(parts) != (9 if parts[5] == "express" else 8):
        invalid_arn(f"Invalid ARN: {text}")
    return ExecutionArn(text, parts[5], parts[3], parts[4], parts[6], parts[7])


def activity_arn(text: str) -> str:
    """Check an ARN of an activity and give it back. Raises InvalidArn."""
    parts = _split(text)
    _expect(parts, ("activity",))
    if len(parts) != 7:
        invalid_arn(f"Invalid ARN: {text}")
    return text


def taggable_arn(text: str) -> tuple[str, bool]:
    """(ARN, whether it is an activity) of what may carry tags: state machines and activities. Raises InvalidArn."""
    parts = _split(text)
    _expect(parts, ("stateMachine", "activity"))
    return text, parts[5] == "activity"


def check_role_arn(text: str) -> None:
    """AWS asks of a role no more than the look of an ARN. Raises InvalidArn."""
    if not text.startswith("arn:") or text.count(":") < 5:
        invalid_arn(f"Invalid ARN prefix: {text}")
