"""What calls of AWS APIs are configured with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec

from newel.json import InvalidJson, loads

_PREFIX: Final = "AWS_ENDPOINT_URL"
_CALLS: Final = "NEWEL_AWS_CALLS"
_Count = Annotated[int, msgspec.Meta(ge=1)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]

#: Read time-outs that the general one is too short for, in seconds: (service, operation), botocore's names.
READ_SECONDS: Final = {
    ("lambda", "Invoke"): 905,  # a function may run 15 minutes
    ("stepfunctions", "GetActivityTask"): 75,  # polls 60 seconds
    ("stepfunctions", "StartSyncExecution"): 310,  # an Express execution may run 5 minutes
    ("bedrock-runtime", "InvokeModel"): 310,
    ("bedrock-runtime", "Converse"): 310,
    ("sagemaker-runtime", "InvokeEndpoint"): 70,
}


class AwsCalls(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a call may cost.

    Times are in seconds. `host_connections` bounds the connections to one host, so that a host that hangs keeps only
    its own calls waiting. `attempts` counts the first one. `answer_bytes_max` bounds an answer's body.
    """

    host_connections: _Count = 2000
    keepalive_seconds: _Seconds = 15
    connect_seconds: _Seconds = 10
    read_seconds: _Seconds = 60
    attempts: _Count = 3
    answer_bytes_max: _Count = 16 * 1024 * 1024


class AwsSettings(AwsCalls, frozen=True, kw_only=True):
    """Where calls go and what they may cost.

    `own_url` is this server's address: the services it serves itself are called there. `endpoint_url` stands for all
    other services and `endpoint_urls` for single ones, keyed as in `AWS_ENDPOINT_URL_<SERVICE>` (`DYNAMODB`,
    `SECRETS_MANAGER`, `SFN`); without either a service is called at AWS.
    """

    own_url: str
    endpoint_url: str | None = None
    endpoint_urls: Mapping[str, str] = {}


def aws_calls(table: Mapping[str, Any] | None, environ: Mapping[str, str]) -> AwsCalls:
    """Read the `[aws]` table, or `NEWEL_AWS_CALLS`, a JSON object that replaces it.

    Raises `ValueError` saying what is wrong.
    """
    given: Any = table or {}
    if text := environ.get(_CALLS):
        try:
            given = loads(text)
        except InvalidJson as error:
            raise ValueError(f"{_CALLS} is not JSON: {error}") from None
    try:
        return msgspec.convert(given, AwsCalls)
    except msgspec.ValidationError as error:
        raise ValueError(f"aws: {error}") from None


def endpoints_from_environment(environment: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """`endpoint_url` and `endpoint_urls` from `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.

    `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true` makes nothing of them, as in the AWS SDKs.
    """
    if environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return None, {}
    single = {
        name.removeprefix(f"{_PREFIX}_"): url
        for name, url in environment.items()
        if name.startswith(f"{_PREFIX}_") and url
    }
    return environment.get(_PREFIX) or None, single
