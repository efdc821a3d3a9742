"""What task targets and the Lambda API ask of a function host."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

InvocationType = Literal["RequestResponse", "Event", "DryRun"]


class InvokeResult(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of Lambda's Invoke.

    `status_code` is 200, 202 (Event) or 204 (DryRun). `payload` is the function's answer to the byte, or the JSON of
    its error where `function_error` (`Handled`, `Unhandled`) is set; empty for Event and DryRun. `log_tail` is the end
    of the invocation's log (at most 4 KiB) in base64, as `X-Amz-Log-Result` carries it.
    """

    status_code: int
    payload: bytes
    request_id: str
    function_error: str | None = None
    executed_version: str | None = None
    log_tail: str | None = None


class FunctionInvoker(Protocol):
    """Invokes functions by name, partial ARN or ARN."""

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        *,
        qualifier: str | None = None,
        account: str,
        region: str,
        client_context: str | None = None,
        invocation_type: InvocationType = "RequestResponse",
    ) -> InvokeResult:
        """Invoke once and wait for the answer (Event: until it is queued).

        `payload` is JSON text; empty means `{}`. `client_context` is base64 JSON. A function's own failure is an
        answer (`function_error`). Raises `ServiceError` for Lambda's own refusals, with Lambda's code, message and
        HTTP status (`ResourceNotFoundException` 404, `InvalidRequestContentException` 400,
        `TooManyRequestsException` 429). Cancelling stops waiting; the function may be killed.
        """
        ...
