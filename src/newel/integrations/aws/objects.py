"""`ObjectStore` on S3: every call is small, so that memory stays flat and a lost connection costs one call.

An object is read by ranged requests and not as one long answer: whoever reads it may take hours between two pieces,
and S3 closes connections on which nothing is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from newel.integrations.aws.credentials import RoleRefusedError
from newel.ports.aws import AwsAnswer, AwsCaller, AwsError
from newel.ports.objects import Actor, ListedObject, OpenObject, ReadObject

#: What one request reads; must be below the client's largest answer.
_RANGE_BYTES: Final = 4 * 1024 * 1024
#: What readers are given at once: they decode a piece without letting others run.
_PIECE_BYTES: Final = 128 * 1024
_RANGE_NOT_SATISFIABLE: Final = 416


class S3Objects:
    """Objects of S3, or of whatever stands at its configured endpoint."""

    def __init__(self, aws: AwsCaller, *, range_bytes: int = _RANGE_BYTES, piece_bytes: int = _PIECE_BYTES) -> None:
        self._aws = aws
        self._range_bytes = range_bytes
        self._piece_bytes = piece_bytes

    async def open(
        self, target: Mapping[str, Any], actor: Actor, *, start: int = 0, etag: str | None = None
    ) -> OpenObject:
        """See `ports.objects.ObjectStore`. The first range is read before this returns."""
        given = dict(target) if etag is None else {**target, "IfMatch": etag}
        first = await self._range(given, actor, start, self._range_bytes)
        return OpenObject(first.etag, self._pieces(target, actor, start, first))

    async def _pieces(
        self, target: Mapping[str, Any], actor: Actor, start: int, first: ReadObject
    ) -> AsyncIterator[bytes]:
        """Read a range ahead while the one before is taken."""
        given = {**target, "IfMatch": first.etag}
        position, body = start + len(first.body), first.body
        while True:
            ahead: asyncio.Task[ReadObject] | None = None
            if position < first.size and body:
                ahead = asyncio.create_task(self._range(given, actor, position, self._range_bytes))
            try:
                for at in range(0, len(body), self._piece_bytes):
                    yield body[at : at + self._piece_bytes]
                if ahead is None:
                    return
                body = (await ahead).body
            finally:
                await _dropped(ahead)
            position += len(body)

    async def read(self, target: Mapping[str, Any], actor: Actor, start: int, size: int) -> ReadObject:
        """See `ports.objects.ObjectStore`. A large read takes several requests."""
        first = await self._range(target, actor, start, min(size, self._range_bytes))
        parts, got = [first.body], len(first.body)
        given = {**target, "IfMatch": first.etag}
        while got < min(size, first.size - start):
            more = await self._range(given, actor, start + got, min(size - got, self._range_bytes))
            parts.append(more.body)
            got += len(more.body)
        return ReadObject(first.etag, first.size, b"".join(parts))

    async def _range(self, target: Mapping[str, Any], actor: Actor, start: int, size: int) -> ReadObject:
        try:
            answer = await self._call("GetObject", {**target, "Range": f"bytes={start}-{start + size - 1}"}, actor)
        except AwsError as error:
            if error.status != _RANGE_NOT_SATISFIABLE:
                raise
            return await self._nothing_left(target, actor, start)
        result = answer.result
        body: bytes = result["Body"]
        if answer.status == 200:  # a server without ranges
            return ReadObject(result.get("ETag", ""), len(body), body[start : start + size])
        return ReadObject(result.get("ETag", ""), _whole_size(result.get("ContentRange", ""), start + len(body)), body)

    async def _nothing_left(self, target: Mapping[str, Any], actor: Actor, start: int) -> ReadObject:
        """No byte can be had from `start` on: that is the object's end, or beyond it."""
        answer = await self._call("HeadObject", target, actor)
        size = answer.result["ContentLength"]
        if size < start:
            raise AwsError("InvalidRange", "The requested range is not satisfiable", status=_RANGE_NOT_SATISFIABLE)
        return ReadObject(answer.result.get("ETag", ""), size, b"")

    async def list(
        self, target: Mapping[str, Any], actor: Actor, *, after: str | None = None
    ) -> AsyncIterator[Sequence[ListedObject]]:
        """See `ports.objects.ObjectStore`."""
        given = dict(target) if after is None else {**target, "StartAfter": after}
        while True:
            result = (await self._call("ListObjectsV2", given, actor)).result
            yield [_listed(entry) for entry in result.get("Contents", ())]
            token = result.get("NextContinuationToken")
            if not result.get("IsTruncated") or token is None:
                return
            given = {**target, "ContinuationToken": token}

    async def put(self, target: Mapping[str, Any], actor: Actor, body: bytes, content_type: str) -> None:
        """See `ports.objects.ObjectStore`."""
        await self._call("PutObject", {**target, "Body": body, "ContentType": content_type}, actor)

    async def begin(self, target: Mapping[str, Any], actor: Actor, content_type: str) -> str:
        """See `ports.objects.ObjectStore`."""
        answer = await self._call("CreateMultipartUpload", {**target, "ContentType": content_type}, actor)
        upload: str = answer.result["UploadId"]
        return upload

    async def put_part(self, target: Mapping[str, Any], actor: Actor, upload: str, number: int, body: bytes) -> str:
        """See `ports.objects.ObjectStore`."""
        part = {**target, "UploadId": upload, "PartNumber": number, "Body": body}
        answer = await self._call("UploadPart", part, actor)
        etag: str = answer.result["ETag"]
        return etag

    async def complete(self, target: Mapping[str, Any], actor: Actor, upload: str, etags: Sequence[str]) -> None:
        """See `ports.objects.ObjectStore`."""
        parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(etags, 1)]
        given = {**target, "UploadId": upload, "MultipartUpload": {"Parts": parts}}
        await self._call("CompleteMultipartUpload", given, actor)

    async def abort(self, target: Mapping[str, Any], actor: Actor, upload: str) -> None:
        """See `ports.objects.ObjectStore`."""
        await self._call("AbortMultipartUpload", {**target, "UploadId": upload}, actor)

    async def _call(self, operation: str, parameters: Mapping[str, Any], actor: Actor) -> AwsAnswer:
        return await self._aws.call(
            "s3", operation, parameters, account=actor.account, region=actor.region, role_arn=actor.role_arn
        )


def s3_cause(error: AwsError) -> str:
    """S3's refusal as the AWS SDK for Java 1 words it."""
    if error.connection or isinstance(error, RoleRefusedError):
        return error.message
    return (
        f"{error.message} (Service: Amazon S3; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {error.request_id}; S3 Extended Request ID: {error.extended_request_id or 'null'}; Proxy: null)"
    )


def _whole_size(content_range: str, at_least: int) -> int:
    """`bytes 0-9/1234` gives 1234."""
    size = content_range.rpartition("/")[2]
    return int(size) if size.isdecimal() else at_least


def _listed(entry: Mapping[str, Any]) -> ListedObject:
    return ListedObject(
        key=entry["Key"],
        etag=entry.get("ETag", ""),
        modified_s=int(entry["LastModified"].timestamp()),
        size=entry["Size"],
        storage_class=entry.get("StorageClass", "STANDARD"),
    )


async def _dropped(task: asyncio.Task[ReadObject] | None) -> None:
    """Nobody waits for a task any more that may still run; what has become of it does not matter."""
    if task is not None and not task.done():
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    elif task is not None and not task.cancelled():
        task.exception()
