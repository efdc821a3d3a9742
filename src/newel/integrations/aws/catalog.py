"""Which AWS SDK integrations there are: known when a machine is created, not only when the Task runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from botocore.model import OperationModel, ServiceModel  # type: ignore[import-untyped]

from newel.integrations.aws.models import load, service_model
from newel.integrations.aws.naming import operation_of, sdk_services
from newel.language.resource import Resource, UnrecognizedResourceError

_PREFIX: Final = "aws-sdk:"

#: Operations that Step Functions does not offer though the service has them. Source: Developer Guide, "Supported AWS
#: SDK service integrations". Operations with event streams are left out as a matter of course.
UNSUPPORTED: Final[dict[str, frozenset[str]]] = {
    service: frozenset(names.split())
    for service, names in {
        "applicationdiscovery": "DescribeExportConfigurations ExportConfigurations",
        "bedrockagentruntime": "InvokeAgent InvokeFlow InvokeInlineAgent OptimizePrompt RetrieveAndGenerateStream",
        "bedrockruntime": "ConverseStream InvokeModelWithResponseStream",
        "cloudwatchlogs": "StartLiveTail",
        "codedeploy": (
            "BatchGetDeploymentInstances GetDeploymentInstance ListDeploymentInstances "
            "SkipWaitTimeForInstanceTermination"
        ),
        "comprehendmedical": "DetectEntities",
        "dataexchange": "SendApiAsset",
        "directconnect": (
            "AllocateConnectionOnInterconnect DescribeConnectionLoa DescribeConnectionsOnInterconnect "
            "DescribeInterconnectLoa"
        ),
        "efs": "CreateTags",
        "emr": "DescribeJobFlows",
        "iot": "AttachPrincipalPolicy DetachPrincipalPolicy ListPolicyPrincipals ListPrincipalPolicies",
        "iotdeviceadvisor": "ListTestCases",
        "iotsitewise": "InvokeAssistant",
        "kinesis": "SubscribeToShard",
        "lambda": "InvokeAsync InvokeWithResponseStream",
        "lexruntimev2": "StartConversation",
        "mediapackage": "RotateChannelCredentials",
        "qbusiness": "Chat",
        "rdsdata": "ExecuteSql",
        "s3": "SelectObjectContent",
        "sagemakerruntime": "InvokeEndpointWithResponseStream",
        "shield": "DeleteSubscription",
        "sts": "AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity",
    }.items()
}


def botocore_service(resource: Resource) -> str | None:
    """The service, by botocore's name, of an AWS SDK integration; None for a service there is not."""
    return sdk_services().get(resource.service.removeprefix(_PREFIX))


def find_operation(model: ServiceModel, resource: Resource) -> OperationModel | None:
    """The operation of an AWS SDK integration; None for one there is not, or that Step Functions does not offer."""
    operation = operation_of(model, resource.action)
    if operation is None or operation.has_event_stream_input or operation.has_event_stream_output:
        return None
    return None if operation.name in UNSUPPORTED.get(resource.service.removeprefix(_PREFIX), ()) else operation


def check_resource(resource: Resource) -> str | None:
    """AWS's diagnostic for an AWS SDK integration that does not exist; None for any other Resource.

    The first Resource of a service reads its model, which takes up to 100 ms; see `preload`.
    """
    if not resource.service.startswith(_PREFIX):
        return None
    service = botocore_service(resource)
    if service is None or find_operation(service_model(service), resource) is None:
        return str(UnrecognizedResourceError(resource.text))
    return None


async def preload(resources: Iterable[Resource]) -> None:
    """Read the models that `check_resource` needs without blocking the event loop."""
    names = {botocore_service(resource) for resource in resources if resource.service.startswith(_PREFIX)}
    await asyncio.gather(*(load(name) for name in names if name is not None))
