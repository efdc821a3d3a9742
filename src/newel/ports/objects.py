"""Objects in buckets: read in pieces from any place, listed in pages, and written whole or in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf objects are read and written: `role_arn` of `account`, in `region`."""

    account: str
    region: str
    role_arn: str | None = None


class OpenObject(msgspec.Struct, frozen=True):
    """An object being read: `etag` names this state of it; `pieces` are its bytes from the wanted place on."""

    etag: str
    pieces: AsyncIterator[bytes]


class ReadObject(msgspec.Struct, frozen=True):
    """Some bytes of an object whose whole size is `size`."""

    etag: str
    size: int
    body: bytes


class ListedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object as a listing shows it; `modified_s` is in epoch seconds, `etag` keeps its quotes."""

    key: str
    etag: str
    modified_s: int
    size: int
    storage_class: str


class ObjectStore(Protocol):
    """Reads and writes objects with memory that does not depend on their size.

    `target` is what names an object in the store's API (`Bucket`, `Key`, `VersionId`, `ExpectedBucketOwner`). All
    raise `ports.aws.AwsError`; ValueError where the API has no such parameters.
    """

    async def open(
        self, target: Mapping[str, Any], actor: Actor, *, start: int = 0, etag: str | None = None
    ) -> OpenObject:
        """The object's bytes from offset `start`. With `etag`, only while the object is that one: else the code
        is `PreconditionFailed`, now or between two pieces. `start` may be the object's end.
        """
        ...

    async def read(self, target: Mapping[str, Any], actor: Actor, start: int, size: int) -> ReadObject:
        """At most `size` bytes from `start`, fewer at the object's end. `size` is at least 1."""
        ...

    def list(
        self, target: Mapping[str, Any], actor: Actor, *, after: str | None = None
    ) -> AsyncIterator[Sequence[ListedObject]]:
        """The objects of a bucket in order of their keys, page by page, from just after the key `after`."""
        ...

    async def put(self, target: Mapping[str, Any], actor: Actor, body: bytes, content_type: str) -> None:
        """Write an object whole."""
        ...

    async def begin(self, target: Mapping[str, Any], actor: Actor, content_type: str) -> str:
        """Begin to write an object in parts; the upload's id."""
        ...

    async def put_part(self, target: Mapping[str, Any], actor: Actor, upload: str, number: int, body: bytes) -> str:
        """Write part `number` (from 1; at least 5 MiB but for the last); its etag."""
        ...

    async def complete(self, target: Mapping[str, Any], actor: Actor, upload: str, etags: Sequence[str]) -> None:
        """Make an object of the parts written; `etags` in their order."""
        ...

    async def abort(self, target: Mapping[str, Any], actor: Actor, upload: str) -> None:
        """Forget an upload and its parts."""
        ...
