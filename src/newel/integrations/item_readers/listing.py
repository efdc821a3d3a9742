"""`s3:listObjectsV2`: the objects of a bucket as items, or the items in them (LOAD_AND_FLATTEN)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from newel.integrations.item_readers.blocks import Block
from newel.integrations.item_readers.source import Source
from newel.json import Json
from newel.ports.objects import Actor, ListedObject, ObjectStore

#: Reads one object from a place in it.
ReadObject = Callable[[Source, Json], AsyncIterator[Block]]


async def read_listing(
    store: ObjectStore, target: Mapping[str, Any], actor: Actor, place: Json
) -> AsyncIterator[Block]:
    """The objects themselves. A place is the key of the object before."""
    async for page in store.list(target, actor, after=place):
        if page:
            yield Block(
                values=[_item(entry) for entry in page],
                after=[entry.key for entry in page],
                source=f"S3://{target['Bucket']}",
            )


def _item(entry: ListedObject) -> dict[str, Json]:
    return {
        "Etag": entry.etag,
        "Key": entry.key,
        "LastModified": entry.modified_s,
        "Size": entry.size,
        "StorageClass": entry.storage_class,
    }


async def read_listed_objects(
    store: ObjectStore, target: Mapping[str, Any], actor: Actor, place: Json, read: ReadObject
) -> AsyncIterator[Block]:
    """The items of all objects, one after the other. A place is (key, etag, place in the object)."""
    key = None
    if place is not None:
        key, etag, inner = place
        async for block in _object_blocks(Source(store, _object(target, key), actor, etag), inner, read):
            yield block
    async for page in store.list(target, actor, after=key):
        for entry in page:
            if entry.size == 0 and entry.key.endswith("/"):
                continue  # what consoles show as a folder
            source = Source(store, _object(target, entry.key), actor)
            async for block in _object_blocks(source, None, read):
                yield block


def _object(target: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The object of a listing: what says whose bucket it is holds for both requests."""
    return {name: target[name] for name in ("Bucket", "ExpectedBucketOwner") if name in target} | {"Key": key}


async def _object_blocks(source: Source, place: Json, read: ReadObject) -> AsyncIterator[Block]:
    key = source.target["Key"]
    async for block in read(source, place):
        yield block.within(lambda inner: [key, source.etag, inner], source.uri)
