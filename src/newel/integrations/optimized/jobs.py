"""The run-a-job pattern (`.sync`) as data: how a job is named, asked about, judged, shown and stopped.

One poller serves all services. A job is known by its ids, kept as JSON text in the execution, so that it is picked up
after a restart and never started twice. Source of the outputs: Developer Guide, "Integrating optimized services".
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from newel.errors import StatesError
from newel.integrations.aws.models import load, operation_model
from newel.integrations.optimized.operations import Operation, OperationAction, Sent, call_aws, failure
from newel.integrations.optimized.paths import Path, pick, picked
from newel.integrations.optimized.polling import DEFAULT_POLLING, Polling, Sleep, Verdict, until_ended
from newel.integrations.optimized.shapes import shown_result
from newel.integrations.patterns import Submission
from newel.json import Json, dumps, loads
from newel.ports.aws import AwsAnswer, AwsCaller, AwsError
from newel.ports.tasks import TaskRequest

_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
#: Errors of a poll that say nothing of the job.
_THROTTLED: Final = frozenset(
    """
    LimitExceededException ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
    RequestThrottledException SlowDown Throttling ThrottlingException ThrottledException TooManyRequestsException
    """.split()  # noqa: SIM905  (a table of words reads better)
)


class SyncJob(msgspec.Struct, frozen=True, kw_only=True):
    """How one action's job is waited for.

    `ids` name the job: name -> path in the request's parameters (`"request"`) or the answer (`"answer"`), both in
    model names. `poll` is the operation that describes it; `poll_with` its parameters: member -> id (`"RunId[]"`: as
    the only item of a list). `status` is the path of the job's status in the description. `gone`: the error that
    means success, for jobs that delete. `output` is what the Task shows of the description (in shown names); for a
    failed job, its cause. `cancel` stops the job, with `cancel_with` like `poll_with` and `cancel_also` as it is.
    """

    start: Operation
    ids: Mapping[str, Path]
    poll: str
    poll_with: Mapping[str, str]
    status: Path
    succeeded: frozenset[str]
    failed: frozenset[str]
    gone: str | None = None
    output: Mapping[str, Path] | Path = ()
    cancel: str | None = None
    cancel_with: Mapping[str, str] = _NONE
    cancel_also: Mapping[str, Any] = _NONE


class PolledJob:
    """A `Job` of the service integration patterns, by its row."""

    def __init__(
        self,
        row: SyncJob,
        aws: AwsCaller,
        polling: Polling = DEFAULT_POLLING,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.row = row
        self.action = OperationAction(row.start, aws)
        self._aws = aws
        self._polling = polling
        self._sleep = sleep

    async def submit(self, request: TaskRequest) -> Submission:
        sent = await self.action.send(request, loads(request.parameters))
        shown = await self.action.shown(sent)
        self.check_started(sent, shown)
        return Submission(shown, dumps(self.ids(sent)))

    async def result(self, request: TaskRequest, job: str) -> str:
        ids = loads(job)
        verdict, described = await until_ended(lambda: self._asked(request, ids), self._polling, self._sleep)
        shown = dumps(await self._shown(described or _NONE))
        if verdict == "SUCCEEDED":
            return shown
        raise StatesError("States.TaskFailed", shown if verdict == "FAILED" else f"The job {job} was not found.")

    async def stop(self, request: TaskRequest, job: str) -> None:
        """Stop the job, if the service can. Raises `StatesError` where it refuses."""
        row, ids = self.row, loads(job)
        if row.cancel is not None:
            await self.action.ask(request, row.cancel, {**parameters_of(row.cancel_with, ids), **row.cancel_also})

    def ids(self, sent: Sent) -> dict[str, Json]:
        """What names the job."""
        sources = {"request": sent.parameters, "answer": sent.answer.result}
        found = {name: pick(sources, path) for name, path in self.row.ids.items()}
        return {name: value for name, value in found.items() if value is not None}

    def check_started(self, sent: Sent, shown: str) -> None:
        """A hook for answers that are failures although the call succeeded. Raises `StatesError`."""

    async def verdict(self, request: TaskRequest, described: Mapping[str, Any]) -> Verdict:
        """What a description says of the job."""
        status = pick(described, self.row.status)
        if status is None:
            return "MISSING"
        if status in self.row.succeeded:
            return "SUCCEEDED"
        return "FAILED" if status in self.row.failed else "RUNNING"

    async def _asked(self, request: TaskRequest, ids: Mapping[str, Json]) -> tuple[Verdict, Mapping[str, Any] | None]:
        row = self.row
        try:
            answer = await self._poll(request, ids)
        except AwsError as error:
            if error.code == row.gone:
                return "SUCCEEDED", None
            if _is_passing(error):
                return "RUNNING", None
            if _is_missing(error):
                return "MISSING", None
            raise await failure(error, row.start.service, request) from error
        return await self.verdict(request, answer.result), answer.result

    async def _poll(self, request: TaskRequest, ids: Mapping[str, Json]) -> AwsAnswer:
        row = self.row
        parameters = parameters_of(row.poll_with, ids)
        return await call_aws(self._aws, row.start.service.id, row.poll, parameters, request)

    async def _shown(self, described: Mapping[str, Any]) -> Json:
        model = operation_model(await load(self.row.start.service.id), self.row.poll)
        return self.shown_end(picked(shown_result(model.output_shape, described), self.row.output))

    def shown_end(self, shown: Json) -> Json:
        """A hook: what the Task shows of a description, in shown names."""
        return shown


def parameters_of(members: Mapping[str, str], ids: Mapping[str, Json]) -> dict[str, Any]:
    """The parameters of a poll or a stop; an id that the job does not have is left out."""
    parameters = {}
    for member, name in members.items():
        plain = name.removesuffix("[]")
        if plain in ids:
            parameters[member] = ids[plain] if plain == name else [ids[plain]]
    return parameters


def _is_passing(error: AwsError) -> bool:
    return error.connection or error.status >= 500 or error.code in _THROTTLED


def _is_missing(error: AwsError) -> bool:
    return error.status == 404 or "NotFound" in error.code or "DoesNotExist" in error.code
