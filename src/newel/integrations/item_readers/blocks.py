"""What the formats give: items in blocks, each with the place where reading it can start again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from newel.errors import StatesError
from newel.json import Json

#: The largest single item, in bytes of its source (Developer Guide, quotas of Distributed Map).
ITEM_BYTES_MAX: Final = 8 * 1024 * 1024


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Some items in a row.

    `place` is JSON from which the same reader starts again with the first of them; `after`, where there is one for
    each item, leads past it. `keys` are those of an object's members. `source` is `Map.Item.Source`.
    """

    values: Sequence[Json]
    place: Json = None
    after: Sequence[Json] | None = None
    keys: Sequence[str] | None = None
    source: str = ""

    def within(self, outer: Callable[[Json], Json], source: str) -> Block:
        """The block of a part, as the whole sees it."""
        return msgspec.structs.replace(self, place=outer(self.place), source=source)


def reader_failed(cause: str) -> StatesError:
    """`States.ItemReaderFailed`."""
    return StatesError("States.ItemReaderFailed", cause)


def too_large(what: str) -> StatesError:
    """An item that is larger than any may be."""
    return reader_failed(f"{what} is larger than {ITEM_BYTES_MAX} bytes, the most that an item may have.")
