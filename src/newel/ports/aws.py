"""Calls of AWS APIs: by botocore's service and operation names, to wherever configuration says the service is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec


class AwsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as botocore parses it (times are datetimes, blobs bytes, streams read), without ResponseMetadata.

    `headers` are the HTTP response's, names in lower case.
    """

    result: dict[str, Any]
    status: int
    headers: Mapping[str, str]
    request_id: str


class AwsError(Exception):
    """An error that a service answered, or that kept the request from reaching it.

    `code` is the service's own (`ResourceNotFoundException`); `connection` is true where no answer came (unknown host,
    refused, time-out), and `status` is 0 then. `result` holds further members of a modelled error.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 0,
        request_id: str = "",
        extended_request_id: str | None = None,
        connection: bool = False,
        result: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.extended_request_id = extended_request_id
        self.connection = connection
        self.result: Mapping[str, Any] = result or {}


class AwsCaller(Protocol):
    """Calls any operation of any service in botocore's models without blocking the event loop."""

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        account: str,
        region: str,
        role_arn: str | None = None,
    ) -> AwsAnswer:
        """`service` and `operation` are botocore's (`dynamodb`, `PutItem`); parameters in the model's member names.

        `role_arn` is assumed first (Credentials.RoleArn). Raises `AwsError`; ValueError for parameters the model
        refuses and for unknown services or operations.
        """
        ...
