"""What task targets ask of a function host."""

from __future__ import annotations

from typing import Literal, Protocol

InvocationType = Literal["RequestResponse", "Event", "DryRun"]


class InvokeResult(Protocol):
    """The answer of Lambda's Invoke."""

    @property
    def status_code(self) -> int:
        """200, 202 (Event) or 204 (DryRun)."""
        ...

    @property
    def payload(self) -> bytes:
        """The function's answer to the byte, or its error's JSON; empty for Event and DryRun."""
        ...

    @property
    def function_error(self) -> str | None:
        """`Handled` or `Unhandled` when `payload` is an error."""
        ...

    @property
    def executed_version(self) -> str:
        """The version that ran (`$LATEST`, `3`)."""
        ...

    @property
    def log_tail(self) -> bytes:
        """The last 4 KiB of the invocation's log, if it was asked for."""
        ...

    @property
    def request_id(self) -> str: ...


class FunctionInvoker(Protocol):
    """Invokes functions by name, partial ARN or ARN."""

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        *,
        account: str,
        region: str,
        qualifier: str | None = None,
        client_context: str | None = None,
        invocation_type: InvocationType = "RequestResponse",
        log_tail: bool = False,
    ) -> InvokeResult:
        """Invoke once and wait for the answer (Event: until it is queued).

        `payload` and `client_context` are JSON text. A function's own failure is an answer (`function_error`). Raises
        `ServiceError` for Lambda's own refusals, with Lambda's code, message and HTTP status
        (`ResourceNotFoundException` 404, `InvalidRequestContentException` 400, `TooManyRequestsException` 429).
        """
        ...
