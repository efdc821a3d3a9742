"""Calling one operation of a service for an optimized integration: a row of data, and the action that performs it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from botocore.model import OperationModel  # type: ignore[import-untyped]

from newel.engine.errors import data_limit
from newel.errors import RuntimeFailure, StatesError
from newel.integrations.aws.client import AnswerTooLarge
from newel.integrations.aws.credentials import RoleRefusedError
from newel.integrations.aws.models import load, operation_model
from newel.integrations.aws.sdk_target import role_refused
from newel.integrations.aws.shapes import RefusedParametersError, request_parameters
from newel.integrations.optimized.paths import Path, picked
from newel.integrations.optimized.shapes import renamed_parameters, shown_result
from newel.integrations.sdk import Service, answer_metadata, aws_failure
from newel.json import Json, dumps, loads
from newel.ports.aws import AwsAnswer, AwsCaller, AwsError
from newel.ports.tasks import TaskRequest

_TOKENS: Final = UUID("b9e2ad55-0d0e-5a35-9c1e-3f6d0f4c8e11")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """What an action does.

    `name` is the operation in botocore's model. `once_by` is the member that makes a repeated request harmless; where a
    Task does not give it, it follows from the attempt, so that an attempt issued again after a crash starts nothing
    twice. `renamed` says where a parameter goes when its name is not the member's (`"ClusterId": "JobFlowIds[]"`: the
    only item of a list).
    `output` picks what the Task shows from the result; empty: all of it.
    """

    service: Service
    name: str
    once_by: str | None = None
    renamed: Mapping[str, str] = _NONE
    output: Mapping[str, Path] | Path = ()


class Sent(msgspec.Struct, frozen=True):
    """A request that was answered: its parameters in the model's names, and the answer."""

    parameters: dict[str, Any]
    answer: AwsAnswer


class OperationAction:
    """An `Action` of the service integration patterns: request, answer, output."""

    def __init__(self, operation: Operation, aws: AwsCaller) -> None:
        self.operation = operation
        self.aws = aws

    async def call(self, request: TaskRequest) -> str:
        return await self.shown(await self.send(request, loads(request.parameters)))

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        """Send the request with a Task's parameters. Raises `StatesError`."""
        model = await self.model()
        parameters = self._parameters(request, given, model)
        answer = await self.ask(request, self.operation.name, parameters)
        return Sent(parameters, answer)

    async def ask(self, request: TaskRequest, operation: str, parameters: Mapping[str, Any]) -> AwsAnswer:
        """Call any operation of the service, with model names. Raises `StatesError` named as the integration does."""
        service = self.operation.service
        try:
            return await call_aws(self.aws, service.id, operation, parameters, request)
        except AwsError as error:
            raise await failure(error, service, request) from error
        except ValueError as error:
            raise refused(request, str(error)) from error

    async def shown(self, sent: Sent) -> str:
        """The Task's output (or what TaskSubmitted shows)."""
        return dumps(self.output(sent, await self.model()))

    def output(self, sent: Sent, model: OperationModel) -> dict[str, Json]:
        """The result in the SDK's names, with its response metadata where the service's integration has them."""
        result = picked(shown_result(model.output_shape, sent.answer.result), self.operation.output)
        service = self.operation.service
        metadata = answer_metadata(sent.answer, service) if service.metadata else {}
        return dict(sorted({**result, **metadata}.items()))

    async def model(self) -> OperationModel:
        """The operation's model."""
        return operation_model(await load(self.operation.service.id), self.operation.name)

    def _parameters(self, request: TaskRequest, given: Mapping[str, Json], model: OperationModel) -> dict[str, Any]:
        named = dict(given)
        for parameter, member in self.operation.renamed.items():
            if parameter in named:
                value = named.pop(parameter)
                named[member.removesuffix("[]")] = [value] if member.endswith("[]") else value
        try:
            parameters = request_parameters(model.input_shape, renamed_parameters(model.input_shape, named))
        except RefusedParametersError as error:
            raise refused(request, str(error)) from error
        once_by = self.operation.once_by
        if once_by is not None:
            parameters.setdefault(once_by, idempotency_token(request))
        return parameters


async def call_aws(
    aws: AwsCaller, service: str, operation: str, parameters: Mapping[str, Any], request: TaskRequest
) -> AwsAnswer:
    """Call on behalf of a Task: in its account and Region, with the role it assumes."""
    return await aws.call(
        service,
        operation,
        parameters,
        account=request.account,
        region=request.region,
        role_arn=request.credentials_role_arn,
    )


async def failure(error: AwsError, service: Service, request: TaskRequest) -> StatesError:
    """A failed call as the optimized integrations name it."""
    if isinstance(error, RoleRefusedError):
        return role_refused(request)
    if isinstance(error, AnswerTooLarge):
        return data_limit(service.id)
    return aws_failure(error, service, await load(service.id))


def role_failure(error: AwsError, request: TaskRequest, prefix: str) -> StatesError:
    """No credentials for a request that the integration signs itself."""
    if isinstance(error, RoleRefusedError):
        return role_refused(request)
    return StatesError(f"{prefix}.SdkClientException", error.message)


def idempotency_token(request: TaskRequest) -> str:
    """A token of 36 characters, the same whenever the attempt is issued."""
    return str(uuid5(_TOKENS, request.idempotency_key))


def refused(request: TaskRequest, problem: str) -> RuntimeFailure:
    """The parameters cannot be sent, in AWS's words."""
    return RuntimeFailure(f"The Parameters '{request.parameters}' could not be used to start the Task: [{problem}]")
