"""Lambda's control operations and Invoke, one function each; no HTTP.

Requests and answers are plain structures named as in the API model, so the REST face and callers in this process (the
`aws-sdk:lambda` integration) share them.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from newel.errors import ServiceError
from newel.functions.host import FunctionHost
from newel.json import InvalidJson, loads
from newel.ports.functions import InvocationType
from newel.service import functions_manage as manage
from newel.service import functions_policy as policy
from newel.service import functions_versions as versions
from newel.service.functions_call import Call, blob

_TYPES: Final[tuple[InvocationType, ...]] = ("RequestResponse", "Event", "DryRun")


async def invoke(call: Call) -> dict[str, Any]:
    """Members as in the API: Payload in and out are bytes; LogResult is base64."""
    kind = call.text("InvocationType") or "RequestResponse"
    if kind not in _TYPES:
        raise ServiceError(
            "ValidationException",
            f"1 validation error detected: Value '{kind}' at 'invocationType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [Event, RequestResponse, DryRun]",
        )
    tail = call.text("LogType") == "Tail" and kind == "RequestResponse"
    result = await call.host.invoke(
        call.needed("FunctionName"),
        call.members.get("Payload") or b"",
        account=call.account,
        region=call.region,
        qualifier=call.text("Qualifier"),
        client_context=_client_context(call.text("ClientContext")),
        invocation_type=kind,
        request_id=call.text("RequestId"),
        log_tail=tail,
    )
    answer: dict[str, Any] = {"StatusCode": result.status_code, "Payload": result.payload}
    if kind == "RequestResponse":
        answer["ExecutedVersion"] = result.executed_version
    if result.function_error:
        answer["FunctionError"] = result.function_error
    if tail:
        answer["LogResult"] = base64.b64encode(result.log_tail).decode()
    return answer


def _client_context(text: str | None) -> str | None:
    """From base64 to one line of JSON, which is what the Runtime API's header carries."""
    if text is None:
        return None
    try:
        decoded = blob(text, "ClientContext").decode()
        loads(decoded)
    except (ServiceError, UnicodeDecodeError, InvalidJson):
        message = "Client context must be a valid Base64-encoded JSON object."
        raise ServiceError("InvalidRequestContentException", message) from None
    return decoded.replace("\r", " ").replace("\n", " ")


Operation = Callable[[Call], Awaitable[dict[str, Any]]]

OPERATIONS: Final[Mapping[str, Operation]] = {
    "Invoke": invoke,
    "CreateFunction": manage.create_function,
    "GetFunction": manage.get_function,
    "GetFunctionConfiguration": manage.get_function_configuration,
    "ListFunctions": manage.list_functions,
    "UpdateFunctionCode": manage.update_function_code,
    "UpdateFunctionConfiguration": manage.update_function_configuration,
    "DeleteFunction": manage.delete_function,
    "PutFunctionConcurrency": manage.put_function_concurrency,
    "GetFunctionConcurrency": manage.get_function_concurrency,
    "DeleteFunctionConcurrency": manage.delete_function_concurrency,
    "GetAccountSettings": manage.get_account_settings,
    "GetFunctionCodeSigningConfig": manage.get_function_code_signing_config,
    "PublishVersion": versions.publish_version,
    "ListVersionsByFunction": versions.list_versions_by_function,
    "CreateAlias": versions.create_alias,
    "UpdateAlias": versions.update_alias,
    "GetAlias": versions.get_alias,
    "DeleteAlias": versions.delete_alias,
    "ListAliases": versions.list_aliases,
    "AddPermission": policy.add_permission,
    "GetPolicy": policy.get_policy,
    "RemovePermission": policy.remove_permission,
    "ListTags": policy.list_tags,
    "TagResource": policy.tag_resource,
    "UntagResource": policy.untag_resource,
}


class FunctionService:
    """All operations over one host."""

    def __init__(self, host: FunctionHost) -> None:
        self.host = host

    async def perform(self, operation: str, members: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
        """Run an operation. Raises `ServiceError`; UnknownOperationException for a name that is not served."""
        found = OPERATIONS.get(operation)
        if found is None:
            raise ServiceError("UnknownOperationException", f"Newel does not support the Lambda operation {operation}")
        return await found(Call(self.host, account, region, members))

    async def package(self, members: Mapping[str, Any], *, account: str, region: str) -> bytes:
        """The zip that a version was made of."""
        return await manage.get_package(Call(self.host, account, region, members))
