"""Log streams: one file per function process, as CloudWatch has one stream per execution environment.

The process writes its output straight into the file; the host adds the START, END and REPORT lines. Both append, so
lines keep their order and logs survive the host.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

#: A stream over this size is cut to its newest part; a folder over its size or number loses its oldest streams.
STREAM_BYTES_MAX: Final = 16 << 20
FOLDER_BYTES_MAX: Final = 128 << 20
FOLDER_STREAMS_MAX: Final = 2000
_KEPT_BYTES: Final = 1 << 20


class StreamInfo(msgspec.Struct, frozen=True):
    """A stream as listed: CloudWatch-like name, file, bytes, and the time of its last line in epoch milliseconds."""

    name: str
    path: Path
    size: int
    last_ms: int


class LogStream:
    """The file of one process. `name` is what `context.log_stream_name` shows. It may be written after `close`."""

    def __init__(self, folder: Path, version: str) -> None:
        identifier = secrets.token_hex(16)
        day = datetime.now(UTC)
        self.name = f"{day:%Y/%m/%d}/[{version}]{identifier}"
        self.path = folder / f"{day:%Y-%m-%d}.{version}.{identifier}.log"
        self._kept: int | None = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, text: str) -> None:
        """Append; `text` carries its own line ends."""
        with self._descriptor() as descriptor:
            os.write(descriptor, text.encode("utf-8", "backslashreplace"))

    def size(self) -> int:
        with self._descriptor() as descriptor:
            return os.fstat(descriptor).st_size

    def tail(self, start: int, size: int) -> bytes:
        """The last `size` bytes of what was written from `start` on."""
        with self._descriptor() as descriptor:
            end = os.fstat(descriptor).st_size
            first = max(start, end - size)
            return os.pread(descriptor, max(0, end - first), first)

    def trim(self) -> None:
        """Keep the newest part of a stream that grew too large."""
        with self._descriptor() as descriptor:
            size = os.fstat(descriptor).st_size
            if size <= STREAM_BYTES_MAX:
                return
            kept = os.pread(descriptor, _KEPT_BYTES, size - _KEPT_BYTES)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"[older log lines were removed]\n" + kept.partition(b"\n")[2])

    def close(self) -> None:
        if self._kept is not None:
            os.close(self._kept)
            self._kept = None

    @contextlib.contextmanager
    def _descriptor(self) -> Iterator[int]:
        if self._kept is not None:
            yield self._kept
            return
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:  # the function was deleted meanwhile
            descriptor = os.open(os.devnull, os.O_RDWR)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def streams(folder: Path) -> list[StreamInfo]:
    """Newest first."""
    found = []
    for path in folder.glob("*.log"):
        day, version, identifier = path.name.removesuffix(".log").split(".", 2)
        try:
            status = path.stat()
        except FileNotFoundError:  # pruned meanwhile
            continue
        name = f"{day.replace('-', '/')}/[{version}]{identifier}"
        found.append(StreamInfo(name, path, status.st_size, int(status.st_mtime * 1000)))
    return sorted(found, key=lambda item: item.last_ms, reverse=True)


def prune(folder: Path) -> None:
    """Remove the oldest streams of a folder that grew too large."""
    total = 0
    for number, item in enumerate(streams(folder)):
        total += item.size
        if total > FOLDER_BYTES_MAX or number >= FOLDER_STREAMS_MAX:
            item.path.unlink(missing_ok=True)
