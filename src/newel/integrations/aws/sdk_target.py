"""AWS SDK integrations, `aws-sdk:<service>:<action>`: any operation of any service, request/response or callback."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from botocore.model import OperationModel, ServiceModel  # type: ignore[import-untyped]

from newel.errors import RuntimeFailure, StatesError
from newel.integrations.aws.catalog import botocore_service, find_operation
from newel.integrations.aws.client import AnswerTooLarge
from newel.integrations.aws.credentials import RoleRefusedError
from newel.integrations.aws.models import load
from newel.integrations.aws.naming import error_name, exception_prefix
from newel.integrations.aws.shapes import RefusedParametersError, request_parameters, result_json
from newel.integrations.patterns import ActionTarget
from newel.json import dumps, loads
from newel.language.resource import Resource, UnrecognizedResourceError
from newel.ports.aws import AwsCaller, AwsError
from newel.ports.tasks import TargetLookup, TaskRequest, TaskTarget

#: Services that answer with a second id; where a store in S3's place has none it is shown as missing.
_EXTENDED: Final = frozenset({"S3", "S3Control"})
#: The namespace of idempotency tokens.
_TOKENS: Final = UUID("2a3f0c64-6c0e-5b7b-8f0f-4f1d6b7b1c55")


class SdkCall:
    """One call of an AWS API; which one is in the request's Resource."""

    def __init__(self, caller: AwsCaller) -> None:
        self._caller = caller

    async def call(self, request: TaskRequest) -> str:
        service = botocore_service(request.resource)
        if service is None:
            raise RuntimeFailure(str(UnrecognizedResourceError(request.resource.text)))
        model = await load(service)
        operation = find_operation(model, request.resource)
        if operation is None:
            raise RuntimeFailure(str(UnrecognizedResourceError(request.resource.text)))
        parameters = _parameters(operation, request)
        try:
            answer = await self._caller.call(
                service,
                operation.name,
                parameters,
                account=request.account,
                region=request.region,
                role_arn=request.credentials_role_arn,
            )
        except AwsError as error:
            raise failure(model, operation.name, error, request) from error
        except ValueError as error:
            raise _refused(request, [str(error)]) from error
        return dumps(result_json(operation.output_shape, answer.result))


def _parameters(operation: OperationModel, request: TaskRequest) -> dict[str, object]:
    """The parameters in the model's names; idempotency tokens that are not given are the same for the same attempt."""
    try:
        parameters = request_parameters(operation.input_shape, loads(request.parameters))
    except RefusedParametersError as error:
        raise _refused(request, error.problems) from error
    for member in operation.idempotent_members:
        parameters.setdefault(member, str(uuid5(_TOKENS, request.idempotency_key)))
    return parameters


def _refused(request: TaskRequest, problems: list[str]) -> StatesError:
    return RuntimeFailure(
        f"The Parameters '{request.parameters}' could not be used to start the Task: [{', '.join(problems)}]"
    )


def failure(model: ServiceModel, operation: str, error: AwsError, request: TaskRequest) -> StatesError:
    """A failed call as Step Functions names it.

    `<Service>.<Error>Exception` and `<message> (Service: DynamoDb, Status Code: 400, Request ID: …)`; without an answer
    `<Service>.SdkClientException`.
    """
    if isinstance(error, RoleRefusedError):
        return role_refused(request)
    if isinstance(error, AnswerTooLarge):
        return StatesError(
            "States.DataLimitExceeded",
            f"The state/task '{request.resource.service}' returned a result with a size exceeding the maximum number "
            "of bytes service limit.",
        )
    prefix = exception_prefix(model)
    if error.connection:
        return StatesError(f"{prefix}.SdkClientException", error.message)
    return StatesError(error_name(model, operation, error.code), _cause(prefix, error))


def role_refused(request: TaskRequest) -> StatesError:
    """The Task's `Credentials.RoleArn` could not be assumed."""
    return StatesError(
        "States.TaskFailed",
        f"The role {request.role_arn} is not authorized to assume the task state's role, "
        f"{request.credentials_role_arn}.",
    )


def _cause(prefix: str, error: AwsError) -> str:
    parts = [
        f"Service: {prefix}",
        f"Status Code: {error.status}",
        f"Request ID: {error.request_id or 'null'}",
    ]
    if error.extended_request_id or prefix in _EXTENDED:
        parts.append(f"Extended Request ID: {error.extended_request_id or 'null'}")
    return f"{error.message or 'null'} ({', '.join(parts)})"


def sdk_targets(caller: AwsCaller) -> TargetLookup:
    """The lookup of AWS SDK integrations: one target for all of them."""
    target = ActionTarget(SdkCall(caller))

    def find(resource: Resource) -> TaskTarget | None:
        return target if resource.service.startswith("aws-sdk:") else None

    return find
