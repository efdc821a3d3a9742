"""Every job of the table: started once, asked about until its end, shown, failed, stopped, picked up again."""

import asyncio
from contextlib import suppress
from copy import deepcopy

import pytest

from integrations.fakes import Events, request
from newel.integrations.aws.models import service_model
from newel.integrations.optimized.calls_table import OPERATIONS
from newel.integrations.optimized.jobs import PolledJob, Polling
from newel.integrations.optimized.jobs_table import JOBS
from newel.integrations.optimized.paths import pick
from newel.integrations.patterns import JobTarget
from newel.json import dumps, loads
from newel.language.services import OPTIMIZED
from newel.ports.aws import AwsError
from newel.ports.tasks import DETACH, Failed, Succeeded

from .caller import Caller, sample
from .test_calls import given_for, resource


class Pauses:
    """Sleeps nowhere; remembers how long it was told to."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


def operation(name: str, of: str):
    return service_model(OPERATIONS[name].service.id).operation_model(of)


def started(name: str) -> dict:
    model = operation(name, OPERATIONS[name].name)
    return sample(model.output_shape) if model.output_shape else {}


def described(name: str, status: str) -> dict:
    """What the poll answers when the job has a status, which must be one of the model's where that has them."""
    row = JOBS[name]
    shape = operation(name, row.poll).output_shape
    answer = deepcopy(sample(shape, 5))
    holder = pick(answer, row.status[:-1])
    holder[row.status[-1]] = status
    return answer


def statuses(name: str) -> set[str]:
    shape = operation(name, JOBS[name].poll).output_shape
    for step in JOBS[name].status:
        shape = shape.member if isinstance(step, int) else shape.members[step]
    return set(shape.enum)


def caller_for(name: str, *polls) -> Caller:
    row = JOBS[name]
    answers = {row.start.name: [started(name)]} | ({row.poll: list(polls)} if polls else {})
    if row.cancel:
        shape = operation(name, row.cancel).output_shape
        answers[row.cancel] = [sample(shape) if shape else {}]
    return Caller(answers)


def target(name: str, caller: Caller, pauses: Pauses | None = None) -> JobTarget:
    return JobTarget(PolledJob(JOBS[name], caller, sleep=pauses or Pauses()))


def sync_request(name: str, **changes):
    return request(resource(f"{name}.sync"), dumps(given_for(name)), **changes)


def test_every_sync_action_has_a_row_or_code():
    actions = {
        f"{service}:{action}"
        for service, actions in OPTIMIZED.items()
        for action, patterns in actions.items()
        if "SYNC" in patterns
    }
    assert JOBS.keys() | {"ecs:runTask", "eks:runJob", "states:startExecution"} == actions


@pytest.mark.parametrize("name", sorted(JOBS))
def test_the_statuses_are_those_of_the_model(name):
    known = statuses(name)
    row = JOBS[name]
    assert row.succeeded | row.failed <= known or not known
    assert not row.succeeded & row.failed
    assert row.succeeded or row.gone


@pytest.mark.parametrize("name", sorted(JOBS))
async def test_a_job_is_asked_about_until_it_succeeds(name):
    row = JOBS[name]
    running = described(name, "RUNNING_STILL")
    last = described(name, next(iter(row.succeeded))) if row.succeeded else AwsError(row.gone, "No more.", status=404)
    caller, events = caller_for(name, running, running, last), Events()
    outcome = await target(name, caller).run(sync_request(name), events)
    assert isinstance(outcome, Succeeded), outcome
    assert len(caller.sent(row.start.name)) == 1
    assert len(caller.sent(row.poll)) == 3 or row.poll == row.start.name
    ((submitted, job),) = events.reports
    assert loads(submitted) is not None
    assert loads(job).keys() == row.ids.keys()
    shown = loads(outcome.output)
    assert isinstance(shown, dict)
    assert shown
    assert all(key[0].isupper() for key in shown)


@pytest.mark.parametrize("name", sorted(name for name in JOBS if JOBS[name].failed))
async def test_a_failed_job_fails_the_task_with_its_description(name):
    for status in sorted(JOBS[name].failed):
        outcome = await target(name, caller_for(name, described(name, status))).run(sync_request(name), Events())
        assert isinstance(outcome, Failed)
        assert outcome.error == "States.TaskFailed"
        assert status in outcome.cause
        assert isinstance(loads(outcome.cause), dict)


@pytest.mark.parametrize("name", sorted(JOBS))
async def test_a_job_that_runs_is_picked_up_by_its_id_and_not_started_again(name):
    row = JOBS[name]
    first = Events()
    end = described(name, next(iter(row.succeeded))) if row.succeeded else AwsError(row.gone, "No more.", status=404)
    await target(name, caller_for(name, end)).run(sync_request(name), first)
    job = first.reports[0][1]
    caller, events = caller_for(name, end), Events()
    outcome = await target(name, caller).run(sync_request(name, job=job), events)
    assert isinstance(outcome, Succeeded)
    assert not caller.sent(row.start.name)
    assert not events.reports


