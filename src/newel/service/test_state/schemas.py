"""Which API model a mocked result is checked against, and the check itself.

A Task's result is the response of its service's API; `.sync` shows what the API that polls the job answers. Names of
members are those of AWS SDK integrations (PascalCase). Sources: Developer Guide, "Testing state machines with TestState
API"; recorded cases for the words. Patterns of strings are not checked: no recording shows AWS doing so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from botocore.model import OperationModel, Shape, StructureShape  # type: ignore[import-untyped]

from newel.errors import ValidationError
from newel.integrations.aws.models import load
from newel.integrations.aws.naming import members, operation_of, sdk_services
from newel.json import Json
from newel.language.resource import Resource

_SYNC: Final = ("SYNC", "SYNC2")

#: Optimized integrations: the service as botocore names it. Those that have no model are left out (http, apigateway).
_SERVICES: Final[dict[str, str]] = {
    "athena": "athena",
    "batch": "batch",
    "bedrock": "bedrock",
    "codebuild": "codebuild",
    "databrew": "databrew",
    "dynamodb": "dynamodb",
    "ecs": "ecs",
    "eks": "eks",
    "elasticmapreduce": "emr",
    "emr-containers": "emr-containers",
    "emr-serverless": "emr-serverless",
    "events": "events",
    "glue": "glue",
    "lambda": "lambda",
    "mediaconvert": "mediaconvert",
    "sagemaker": "sagemaker",
    "sns": "sns",
    "sqs": "sqs",
    "states": "stepfunctions",
}

#: `service:action` -> (botocore's service, operation) where the action is not the operation's name; None: no model.
_OPERATIONS: Final[dict[str, tuple[str, str] | None]] = {
    "bedrock:invokeModel": ("bedrock-runtime", "InvokeModel"),
    "eks:call": None,
    "eks:runJob": None,
    "elasticmapreduce:createCluster": ("emr", "RunJobFlow"),
    "elasticmapreduce:terminateCluster": ("emr", "TerminateJobFlows"),
    "elasticmapreduce:addStep": ("emr", "AddJobFlowSteps"),
    "elasticmapreduce:cancelStep": ("emr", "CancelSteps"),
    "elasticmapreduce:setClusterTerminationProtection": ("emr", "SetTerminationProtection"),
    "elasticmapreduce:modifyInstanceFleetByName": ("emr", "ModifyInstanceFleet"),
    "elasticmapreduce:modifyInstanceGroupByName": ("emr", "ModifyInstanceGroups"),
}

#: `service:action` of a job -> the operation of the same service that tells how it stands.
_POLLS: Final[dict[str, str]] = {
    "athena:startQueryExecution": "GetQueryExecution",
    "batch:submitJob": "DescribeJobs",
    "bedrock:createModelCustomizationJob": "GetModelCustomizationJob",
    "codebuild:startBuild": "BatchGetBuilds",
    "codebuild:startBuildBatch": "BatchGetBuildBatches",
    "databrew:startJobRun": "DescribeJobRun",
    "ecs:runTask": "DescribeTasks",
    "eks:createCluster": "DescribeCluster",
    "eks:deleteCluster": "DescribeCluster",
    "eks:createNodegroup": "DescribeNodegroup",
    "eks:deleteNodegroup": "DescribeNodegroup",
    "eks:createFargateProfile": "DescribeFargateProfile",
    "eks:deleteFargateProfile": "DescribeFargateProfile",
    "elasticmapreduce:createCluster": "DescribeCluster",
    "elasticmapreduce:terminateCluster": "DescribeCluster",
    "elasticmapreduce:addStep": "DescribeStep",
    "emr-containers:deleteVirtualCluster": "DescribeVirtualCluster",
    "emr-containers:startJobRun": "DescribeJobRun",
    "emr-serverless:createApplication": "GetApplication",
    "emr-serverless:startApplication": "GetApplication",
    "emr-serverless:stopApplication": "GetApplication",
    "emr-serverless:deleteApplication": "GetApplication",
    "emr-serverless:startJobRun": "GetJobRun",
    "emr-serverless:cancelJobRun": "GetJobRun",
    "glue:startJobRun": "GetJobRun",
    "mediaconvert:createJob": "GetJob",
    "sagemaker:createTrainingJob": "DescribeTrainingJob",
    "sagemaker:createTransformJob": "DescribeTransformJob",
    "sagemaker:createProcessingJob": "DescribeProcessingJob",
    "sagemaker:createLabelingJob": "DescribeLabelingJob",
    "sagemaker:createHyperParameterTuningJob": "DescribeHyperParameterTuningJob",
    "states:startExecution": "DescribeExecution",
}

#: Members that an optimized integration has already parsed, so that the model's string or blob is any JSON.
_PARSED: Final[dict[str, frozenset[str]]] = {
    "lambda:invoke": frozenset({"Payload"}),
    "bedrock:invokeModel": frozenset({"Body"}),
    "states:startExecution.sync:2": frozenset({"Input", "Output"}),
}


class Schema(msgspec.Struct, frozen=True):
    """The response model of a Task: its shape, and members of any type."""

    shape: Any
    parsed: frozenset[str] = frozenset()


async def schema_of(resource: Resource) -> Schema | None:
    """What a mocked result of this Resource must look like; None where AWS validates nothing."""
    if resource.kind != "service" or resource.pattern == "WAIT_FOR_TASK_TOKEN":
        return None
    operation = await _operation(resource)
    if operation is None or operation.output_shape is None:
        return None
    return Schema(operation.output_shape, _PARSED.get(f"{resource.service}:{resource.resource_name}", frozenset()))


async def _operation(resource: Resource) -> OperationModel | None:
    prefix, _, sdk_name = resource.service.partition(":")
    if prefix == "aws-sdk":
        service = sdk_services().get(sdk_name)
        return None if service is None else operation_of(await load(service), resource.action)
    key = f"{resource.service}:{resource.action}"
    found = _OPERATIONS.get(key, ())
    if found is None or resource.service not in _SERVICES:
        return None
    if resource.pattern in _SYNC:
        return (await load(_SERVICES[resource.service])).operation_model(_POLLS[key])
    if found:
        return (await load(found[0])).operation_model(found[1])
    return operation_of(await load(_SERVICES[resource.service]), resource.action)


def check_result(result: dict[str, Json], schema: Schema, *, strict: bool) -> None:
    """Raises ValidationException for the first member that does not conform; `strict` also asks for required ones."""
    _check_structure(result, schema.shape, strict=strict, parsed=schema.parsed)


def _refuse(field: str, problem: str) -> ValidationError:
    return ValidationError(f"Mock result schema validation error: Field '{field}' {problem}")


def _check_structure(
    value: dict[str, Json], shape: StructureShape, *, strict: bool, parsed: frozenset[str] = frozenset()
) -> None:
    shown = members(shape).shown
    if strict:
        for member in shape.required_members:
            if value.get(shown[member]) is None:
                raise ValidationError(
                    f"Mock result schema validation error: Required field '{shown[member]}' is missing"
                )
    for member, of in shape.members.items():
        name = shown[member]
        given = value.get(name)
        if given is not None and name not in parsed:
            _check(name, given, of, strict=strict)


def _check(field: str, value: Json, shape: Shape, *, strict: bool) -> None:
    kind = shape.type_name
    fits, noun = _TYPES[kind]
    if getattr(shape, "is_document_type", False):
        return
    if not fits(value):
        raise _refuse(field, f"must be {noun}")
    if kind == "structure":
        _check_structure(value, shape, strict=strict)
    elif kind == "list":
        _check_length(field, len(value), shape)
        for item in value:
            if item is not None:
                _check(field, item, shape.member, strict=strict)
    elif kind == "map":
        for item in value.values():
            if item is not None:
                _check(field, item, shape.value, strict=strict)
    elif kind in _NUMBERS:
        _check_range(field, value, shape)
    elif kind == "string" and shape.enum:
        if value not in shape.enum:
            raise _refuse(field, "is not an expected value")
    elif kind in ("string", "blob"):
        _check_length(field, len(value), shape)


def _check_length(field: str, length: int, shape: Shape) -> None:
    if length < shape.metadata.get("min", 0):
        raise _refuse(field, "is smaller than the minimum length")
    if length > shape.metadata.get("max", float("inf")):
        raise _refuse(field, "exceeds the maximum length")


def _check_range(field: str, number: float, shape: Shape) -> None:
    if number < shape.metadata.get("min", float("-inf")):
        raise _refuse(field, "is less than the minimum value")
    if number > shape.metadata.get("max", float("inf")):
        raise _refuse(field, "exceeds the maximum value")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is(*types: type) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, types)


_NUMBERS: Final = ("integer", "long", "float", "double")

#: type of the model -> (what fits it, how AWS calls it). A time is a string (recorded).
_TYPES: Final[dict[str, tuple[Callable[[Json], bool], str]]] = {
    "string": (_is(str), "a string"),
    "timestamp": (_is(str), "a string"),
    "blob": (_is(str), "a string"),
    "character": (_is(str), "a string"),
    "boolean": (_is(bool), "a boolean"),
    "list": (_is(list), "an array"),
    "map": (_is(dict), "an object"),
    "structure": (_is(dict), "an object"),
    **dict.fromkeys(_NUMBERS, (_is_number, "a number")),
}
