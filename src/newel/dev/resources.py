"""Makes what `[resources]` of `newel.toml` names: in the companion, or wherever their services are configured to be."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any, Final

from newel.dev.config import FILE, BucketTable, QueueTable, Resources, TableTable, TopicTable
from newel.dev.project import Problem, files
from newel.dev.reports import Change
from newel.errors import ServiceError
from newel.json import dumps
from newel.ports.aws import AwsCaller, AwsError
from newel.service.core import Caller
from newel.service.log_groups import LogGroups

#: Errors that say that something is there already, which is what is wanted.
_THERE: Final = frozenset(
    {
        "BucketAlreadyOwnedByYou",
        "BucketAlreadyExists",
        "ResourceInUseException",
        "ResourceExistsException",
        "QueueAlreadyExists",
        "QueueNameExists",
    }
)


class ResourceMaker:
    """Makes resources one after another; what cannot be made is a `Problem`, and the others are made all the same."""

    def __init__(self, aws: AwsCaller, log_groups: LogGroups, caller: Caller, folder: Path) -> None:
        self._aws = aws
        self._log_groups = log_groups
        self._caller = caller
        self._folder = folder
        self.made: list[Change] = []
        self.problems: list[Problem] = []

    async def make(self, wanted: Resources) -> None:
        """Make everything; topics last, since they subscribe queues."""
        for name, bucket in wanted.buckets.items():
            await self._one("bucket", name, self._bucket(name, bucket))
        for name, queue in wanted.queues.items():
            await self._one("queue", name, self._queue(name, queue))
        for name, table in wanted.tables.items():
            await self._one("table", name, self._dynamo_table(name, table))
        for name, value in wanted.secrets.items():
            await self._one("secret", name, self._secret(name, value))
        for name, text in wanted.parameters.items():
            await self._one("parameter", name, self._parameter(name, text))
        for name in wanted.log_groups:
            await self._one("log group", name, self._log_group(name))
        for name, topic in wanted.topics.items():
            await self._one("topic", name, self._topic(name, topic))

    async def _one(self, what: str, name: str, making: Awaitable[str]) -> None:
        try:
            where = await making
        except AwsError as error:
            self._problem(what, name, f"{error.code}: {error.message}")
        except ServiceError as error:
            self._problem(what, name, f"{error.code}: {error.message}")
        except (OSError, ValueError) as error:
            self._problem(what, name, str(error))
        else:
            self.made.append(Change("created", what, name, where))

    def _problem(self, what: str, name: str, message: str) -> None:
        self.problems.append(Problem(FILE, f"the {what} {name} cannot be made: {message}"))

    async def _call(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        answer = await self._aws.call(
            service, operation, parameters, account=self._caller.account, region=self._caller.region
        )
        return answer.result

    async def _ensure(self, service: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The answer, or nothing if the resource was there."""
        try:
            return await self._call(service, operation, parameters)
        except AwsError as error:
            if error.code.rpartition(".")[2] not in _THERE:
                raise
            return {}

    # -- the kinds; each answers where the resource is: an ARN, or the URL of a queue

    async def _bucket(self, name: str, bucket: BucketTable) -> str:
        parameters: dict[str, Any] = {"Bucket": name}
        if self._caller.region != "us-east-1":
            parameters["CreateBucketConfiguration"] = {"LocationConstraint": self._caller.region}
        await self._ensure("s3", "CreateBucket", parameters)
        if bucket.objects is not None:
            await self._objects(name, self._folder / bucket.objects)
        return f"arn:{self._caller.partition}:s3:::{name}"

    async def _objects(self, bucket: str, folder: Path) -> None:
        for path in await asyncio.to_thread(_files, folder):
            kind = mimetypes.guess_type(path.name)[0] or "binary/octet-stream"
            body = await asyncio.to_thread(path.read_bytes)
            key = path.relative_to(folder).as_posix()
            await self._call("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": body, "ContentType": kind})

    async def _queue(self, name: str, queue: QueueTable) -> str:
        attributes = {**({"FifoQueue": "true"} if name.endswith(".fifo") else {}), **queue.attributes}
        made = await self._ensure("sqs", "CreateQueue", {"QueueName": name, "Attributes": attributes})
        return str(made.get("QueueUrl") or (await self._call("sqs", "GetQueueUrl", {"QueueName": name}))["QueueUrl"])

    async def _dynamo_table(self, name: str, table: TableTable) -> str:
        types = dict(table.keys)
        for index in table.indexes.values():
            types |= index.keys
        parameters: dict[str, Any] = {
            "TableName": name,
            "KeySchema": _key_schema(table.keys),
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
            "BillingMode": "PAY_PER_REQUEST",
        }
        if table.indexes:
            parameters["GlobalSecondaryIndexes"] = [
                {"IndexName": key, "KeySchema": _key_schema(index.keys), "Projection": {"ProjectionType": "ALL"}}
                for key, index in table.indexes.items()
            ]
        await self._ensure("dynamodb", "CreateTable", parameters)
        for item in table.items:
            await self._call("dynamodb", "PutItem", {"TableName": name, "Item": typed_item(item)})
        return self._arn("dynamodb", f"table/{name}")

    async def _topic(self, name: str, topic: TopicTable) -> str:
        fifo = {"Attributes": {"FifoTopic": "true"}} if name.endswith(".fifo") else {}
        arn = str((await self._call("sns", "CreateTopic", {"Name": name, **fifo}))["TopicArn"])
        for subscription in topic.subscriptions:
            protocol, endpoint = self._subscription(subscription)
            await self._call("sns", "Subscribe", {"TopicArn": arn, "Protocol": protocol, "Endpoint": endpoint})
        return arn

    def _subscription(self, text: str) -> tuple[str, str]:
        protocol, colon, rest = text.partition(":")
        if protocol in ("http", "https"):
            return protocol, text
        if protocol == "sqs" and colon:
            return "sqs", rest if rest.startswith("arn:") else self._arn("sqs", rest)
        if protocol == "lambda" and colon:
            return "lambda", rest if rest.startswith("arn:") else self._arn("lambda", f"function:{rest}")
        raise ValueError(f"{text} is neither sqs:QUEUE, nor lambda:FUNCTION, nor a URL")

    async def _secret(self, name: str, value: Any) -> str:
        text = value if isinstance(value, str) else dumps(value)
        made = await self._ensure("secretsmanager", "CreateSecret", {"Name": name, "SecretString": text})
        if not made:
            made = await self._call("secretsmanager", "PutSecretValue", {"SecretId": name, "SecretString": text})
        return str(made["ARN"])

    async def _parameter(self, name: str, value: str) -> str:
        parameters = {"Name": name, "Value": value, "Type": "String", "Overwrite": True}
        await self._call("ssm", "PutParameter", parameters)
        return self._arn("ssm", f"parameter/{name.removeprefix('/')}")

    async def _log_group(self, name: str) -> str:
        arn = f"arn:aws:logs:{self._caller.region}:{self._caller.account}:log-group:{name}:*"
        if not self._log_groups.exists(arn):
            self._log_groups.create(self._caller.account, self._caller.region, name)
        return arn

    def _arn(self, service: str, resource: str) -> str:
        caller = self._caller
        return f"arn:{caller.partition}:{service}:{caller.region}:{caller.account}:{resource}"


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    return list(files(folder))


def _key_schema(keys: Mapping[str, str]) -> list[dict[str, str]]:
    if not 1 <= len(keys) <= 2:
        raise ValueError("keys are a partition key and at most one sort key")
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(keys, ("HASH", "RANGE")[: len(keys)], strict=True)
    ]


def typed_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A plain table as a DynamoDB item: `{"n": 1}` is `{"n": {"N": "1"}}`."""
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case int() | float():
            return {"N": repr(value)}
        case dict():
            return {"M": typed_item(value)}
        case list():
            return {"L": [_typed(item) for item in value]}
        case _:
            return {"S": str(value)}
