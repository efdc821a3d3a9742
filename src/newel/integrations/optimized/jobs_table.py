"""The jobs that `.sync` waits for: a row per action. `ecs:runTask` and `eks:runJob` have code of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from newel.integrations.optimized.calls_table import OPERATIONS
from newel.integrations.optimized.jobs import SyncJob
from newel.integrations.optimized.paths import Path

#: Why a job was stopped, where its service asks.
STOPPED: Final = "Stopped by AWS Step Functions because its task was stopped or timed out."


def _job(action: str, *, succeeded: str, failed: str, **fields: Any) -> SyncJob:
    return SyncJob(
        start=OPERATIONS[action], succeeded=frozenset(succeeded.split()), failed=frozenset(failed.split()), **fields
    )


def _answer(*path: str | int) -> Path:
    return ("answer", *path)


def _request(*path: str | int) -> Path:
    return ("request", *path)


def _build(kind: str, action: str) -> SyncJob:
    """CodeBuild's builds (`build`) and batch builds (`buildBatch`)."""
    shown = kind[0].upper() + kind[1:]
    plural = "builds" if kind == "build" else "buildBatches"
    return _job(
        f"codebuild:{action}",
        ids={"id": _answer(kind, "id")},
        poll=f"BatchGet{plural[0].upper()}{plural[1:]}",
        poll_with={"ids": "id[]"},
        status=(plural, 0, f"{kind}Status"),
        succeeded="SUCCEEDED",
        failed="FAILED FAULT TIMED_OUT STOPPED",
        output={shown: (plural[0].upper() + plural[1:], 0)},
        cancel=f"Stop{shown}",
        cancel_with={"id": "id"},
    )


def _sagemaker(kind: str) -> SyncJob:
    """`kind` is `TrainingJob`, `TransformJob`, ...: the names of the operations and members follow from it."""
    name = f"{kind}Name"
    return _job(
        f"sagemaker:create{kind}",
        ids={name: _request(name)},
        poll=f"Describe{kind}",
        poll_with={name: name},
        status=(f"{kind}Status",),
        succeeded="Completed",
        failed="Failed Stopped",
        cancel=f"Stop{kind}",
        cancel_with={name: name},
    )


def _eks(kind: str, verb: str, members: str, failed: str) -> SyncJob:
    """Resources of EKS: `kind` is `Cluster`, `Nodegroup` or `FargateProfile`, named by `members`."""
    result = kind[0].lower() + kind[1:]
    deleting = verb == "delete"
    return _job(
        f"eks:{verb}{kind}",
        ids={member: _request(member) for member in members.split()},
        poll=f"Describe{kind}",
        poll_with={member: member for member in members.split()},
        status=(result, "status"),
        succeeded="" if deleting else "ACTIVE",
        failed=failed,
        gone="ResourceNotFoundException" if deleting else None,
    )


def _application(verb: str, *, succeeded: str, failed: str, named_by: Path, gone: str | None = None) -> SyncJob:
    """EMR Serverless applications: the state that an action leads to."""
    return _job(
        f"emr-serverless:{verb}Application",
        ids={"applicationId": named_by},
        poll="GetApplication",
        poll_with={"applicationId": "applicationId"},
        status=("application", "state"),
        succeeded=succeeded,
        failed=failed,
        output=("Application",),
        gone=gone,
    )


