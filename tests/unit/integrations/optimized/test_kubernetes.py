"""`eks:call` and `eks:runJob` against a stub of the Kubernetes API on loopback."""

import asyncio
from base64 import urlsafe_b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from integrations.fakes import Events, request
from integrations.servers import Recorder, serving
from newel.integrations.optimized.http import HttpCaller
from newel.integrations.optimized.kubernetes import CallKubernetes, EksSettings, KubernetesCaller, RunJob
from newel.integrations.patterns import ActionTarget, JobTarget
from newel.json import dumps, loads
from newel.ports.tasks import Failed, Succeeded

from .test_apigateway import Keys, NoEgress
from .test_jobs import Pauses

JOB = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}, "spec": {"template": {}}}


class Cluster:
    """Jobs that end after `polls` questions, with a condition."""

    def __init__(self, ends: str = "Complete", polls: int = 2) -> None:
        self.jobs: dict[str, dict] = {}
        self.deleted: list[str] = []
        self.ends = ends
        self.polls = polls
        self.recorder = Recorder(self.answer)

    def answer(self, got: web.Request, body: bytes) -> web.Response:
        name = got.path.rpartition("/")[2]
        match got.method, got.path:
            case "POST", "/apis/batch/v1/namespaces/space/jobs":
                job = loads(body)
                if job["metadata"]["name"] in self.jobs:
                    return web.json_response({"reason": "AlreadyExists"}, status=409)
                self.jobs[job["metadata"]["name"]] = job
                return web.json_response(job, status=201)
            case "GET", "/api/v1/namespaces/space/pods":
                pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}}
                return web.json_response({"items": [pod]})
            case "GET", "/api/v1/namespaces/space/pods/p/log":
                return web.Response(text='{"pi":3}')
            case "GET", path if path.startswith("/apis") and name in self.jobs:
                return web.json_response({**self.jobs[name], "status": self._status()})
            case "DELETE", _:
                self.deleted.append(got.raw_path)
                return web.json_response({})
        return web.json_response({"reason": "NotFound"}, status=404)

    def _status(self) -> dict:
        self.polls -= 1
        if self.polls >= 0:
            return {"active": 1}
        return {"conditions": [{"type": self.ends, "status": "True"}]}


class Run:
    """One Task against a cluster."""

    def __init__(self, cluster: Cluster, settings: EksSettings | None = None, keys: Keys | None = None) -> None:
        self.cluster = cluster
        self.settings = settings or EksSettings()
        self.keys = keys or Keys()
        self.events = Events()

    async def __call__(self, action: str, given: dict, **changes):
        async with serving(self.cluster.recorder.application()) as url:
            caller = HttpCaller(NoEgress(), trusted=[url])
            kubernetes = KubernetesCaller(caller, self.keys, self.settings)
            run_job = RunJob(kubernetes, sleep=Pauses())
            target = {
                "call": ActionTarget(CallKubernetes(kubernetes)),
                "runJob": ActionTarget(run_job),
                "runJob.sync": JobTarget(run_job),
            }[action]
            text = dumps({"ClusterName": "main", "CertificateAuthority": "", "Endpoint": url, **given})
            try:
                return await target.run(request(f"arn:aws:states:::eks:{action}", text, **changes), self.events)
            finally:
                await caller.close()


def job(**changes) -> dict:
    return {"Namespace": "space", "Job": JOB, **changes}


