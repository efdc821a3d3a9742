"""What callers queue for the writer: one object a write, with the future that tells its caller."""

from __future__ import annotations

import sqlite3
from asyncio import Future
from collections.abc import Callable, Sequence
from typing import Any

from newel.ports.store import AlreadyExists, EndedTogether, Execution, MapRun, MapShard, Turn


class Operation:
    """One write. `error` set by the writer: this operation alone failed; `result` is what its future gives.

    `size` is about how many bytes it adds, to bound a batch.
    """

    __slots__ = ("error", "future", "result", "size")

    def __init__(self, future: Future[Any], size: int) -> None:
        self.future = future
        self.size = size
        self.error: Exception | None = None
        self.result: Any = None

    def settle(self) -> None:
        """Tell the caller, on its event loop; it may have gone."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class Created:
    """An execution to be made, with its first turn; `taken` if its ARN was."""

    __slots__ = ("execution", "taken", "turn")

    def __init__(self, execution: Execution, turn: Turn) -> None:
        self.execution = execution
        self.turn = turn
        self.taken = False

    @property
    def size(self) -> int:
        return len(self.turn.events) + len(self.execution.input)


class Create(Operation):
    """A new execution with its first turn."""

    __slots__ = ("created",)

    def __init__(self, future: Future[None], execution: Execution, turn: Turn) -> None:
        self.created = Created(execution, turn)
        super().__init__(future, self.created.size)

    def settle(self) -> None:
        if self.created.taken and self.error is None:
            self.error = AlreadyExists(self.created.execution.arn)
        super().settle()


class _CreateMany(Operation):
    """Those that could not be made are named."""

    __slots__ = ("created",)

    created: Sequence[Created]

    def settle(self) -> None:
        self.result = frozenset(created.execution.arn for created in self.created if created.taken)
        super().settle()


class CreateAll(_CreateMany):
    """Many at once."""

    __slots__ = ()

    def __init__(self, future: Future[frozenset[str]], executions: Sequence[tuple[Execution, Turn]]) -> None:
        self.created = [Created(execution, turn) for execution, turn in executions]
        super().__init__(future, sum(created.size for created in self.created))


class CreateEnded(_CreateMany):
    """Many that are over. `created` are those that the writer had to write one by one."""

    __slots__ = ("ended",)

    def __init__(self, future: Future[frozenset[str]], ended: EndedTogether) -> None:
        self.ended = ended
        self.created = ()
        super().__init__(future, sum([len(one.input) for one in ended.each]))


class Append(Operation):
    """A later turn."""

    __slots__ = ("turn",)

    def __init__(self, future: Future[None], turn: Turn) -> None:
        super().__init__(future, len(turn.events))
        self.turn = turn


class SaveSnapshot(Operation):
    """The state as of a committed turn."""

    __slots__ = ("arn", "seq", "snapshot")

    def __init__(self, future: Future[None], arn: str, seq: int, snapshot: bytes) -> None:
        super().__init__(future, len(snapshot))
        self.arn = arn
        self.seq = seq
        self.snapshot = snapshot


class PutMapRun(Operation):
    """A Map Run as it stands, with shards that open and shards that close."""

    __slots__ = ("add", "drop", "run")

    def __init__(self, future: Future[None], run: MapRun, add: Sequence[MapShard], drop: Sequence[int]) -> None:
        super().__init__(future, sum([len(text) for shard in add for text in shard.inputs]))
        self.run = run
        self.add = add
        self.drop = drop


class Change(Operation):
    """Anything rarer: `run` works on the open transaction and is taken back alone if it raises."""

    __slots__ = ("forgets", "run")

    def __init__(self, future: Future[Any], run: Callable[[sqlite3.Connection], Any], *, forgets: bool = False) -> None:
        super().__init__(future, 0)
        self.run = run
        self.forgets = forgets  # it removes executions, so nothing remembered of them holds


Write = Create | CreateAll | CreateEnded | Append | SaveSnapshot | PutMapRun | Change
