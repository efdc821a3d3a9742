"""Reads items from objects in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from integrations.memory_objects import ACTOR, MemoryObjects
from newel.errors import StatesError
from newel.integrations.item_readers.reader import S3ItemReader
from newel.ports.items import ReaderSpec


def spec(config: dict[str, Any], resource: str = "s3:getObject", **arguments: Any) -> ReaderSpec:
    given = {"Bucket": "b", **({"Key": "k"} if resource == "s3:getObject" else {}), **arguments}
    return ReaderSpec(resource=resource, arguments=given, config=config)


class Read(NamedTuple):
    """One of `Items`."""

    value: Any
    position: str
    source: str
    key: str | None


def items(store: MemoryObjects, wanted: ReaderSpec, after: str | None = None) -> list[Read]:
    async def read() -> list[Read]:
        actor = {"account": ACTOR.account, "region": ACTOR.region, "role_arn": ACTOR.role_arn}
        found = [some async for some in S3ItemReader(store).read(wanted, **actor, after=after)]
        return [
            Read(value, some.position(at), some.source, None if some.keys is None else some.keys[at])
            for some in found
            for at, value in enumerate(some.values)
        ]

    return asyncio.run(read())


def values(store: MemoryObjects, wanted: ReaderSpec, after: str | None = None) -> list[Any]:
    return [item.value for item in items(store, wanted, after)]


def cause(store: MemoryObjects, wanted: ReaderSpec, after: str | None = None) -> str:
    """Why reading fails."""
    with pytest.raises(StatesError) as failed:
        items(store, wanted, after)
    assert failed.value.error == "States.ItemReaderFailed"
    assert failed.value.cause is not None
    return failed.value.cause


def one(body: bytes | str, key: str = "k", **cut: Callable[[bytes], Iterable[bytes]]) -> MemoryObjects:
    """A store with one object."""
    store = MemoryObjects(**cut)
    store.add(key, body)
    return store


def sliced(size: int) -> Callable[[bytes], list[bytes]]:
    """Cuts bytes into pieces of a size."""
    return lambda body: [body[at : at + size] for at in range(0, len(body), size)]
