"""The shards of a Map Run that are open: which of their children have not ended, and how the others have."""

from __future__ import annotations

from newel.ports.store import ExecutionStatus, MapShard
from newel.runtime.map_runs.progress import Counts

#: A child's shard number and index.
Place = tuple[int, int]


class OpenShard:
    """A shard, the children of it that have not ended (`left`), and how the others have."""

    __slots__ = ("children", "first", "inputs", "item_counts", "items", "left")

    def __init__(self, shard: MapShard) -> None:
        self.first = shard.first
        self.inputs: list[str | None] = list(shard.inputs)
        self.item_counts = shard.items
        self.left = set(range(shard.first, shard.first + len(shard.inputs)))
        self.children = Counts()
        self.items = Counts()

    def items_of(self, index: int) -> int:
        return self.item_counts[index - self.first]

    def take_input(self, index: int) -> str:
        """A child's input, which is not kept: the child has it now, and the store."""
        text = self.inputs[index - self.first]
        assert text is not None, "a child is started once"
        self.inputs[index - self.first] = None
        return text

    def count(self, index: int, status: ExecutionStatus) -> None:
        """A child has ended."""
        self.left.discard(index)
        self.children.add(status)
        self.items.add(status, self.item_counts[index - self.first])


class Shards:
    """The open shards by number; those whose children have all ended wait in `full` to be closed."""

    def __init__(self) -> None:
        self._open: dict[int, OpenShard] = {}
        self.full: list[int] = []

    def __bool__(self) -> bool:
        return bool(self._open)

    def open(self, shard: MapShard) -> list[Place]:
        """Take a shard in; the places of its children."""
        opened = self._open[shard.number] = OpenShard(shard)
        return [(shard.number, index) for index in range(opened.first, opened.first + len(opened.inputs))]

    def of(self, place: Place) -> OpenShard:
        return self._open[place[0]]

    def count(self, place: Place, status: ExecutionStatus) -> bool:
        """A child has ended; False if that was known."""
        number, index = place
        shard = self._open.get(number)
        if shard is None or index not in shard.left:
            return False
        shard.count(index, status)
        if not shard.left:
            self.full.append(number)
        return True

    def close_full(self, children: Counts, items: Counts) -> tuple[list[int], Counts, Counts]:
        """Drop the full shards: their numbers, and the counts with theirs."""
        closed, self.full = self.full, []
        for number in closed:
            shard = self._open.pop(number)
            children, items = children.plus(shard.children), items.plus(shard.items)
        return closed, children, items

    def close_all(self, children: Counts, items: Counts) -> tuple[Counts, Counts]:
        """Drop all, whatever is left of them: the counts with what has ended."""
        counted = self.with_items(items)
        children = self.with_children(children)
        self._open.clear()
        return children, counted

    def with_children(self, counts: Counts) -> Counts:
        """The counts with the children that have ended."""
        for shard in self._open.values():
            counts = counts.plus(shard.children)
        return counts

    def with_items(self, counts: Counts) -> Counts:
        """The counts with the items of the children that have ended."""
        for shard in self._open.values():
            counts = counts.plus(shard.items)
        return counts