async def cancelled(name: str, *message) -> Caller:
    caller = caller_for(name, described(name, "RUNNING_STILL"))
    task = asyncio.ensure_future(target(name, caller).run(sync_request(name), Events()))
    while not caller.sent(JOBS[name].poll):
        await asyncio.sleep(0)
    task.cancel(*message)
    with suppress(asyncio.CancelledError):
        await task
    return caller


@pytest.mark.parametrize("name", sorted(name for name in JOBS if JOBS[name].cancel))
async def test_a_cancelled_job_is_stopped(name):
    assert len((await cancelled(name)).sent(JOBS[name].cancel)) == 1


@pytest.mark.parametrize("name", sorted(name for name in JOBS if JOBS[name].cancel))
async def test_a_detached_job_is_left_running(name):
    assert not (await cancelled(name, DETACH)).sent(JOBS[name].cancel)


async def test_a_stop_that_is_refused_leaves_the_task_cancelled():
    name = "glue:startJobRun"
    caller = caller_for(name, described(name, "RUNNING"))
    caller.answers["BatchStopJobRun"] = [AwsError("EntityNotFoundException", "Gone.", status=400)]
    task = asyncio.ensure_future(target(name, caller).run(sync_request(name), Events()))
    while not caller.sent("GetJobRun"):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(caller.sent("BatchStopJobRun")) == 1


async def test_what_the_developer_guide_shows_of_a_glue_run():
    run = {"Id": "jr_1", "JobName": "etl", "JobRunState": "SUCCEEDED", "ExecutionTime": 12}
    caller = Caller({"StartJobRun": [{"JobRunId": "jr_1"}], "GetJobRun": [{"JobRun": run}]})
    events = Events()
    outcome = await target("glue:startJobRun", caller).run(
        request(resource("glue:startJobRun.sync"), '{"JobName":"etl"}'), events
    )
    assert loads(outcome.output) == run
    assert loads(events.reports[0][0])["JobRunId"] == "jr_1"
    assert caller.sent("GetJobRun") == [{"JobName": "etl", "RunId": "jr_1"}]


async def test_pauses_grow_up_to_the_longest():
    running, end = (
        described("athena:startQueryExecution", "RUNNING"),
        described("athena:startQueryExecution", "SUCCEEDED"),
    )
    caller, pauses = caller_for("athena:startQueryExecution", *[running] * 5, end), Pauses()
    job = PolledJob(
        JOBS["athena:startQueryExecution"], caller, Polling(first_seconds=1, factor=2, longest_seconds=5), pauses
    )
    await job.result(sync_request("athena:startQueryExecution"), '{"QueryExecutionId":"q"}')
    assert pauses.seconds == [1, 2, 4, 5, 5]


@pytest.mark.parametrize(
    "error",
    [
        AwsError("ThrottlingException", "Slower.", status=400),
        AwsError("InternalFailure", "Oh.", status=500),
        AwsError("SdkClientException", "No route.", connection=True),
    ],
)
async def test_a_poll_that_says_nothing_of_the_job_is_repeated(error):
    name = "glue:startJobRun"
    caller = caller_for(name, error, error, described(name, "SUCCEEDED"))
    assert isinstance(await target(name, caller).run(sync_request(name), Events()), Succeeded)


async def test_a_job_that_the_service_does_not_know_yet_is_asked_about_again():
    missing = AwsError("EntityNotFoundException", "Which?", status=400)
    name = "glue:startJobRun"
    caller = caller_for(name, missing, missing, described(name, "SUCCEEDED"))
    assert isinstance(await target(name, caller).run(sync_request(name), Events()), Succeeded)


async def test_a_job_that_the_service_never_knows_fails_the_task():
    name = "batch:submitJob"
    outcome = await target(name, caller_for(name, {"jobs": []})).run(sync_request(name), Events())
    assert outcome == Failed("States.TaskFailed", 'The job {"jobId":"sss"} was not found.')


async def test_a_poll_that_is_not_allowed_fails_the_task():
    name = "glue:startJobRun"
    caller = caller_for(name, AwsError("AccessDeniedException", "No.", status=400, request_id="q"))
    outcome = await target(name, caller).run(sync_request(name), Events())
    assert outcome == Failed(
        "Glue.AccessDeniedException",
        "No. (Service: AWSGlue; Status Code: 400; Error Code: AccessDeniedException; Request ID: q; Proxy: null)",
    )


async def test_a_start_that_is_refused_says_so():
    name = "glue:startJobRun"
    caller = caller_for(name)
    caller.answers["StartJobRun"] = [AwsError("ConcurrentRunsExceededException", "Busy.", status=400)]
    outcome = await target(name, caller).run(sync_request(name), Events())
    assert isinstance(outcome, Failed)
    assert (outcome.error, outcome.kind) == ("Glue.ConcurrentRunsExceededException", "SUBMIT_FAILED")
