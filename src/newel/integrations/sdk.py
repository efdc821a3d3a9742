"""How an optimized integration shows an AWS SDK for Java v1 answer: response metadata and error causes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from uuid import uuid4

import msgspec
from botocore.model import ServiceModel  # type: ignore[import-untyped]

from newel.errors import ServiceError, StatesError
from newel.json import Json
from newel.ports.aws import AwsAnswer, AwsError

#: Response headers in the order and spelling that `AllHttpHeaders` was recorded with; DynamoDB has a server of its own.
_HEADERS: Final = ("x-amzn-RequestId", "connection", "Content-Length", "Date", "Content-Type")
_DYNAMODB_HEADERS: Final = (
    "Server",
    "Connection",
    "x-amzn-RequestId",
    "x-amz-crc32",
    "Content-Length",
    "Date",
    "Content-Type",
)


class Service(msgspec.Struct, frozen=True):
    """A service as the AWS SDK for Java 1 names it.

    `id` is botocore's name (`dynamodb`), `prefix` starts the integration's errors (`DynamoDB`), `sdk` is the service in
    causes (`AmazonDynamoDBv2`), and `base` the error that the service's model does not have
    (`AmazonDynamoDBException`). `metadata`: its results show SdkHttpMetadata and SdkResponseMetadata.
    """

    id: str
    prefix: str
    sdk: str
    base: str
    metadata: bool = True


def http_date(epoch_ms: int) -> str:
    """The `Date` header: `Mon, 24 Aug 2026 03:31:34 GMT`."""
    return format_datetime(datetime.fromtimestamp(epoch_ms // 1000, tz=UTC), usegmt=True)


def sdk_metadata(headers: Sequence[tuple[str, str]], status: int, request_id: str) -> dict[str, Json]:
    """`SdkHttpMetadata` and `SdkResponseMetadata`.

    `headers` come in the order that AWS shows in `AllHttpHeaders`; `HttpHeaders` is sorted without regard to case,
    as the SDK's map is.
    """
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers},
            "HttpHeaders": dict(sorted(headers, key=lambda header: header[0].lower())),
            "HttpStatusCode": status,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }


def sdk_failure(error: ServiceError, *, prefix: str, service: str, modelled: Collection[str]) -> StatesError:
    """A service's refusal as the optimized integrations name it.

    `prefix` is the integration's (`Lambda`), `service` the SDK's name of the service (`AWSLambda`). An error that the
    operation's model does not have is named after the service (`Lambda.AWSLambdaException`).
    """
    name = error.code if error.code.endswith("Exception") else f"{error.code}Exception"
    if error.code not in modelled:
        name = f"{service}Exception"
    cause = (
        f"{error.message} (Service: {service}; Status Code: {error.status}; "
        f"Error Code: {error.code}; Request ID: {uuid4()}; Proxy: null)"
    )
    return StatesError(f"{prefix}.{name}", cause)


def answer_metadata(answer: AwsAnswer, service: Service) -> dict[str, Json]:
    """`SdkHttpMetadata` and `SdkResponseMetadata` of an AWS service's answer."""
    layout = _DYNAMODB_HEADERS if service.id == "dynamodb" else _HEADERS
    given = {name: value for name, value in answer.headers.items() if name != "x-amzn-requestid"}
    if answer.request_id:
        given["x-amzn-requestid"] = answer.request_id
    headers = [(name, given.pop(name.lower())) for name in layout if name.lower() in given]
    return sdk_metadata([*headers, *given.items()], answer.status, answer.request_id)


def aws_failure(error: AwsError, service: Service, model: ServiceModel) -> StatesError:
    """An AWS service's refusal as the optimized integrations name it; `SdkClientException` where no answer came."""
    if error.connection:
        return StatesError(f"{service.prefix}.SdkClientException", error.message)
    shape = model.shape_for_error_code(error.code)
    name = service.base if shape is None else f"{shape.name.removesuffix('Exception')}Exception"
    cause = (
        f"{error.message} (Service: {service.sdk}; Status Code: {error.status}; "
        f"Error Code: {error.code}; Request ID: {error.request_id}; Proxy: null)"
    )
    return StatesError(f"{service.prefix}.{name}", cause)