_ROWS: Final = (
    _job(
        "athena:startQueryExecution",
        ids={"QueryExecutionId": _answer("QueryExecutionId")},
        poll="GetQueryExecution",
        poll_with={"QueryExecutionId": "QueryExecutionId"},
        status=("QueryExecution", "Status", "State"),
        succeeded="SUCCEEDED",
        failed="FAILED CANCELLED",
        cancel="StopQueryExecution",
        cancel_with={"QueryExecutionId": "QueryExecutionId"},
    ),
    _job(
        "batch:submitJob",
        ids={"jobId": _answer("jobId")},
        poll="DescribeJobs",
        poll_with={"jobs": "jobId[]"},
        status=("jobs", 0, "status"),
        succeeded="SUCCEEDED",
        failed="FAILED",
        output=("Jobs", 0),
        cancel="TerminateJob",
        cancel_with={"jobId": "jobId"},
        cancel_also={"reason": STOPPED},
    ),
    _job(
        "bedrock:createModelCustomizationJob",
        ids={"jobArn": _answer("jobArn")},
        poll="GetModelCustomizationJob",
        poll_with={"jobIdentifier": "jobArn"},
        status=("status",),
        succeeded="Completed",
        failed="Failed Stopped",
        cancel="StopModelCustomizationJob",
        cancel_with={"jobIdentifier": "jobArn"},
    ),
    _build("build", "startBuild"),
    _build("buildBatch", "startBuildBatch"),
    _job(
        "databrew:startJobRun",
        ids={"Name": _request("Name"), "RunId": _answer("RunId")},
        poll="DescribeJobRun",
        poll_with={"Name": "Name", "RunId": "RunId"},
        status=("State",),
        succeeded="SUCCEEDED",
        failed="FAILED STOPPED TIMEOUT",
        cancel="StopJobRun",
        cancel_with={"Name": "Name", "RunId": "RunId"},
    ),
    _eks("Cluster", "create", "name", failed="FAILED DELETING"),
    _eks("Cluster", "delete", "name", failed="FAILED"),
    _eks("Nodegroup", "create", "clusterName nodegroupName", failed="CREATE_FAILED DELETING DELETE_FAILED"),
    _eks("Nodegroup", "delete", "clusterName nodegroupName", failed="DELETE_FAILED"),
    _eks("FargateProfile", "create", "clusterName fargateProfileName", failed="CREATE_FAILED DELETING DELETE_FAILED"),
    _eks("FargateProfile", "delete", "clusterName fargateProfileName", failed="DELETE_FAILED"),
    # AWS leaves clusters running when an execution is stopped (Developer Guide, "Amazon EMR").
    _job(
        "elasticmapreduce:createCluster",
        ids={"ClusterId": _answer("JobFlowId")},
        poll="DescribeCluster",
        poll_with={"ClusterId": "ClusterId"},
        status=("Cluster", "Status", "State"),
        succeeded="WAITING",
        failed="TERMINATED TERMINATED_WITH_ERRORS",
        output={"Cluster": ("Cluster",), "ClusterId": ("Cluster", "Id")},
    ),
    _job(
        "elasticmapreduce:terminateCluster",
        ids={"ClusterId": _request("JobFlowIds", 0)},
        poll="DescribeCluster",
        poll_with={"ClusterId": "ClusterId"},
        status=("Cluster", "Status", "State"),
        succeeded="TERMINATED TERMINATED_WITH_ERRORS",
        failed="",
    ),
    _job(
        "elasticmapreduce:addStep",
        ids={"ClusterId": _request("JobFlowId"), "StepId": _answer("StepIds", 0)},
        poll="DescribeStep",
        poll_with={"ClusterId": "ClusterId", "StepId": "StepId"},
        status=("Step", "Status", "State"),
        succeeded="COMPLETED",
        failed="CANCELLED FAILED INTERRUPTED",
        cancel="CancelSteps",
        cancel_with={"ClusterId": "ClusterId", "StepIds": "StepId[]"},
    ),
    _job(
        "emr-containers:deleteVirtualCluster",
        ids={"id": _request("id")},
        poll="DescribeVirtualCluster",
        poll_with={"id": "id"},
        status=("virtualCluster", "state"),
        succeeded="TERMINATED",
        failed="ARRESTED",
        gone="ResourceNotFoundException",
        output=("VirtualCluster",),
    ),
    _job(
        "emr-containers:startJobRun",
        ids={"id": _answer("id"), "virtualClusterId": _answer("virtualClusterId")},
        poll="DescribeJobRun",
        poll_with={"id": "id", "virtualClusterId": "virtualClusterId"},
        status=("jobRun", "state"),
        succeeded="COMPLETED",
        failed="FAILED CANCELLED",
        output=("JobRun",),
        cancel="CancelJobRun",
        cancel_with={"id": "id", "virtualClusterId": "virtualClusterId"},
    ),
    _application(
        "create",
        named_by=_answer("applicationId"),
        succeeded="CREATED STARTING STARTED STOPPING STOPPED",
        failed="TERMINATED",
    ),
    _application("start", named_by=_request("applicationId"), succeeded="STARTED", failed="TERMINATED"),
    _application("stop", named_by=_request("applicationId"), succeeded="STOPPED", failed="TERMINATED"),
    _application(
        "delete",
        named_by=_request("applicationId"),
        succeeded="TERMINATED",
        failed="",
        gone="ResourceNotFoundException",
    ),
    _job(
        "emr-serverless:startJobRun",
        ids={"applicationId": _answer("applicationId"), "jobRunId": _answer("jobRunId")},
        poll="GetJobRun",
        poll_with={"applicationId": "applicationId", "jobRunId": "jobRunId"},
        status=("jobRun", "state"),
        succeeded="SUCCESS",
        failed="FAILED CANCELLED",
        output=("JobRun",),
        cancel="CancelJobRun",
        cancel_with={"applicationId": "applicationId", "jobRunId": "jobRunId"},
    ),
    _job(
        "emr-serverless:cancelJobRun",
        ids={"applicationId": _request("applicationId"), "jobRunId": _request("jobRunId")},
        poll="GetJobRun",
        poll_with={"applicationId": "applicationId", "jobRunId": "jobRunId"},
        status=("jobRun", "state"),
        succeeded="CANCELLED",
        failed="FAILED SUCCESS",
        output=("JobRun",),
    ),
    _job(
        "glue:startJobRun",
        ids={"JobName": _request("JobName"), "RunId": _answer("JobRunId")},
        poll="GetJobRun",
        poll_with={"JobName": "JobName", "RunId": "RunId"},
        status=("JobRun", "JobRunState"),
        succeeded="SUCCEEDED",
        failed="FAILED TIMEOUT ERROR STOPPED EXPIRED",
        output=("JobRun",),
        cancel="BatchStopJobRun",
        cancel_with={"JobName": "JobName", "JobRunIds": "RunId[]"},
    ),
    _job(
        "mediaconvert:createJob",
        ids={"Id": _answer("Job", "Id")},
        poll="GetJob",
        poll_with={"Id": "Id"},
        status=("Job", "Status"),
        succeeded="COMPLETE",
        failed="ERROR CANCELED",
        cancel="CancelJob",
        cancel_with={"Id": "Id"},
    ),
    *map(_sagemaker, ("TrainingJob", "TransformJob", "ProcessingJob", "LabelingJob", "HyperParameterTuningJob")),
)

#: The row of each action that can be waited for, by `service:action`.
JOBS: Final[Mapping[str, SyncJob]] = {
    next(name for name, operation in OPERATIONS.items() if operation is row.start): row for row in _ROWS
}
