"""The items of a Map Run, from its state's input or from a reader."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from newel.json import Json
from newel.ports.items import Items, ReaderSpec
from newel.runtime.map_runs.records import inline_items
from newel.runtime.map_runs.setting import Parent, Setting

#: One of `Items`, by its place among them; None: nothing was read, or all before was by another process.
_Mark = tuple[Items, int] | None


class Cursor:
    """Goes through items one by one. `count` is how many were taken, those before `after` included."""

    def __init__(self, batches: AsyncGenerator[Items], after: str | None, count: int) -> None:
        self._batches = batches
        self._after = after
        self._items: Items | None = None
        self._next = 0
        self.count = count
        self.last: _Mark = None  # the item taken last

    async def more(self) -> bool:
        """Whether there is an item to take."""
        while self._items is None or self._next >= len(self._items.values):
            self._items = await anext(self._batches, None)
            self._next = 0
            if self._items is None:
                return False
        return True

    @property
    def at_hand(self) -> bool:
        """Whether there is one without waiting."""
        return self._items is not None and self._next < len(self._items.values)

    def take(self) -> tuple[Json, str | None, str]:
        """(value, key, source) of the next item; there is one."""
        items, at = self._items, self._next
        assert items is not None
        self.last = items, at
        self._next = at + 1
        self.count += 1
        return items.values[at], None if items.keys is None else items.keys[at], items.source

    def position(self, mark: _Mark) -> str | None:
        """Where reading goes on after an item that was `last`."""
        return self._after if mark is None else mark[0].position(mark[1])


async def read_items(
    setting: Setting, parent: Parent, spec: Json, own_items: Json, after: str | None
) -> AsyncGenerator[Items, None]:
    """Items after position `after` (None: all); `own_items` are those of a spec that names none."""
    reader = spec.get("reader")
    if reader is None:
        yield inline_items(spec.get("items", own_items), after)
        return
    wanted = ReaderSpec(resource=reader["resource"], arguments=reader["arguments"], config=reader["config"])
    stream = setting.reader.read(
        wanted, account=parent.account, region=parent.region, role_arn=parent.role_arn, after=after
    )
    async for items in stream:
        yield items
