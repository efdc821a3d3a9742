"""Checks of CreateFunction's and UpdateFunctionConfiguration's members, in Lambda's words.

What Newel cannot do is refused by name; nothing is silently ignored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from newel.errors import ServiceError
from newel.functions.environment import RESERVED
from newel.functions.model import ENVIRONMENT_BYTES_MAX, MEMORY_MB_MAX, MEMORY_MB_MIN, TIMEOUT_SECONDS_MAX
from newel.functions.runtimes import KNOWN_RUNTIMES, is_supported
from newel.json import dumps, size_utf8
from newel.service.functions_call import invalid, serialization

logger = logging.getLogger(__name__)

_ROLE: Final = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
_HANDLER: Final = r"[^\s]+"
_VARIABLE: Final = r"[a-zA-Z]([a-zA-Z0-9_])+"
_ARCHITECTURES: Final = ("x86_64", "arm64")
_TAGS_MAX: Final = 50

#: Members that are understood, whatever they hold; the others of the model are refused when they hold something.
_UNDERSTOOD: Final = frozenset(
    {
        "FunctionName", "Runtime", "Role", "Handler", "Code", "Description", "Timeout", "MemorySize", "Publish",
        "PackageType", "Environment", "TracingConfig", "Tags", "Architectures", "EphemeralStorage", "SnapStart",
        "LoggingConfig", "VpcConfig", "RevisionId", "Qualifier",
    }
)  # fmt: skip


def check_members(members: Mapping[str, Any]) -> None:
    """Raises ValidationException with all broken constraints, or InvalidParameterValueException for what is refused."""
    problems = [problem for check in _CONSTRAINTS for problem in check(members)]
    if problems:
        count = len(problems)
        noun = "error" if count == 1 else "errors"
        raise ServiceError("ValidationException", f"{count} validation {noun} detected: " + "; ".join(problems))
    _check_refused(members)
    _check_runtime(members)
    _check_environment(members)
    _check_logging(members)
    _check_tags(members)


def _broken(value: object, member: str, rule: str) -> str:
    return f"Value '{value}' at '{member}' failed to satisfy constraint: {rule}"


def _number(member: str, shown: str, low: int, high: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def check(members: Mapping[str, Any]) -> list[str]:
        value = members.get(member)
        if value is None:
            return []
        if not isinstance(value, int) or isinstance(value, bool):
            raise serialization(member, "number")
        if value < low:
            return [_broken(value, shown, f"Member must have value greater than or equal to {low}")]
        if value > high:
            return [_broken(value, shown, f"Member must have value less than or equal to {high}")]
        return []

    return check


def _pattern(member: str, shown: str, pattern: str, length_max: int):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def check(members: Mapping[str, Any]) -> list[str]:
        value = members.get(member)
        if value is None:
            return []
        if not isinstance(value, str):
            raise serialization(member, "string")
        if len(value) > length_max:
            return [_broken(value, shown, f"Member must have length less than or equal to {length_max}")]
        if not re.fullmatch(pattern, value, re.DOTALL):
            return [_broken(value, shown, f"Member must satisfy regular expression pattern: {pattern}")]
        return []

    return check


def _runtime_name(members: Mapping[str, Any]) -> list[str]:
    value = members.get("Runtime")
    if value is None or value in KNOWN_RUNTIMES:
        return []
    return [
        _broken(
            value,
            "runtime",
            f"Member must satisfy enum value set: [{', '.join(KNOWN_RUNTIMES)}] or be a valid ARN",
        )
    ]


def _ephemeral(members: Mapping[str, Any]) -> list[str]:
    storage = members.get("EphemeralStorage")
    if storage is None:
        return []
    if not isinstance(storage, dict):
        raise serialization("EphemeralStorage", "structure")
    return list(_number("Size", "ephemeralStorage.size", 512, 10_240)(storage))


def _architectures(members: Mapping[str, Any]) -> list[str]:
    value = members.get("Architectures")
    if value is None or (isinstance(value, list) and len(value) == 1 and value[0] in _ARCHITECTURES):
        return []
    return [_broken(value, "architectures", f"Member must satisfy enum value set: [{', '.join(_ARCHITECTURES)}]")]


_CONSTRAINTS: Final = (
    _number("Timeout", "timeout", 1, TIMEOUT_SECONDS_MAX),
    _number("MemorySize", "memorySize", MEMORY_MB_MIN, MEMORY_MB_MAX),
    _pattern("Role", "role", _ROLE, 10_000),
    _pattern("Handler", "handler", _HANDLER, 128),
    _pattern("Description", "description", r".*", 256),
    _runtime_name,
    _ephemeral,
    _architectures,
)


def _check_refused(members: Mapping[str, Any]) -> None:
    if members.get("PackageType", "Zip") != "Zip":
        raise invalid("Newel runs functions without containers: PackageType Image is not supported. Use a zip package.")
    for member, value in members.items():
        if member not in _UNDERSTOOD and _holds_something(value):
            raise invalid(f"Newel does not support the member {member} of a function.")
    vpc = members.get("VpcConfig")
    if _holds_something(vpc):
        logger.warning("VpcConfig of %s is stored but has no effect: functions use this machine's network",
                       members.get("FunctionName"))  # fmt: skip


def _holds_something(value: Any) -> bool:
    """Tools send empty structures for what is not used."""
    if isinstance(value, dict):
        return any(_holds_something(item) for item in value.values())
    return value not in (None, "", [], False)


def _check_runtime(members: Mapping[str, Any]) -> None:
    runtime = members.get("Runtime")
    if runtime is not None and not is_supported(runtime):
        raise invalid(
            f"Newel cannot run the runtime {runtime}: it runs python3.9 to python3.14, nodejs18.x to nodejs24.x, and "
            "provided, provided.al2 and provided.al2023 with a bootstrap of your own."
        )


def _check_environment(members: Mapping[str, Any]) -> None:
    environment = members.get("Environment")
    if environment is None:
        return
    variables = environment.get("Variables") if isinstance(environment, dict) else None
    if variables is None:
        return
    if not isinstance(variables, dict) or not all(isinstance(value, str) for value in variables.values()):
        raise serialization("Environment.Variables", "map of strings")
    for name in variables:
        if not re.fullmatch(_VARIABLE, name):
            raise ServiceError(
                "ValidationException",
                "1 validation error detected: " + _broken(
                    variables, "environment.variables",
                    f"Map keys must satisfy constraint: [Member must satisfy regular expression pattern: {_VARIABLE}]",
                ),
            )  # fmt: skip
    reserved = sorted(RESERVED & variables.keys())
    if reserved:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    if size_utf8(dumps(variables)) > ENVIRONMENT_BYTES_MAX:
        raise invalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the {ENVIRONMENT_BYTES_MAX // 1024}KB limit. String measured: {dumps(variables)}"
        )


def _check_logging(members: Mapping[str, Any]) -> None:
    logging_config = members.get("LoggingConfig") or {}
    if logging_config.get("LogFormat", "Text") != "Text":
        raise invalid("Newel writes function logs as text: LoggingConfig.LogFormat JSON is not supported.")
    mode = (members.get("TracingConfig") or {}).get("Mode", "PassThrough")
    if mode not in ("PassThrough", "Active"):
        raise ServiceError(
            "ValidationException",
            "1 validation error detected: "
            + _broken(mode, "tracingConfig.mode", "Member must satisfy enum value set: [Active, PassThrough]"),
        )


def _check_tags(members: Mapping[str, Any]) -> None:
    tags = members.get("Tags")
    if tags is None:
        return
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise serialization("Tags", "map of strings")
    if len(tags) > _TAGS_MAX:
        raise invalid(f"The function has more than {_TAGS_MAX} tags.")
