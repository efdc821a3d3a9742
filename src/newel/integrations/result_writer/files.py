"""The result files of one status: `SUCCEEDED_0.json`, `SUCCEEDED_1.json`, …, each written in parts as it grows."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import msgspec

from newel.json import Json
from newel.ports.aws import AwsError
from newel.ports.objects import Actor, ObjectStore


class Layout(msgspec.Struct, frozen=True):
    """How records stand in a file."""

    opening: bytes
    separator: bytes
    closing: bytes
    extension: str
    content_type: str


LAYOUTS: Final = {
    "JSON": Layout(b"[", b",", b"]", "json", "application/json"),
    "JSONL": Layout(b"", b"\n", b"\n", "jsonl", "application/jsonl"),
}


class FileSizes(msgspec.Struct, frozen=True, kw_only=True):
    """`file_bytes_max`: a larger file is split (AWS: 5 GB). A part is what memory holds of a file."""

    file_bytes_max: int = 5 * 1024 * 1024 * 1024
    part_bytes: int = 8 * 1024 * 1024


class StatusFiles:
    """Writes records of one status to as many files as they need. Names depend on nothing but the records."""

    def __init__(
        self, store: ObjectStore, actor: Actor, bucket: str, stem: str, layout: Layout, sizes: FileSizes
    ) -> None:
        """`stem` is the key up to the file's number."""
        self._store = store
        self._actor = actor
        self._bucket = bucket
        self._stem = stem
        self._layout = layout
        self._sizes = sizes
        self._buffer = bytearray()
        self._size = 0  # of the file that is open, 0 where none is
        self._upload: str | None = None
        self._etags: list[str] = []
        #: The files as the manifest lists them.
        self.written: list[dict[str, Json]] = []

    @property
    def _target(self) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": f"{self._stem}{len(self.written)}.{self._layout.extension}"}

    async def add(self, text: str) -> None:
        """Write a record."""
        body = text.encode()
        layout = self._layout
        if self._size and self._size + len(layout.separator) + len(body) + len(layout.closing) > (
            self._sizes.file_bytes_max
        ):
            await self.finish()
        self._append((layout.separator if self._size else layout.opening) + body)
        if len(self._buffer) >= self._sizes.part_bytes:
            await self._put_part()

    def _append(self, body: bytes) -> None:
        self._buffer += body
        self._size += len(body)

    async def _put_part(self) -> None:
        if self._upload is None:
            self._upload = await self._store.begin(self._target, self._actor, self._layout.content_type)
        number = len(self._etags) + 1
        body = bytes(self._buffer)
        self._buffer.clear()
        self._etags.append(await self._store.put_part(self._target, self._actor, self._upload, number, body))

    async def finish(self) -> None:
        """Complete the file that is open, if any."""
        if not self._size:
            return
        self._append(self._layout.closing)
        target = self._target
        if self._upload is None:
            await self._store.put(target, self._actor, bytes(self._buffer), self._layout.content_type)
            self._buffer.clear()
        else:
            if self._buffer:
                await self._put_part()
            await self._store.complete(target, self._actor, self._upload, self._etags)
        self.written.append({"Key": target["Key"], "Size": self._size})
        self._upload, self._etags, self._size = None, [], 0

    async def abort(self) -> None:
        """Leave no parts behind of a file that will not be completed."""
        if self._upload is not None:
            upload, self._upload = self._upload, None
            with suppress(AwsError):  # the error that led here is told; a bucket's lifecycle rule finds what is left
                await self._store.abort(self._target, self._actor, upload)