async def test_a_call_is_a_request_with_a_token_of_the_role():
    run = Run(Cluster())
    outcome = await run(
        "call", {"Method": "GET", "Path": "/api/v1/namespaces/space/pods", "QueryParameters": {"limit": ["1"]}}
    )
    assert isinstance(outcome, Succeeded), outcome
    output = loads(outcome.output)
    assert output["StatusCode"] == 200
    assert output["ResponseBody"]["items"]
    (received, _) = run.cluster.recorder.requests[0]
    assert received.query["limit"] == "1"
    token = received.headers["Authorization"].removeprefix("Bearer k8s-aws-v1.")
    signed = urlsplit(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    query = parse_qs(signed.query)
    assert signed.netloc == "sts.eu-west-1.amazonaws.com"
    assert query["Action"] == ["GetCallerIdentity"]
    assert query["X-Amz-SignedHeaders"] == ["host;x-k8s-aws-id"]
    assert query["X-Amz-Expires"] == ["60"]


async def test_a_cluster_without_iam_has_a_token_of_its_own():
    run = Run(Cluster(), EksSettings(tokens={"main": "local"}))
    await run("call", {"Method": "GET", "Path": "api/v1/namespaces/space/pods"})
    assert run.cluster.recorder.requests[0][0].headers["Authorization"] == "Bearer local"
    assert not run.keys.asked


async def test_a_status_of_400_and_above_is_the_error():
    outcome = await Run(Cluster())("call", {"Method": "GET", "Path": "/nothing"})
    assert outcome == Failed("EKS.404", '{"reason": "NotFound"}')


async def test_a_body_is_json():
    run = Run(Cluster())
    await run("call", {"Method": "POST", "Path": "/apis/batch/v1/namespaces/space/jobs", "RequestBody": JOB})
    received, body = run.cluster.recorder.requests[0]
    assert received.headers["Content-Type"] == "application/json"
    assert loads(body) == JOB


@pytest.mark.parametrize("authority", ["!!", "bm8gY2VydGlmaWNhdGU="])
async def test_a_certificate_authority_that_is_none_is_refused(authority):
    given = {"Method": "GET", "Path": "/", "Endpoint": "https://127.0.0.1:1", "CertificateAuthority": authority}
    outcome = await Run(Cluster())("call", given)
    assert outcome.error == "States.Runtime"
    assert "CertificateAuthority" in outcome.cause


async def test_a_job_is_created():
    run = Run(Cluster())
    outcome = await run("runJob", job())
    assert loads(outcome.output)["StatusCode"] == 201
    assert run.cluster.jobs["j"]["spec"] == JOB["spec"]


async def test_a_job_is_waited_for_and_its_status_shown():
    run = Run(Cluster())
    outcome = await run("runJob.sync", job())
    assert isinstance(outcome, Succeeded), outcome
    assert loads(outcome.output) == {"status": {"conditions": [{"type": "Complete", "status": "True"}]}}
    assert loads(run.events.reports[0][1]) == {"Name": "j", "Namespace": "space"}


async def test_a_failed_job_fails_the_task():
    outcome = await Run(Cluster("Failed"))("runJob.sync", job())
    assert outcome.error == "States.TaskFailed"
    assert loads(outcome.cause)["status"]["conditions"][0]["type"] == "Failed"


@pytest.mark.parametrize(("raw", "log"), [(True, '{"pi":3}'), (False, {"pi": 3})])
async def test_logs_are_retrieved_when_asked_for(raw, log):
    run = Run(Cluster())
    options = {"RetrieveLogs": True, "RawLogs": raw, "LogParameters": {"tailLines": ["20"]}}
    outcome = await run("runJob.sync", job(LogOptions=options))
    assert loads(outcome.output)["logs"] == {"pods": {"p": {"containers": {"c": {"log": log}}}}}
    assert run.cluster.recorder.paths[-1] == "GET /api/v1/namespaces/space/pods/p/log?tailLines=20&container=c"


async def test_a_job_is_picked_up_and_not_created_again():
    run = Run(Cluster())
    run.cluster.jobs["j"] = JOB
    outcome = await run("runJob.sync", job(), job='{"Name":"j","Namespace":"space"}')
    assert isinstance(outcome, Succeeded)
    assert not [path for path in run.cluster.recorder.paths if path.startswith("POST")]


async def test_an_attempt_issued_again_finds_the_job_it_created():
    cluster = Cluster(polls=4)
    await Run(cluster)("runJob", job())
    outcome = await Run(cluster)("runJob.sync", job())
    assert isinstance(outcome, Succeeded)


async def test_a_job_of_somebody_else_is_a_conflict():
    cluster = Cluster()
    await Run(cluster)("runJob", job(), idempotency_key="another")
    outcome = await Run(cluster)("runJob.sync", job())
    assert (outcome.error, outcome.kind) == ("EKS.409", "SUBMIT_FAILED")


async def test_a_cancelled_job_is_deleted():
    cluster = Cluster(polls=10_000)
    running = asyncio.ensure_future(Run(cluster)("runJob.sync", job()))
    while len(cluster.recorder.requests) < 3:
        await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cluster.deleted == ["/apis/batch/v1/namespaces/space/jobs/j?propagationPolicy=Background"]


async def test_a_job_that_vanished_fails_the_task():
    outcome = await Run(Cluster())("runJob.sync", job(), job='{"Name":"gone","Namespace":"space"}')
    assert outcome.error == "States.TaskFailed"
    assert "was not found" in outcome.cause
