"""The environment variables of a function process (Lambda Developer Guide, "Defined runtime environment variables")."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from newel.functions.model import Configuration, Function
from newel.functions.settings import HostSettings

#: Variables that a function's configuration may not set.
RESERVED: Final = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "NEWEL_RUNTIME_SOCKET",
    }
)  # fmt: skip
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")


def base_environment() -> dict[str, str]:
    """What every process of the host gets of the server's own environment: enough to find programs."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


def log_group(function: Function, configuration: Configuration) -> str:
    """The log group's name, as configured or by Lambda's default."""
    return str(configuration.extras.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{function.name}")


def build(
    function: Function, configuration: Configuration, settings: HostSettings, *, code: Path, scratch: Path, stream: str
) -> dict[str, str]:
    """All variables but the Runtime API's address. `scratch` is the process's private folder for temporary files."""
    environment = base_environment() | {
        "TZ": ":UTC",
        "LANG": "C.UTF-8",
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
    }
    if settings.endpoint_url:
        environment["AWS_ENDPOINT_URL"] = settings.endpoint_url
    environment |= settings.environment
    environment |= configuration.environment or {}
    environment |= {
        "_HANDLER": configuration.handler,
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(Path(__file__).parent / "bootstrap"),
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{configuration.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": configuration.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration.memory_size),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": log_group(function, configuration),
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_ACCESS_KEY_ID": settings.access_key_id,
        "AWS_SECRET_ACCESS_KEY": settings.secret_access_key,
    }
    if settings.session_token:
        environment["AWS_SESSION_TOKEN"] = settings.session_token
    return environment
