"""Logging, tracing and encryption of a state machine: checked, completed with AWS's defaults, kept as JSON text."""

from typing import Any, Final

from newel.errors import ServiceError
from newel.json import dumps, loads
from newel.service.log_groups import LogGroups

DEFAULT_ENCRYPTION: Final = {"type": "AWS_OWNED_KEY"}
#: How long AWS reuses a data key where the request does not say.
REUSE_SECONDS_DEFAULT: Final = 300
#: What is stored for a machine that said nothing about encryption.
NO_ENCRYPTION: Final = "{}"


def logging_text(given: dict[str, Any] | None, groups: LogGroups) -> str:
    """Raises InvalidLoggingConfiguration: a level above OFF needs exactly one destination, and it must exist."""
    config = given or {}
    level = config.get("level") or "OFF"
    destinations = config.get("destinations")
    found = destinations or []
    if len(found) > 1 or (level != "OFF" and not found):
        raise _invalid_logging("Must specify exactly one Log Destination.")
    for destination in found:
        arn = (destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn")
        if arn is None or not groups.exists(arn):
            raise _invalid_logging("Log Destination not found.")
    text = {"level": level, "includeExecutionData": bool(config.get("includeExecutionData"))}
    return dumps(text if destinations is None else {**text, "destinations": destinations})


def _invalid_logging(message: str) -> ServiceError:
    return ServiceError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {message}")


def tracing_text(given: dict[str, Any] | None) -> str:
    return dumps({"enabled": bool((given or {}).get("enabled"))})


def encryption_text(given: dict[str, Any] | None) -> str:
    """Raises InvalidEncryptionConfiguration. A customer-managed key is kept and shown; nothing is encrypted with it."""
    if given is None:
        return NO_ENCRYPTION
    if given["type"] == "CUSTOMER_MANAGED_KMS_KEY":
        if not given.get("kmsKeyId"):
            raise _invalid_encryption("kmsKeyId must be specified when the type is CUSTOMER_MANAGED_KMS_KEY")
        return dumps({"kmsDataKeyReusePeriodSeconds": REUSE_SECONDS_DEFAULT, **given})
    if "kmsKeyId" in given or "kmsDataKeyReusePeriodSeconds" in given:
        raise _invalid_encryption(
            "kmsKeyId and kmsDataKeyReusePeriodSeconds must not be specified when the type is AWS_OWNED_KEY"
        )
    return dumps(DEFAULT_ENCRYPTION)


def _invalid_encryption(message: str) -> ServiceError:
    return ServiceError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: '{message}'")


def encryption_of(text: str) -> dict[str, Any]:
    """What is in force: the stored configuration, or AWS's default."""
    return loads(text) or DEFAULT_ENCRYPTION
