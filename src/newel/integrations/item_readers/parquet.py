"""Parquet: a row is an object, in the order of the columns. Read by pyarrow, row group by row group, in a thread."""

from __future__ import annotations

import asyncio
import base64
import importlib
import io
import math
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from newel.integrations.item_readers.blocks import Block, reader_failed
from newel.integrations.item_readers.source import Source
from newel.json import Json

_BATCH_ROWS: Final = 1000
#: Developer Guide, "ItemReader": the largest row group and footer.
_ROW_GROUP_BYTES_MAX: Final = 256 * 1024 * 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


async def read_parquet(source: Source, place: Json) -> AsyncIterator[Block]:
    """A place is (row group, rows before in it)."""
    if "VersionId" in source.target:
        raise reader_failed("VersionId is not supported for Parquet objects.")
    pyarrow, parquet = _pyarrow()
    group, skip = (0, 0) if place is None else place
    file = _RemoteFile(source, await source.size(), asyncio.get_running_loop())
    try:
        opened = await asyncio.to_thread(parquet.ParquetFile, pyarrow.PythonFile(file, mode="r"))
        for number in range(group, opened.num_row_groups):
            if opened.metadata.row_group(number).total_byte_size > _ROW_GROUP_BYTES_MAX:
                raise reader_failed(f"Row group {number} of {source.uri} is larger than {_ROW_GROUP_BYTES_MAX} bytes.")
            batches = opened.iter_batches(batch_size=_BATCH_ROWS, row_groups=[number])
            before = 0
            while (rows := await asyncio.to_thread(_next_rows, batches)) is not None:
                if before + len(rows) > skip:
                    start = max(0, skip - before)
                    yield Block(values=rows[start:], place=[number, before + start])
                before += len(rows)
            skip = 0
    except pyarrow.ArrowException as error:
        raise reader_failed(f"{source.uri} is not a valid Parquet file: {error}") from None


def _next_rows(batches: Iterator[Any]) -> list[Json] | None:
    batch = next(batches, None)
    return None if batch is None else [_json(row) for row in batch.to_pylist()]


def _pyarrow() -> tuple[Any, Any]:
    """An optional dependency of 150 MB, so it is imported when an object needs it."""
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise reader_failed(
            "Reading Parquet needs the package pyarrow: install newel with the extra 'parquet'."
        ) from None


def _json(value: Any) -> Json:
    """A value of a column as JSON: times are ISO 8601 in UTC, decimals numbers, bytes Base64."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_json(element) for element in value]
    return _scalar(value)


def _scalar(value: Any) -> Json:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime():
            moment = value if value.tzinfo is None else value.astimezone(UTC)
            return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes():
            return base64.b64encode(value).decode()
        case UUID():
            return str(value)
        case tuple():  # an entry of a map
            return [_json(element) for element in value]
        case _:
            return str(value)


class _RemoteFile(io.RawIOBase):
    """The object as a file for pyarrow's threads; the event loop fetches the bytes."""

    def __init__(self, source: Source, size: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._source = source
        self._size = size
        self._loop = loop
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        reading = asyncio.run_coroutine_threadsafe(self._source.read(self._at, wanted), self._loop)
        body = reading.result()
        self._at += len(body)
        return body
