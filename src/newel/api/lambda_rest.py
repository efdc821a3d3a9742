"""Lambda's REST-JSON face: routes, members from path, query, headers and body, and errors as Lambda sends them."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs, unquote

import msgspec

from newel.errors import ServiceError
from newel.functions.host import FunctionHost
from newel.json import InvalidJson, dumps, loads
from newel.service.functions import FunctionService

logger = logging.getLogger(__name__)


class Response(msgspec.Struct, frozen=True):
    """What goes back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes


class _Route(msgspec.Struct, frozen=True):
    method: str
    pattern: re.Pattern[str]
    operation: str
    status: int


def _route(method: str, path: str, operation: str, status: int = 200) -> _Route:
    """`{Name}` takes one path segment; a slash at the end is optional, as SDKs differ there."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path.rstrip("/"))
    return _Route(method, re.compile(pattern + "/?"), operation, status)


_F: Final = "/2015-03-31/functions/{FunctionName}"
_ROUTES: Final = (
    _route("POST", f"{_F}/invocations", "Invoke"),
    _route("POST", "/2014-11-13/functions/{FunctionName}/invoke-async", "InvokeAsync", 202),
    _route("POST", "/2015-03-31/functions", "CreateFunction", 201),
    _route("GET", "/2015-03-31/functions", "ListFunctions"),
    _route("GET", _F, "GetFunction"),
    _route("DELETE", _F, "DeleteFunction", 204),
    _route("GET", f"{_F}/configuration", "GetFunctionConfiguration"),
    _route("PUT", f"{_F}/configuration", "UpdateFunctionConfiguration"),
    _route("PUT", f"{_F}/code", "UpdateFunctionCode"),
    _route("GET", f"{_F}/package", "GetPackage"),
    _route("POST", f"{_F}/versions", "PublishVersion", 201),
    _route("GET", f"{_F}/versions", "ListVersionsByFunction"),
    _route("POST", f"{_F}/aliases", "CreateAlias", 201),
    _route("GET", f"{_F}/aliases", "ListAliases"),
    _route("GET", f"{_F}/aliases/{{Name}}", "GetAlias"),
    _route("PUT", f"{_F}/aliases/{{Name}}", "UpdateAlias"),
    _route("DELETE", f"{_F}/aliases/{{Name}}", "DeleteAlias", 204),
    _route("POST", f"{_F}/policy", "AddPermission", 201),
    _route("GET", f"{_F}/policy", "GetPolicy"),
    _route("DELETE", f"{_F}/policy/{{StatementId}}", "RemovePermission", 204),
    _route("PUT", "/2017-10-31/functions/{FunctionName}/concurrency", "PutFunctionConcurrency"),
    _route("DELETE", "/2017-10-31/functions/{FunctionName}/concurrency", "DeleteFunctionConcurrency", 204),
    _route("GET", "/2019-09-30/functions/{FunctionName}/concurrency", "GetFunctionConcurrency"),
    _route("GET", "/2017-03-31/tags/{Resource}", "ListTags"),
    _route("POST", "/2017-03-31/tags/{Resource}", "TagResource", 204),
    _route("DELETE", "/2017-03-31/tags/{Resource}", "UntagResource", 204),
    _route("GET", "/2020-06-30/functions/{FunctionName}/code-signing-config", "GetFunctionCodeSigningConfig"),
    _route("GET", "/2016-08-19/account-settings", "GetAccountSettings"),
)
#: Query parameters: name on the wire -> member.
_QUERY: Final = {
    "Qualifier": "Qualifier",
    "Marker": "Marker",
    "MaxItems": "MaxItems",
    "FunctionVersion": "FunctionVersion",
    "MasterRegion": "MasterRegion",
    "RevisionId": "RevisionId",
    "tagKeys": "TagKeys",
}
_INVOKE_HEADERS: Final = {
    "x-amz-invocation-type": "InvocationType",
    "x-amz-log-type": "LogType",
    "x-amz-client-context": "ClientContext",
}


class LambdaApi:
    """Answers every request whose path is Lambda's."""

    def __init__(self, host: FunctionHost) -> None:
        self.service = FunctionService(host)

    async def handle(
        self,
        method: str,
        path: str,
        query: str | Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        *,
        account: str,
        region: str,
    ) -> Response:
        """One request. `path` is the raw path, still percent-encoded; `query` the raw query string (a mapping loses
        repeated parameters, of which UntagResource has some); `headers` have lower-case names. Never raises.
        """
        request_id = str(uuid.uuid4())
        where = {"account": account, "region": region}
        try:
            route, members = _find(method, path)
            members |= _query_members(query)
            return await self._answer(route, members, headers, body, request_id=request_id, where=where)
        except ServiceError as error:
            return _error(error, request_id)
        except Exception:
            logger.exception("the Lambda request %s %s failed", method, path)
            failure = ServiceError("ServiceException", "An internal error occurred", status=500)
            return _error(failure, request_id)

    async def _answer(
        self,
        route: _Route,
        members: dict[str, Any],
        headers: Mapping[str, str],
        body: bytes,
        *,
        request_id: str,
        where: dict[str, str],
    ) -> Response:
        if route.operation == "GetPackage":
            package = await self.service.package(members, **where)
            return Response(200, {"Content-Type": "application/zip", "x-amzn-RequestId": request_id}, package)
        if route.operation in ("Invoke", "InvokeAsync"):
            members |= {"Payload": body, "RequestId": request_id} | _invoke_members(route, headers)
            return _invoke_response(route, await self.service.perform("Invoke", members, **where), request_id)
        if body:
            members = _body_members(body) | members
        return _json(route.status, await self.service.perform(route.operation, members, **where), request_id)


