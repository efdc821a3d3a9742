"""Lambda: the function ARN as a Resource, and `lambda:invoke`."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Final, cast
from uuid import uuid4

from newel.errors import ServiceError, StatesError
from newel.integrations.accounts import acting_account
from newel.integrations.sdk import http_date, sdk_failure, sdk_metadata
from newel.json import InvalidJson, Json, dumps, loads
from newel.language.parameters import INVOKE_PARAMETERS, check_parameters
from newel.ports.clock import Clock
from newel.ports.functions import FunctionInvoker, InvocationType, InvokeResult
from newel.ports.tasks import TaskRequest

#: The errors of Invoke in Lambda's model; any other code becomes `Lambda.AWSLambdaException`.
INVOKE_ERRORS: Final = frozenset(
    """
    EC2AccessDeniedException EC2ThrottledException EC2UnexpectedException EFSIOException
    EFSMountConnectivityException EFSMountFailureException EFSMountTimeoutException ENILimitReachedException
    InvalidParameterValueException InvalidRequestContentException InvalidRuntimeException
    InvalidSecurityGroupIDException InvalidSubnetIDException InvalidZipFileException KMSAccessDeniedException
    KMSDisabledException KMSInvalidStateException KMSNotFoundException RecursiveInvocationException
    RequestTooLargeException ResourceConflictException ResourceNotFoundException ResourceNotReadyException
    ServiceException SnapStartException SnapStartNotReadyException SnapStartTimeoutException
    SubnetIPAddressLimitReachedException TooManyRequestsException UnsupportedMediaTypeException
    """.split()  # noqa: SIM905  (a table of words reads better)
)


class FunctionArn:
    """A function's ARN as the Resource: the input is the event, the function's answer is the output to the byte."""

    def __init__(self, functions: FunctionInvoker) -> None:
        self._functions = functions

    async def call(self, request: TaskRequest) -> str:
        answer = await _invoked(
            self._functions.invoke(
                request.resource.text,
                request.parameters.encode(),
                account=acting_account(request),
                region=request.region,
            )
        )
        text = answer.payload.decode("utf-8", "replace")
        if answer.function_error is not None:
            raise _function_failure(text, text)
        return text if _is_json(text) else dumps(text)


class Invoke:
    """`lambda:invoke`: the output is the answer of the Invoke API with its metadata."""

    def __init__(self, functions: FunctionInvoker, clock: Clock) -> None:
        self._functions = functions
        self._clock = clock

    async def call(self, request: TaskRequest) -> str:
        given = check_parameters(request.parameters, INVOKE_PARAMETERS)
        with_log = given.get("LogType") == "Tail"
        answer = await _invoked(
            self._functions.invoke(
                given["FunctionName"],
                _event(given.get("Payload")),
                qualifier=given.get("Qualifier"),
                account=acting_account(request),
                region=request.region,
                client_context=_client_context(given.get("ClientContext")),
                invocation_type=cast("InvocationType", given.get("InvocationType", "RequestResponse")),
                log_tail=with_log,
            )
        )
        payload = _decoded(answer.payload)
        if answer.function_error is not None:
            raise _function_failure(answer.payload.decode("utf-8", "replace"), dumps(payload))
        return dumps(self._envelope(answer, payload, b64encode(answer.log_tail).decode() if with_log else None))

    def _envelope(self, answer: InvokeResult, payload: Json, log: str | None) -> dict[str, Json]:
        """Keys in AWS's (alphabetical) order; an invocation that did not run yet has no version."""
        ran = answer.status_code == HTTPStatus.OK
        return {
            **({"ExecutedVersion": answer.executed_version} if ran else {}),
            **({} if log is None else {"LogResult": log}),
            "Payload": payload,
            **sdk_metadata(self._headers(answer, ran=ran, log=log), answer.status_code, answer.request_id),
            "StatusCode": answer.status_code,
        }

    def _headers(self, answer: InvokeResult, *, ran: bool, log: str | None) -> list[tuple[str, str]]:
        """The headers of Lambda's answer in the order of `AllHttpHeaders`."""
        now_ms = self._clock.now_ms()
        trace = f"Root=1-{now_ms // 1000:08x}-{uuid4().hex[:24]};Parent={uuid4().hex[:16]};Sampled=0"
        return [
            *([("X-Amz-Executed-Version", answer.executed_version)] if ran else []),
            ("x-amzn-Remapped-Content-Length", "0"),
            ("Connection", "keep-alive"),
            ("x-amzn-RequestId", answer.request_id),
            ("Content-Length", str(len(answer.payload))),
            *([] if log is None else [("X-Amz-Log-Result", log)]),
            ("Date", http_date(now_ms)),
            ("X-Amzn-Trace-Id", trace),
            ("Content-Type", "application/json"),
        ]


async def _invoked(invocation: Awaitable[InvokeResult]) -> InvokeResult:
    try:
        return await invocation
    except ServiceError as error:
        raise _refused(error) from error


def _client_context(encoded: str | None) -> str | None:
    """`ClientContext` is JSON text in base64. Raises `StatesError` for what Lambda would refuse."""
    if encoded is None:
        return None
    try:
        return b64decode(encoded, validate=True).decode()
    except ValueError:
        refused = ServiceError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        )
        raise _refused(refused) from None


def _refused(error: ServiceError) -> StatesError:
    return sdk_failure(error, prefix="Lambda", service="AWSLambda", modelled=INVOKE_ERRORS)


def _event(payload: Json) -> bytes:
    """The event of `lambda:invoke`: absent and null are `{}`; a string is itself the JSON text, as recorded on AWS."""
    if payload is None:
        return b"{}"
    return payload.encode() if isinstance(payload, str) else dumps(payload).encode()


def _decoded(payload: bytes) -> Json:
    """The function's answer as a value: text that is not JSON stays text."""
    text = payload.decode("utf-8", "replace")
    try:
        return loads(text)
    except InvalidJson:
        return text


def _is_json(text: str) -> bool:
    try:
        loads(text)
    except InvalidJson:
        return False
    return True


def _function_failure(payload: str, cause: str) -> StatesError:
    """The error is the function's `errorType`; without one AWS cannot tell (`Lambda.Unknown`)."""
    error = _decoded(payload.encode())
    name = error.get("errorType") if isinstance(error, dict) else None
    if isinstance(name, str) and name:
        return StatesError(name, cause)
    return StatesError(
        "Lambda.Unknown",
        f"The cause could not be determined because Lambda did not return an error type. Returned payload: {payload}",
    )
