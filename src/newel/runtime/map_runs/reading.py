"""The items of a Map Run, from its state's input or from a reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from newel.json import Json
from newel.ports.items import Item, ReaderSpec
from newel.runtime.map_runs.records import inline_items
from newel.runtime.map_runs.setting import Parent, Setting


async def read_items(
    setting: Setting, parent: Parent, spec: Json, own_items: Json, after: str | None
) -> AsyncGenerator[Item, None]:
    """Items after position `after` (None: all); `own_items` are those of a spec that names none."""
    reader = spec.get("reader")
    if reader is None:
        for item in inline_items(spec.get("items", own_items), after):
            yield item
        return
    wanted = ReaderSpec(resource=reader["resource"], arguments=reader["arguments"], config=reader["config"])
    stream = setting.reader.read(
        wanted, account=parent.account, region=parent.region, role_arn=parent.role_arn, after=after
    )
    async for item in stream:
        yield item
