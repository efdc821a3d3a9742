"""`apigateway:invoke`: an HTTP request to an API of API Gateway, signed where the API asks for IAM.

Source: Developer Guide, "Call API Gateway REST APIs with Step Functions", and recordings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from yarl import URL

from newel.engine.errors import data_limit
from newel.errors import StatesError
from newel.integrations.optimized.http import (
    Credentials,
    HttpCaller,
    NoAnswerError,
    TooLargeError,
    query_pairs,
    shown_response,
)
from newel.integrations.optimized.operations import refused, role_failure
from newel.json import Json, dumps
from newel.language.parameters import PARAMETERS, check_parameters
from newel.ports.aws import AwsError
from newel.ports.tasks import TaskRequest

#: API Gateway itself gives up after 29 seconds unless its quota was raised; AWS's own limit is not documented.
_SECONDS: Final = 60
_PREFIX: Final = "ApiGateway"
#: `<api id>.execute-api.<region>.amazonaws.com`
_AWS_HOST: Final = re.compile(
    r"(?P<api>[a-z0-9]+)(?:-vpce-[a-z0-9]+)?\.execute-api\.(?P<region>[a-z0-9-]+)\.amazonaws\.com.*"
)
#: An emulator serves APIs under paths: `http://host:port/restapis/<api id>`, and their stages below that.
_PATH_STYLE: Final = re.compile(r"/restapis/[A-Za-z0-9]+/?")
_STAGE_MARK: Final = "_user_request_"

#: Headers that a definition may not set, and prefixes of such.
_FORBIDDEN: Final = frozenset(
    """
    authorization connection content-length content-md5 date expect host max-forwards proxy-authenticate server te
    transfer-encoding trailer upgrade via www-authenticate
    """.split()  # noqa: SIM905  (a table of words reads better)
)
_FORBIDDEN_PREFIXES: Final = ("x-forwarded-", "x-amz-", "x-amzn-")


class ApiGatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`endpoint_url`: an emulator that serves the APIs of AWS's host names under `/restapis/<api id>`."""

    endpoint_url: str | None = None


class InvokeApi:
    """Request, answer; a status of 400 and above is an error named after it."""

    def __init__(
        self,
        http: HttpCaller,
        credentials: Credentials,
        settings: ApiGatewaySettings = ApiGatewaySettings(),  # noqa: B008  (frozen)
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._settings = settings

    async def call(self, request: TaskRequest) -> str:
        given = check_parameters(request.parameters, PARAMETERS["apigateway:invoke"])
        if not given.get("AllowNullValues"):
            given = {name: _without_nulls(value) for name, value in given.items() if value is not None}
        headers = [*_headers(given.get("Headers") or {}, request)]
        if not any(name.lower() == "user-agent" for name, _ in headers):
            headers.append(("User-Agent", f"Amazon|StepFunctions|ApiGatewayInvoke|{request.region}"))
        body = _body(given)
        if body is not None and not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
        url = self._url(given, request)
        if given.get("AuthType", "NO_AUTH") != "NO_AUTH":
            headers = await self._signed(given, url, headers, body, request)
        try:
            answer = await self._http.send(given["Method"], url, headers, body, seconds=_SECONDS)
        except NoAnswerError as error:
            raise StatesError(f"{_PREFIX}.SdkClientException", f"Unable to execute HTTP request: {error}") from error
        except TooLargeError:
            raise data_limit("apigateway") from None
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise StatesError(f"{_PREFIX}.{answer.status}", answer.body.decode("utf-8", "replace"))
        return shown_response(answer)

    def _url(self, given: Mapping[str, Json], request: TaskRequest) -> URL:
        query = query_pairs(given.get("QueryParameters") or {})
        try:
            url = endpoint(given["ApiEndpoint"], given.get("Stage"), given.get("Path"), self._settings)
            return url.update_query(query)
        except ValueError:
            raise refused(request, "The value of the field 'ApiEndpoint' has an invalid format") from None

    async def _signed(
        self,
        given: Mapping[str, Json],
        url: URL,
        headers: list[tuple[str, str]],
        body: bytes | None,
        request: TaskRequest,
    ) -> list[tuple[str, str]]:
        """With the role's signature: for `IAM_ROLE`, and for `RESOURCE_POLICY`, which names that role."""
        found = _AWS_HOST.search(given["ApiEndpoint"])
        region = found["region"] if found else request.region
        try:
            credentials = await self._credentials.credentials(
                "apigateway", account=request.account, region=region, role_arn=request.credentials_role_arn
            )
        except AwsError as error:
            raise role_failure(error, request, _PREFIX) from error
        signed = AWSRequest(method=given["Method"], url=str(url), data=body or b"")
        for name, value in headers:
            signed.headers[name] = value  # adds one more of a name that is there
        SigV4Auth(credentials, "execute-api", region).add_auth(signed)
        return list(signed.headers.items())


def endpoint(api: str, stage: str | None, path: str | None, settings: ApiGatewaySettings) -> URL:
    """Where an API's resource is. Raises ValueError for what is no address.

    `api` is a host, or a URL of an emulator: below `/restapis/<api id>` stages come before a mark, as in
    `/restapis/a1b2/prod/_user_request_/pets`.
    """
    base = URL(api if "://" in api else f"https://{api}", encoded=True)
    found = _AWS_HOST.fullmatch(base.host or "")
    if found and settings.endpoint_url is not None:
        base = URL(settings.endpoint_url) / "restapis" / found["api"]
    if not base.host or base.query_string or base.user is not None:
        raise ValueError(api)
    segments = [stage] if stage else []
    if _PATH_STYLE.fullmatch(base.path):
        segments.append(_STAGE_MARK)
    if path:
        segments.append(path.lstrip("/"))
    joined = "/".join([base.raw_path.rstrip("/"), *segments])
    return base.with_path(joined or "/", encoded="%" in joined)


def _headers(given: Mapping[str, Json], request: TaskRequest) -> Iterator[tuple[str, str]]:
    for name, values in given.items():
        lower = name.lower()
        if lower in _FORBIDDEN or lower.startswith(_FORBIDDEN_PREFIXES):
            raise refused(request, f"The header '{name}' in the field 'Headers' is not supported by Step Functions")
        for value in values or ():
            yield name, value if isinstance(value, str) else dumps(value)


def _body(given: Mapping[str, Json]) -> bytes | None:
    """The body is JSON whatever it is: a string goes out in its quotes."""
    return dumps(given["RequestBody"]).encode() if "RequestBody" in given else None


def _without_nulls(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value
