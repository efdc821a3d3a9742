"""One object that items are read from, with its compression taken off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from newel.integrations.item_readers.blocks import reader_failed
from newel.integrations.item_readers.compression import decompressed, decompressor
from newel.ports.aws import AwsError
from newel.ports.objects import Actor, ObjectStore

_BOM = b"\xef\xbb\xbf"


class Source:
    """An object. `etag` is that of the state in which it is read: the wanted one, or the first that is found."""

    def __init__(self, store: ObjectStore, target: Mapping[str, Any], actor: Actor, etag: str | None = None) -> None:
        self._store = store
        self.target = target
        self.actor = actor
        self.etag = etag

    @property
    def uri(self) -> str:
        """As `Map.Item.Source` shows it."""
        return f"S3://{self.target['Bucket']}/{self.target['Key']}"

    async def pieces(self, start: int) -> AsyncIterator[bytes]:
        """The plain bytes from offset `start`. Raises `AwsError`; `StatesError` if the object has become another."""
        by = decompressor(str(self.target["Key"]))
        opened_at = start if by is None else 0
        try:
            opened = await self._store.open(self.target, self.actor, start=opened_at, etag=self.etag)
            self.etag = opened.etag
            plain = opened.pieces if by is None else decompressed(opened.pieces, by, start)
            async for piece in plain:
                yield piece
        except AwsError as error:
            if error.code in ("PreconditionFailed", "InvalidRange", "412"):
                raise reader_failed(f"{self.uri} changed while it was being read.") from None
            raise

    async def read(self, start: int, size: int) -> bytes:
        """At most `size` bytes as they are stored."""
        given = self.target if self.etag is None else {**self.target, "IfMatch": self.etag}
        found = await self._store.read(given, self.actor, start, size)
        self.etag = found.etag
        return found.body

    async def size(self) -> int:
        """The object's size in bytes, as it is stored."""
        found = await self._store.read(self.target, self.actor, 0, 1)
        self.etag = self.etag or found.etag
        return found.size


async def text_from(source: Source, start: int) -> tuple[int, AsyncIterator[bytes]]:
    """The bytes of a text from offset `start`, and the offset of the first: a byte order mark is left out."""
    pieces = source.pieces(start)
    head = b""
    while start == 0 and len(head) < len(_BOM):
        piece = await anext(pieces, None)
        if piece is None:
            break
        head += piece
    marked = start == 0 and head.startswith(_BOM)
    if marked:
        head = head[len(_BOM) :]
    return start + (len(_BOM) if marked else 0), _chained(head, pieces)


async def _chained(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for piece in rest:
        yield piece
