"""MANIFEST: objects that list the objects with the rows: S3 Inventory reports and what Athena's UNLOAD writes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

import msgspec

from newel.integrations.item_readers.blocks import Block, reader_failed
from newel.integrations.item_readers.csv_rows import first_columns
from newel.integrations.item_readers.source import Source, text_from
from newel.json import InvalidJson, Json, loads
from newel.ports.objects import Actor, ObjectStore

_MANIFEST_BYTES_MAX: Final = 64 * 1024 * 1024


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """What a manifest says: the data objects as (bucket, key), and the names of the columns if it has them."""

    objects: list[tuple[str, str]]
    columns: tuple[str, ...] | None = None


async def inventory(source: Source) -> Listed:
    """`manifest.json` of an S3 Inventory report (S3 User Guide, "Locating your inventory list")."""
    manifest = await _document(source)
    try:
        file_format, schema = manifest["fileFormat"], manifest["fileSchema"]
        bucket = str(manifest["destinationBucket"]).removeprefix("arn:aws:s3:::")
        objects = [(bucket, str(file["key"])) for file in manifest["files"]]
    except (KeyError, TypeError):
        raise reader_failed(f"{source.uri} is not the manifest of an S3 Inventory report.") from None
    if file_format != "CSV":
        raise reader_failed(f"S3 Inventory reports must be CSV, and {source.uri} lists {file_format} files.")
    columns = tuple(name.strip() for name in str(schema).split(","))
    return Listed(objects=objects, columns=columns)


async def _document(source: Source) -> Json:
    _, pieces = await text_from(source, 0)
    parts, size = [], 0
    async for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size > _MANIFEST_BYTES_MAX:
            raise reader_failed(f"{source.uri} is too large for a manifest.")
    try:
        return loads(b"".join(parts))
    except InvalidJson as error:
        raise reader_failed(f"{source.uri} is not valid JSON: {error}") from None


async def athena_data(source: Source) -> Listed:
    """`<query id>-manifest.csv`: a line with the URI of each object that a query has written."""
    objects = []
    for uri in await first_columns(source):
        bucket, _, key = uri.strip().removeprefix("s3://").partition("/")
        if not uri.strip().startswith("s3://") or not key:
            raise reader_failed(f"{source.uri} is not the data manifest of an Athena query: {uri}")
        objects.append((bucket, key))
    return Listed(objects=objects)


async def read_manifest(
    store: ObjectStore,
    actor: Actor,
    listed: Listed,
    place: Json,
    read: Callable[[Source, Json], AsyncIterator[Block]],
) -> AsyncIterator[Block]:
    """The items of all objects in a manifest. A place is (number of the object, its etag, place in it)."""
    first, etag, inner = (0, None, None) if place is None else place
    for number, (bucket, key) in enumerate(listed.objects):
        if number < first:
            continue
        resumed = place is not None and number == first
        source = Source(store, {"Bucket": bucket, "Key": key}, actor, etag if resumed else None)
        async for block in read(source, inner if resumed else None):
            yield block.within(_places(number, source), source.uri)


def _places(number: int, source: Source) -> Callable[[Json], Json]:
    return lambda inner: [number, source.etag, inner]