def _find(method: str, path: str) -> tuple[_Route, dict[str, Any]]:
    for route in _ROUTES:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match is not None:
            return route, {name: unquote(value) for name, value in match.groupdict().items()}
    raise ServiceError(
        "UnknownOperationException", f"Newel does not support the Lambda request {method} {path}", status=404
    )


def _query_members(query: str | Mapping[str, str]) -> dict[str, Any]:
    if isinstance(query, str):
        values = parse_qs(query, keep_blank_values=True)
    else:
        values = {name: [value] for name, value in query.items()}
    members: dict[str, Any] = {}
    for name, given in values.items():
        member = _QUERY.get(name)
        if member is None:
            continue  # signatures and the like travel here too
        members[member] = given if member == "TagKeys" else given[-1]
    if "MaxItems" in members:
        try:
            members["MaxItems"] = int(members["MaxItems"])
        except ValueError:
            raise ServiceError("SerializationException", "MaxItems must be a number") from None
    return members


def _invoke_members(route: _Route, headers: Mapping[str, str]) -> dict[str, str]:
    if route.operation == "InvokeAsync":
        return {"InvocationType": "Event"}
    return {member: headers[name] for name, member in _INVOKE_HEADERS.items() if headers.get(name)}


def _body_members(body: bytes) -> dict[str, Any]:
    try:
        value = loads(body)
    except InvalidJson as error:
        message = f"Could not parse request body into json: {error}"
        raise ServiceError("InvalidRequestContentException", message) from None
    if not isinstance(value, dict):
        raise ServiceError("InvalidRequestContentException", "Could not parse request body into json: not an object")
    return value


def _invoke_response(route: _Route, answer: dict[str, Any], request_id: str) -> Response:
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    if route.operation == "InvokeAsync":
        return Response(202, headers, b"")
    for name, member in (
        ("X-Amz-Executed-Version", "ExecutedVersion"),
        ("X-Amz-Function-Error", "FunctionError"),
        ("X-Amz-Log-Result", "LogResult"),
    ):
        if member in answer:
            headers[name] = answer[member]
    return Response(answer["StatusCode"], headers, answer["Payload"])


def _json(status: int, answer: dict[str, Any], request_id: str) -> Response:
    body = b"" if status == 204 else dumps(answer).encode()
    return Response(status, {"Content-Type": "application/json", "x-amzn-RequestId": request_id}, body)


def _error(error: ServiceError, request_id: str) -> Response:
    document = {**error.extra, "Type": "Service" if error.status >= 500 else "User", "message": error.message}
    headers = {
        "Content-Type": "application/json",
        "x-amzn-RequestId": request_id,
        "x-amzn-errortype": error.code,
    }
    return Response(error.status, headers, dumps(document).encode())
