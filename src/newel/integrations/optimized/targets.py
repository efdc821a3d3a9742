"""All targets of this package by `service:action` with its suffix, for the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from newel.integrations.optimized.apigateway import ApiGatewaySettings, InvokeApi
from newel.integrations.optimized.bedrock import InvokeModel
from newel.integrations.optimized.calls_table import OPERATIONS
from newel.integrations.optimized.ecs import RUN_TASK, RUN_TASK_JOB, RunTask, RunTaskJob
from newel.integrations.optimized.emr_by_name import FLEET, GROUP, ModifyByName
from newel.integrations.optimized.http import Credentials, HttpCaller
from newel.integrations.optimized.jobs import PolledJob
from newel.integrations.optimized.jobs_table import JOBS
from newel.integrations.optimized.kubernetes import CallKubernetes, EksSettings, KubernetesCaller, RunJob
from newel.integrations.optimized.messages import Publish, PutEvents, SendMessage
from newel.integrations.optimized.operations import OperationAction
from newel.integrations.optimized.polling import DEFAULT_POLLING, Polling
from newel.integrations.patterns import Action, ActionTarget, Job, JobTarget
from newel.language.services import OPTIMIZED, PATTERN_SUFFIXES
from newel.ports.aws import AwsCaller
from newel.ports.tasks import TaskTarget


def service_targets(aws: AwsCaller, polling: Polling = DEFAULT_POLLING) -> dict[str, TaskTarget]:
    """Every action and every job that is calls of AWS APIs, in each pattern that its service's integration has."""
    actions = {name: OperationAction(operation, aws) for name, operation in OPERATIONS.items()} | {
        "bedrock:invokeModel": InvokeModel(aws),
        "ecs:runTask": RunTask(RUN_TASK, aws),
        "elasticmapreduce:modifyInstanceFleetByName": ModifyByName(FLEET, aws),
        "elasticmapreduce:modifyInstanceGroupByName": ModifyByName(GROUP, aws),
        "events:putEvents": PutEvents(aws),
        "sns:publish": Publish(aws),
        "sqs:sendMessage": SendMessage(aws),
    }
    jobs = {name: PolledJob(row, aws, polling) for name, row in JOBS.items()} | {
        "ecs:runTask": RunTaskJob(RUN_TASK_JOB, aws, polling),
    }
    return dict(_targets(actions, jobs))


def http_targets(
    http: HttpCaller,
    credentials: Credentials,
    *,
    polling: Polling = DEFAULT_POLLING,
    apigateway: ApiGatewaySettings = ApiGatewaySettings(),  # noqa: B008  (frozen)
    eks: EksSettings = EksSettings(),  # noqa: B008  (frozen)
) -> dict[str, TaskTarget]:
    """The actions that are requests to an address which the Task names."""
    kubernetes = KubernetesCaller(http, credentials, eks)
    run_job = RunJob(kubernetes, polling)
    actions: dict[str, Action] = {
        "apigateway:invoke": InvokeApi(http, credentials, apigateway),
        "eks:call": CallKubernetes(kubernetes),
        "eks:runJob": run_job,
    }
    return dict(_targets(actions, {"eks:runJob": run_job}))


def _targets(actions: Mapping[str, Action], jobs: Mapping[str, Job]) -> Iterator[tuple[str, TaskTarget]]:
    for name, action in actions.items():
        service, _, verb = name.partition(":")
        for pattern in OPTIMIZED[service][verb]:
            if pattern in ("REQUEST_RESPONSE", "WAIT_FOR_TASK_TOKEN"):
                yield name + PATTERN_SUFFIXES[pattern], ActionTarget(action)
    for name, job in jobs.items():
        yield name + PATTERN_SUFFIXES["SYNC"], JobTarget(job)
