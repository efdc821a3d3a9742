"""The optimized integrations of AWS Step Functions: service, action, and the patterns each action supports.

Source: Developer Guide, "Integrating optimized services". Request/response is supported by every action here.
"""

from __future__ import annotations

from typing import Final, Literal

Pattern = Literal["REQUEST_RESPONSE", "SYNC", "SYNC2", "WAIT_FOR_TASK_TOKEN"]

#: How a pattern is spelt at the end of a Resource ARN.
PATTERN_SUFFIXES: Final[dict[Pattern, str]] = {
    "REQUEST_RESPONSE": "",
    "SYNC": ".sync",
    "SYNC2": ".sync:2",
    "WAIT_FOR_TASK_TOKEN": ".waitForTaskToken",
}

_CALL: Final[frozenset[Pattern]] = frozenset({"REQUEST_RESPONSE"})
_JOB: Final[frozenset[Pattern]] = frozenset({"REQUEST_RESPONSE", "SYNC"})
_CALLBACK: Final[frozenset[Pattern]] = frozenset({"REQUEST_RESPONSE", "WAIT_FOR_TASK_TOKEN"})
_JOB_OR_CALLBACK: Final[frozenset[Pattern]] = _JOB | _CALLBACK


def _actions(patterns: frozenset[Pattern], names: str) -> dict[str, frozenset[Pattern]]:
    return dict.fromkeys(names.split(), patterns)


#: service -> action -> patterns.
OPTIMIZED: Final[dict[str, dict[str, frozenset[Pattern]]]] = {
    "apigateway": _actions(_CALLBACK, "invoke"),
    "athena": _actions(_JOB, "startQueryExecution")
    | _actions(_CALL, "stopQueryExecution getQueryExecution getQueryResults"),
    "batch": _actions(_JOB, "submitJob"),
    "bedrock": _actions(_CALLBACK, "invokeModel") | _actions(_JOB, "createModelCustomizationJob"),
    "codebuild": (
        _actions(_JOB, "startBuild startBuildBatch")
        | _actions(_CALL, "stopBuild stopBuildBatch retryBuild retryBuildBatch")
        | _actions(_CALL, "batchDeleteBuilds deleteBuildBatch batchGetReports batchGetBuilds batchGetBuildBatches")
    ),
    "databrew": _actions(_JOB, "startJobRun"),
    "dynamodb": _actions(_CALL, "getItem putItem updateItem deleteItem"),
    "ecs": _actions(_JOB_OR_CALLBACK, "runTask"),
    "eks": (
        _actions(_JOB, "createCluster deleteCluster createNodegroup deleteNodegroup")
        | _actions(_JOB, "createFargateProfile deleteFargateProfile")
        | _actions(_CALLBACK, "call")
        | _actions(_JOB_OR_CALLBACK, "runJob")
    ),
    "elasticmapreduce": (
        _actions(_JOB, "createCluster terminateCluster addStep")
        | _actions(_CALL, "cancelStep setClusterTerminationProtection")
        | _actions(_CALL, "modifyInstanceFleetByName modifyInstanceGroupByName")
    ),
    "emr-containers": _actions(_CALL, "createVirtualCluster") | _actions(_JOB, "deleteVirtualCluster startJobRun"),
    "emr-serverless": (
        _actions(_JOB, "createApplication startApplication stopApplication deleteApplication")
        | _actions(_JOB, "startJobRun cancelJobRun")
    ),
    "events": _actions(_CALLBACK, "putEvents"),
    "glue": _actions(_JOB, "startJobRun"),
    "http": _actions(_CALL, "invoke"),
    "lambda": _actions(_CALLBACK, "invoke"),
    "mediaconvert": _actions(_JOB, "createJob"),
    "sagemaker": (
        _actions(_JOB, "createTrainingJob createTransformJob createProcessingJob createLabelingJob")
        | _actions(_JOB, "createHyperParameterTuningJob")
        | _actions(_CALL, "createModel createEndpoint createEndpointConfig updateEndpoint")
    ),
    "sns": _actions(_CALLBACK, "publish"),
    "sqs": _actions(_CALLBACK, "sendMessage"),
    "states": _actions(_JOB_OR_CALLBACK | {"SYNC2"}, "startExecution"),
}
