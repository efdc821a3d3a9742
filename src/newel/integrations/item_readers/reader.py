"""`S3ItemReader`: from an evaluated ItemReader to items, and from a position to the items after it.

A position is `<items into the block>|[<items before the block>, <etag>, <place of the block>]`; for listings, whose
items have places of their own, it leads past the item itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec

from newel.integrations.aws.objects import s3_cause
from newel.integrations.item_readers.blocks import Block, reader_failed
from newel.integrations.item_readers.config import ReaderConfig, reader_config
from newel.integrations.item_readers.csv_rows import read_csv
from newel.integrations.item_readers.json_items import read_json
from newel.integrations.item_readers.jsonl import read_jsonl
from newel.integrations.item_readers.listing import read_listed_objects, read_listing
from newel.integrations.item_readers.manifest import athena_data, inventory, read_manifest
from newel.integrations.item_readers.parquet import read_parquet
from newel.integrations.item_readers.source import Source
from newel.json import Json, loads
from newel.ports.aws import AwsError
from newel.ports.items import Items, ReaderSpec
from newel.ports.objects import Actor, ObjectStore

_NO_HEADERS: Final = "CSVHeaderLocation must be GIVEN: the CSV files of an Athena query have no header row."
_encoder: Final = msgspec.json.Encoder()


class S3ItemReader:
    """Reads the items of Distributed Maps from S3."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(
        self, spec: ReaderSpec, *, account: str, region: str, role_arn: str | None, after: str | None
    ) -> AsyncIterator[Items]:
        """See `ports.items.ItemReader`."""
        return self._items(spec, Actor(account=account, region=region, role_arn=role_arn), after)

    async def _items(self, spec: ReaderSpec, actor: Actor, after: str | None) -> AsyncIterator[Items]:
        config = reader_config(spec.config)
        skip, count, etag, place = (0, 0, None, None) if after is None else _parsed(after)
        left = config.items_max - count - skip
        if left <= 0:
            return
        try:
            async with aclosing(self._blocks(spec, config, actor, etag, place)) as blocks:
                async for block, found_etag in blocks:
                    items = _items_of(block, found_etag, count, skip, left)
                    if items.values:
                        yield items
                    left -= len(items.values)
                    if not left:
                        return
                    count += len(block.values)
                    skip = max(0, skip - len(block.values))
        except AwsError as error:
            raise reader_failed(s3_cause(error)) from error
        except ValueError as error:  # parameters that S3's API does not have
            raise reader_failed(str(error)) from error

    async def _blocks(
        self, spec: ReaderSpec, config: ReaderConfig, actor: Actor, etag: str | None, place: Json
    ) -> AsyncGenerator[tuple[Block, str | None]]:
        target = _target(spec)
        if spec.resource == "s3:listObjectsV2":
            async for block in self._listing(target, config, actor, place):
                yield block, None
            return
        source = Source(self._store, target, actor, etag)
        if config.input_type == "MANIFEST" or config.manifest_type is not None:
            blocks = await self._manifest(source, config, actor, place)
        else:
            blocks = _object(source, config, place)
        async for block in blocks:
            yield (block if block.source else msgspec.structs.replace(block, source=source.uri)), source.etag

    def _listing(
        self, target: Mapping[str, Any], config: ReaderConfig, actor: Actor, place: Json
    ) -> AsyncIterator[Block]:
        if not config.flatten:
            return read_listing(self._store, target, actor, place)
        return read_listed_objects(
            self._store, target, actor, place, lambda source, inner: _object(source, config, inner)
        )

    async def _manifest(self, source: Source, config: ReaderConfig, actor: Actor, place: Json) -> AsyncIterator[Block]:
        if config.manifest_type != "ATHENA_DATA":
            listed = await inventory(source)
            rows = ReaderConfig(input_type="CSV", headers=listed.columns)
        else:
            if config.input_type == "CSV" and config.headers is None:
                raise reader_failed(_NO_HEADERS)
            listed = await athena_data(source)
            rows = config
        return read_manifest(self._store, actor, listed, place, lambda part, inner: _object(part, rows, inner))


def _target(spec: ReaderSpec) -> dict[str, Any]:
    """The parameters of the S3 request, as the definition names them."""
    name = "Key" if spec.resource == "s3:getObject" else "Bucket"
    if spec.resource not in ("s3:getObject", "s3:listObjectsV2"):
        raise reader_failed(f"An ItemReader cannot read with {spec.resource}.")
    for required in dict.fromkeys(("Bucket", name)):
        value = spec.arguments.get(required)
        if not isinstance(value, str) or not value:
            raise reader_failed(f"The field {required} of the ItemReader must be a string.")
    return dict(spec.arguments)


def _object(source: Source, config: ReaderConfig, place: Json) -> AsyncIterator[Block]:
    """The items of one object, by its format."""
    match config.input_type:
        case "CSV":
            return read_csv(source, place, delimiter=config.delimiter, headers=config.headers)
        case "JSON":
            return read_json(source, place, config.pointer)
        case "JSONL":
            return read_jsonl(source, place)
        case "PARQUET":
            return read_parquet(source, place)
        case _:
            raise reader_failed("The field InputType of ReaderConfig must be CSV, JSON, JSONL or PARQUET here.")


def _items_of(block: Block, etag: str | None, count: int, skip: int, most: int) -> Items:
    """The first items of a block after `skip`, at `most` so many."""
    places = block.after
    if places is not None:  # whose places lead past those that would be skipped
        return Items(block.values[:most], lambda at: f"0|{_head(count + at + 1, etag, places[at])}", block.source)
    head = _head(count, etag, block.place)
    chosen = slice(skip, skip + most)
    return Items(
        block.values[chosen],
        lambda at: f"{skip + at + 1}|{head}",
        block.source,
        None if block.keys is None else block.keys[chosen],
    )


def _head(count: int, etag: str | None, place: Json) -> str:
    return _encoder.encode([count, etag, place]).decode()


def _parsed(position: str) -> tuple[int, int, str | None, Json]:
    skip, _, head = position.partition("|")
    count, etag, place = loads(head)
    return int(skip), count, etag, place
