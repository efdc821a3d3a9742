"""An `AwsCaller` that asks configured servers in place of Bedrock's models, and passes on every other call.

It stands before the calls of both `bedrock:invokeModel` and `aws-sdk:bedrockruntime:invokeModel` / `converse`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

import aiohttp

from newel.integrations.models.bodies import CONVERSE, BadBodyError, family_of
from newel.integrations.models.settings import ModelEndpoint, ModelSettings, model_name
from newel.json import InvalidJson, dumps, loads
from newel.ports.aws import AwsAnswer, AwsCaller, AwsError

_SERVICE: Final = "bedrock-runtime"
_OPERATIONS: Final = frozenset({"InvokeModel", "Converse"})
_JSON: Final = "application/json"
#: Status of the server's answer -> Bedrock's error and its status.
_ERRORS: Final[Mapping[int, tuple[str, int]]] = {
    401: ("AccessDeniedException", 403),
    403: ("AccessDeniedException", 403),
    404: ("ResourceNotFoundException", 404),
    408: ("ModelTimeoutException", 408),
    429: ("ThrottlingException", 429),
    503: ("ServiceUnavailableException", 503),
    504: ("ModelTimeoutException", 408),
}


class ModelRouter:
    """`aws` makes the calls that no configured server answers."""

    def __init__(self, aws: AwsCaller, settings: ModelSettings) -> None:
        self._aws = aws
        self._settings = settings
        self._session: aiohttp.ClientSession | None = None

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        account: str,
        region: str,
        role_arn: str | None = None,
    ) -> AwsAnswer:
        """See `ports.aws.AwsCaller`."""
        if service == _SERVICE and operation in _OPERATIONS:
            model_id = str(parameters.get("modelId", ""))
            endpoint = self._settings.endpoint(model_id)
            if endpoint is not None:
                return await self._ask(endpoint, operation, model_id, parameters)
        return await self._aws.call(service, operation, parameters, account=account, region=region, role_arn=role_arn)

    async def close(self) -> None:
        """Close the connections to model servers."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self, endpoint: ModelEndpoint, operation: str, model_id: str, parameters: Mapping[str, Any]
    ) -> AwsAnswer:
        name = model_name(model_id)
        began = time.monotonic()
        try:
            body = dict(parameters) if operation == "Converse" else _body(parameters.get("body"))
            family = CONVERSE if operation == "Converse" else family_of(name, body)
            answer = await self._chat(endpoint, {"model": endpoint.model or name, **family.request(body)})
            result = family.answer({**answer, "model": name})
        except BadBodyError as error:
            raise _error("ValidationException", str(error), 400) from error
        if operation == "Converse":
            result["metrics"] = {"latencyMs": round((time.monotonic() - began) * 1000)}
        else:
            result = {"body": dumps(result).encode(), "contentType": _JSON}
        return AwsAnswer(result=result, status=200, headers={"content-type": _JSON}, request_id=str(uuid4()))

    async def _chat(self, endpoint: ModelEndpoint, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # how many calls run at once is the state machine's affair
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        headers = {"Content-Type": _JSON}
        if endpoint.api_key is not None:
            headers["Authorization"] = f"Bearer {endpoint.api_key}"
        url = f"{endpoint.base_url.rstrip('/')}/chat/completions"
        try:
            async with (
                asyncio.timeout(endpoint.read_seconds),
                self._session.post(url, data=dumps(request).encode(), headers=headers) as response,
            ):
                status, content = response.status, await response.read()
        except TimeoutError:
            raise _error("ModelTimeoutException", f"No answer of {url} in time", 408) from None
        except (aiohttp.ClientError, OSError) as error:
            raise AwsError("SdkClientException", f"{url}: {error}", connection=True) from error
        return _chat_answer(status, content)


def _body(content: bytes | str | None) -> dict[str, Any]:
    try:
        body = loads(content or "{}")
    except InvalidJson as error:
        raise BadBodyError(f"Malformed input request, please reformat your input and try again: {error}") from None
    if not isinstance(body, dict):
        raise BadBodyError("Malformed input request: expected type: JSONObject")
    return body


def _chat_answer(status: int, content: bytes) -> dict[str, Any]:
    """The answer's object. Raises `AwsError` for a status that is an error, in Bedrock's names."""
    try:
        answer = loads(content)
    except InvalidJson:
        answer = None
    if status >= 400:
        code, bedrock_status = _ERRORS.get(
            status, ("InternalServerException", 500) if status >= 500 else ("ValidationException", 400)
        )
        raise _error(code, _message(answer, content), bedrock_status)
    if not isinstance(answer, dict):
        raise _error("ModelErrorException", "The model server's answer is not a JSON object", 424)
    return answer


def _message(answer: Any, content: bytes) -> str:
    if isinstance(answer, dict):
        error = answer.get("error")
        found = error.get("message") if isinstance(error, dict) else error or answer.get("message")
        if isinstance(found, str):
            return found
    return content[:1000].decode("utf-8", "replace")


def _error(code: str, message: str, status: int) -> AwsError:
    return AwsError(code, message, status=status, request_id=str(uuid4()))
