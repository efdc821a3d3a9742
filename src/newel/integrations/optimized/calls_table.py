"""What each action of an optimized integration calls: a row per action.

Where a parameter or a result differs from the API's, the row says so (`renamed`, `output`); source: Developer Guide,
"Integrating optimized services". Actions that differ in more than names have code of their own and are not here:
`apigateway:invoke`, `bedrock:invokeModel`, `ecs:runTask`, `eks:call`, `eks:runJob`, `events:putEvents`,
`elasticmapreduce:modifyInstance…ByName`, `sns:publish`, `sqs:sendMessage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newel.integrations.optimized import services as s
from newel.integrations.optimized.operations import Operation
from newel.integrations.sdk import Service


def _plain(service: Service, actions: str, once_by: str | None = None) -> dict[str, Operation]:
    """Actions that are operations of the same name."""
    return {
        action: Operation(service=service, name=action[0].upper() + action[1:], once_by=once_by)
        for action in actions.split()
    }


_EMR: Final = {
    "createCluster": Operation(service=s.EMR, name="RunJobFlow", output={"ClusterId": ("JobFlowId",)}),
    "terminateCluster": Operation(service=s.EMR, name="TerminateJobFlows", renamed={"ClusterId": "JobFlowIds[]"}),
    "setClusterTerminationProtection": Operation(
        service=s.EMR, name="SetTerminationProtection", renamed={"ClusterId": "JobFlowIds[]"}
    ),
    "addStep": Operation(
        service=s.EMR,
        name="AddJobFlowSteps",
        renamed={"ClusterId": "JobFlowId", "Step": "Steps[]"},
        output={"StepId": ("StepIds", 0)},
    ),
    "cancelStep": Operation(
        service=s.EMR,
        name="CancelSteps",
        renamed={"StepId": "StepIds[]"},
        output={"CancelStepsInfo": ("CancelStepsInfoList", 0)},
    ),
}

_ACTIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "athena": (
        _plain(s.ATHENA, "startQueryExecution", once_by="ClientRequestToken")
        | _plain(s.ATHENA, "stopQueryExecution getQueryExecution getQueryResults")
    ),
    "batch": _plain(s.BATCH, "submitJob"),
    "bedrock": _plain(s.BEDROCK, "createModelCustomizationJob", once_by="clientRequestToken"),
    "codebuild": (
        _plain(s.CODEBUILD, "startBuild startBuildBatch retryBuild retryBuildBatch", once_by="idempotencyToken")
        | _plain(s.CODEBUILD, "stopBuild stopBuildBatch batchDeleteBuilds deleteBuildBatch")
        | _plain(s.CODEBUILD, "batchGetReports batchGetBuilds batchGetBuildBatches")
    ),
    "databrew": _plain(s.DATABREW, "startJobRun"),
    "dynamodb": _plain(s.DYNAMODB, "getItem putItem updateItem deleteItem"),
    "eks": (
        _plain(s.EKS, "createCluster createNodegroup createFargateProfile", once_by="clientRequestToken")
        | _plain(s.EKS, "deleteCluster deleteNodegroup deleteFargateProfile")
    ),
    "elasticmapreduce": _EMR,
    "emr-containers": (
        _plain(s.EMR_CONTAINERS, "createVirtualCluster startJobRun", once_by="clientToken")
        | _plain(s.EMR_CONTAINERS, "deleteVirtualCluster")
    ),
    "emr-serverless": (
        _plain(s.EMR_SERVERLESS, "createApplication startJobRun", once_by="clientToken")
        | _plain(s.EMR_SERVERLESS, "startApplication stopApplication deleteApplication cancelJobRun")
    ),
    "glue": _plain(s.GLUE, "startJobRun"),
    "mediaconvert": _plain(s.MEDIACONVERT, "createJob", once_by="ClientRequestToken"),
    "sagemaker": (
        _plain(s.SAGEMAKER, "createTrainingJob createTransformJob createProcessingJob createLabelingJob")
        | _plain(s.SAGEMAKER, "createHyperParameterTuningJob createModel createEndpoint createEndpointConfig")
        | _plain(s.SAGEMAKER, "updateEndpoint")
    ),
}

#: By `service:action`.
OPERATIONS: Final[Mapping[str, Operation]] = {
    f"{service}:{action}": operation for service, actions in _ACTIONS.items() for action, operation in actions.items()
}
