"""`ecs:runTask`: an answer may be a failure, and a task's success is in its containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from newel.errors import StatesError
from newel.integrations.optimized.jobs import PolledJob, SyncJob, parameters_of
from newel.integrations.optimized.jobs_table import STOPPED
from newel.integrations.optimized.operations import Operation, OperationAction, Sent, call_aws
from newel.integrations.optimized.polling import Verdict
from newel.integrations.optimized.services import ECS
from newel.json import Json, loads
from newel.ports.aws import AwsError
from newel.ports.tasks import TaskRequest

RUN_TASK: Final = Operation(service=ECS, name="RunTask", once_by="clientToken")

RUN_TASK_JOB: Final = SyncJob(
    start=RUN_TASK,
    ids={"cluster": ("request", "cluster"), "tasks": ("answer", "tasks", "*", "taskArn")},
    poll="DescribeTasks",
    poll_with={"cluster": "cluster", "tasks": "tasks"},
    status=("tasks", 0, "lastStatus"),
    succeeded=frozenset(),
    failed=frozenset(),
)


class RunTask(OperationAction):
    """`ecs:runTask`. Developer Guide, "Amazon ECS": failures in a successful answer fail all but request/response."""

    async def call(self, request: TaskRequest) -> str:
        sent = await self.send(request, loads(request.parameters))
        shown = await self.shown(sent)
        if request.resource.pattern != "REQUEST_RESPONSE":
            check_placed(sent, shown)
        return shown


class RunTaskJob(PolledJob):
    """`ecs:runTask.sync`: ends when every task has stopped; the output is the task, or the tasks if there are more."""

    def check_started(self, sent: Sent, shown: str) -> None:
        check_placed(sent, shown)

    async def verdict(self, request: TaskRequest, described: Mapping[str, Any]) -> Verdict:
        tasks = described.get("tasks") or []
        if not tasks or described.get("failures"):
            return "MISSING"
        if any(task.get("lastStatus") != "STOPPED" for task in tasks):
            return "RUNNING"
        for task in tasks:
            if not await self._well(request, task):
                return "FAILED"
        return "SUCCEEDED"

    async def stop(self, request: TaskRequest, job: str) -> None:
        """Stop every task, also when one of them refuses; raises the last refusal."""
        ids = loads(job)
        refusal: StatesError | None = None
        for task in ids["tasks"]:
            parameters = {**parameters_of({"cluster": "cluster"}, ids), "task": task, "reason": STOPPED}
            try:
                await self.action.ask(request, "StopTask", parameters)
            except StatesError as error:
                refusal = error
        if refusal is not None:
            raise refusal

    def shown_end(self, shown: Json) -> Json:
        tasks = shown.get("Tasks", [])
        return tasks[0] if len(tasks) == 1 else shown

    async def _well(self, request: TaskRequest, task: Mapping[str, Any]) -> bool:
        """Whether a stopped task did its work: its essential containers ran and ended with 0."""
        if task.get("stopCode") == "TaskFailedToStart":
            return False
        ended = {container["name"]: container.get("exitCode") for container in task.get("containers", [])}
        if all(code == 0 for code in ended.values()):
            return True
        essential = await self._essential(request, task, tuple(ended))
        return all(ended.get(name) == 0 for name in essential)

    async def _essential(
        self, request: TaskRequest, task: Mapping[str, Any], containers: Sequence[str]
    ) -> Sequence[str]:
        """The task definition says which containers matter; all of them do where it cannot be read."""
        parameters = {"taskDefinition": task.get("taskDefinitionArn", "")}
        try:
            answer = await call_aws(self.action.aws, ECS.id, "DescribeTaskDefinition", parameters, request)
        except (AwsError, ValueError):
            return containers
        definitions = answer.result.get("taskDefinition", {}).get("containerDefinitions", [])
        return [d["name"] for d in definitions if d.get("essential", True)] or containers


def check_placed(sent: Sent, shown: str) -> None:
    """Raises `StatesError` where a task could not be placed."""
    if sent.answer.result.get("failures"):
        raise StatesError("AmazonECS.Unknown", shown)
