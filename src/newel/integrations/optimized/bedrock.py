"""`bedrock:invokeModel`: the body is JSON, in the Task or in S3 (for more than a Task may carry).

Source: Developer Guide, "Invoke and customize Amazon Bedrock models with Step Functions".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.model import OperationModel  # type: ignore[import-untyped]

from newel.integrations.optimized.http import json_or_text
from newel.integrations.optimized.operations import Operation, OperationAction, Sent, call_aws, failure, refused
from newel.integrations.optimized.services import BEDROCK_RUNTIME, S3
from newel.json import Json, dumps, loads
from newel.ports.aws import AwsAnswer, AwsCaller, AwsError
from newel.ports.tasks import TaskRequest

INVOKE_MODEL: Final = Operation(service=BEDROCK_RUNTIME, name="InvokeModel")
_JSON: Final = "application/json"


class InvokeModel(OperationAction):
    """Shows `Body` and `ContentType`; with `Output`, `Body` is where the model's answer was written to."""

    def __init__(self, aws: AwsCaller) -> None:
        super().__init__(INVOKE_MODEL, aws)

    async def call(self, request: TaskRequest) -> str:
        given = loads(request.parameters)
        output = self.output(await self.send(request, given), await self.model())
        target = (given.get("Output") or {}).get("S3Uri")
        if target is not None:
            body = dumps(output["Body"]).encode()
            parameters = {"Body": body, "ContentType": output.get("ContentType", _JSON)}
            await self._s3(request, "PutObject", target, parameters)
            output["Body"] = target
        return dumps(output)

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        named = {"ContentType": _JSON, "Accept": "*/*", **given}
        named.pop("Output", None)
        source = (named.pop("Input", None) or {}).get("S3Uri")
        if (source is None) == (named.get("Body") is None):
            raise refused(request, "Exactly one of the fields 'Body' and 'Input' is required")
        if source is not None:
            answer = await self._s3(request, "GetObject", source, {})
            named["Body"] = answer.result["Body"].decode("utf-8", "replace")
        return await super().send(request, named)

    def output(self, sent: Sent, model: OperationModel) -> dict[str, Json]:
        result = sent.answer.result
        return {"Body": json_or_text(result["body"]), "ContentType": result.get("contentType", _JSON)}

    async def _s3(self, request: TaskRequest, operation: str, uri: str, more: Mapping[str, Any]) -> AwsAnswer:
        scheme, _, place = uri.partition("://")
        bucket, _, key = place.partition("/")
        if scheme != "s3" or not bucket or not key:
            raise refused(request, "The value of the field 'S3Uri' has an invalid format")
        try:
            return await call_aws(self.aws, S3.id, operation, {"Bucket": bucket, "Key": key, **more}, request)
        except AwsError as error:
            raise await failure(error, S3, request) from error
        except ValueError as error:
            raise refused(request, str(error)) from error
