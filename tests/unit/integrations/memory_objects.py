"""Objects in memory, behind the port that S3 is behind."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from newel.ports.aws import AwsError
from newel.ports.objects import Actor, ListedObject, OpenObject, ReadObject

ACTOR = Actor(account="123456789012", region="us-east-1", role_arn="arn:aws:iam::123456789012:role/r")


class MemoryObjects:
    """`cut` says how bytes come in pieces; `page` how many objects a page of a listing has."""

    def __init__(self, cut: Callable[[bytes], Iterable[bytes]] = lambda body: [body] if body else [], page: int = 2):
        self.bodies: dict[tuple[str, str], bytes] = {}
        self.types: dict[tuple[str, str], str] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.actors: set[Actor] = set()
        self.largest = 0
        self._cut = cut
        self._page = page

    def text(self, key: str, bucket: str = "b") -> str:
        return self.bodies[bucket, key].decode()

    def add(self, key: str, body: bytes | str, bucket: str = "b") -> None:
        self.bodies[bucket, key] = body.encode() if isinstance(body, str) else body

    def _ask(self, operation: str, target: dict[str, Any], actor: Actor) -> None:
        self.asked.append((operation, dict(target)))
        self.actors.add(actor)

    def _found(self, target: dict[str, Any]) -> tuple[bytes, str]:
        body = self.bodies.get((target["Bucket"], target["Key"]))
        if body is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", status=404, request_id="R")
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        if target.get("IfMatch", etag) != etag:
            raise AwsError("PreconditionFailed", "At least one of the pre-conditions did not hold", status=412)
        return body, etag

    async def open(self, target, actor, *, start=0, etag=None):
        self._ask("open", {**target, "start": start}, actor)
        body, found = self._found({**target, "IfMatch": etag} if etag else target)

        async def pieces() -> AsyncIterator[bytes]:
            for piece in self._cut(body[start:]):
                yield piece

        return OpenObject(found, pieces())

    async def read(self, target, actor, start, size):
        self._ask("read", {**target, "start": start, "size": size}, actor)
        body, found = self._found(target)
        return ReadObject(found, len(body), body[start : start + size])

    async def list(self, target, actor, *, after=None):
        self._ask("list", {**target, "after": after}, actor)
        keys = [
            key
            for bucket, key in sorted(self.bodies)
            if bucket == target["Bucket"] and key.startswith(target.get("Prefix", "")) and key > (after or "")
        ]
        for at in range(0, max(1, len(keys)), self._page):
            yield [self._listed(target["Bucket"], key) for key in keys[at : at + self._page]]

    def _listed(self, bucket: str, key: str) -> ListedObject:
        body, etag = self._found({"Bucket": bucket, "Key": key})
        return ListedObject(key=key, etag=etag, modified_s=1_700_000_000, size=len(body), storage_class="STANDARD")

    async def put(self, target, actor, body, content_type):
        self._ask("put", target, actor)
        self.largest = max(self.largest, len(body))
        self.bodies[target["Bucket"], target["Key"]] = body
        self.types[target["Bucket"], target["Key"]] = content_type

    async def begin(self, target, actor, content_type):
        self._ask("begin", target, actor)
        upload = f"upload-{len(self.uploads)}"
        self.uploads[upload] = {}
        self.types[target["Bucket"], target["Key"]] = content_type
        return upload

    async def put_part(self, target, actor, upload, number, body):
        self._ask("put_part", target, actor)
        self.largest = max(self.largest, len(body))
        self.uploads[upload][number] = body
        return f'"{number}"'

    async def complete(self, target, actor, upload, etags: Sequence[str]):
        self._ask("complete", target, actor)
        parts = self.uploads.pop(upload)
        assert list(etags) == [f'"{number}"' for number in sorted(parts)]
        self.bodies[target["Bucket"], target["Key"]] = b"".join(parts[number] for number in sorted(parts))

    async def abort(self, target, actor, upload):
        self._ask("abort", target, actor)
        del self.uploads[upload]
