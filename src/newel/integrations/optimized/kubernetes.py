"""`eks:call` and `eks:runJob`: requests to the Kubernetes API of a cluster.

Source: Developer Guide, "Create and manage Amazon EKS clusters with Step Functions". A failed request is the error
`EKS.<status>`; `.sync` shows the job's status, and its pods' logs if they are asked for.
"""

from __future__ import annotations

import asyncio
import binascii
import ssl
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec
from botocore.auth import SigV4QueryAuth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from yarl import URL

from newel.engine.errors import data_limit
from newel.errors import StatesError
from newel.integrations.optimized.http import (
    Credentials,
    HttpAnswer,
    HttpCaller,
    NoAnswerError,
    TooLargeError,
    json_or_text,
    query_pairs,
    shown_response,
)
from newel.integrations.optimized.operations import idempotency_token, refused, role_failure
from newel.integrations.optimized.polling import DEFAULT_POLLING, Polling, Sleep, Verdict, until_ended
from newel.integrations.patterns import Submission
from newel.json import Json, dumps, loads
from newel.ports.aws import AwsError
from newel.ports.tasks import TaskRequest

_PREFIX: Final = "EKS"
_SECONDS: Final = 60
_TOKEN_SECONDS: Final = 60
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"})
#: Where a job that the server has started says for which attempt, so that none is started twice.
_ATTEMPT: Final = "newel.dev/attempt"
_TEXT: Final = (("Accept", "*/*"),)


class EksSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` are bearer tokens by cluster name, for clusters that do not know AWS's identities."""

    tokens: Mapping[str, str] = MappingProxyType({})


class Cluster(msgspec.Struct, frozen=True):
    """How a cluster is reached for one Task."""

    endpoint: str
    tls: ssl.SSLContext | None
    authorization: str


class KubernetesCaller:
    """Sends requests to clusters as the Task's role."""

    def __init__(self, http: HttpCaller, credentials: Credentials, settings: EksSettings = EksSettings()) -> None:  # noqa: B008  (frozen)
        self._http = http
        self._credentials = credentials
        self._settings = settings

    async def cluster(self, request: TaskRequest, given: Mapping[str, Json]) -> Cluster:
        """The cluster of a Task's parameters. Raises `StatesError`."""
        endpoint = given["Endpoint"]
        tls = None
        if endpoint.startswith("https:"):
            try:
                authority = b64decode(given["CertificateAuthority"], validate=True).decode()
                tls = await asyncio.to_thread(ssl.create_default_context, cadata=authority)
            except (binascii.Error, ValueError, ssl.SSLError):
                raise refused(request, "The value of the field 'CertificateAuthority' has an invalid format") from None
        return Cluster(endpoint.rstrip("/"), tls, f"Bearer {await self._token(request, given['ClusterName'])}")

    async def send(
        self, cluster: Cluster, method: str, path: str, query: Mapping[str, Json], body: Json = None
    ) -> HttpAnswer:
        """Raises `StatesError` `EKS.<status>` for a status of 400 and above, `EKS.SdkClientException`."""
        url = URL(cluster.endpoint + "/" + path.lstrip("/")).update_query(query_pairs(query))
        headers = [("Authorization", cluster.authorization), *_TEXT]
        content = None if body is None else dumps(body).encode()
        if content is not None:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers.append(("Content-Type", kind))
        try:
            answer = await self._http.send(method, url, headers, content, seconds=_SECONDS, tls=cluster.tls)
        except NoAnswerError as error:
            raise StatesError(f"{_PREFIX}.SdkClientException", f"Unable to execute HTTP request: {error}") from error
        except TooLargeError:
            raise data_limit("eks") from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise StatesError(f"{_PREFIX}.{answer.status}", answer.body.decode("utf-8", "replace"))
        return answer

    async def _token(self, request: TaskRequest, cluster: str) -> str:
        """EKS takes a presigned GetCallerIdentity that names the cluster."""
        configured = self._settings.tokens.get(cluster)
        if configured is not None:
            return configured
        try:
            credentials = await self._credentials.credentials(
                "eks", account=request.account, region=request.region, role_arn=request.credentials_role_arn
            )
        except AwsError as error:
            raise role_failure(error, request, _PREFIX) from error
        url = f"https://sts.{request.region}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        signed = AWSRequest(method="GET", url=url, headers={"x-k8s-aws-id": cluster})
        SigV4QueryAuth(credentials, "sts", request.region, expires=_TOKEN_SECONDS).add_auth(signed)
        return "k8s-aws-v1." + urlsafe_b64encode(signed.url.encode()).decode().rstrip("=")


class CallKubernetes:
    """`eks:call`."""

    def __init__(self, kubernetes: KubernetesCaller) -> None:
        self._kubernetes = kubernetes

    async def call(self, request: TaskRequest) -> str:
        given = loads(request.parameters)
        if given["Method"] not in _METHODS:
            raise refused(request, "The value of the field 'Method' has an invalid format")
        cluster = await self._kubernetes.cluster(request, given)
        query = given.get("QueryParameters") or {}
        answer = await self._kubernetes.send(cluster, given["Method"], given["Path"], query, given.get("RequestBody"))
        return shown_response(answer)


class RunJob:
    """`eks:runJob`: create a Job of the Kubernetes API; as a job, wait for its end."""

    def __init__(
        self,
        kubernetes: KubernetesCaller,
        polling: Polling = DEFAULT_POLLING,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._kubernetes = kubernetes
        self._polling = polling
        self._sleep = sleep

    async def call(self, request: TaskRequest) -> str:
        return (await self.submit(request)).output

    async def submit(self, request: TaskRequest) -> Submission:
        given = loads(request.parameters)
        cluster = await self._kubernetes.cluster(request, given)
        manifest = _of_attempt(given["Job"], request)
        namespace = given.get("Namespace") or manifest["metadata"].get("namespace") or "default"
        try:
            answer = await self._kubernetes.send(cluster, "POST", _jobs(namespace), {}, manifest)
        except StatesError as error:
            if error.error != f"{_PREFIX}.{HTTPStatus.CONFLICT}":
                raise
            answer = await self._own(cluster, namespace, manifest, error)
        metadata = _decoded(answer.body)["metadata"]
        job = {"Name": metadata["name"], "Namespace": metadata.get("namespace", namespace)}
        return Submission(shown_response(answer), dumps(job))

    async def result(self, request: TaskRequest, job: str) -> str:
        given, ids = loads(request.parameters), loads(job)
        verdict, found = await until_ended(lambda: self._asked(request, given, ids), self._polling, self._sleep)
        output: dict[str, Json] = {"status": (found or {}).get("status", {})}
        if found is not None and (given.get("LogOptions") or {}).get("RetrieveLogs"):
            output["logs"] = await self._logs(request, given, ids)
        shown = dumps(dict(sorted(output.items())))
        if verdict == "SUCCEEDED":
            return shown
        raise StatesError("States.TaskFailed", shown if verdict == "FAILED" else f"The job {job} was not found.")

    async def stop(self, request: TaskRequest, job: str) -> None:
        """Delete the job and, in the background, its pods."""
        given, ids = loads(request.parameters), loads(job)
        cluster = await self._kubernetes.cluster(request, given)
        path = f"{_jobs(ids['Namespace'])}/{ids['Name']}"
        await self._kubernetes.send(cluster, "DELETE", path, {"propagationPolicy": "Background"})

    async def _own(self, cluster: Cluster, namespace: str, manifest: Json, conflict: StatesError) -> HttpAnswer:
        """The job of that name, if it is this attempt's, issued again. Raises the conflict otherwise."""
        name = manifest["metadata"].get("name")
        answer = await self._kubernetes.send(cluster, "GET", f"{_jobs(namespace)}/{name}", {})
        found = _decoded(answer.body).get("metadata", {}).get("annotations", {}).get(_ATTEMPT)
        if found != manifest["metadata"]["annotations"][_ATTEMPT]:
            raise conflict
        return answer

    async def _asked(
        self, request: TaskRequest, given: Mapping[str, Json], ids: Mapping[str, str]
    ) -> tuple[Verdict, dict[str, Any] | None]:
        cluster = await self._kubernetes.cluster(request, given)  # its token lasts no longer than a request
        try:
            answer = await self._kubernetes.send(cluster, "GET", f"{_jobs(ids['Namespace'])}/{ids['Name']}", {})
        except StatesError as error:
            status = error.error.partition(".")[2]
            if status == "SdkClientException" or status.startswith("5") or status == "429":
                return "RUNNING", None
            if status == "404":
                return "MISSING", None
            raise
        found = _decoded(answer.body)
        return _verdict(found), found

    async def _logs(self, request: TaskRequest, given: Mapping[str, Json], ids: Mapping[str, str]) -> Json:
        options = given["LogOptions"]
        cluster = await self._kubernetes.cluster(request, given)
        pods_path = f"/api/v1/namespaces/{ids['Namespace']}/pods"
        listed = await self._kubernetes.send(cluster, "GET", pods_path, {"labelSelector": f"job-name={ids['Name']}"})
        pods = {}
        for pod in _decoded(listed.body).get("items", []):
            name, containers = pod["metadata"]["name"], {}
            for container in pod["spec"]["containers"]:
                query = {**(options.get("LogParameters") or {}), "container": container["name"]}
                log = await self._kubernetes.send(cluster, "GET", f"{pods_path}/{name}/log", query)
                text = log.body.decode("utf-8", "replace")
                containers[container["name"]] = {"log": text if options.get("RawLogs") else json_or_text(log.body)}
            pods[name] = {"containers": containers}
        return {"pods": pods}


def _jobs(namespace: str) -> str:
    return f"/apis/batch/v1/namespaces/{namespace}/jobs"


def _of_attempt(job: Json, request: TaskRequest) -> dict[str, Any]:
    """The manifest with the attempt in its annotations."""
    if not isinstance(job, dict) or not isinstance(job.get("metadata") or {}, dict):
        raise refused(request, "The value of the field 'Job' has an invalid format")
    metadata = job.get("metadata") or {}
    annotations = {**(metadata.get("annotations") or {}), _ATTEMPT: idempotency_token(request)}
    return {**job, "metadata": {**metadata, "annotations": annotations}}


def _verdict(job: Mapping[str, Any]) -> Verdict:
    for condition in job.get("status", {}).get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in ("Complete", "Failed"):
            return "SUCCEEDED" if condition["type"] == "Complete" else "FAILED"
    return "RUNNING"


def _decoded(body: bytes) -> dict[str, Any]:
    """An object of the Kubernetes API; what is none is empty."""
    found = json_or_text(body)
    return found if isinstance(found, dict) else {}
