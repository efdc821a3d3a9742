"""A small client of the Step Functions API for the commands: AWS JSON 1.0 over the standard library's HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from newel.cli.sigv4 import credentials_from_environment, signed_headers
from newel.errors import ServiceError
from newel.json import InvalidJson, Json, dumps, loads

DEFAULT_ENDPOINT: Final = "http://127.0.0.1:8083"
DEFAULT_REGION: Final = "us-east-1"
TIMEOUT_SECONDS: Final = 75  # GetActivityTask holds a request for up to 60 seconds
HISTORY_PAGE: Final = 1000


class Unreachable(Exception):  # noqa: N818  (reads as a noun beside ServiceError)
    """No AWS JSON answer came from the endpoint; the text says why."""


def default_endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """The endpoint that AWS's own tools would use, else where `newel serve` listens by default."""
    for name in ("AWS_ENDPOINT_URL_SFN", "AWS_ENDPOINT_URL"):
        if environment.get(name):
            return environment[name]
    return DEFAULT_ENDPOINT


def default_region(environment: Mapping[str, str] = os.environ) -> str:
    return environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


class Client:
    """Calls operations of the `states` API. Raises `ValueError` for an endpoint that is no HTTP URL."""

    def __init__(self, endpoint_url: str, region: str | None = None) -> None:
        parts = urlsplit(endpoint_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an HTTP URL: {endpoint_url}")
        self._url = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/"
        self._parts = urlsplit(self._url)
        self._region = region or default_region()

    def call(self, operation: str, **members: Json) -> dict[str, Any]:
        """One operation. Raises `ServiceError` for an AWS error, `Unreachable` when there is no such answer."""
        body = dumps(members).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{operation}"}
        signed = signed_headers(
            self._url,
            headers,
            body,
            credentials=credentials_from_environment(),
            region=self._region,
            service="states",
            now=datetime.now(UTC),
        )
        status, text = self._post(body, signed)
        try:
            answer = loads(text)
        except InvalidJson:
            answer = None
        if not isinstance(answer, dict):
            raise Unreachable(f"{self._url} answered with HTTP status {status} and no JSON object")
        if status >= 300:
            raise _service_error(answer, status)
        return answer

    def history(self, execution_arn: str) -> Iterator[dict[str, Any]]:
        """All events of an execution, page by page."""
        members: dict[str, Json] = {"executionArn": execution_arn, "maxResults": HISTORY_PAGE}
        while True:
            page = self.call("GetExecutionHistory", **members)
            yield from page["events"]
            if not page.get("nextToken"):
                return
            members["nextToken"] = page["nextToken"]

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        connection = kind(self._parts.netloc, timeout=TIMEOUT_SECONDS)
        try:
            connection.request("POST", self._parts.path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException) as error:
            raise Unreachable(f"cannot reach {self._url}: {error}") from error
        finally:
            connection.close()


def _service_error(answer: dict[str, Any], status: int) -> ServiceError:
    code = str(answer.get("__type", "UnknownError")).rsplit("#", 1)[-1]
    message = answer.get("message", answer.get("Message"))
    return ServiceError(code, str(message) if message else f"HTTP status {status}", status=status)
