"""`sqs:sendMessage`, `sns:publish` and `events:putEvents`: calls that AWS treats in a way of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

from botocore.model import OperationModel  # type: ignore[import-untyped]

from newel.errors import StatesError
from newel.integrations.aws.models import load
from newel.integrations.optimized.operations import Operation, OperationAction, Sent
from newel.integrations.optimized.services import EVENTS, SNS, SQS
from newel.integrations.sdk import Service, aws_failure
from newel.json import Json, dumps
from newel.ports.aws import AwsCaller, AwsError
from newel.ports.tasks import TaskRequest

SEND_MESSAGE: Final = Operation(service=SQS, name="SendMessage")
PUBLISH: Final = Operation(service=SNS, name="Publish")
PUT_EVENTS: Final = Operation(service=EVENTS, name="PutEvents")


class SendMessage(OperationAction):
    """`sqs:sendMessage`. A body that is null is sent on to SQS, which asks for it (recorded)."""

    def __init__(self, aws: AwsCaller) -> None:
        super().__init__(SEND_MESSAGE, aws)

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        if given.get("MessageBody") is None:
            message = "The request must contain the parameter MessageBody."
            raise await _refused(SQS, "MissingParameter", message)
        return await super().send(request, given)


class Publish(OperationAction):
    """`sns:publish`. A FIFO topic's message needs a group, which AWS says in words that emulators do not (recorded)."""

    def __init__(self, aws: AwsCaller) -> None:
        super().__init__(PUBLISH, aws)

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        topic = given.get("TopicArn")
        if isinstance(topic, str) and topic.endswith(".fifo") and given.get("MessageGroupId") is None:
            message = "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
            raise await _refused(SNS, "InvalidParameter", message)
        return await super().send(request, given)


class PutEvents(OperationAction):
    """`events:putEvents`. The Task fails if any entry does; AWS adds who sent them to each entry's Resources."""

    def __init__(self, aws: AwsCaller) -> None:
        super().__init__(PUT_EVENTS, aws)

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        entries = given.get("Entries")
        if isinstance(entries, list):
            given = {**given, "Entries": [_with_sender(entry, request) for entry in entries]}
        return await super().send(request, given)

    def output(self, sent: Sent, model: OperationModel) -> dict[str, Json]:
        output = super().output(sent, model)
        if sent.answer.result.get("FailedEntryCount"):
            raise StatesError("EventBridge.FailedEntry", dumps(output))
        return output


async def _refused(service: Service, code: str, message: str) -> StatesError:
    """What the service says of a request, without asking it."""
    error = AwsError(code, message, status=400, request_id=str(uuid4()))
    return aws_failure(error, service, await load(service.id))


def _with_sender(entry: Json, request: TaskRequest) -> Json:
    """Developer Guide, "EventBridge": the ARNs of the execution and the state machine are appended to Resources."""
    if not isinstance(entry, dict):
        return entry
    resources = entry.get("Resources") or []
    if not isinstance(resources, list):
        return entry
    return {**entry, "Resources": [*resources, request.execution_arn, request.machine_arn]}
