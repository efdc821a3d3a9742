"""The results of a Map Run: read from the store child by child, written out or made into the state's output."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Final

from newel.engine.map_run import result_of
from newel.json import Json, Payload
from newel.ports.items import ChildResult
from newel.ports.store import Execution
from newel.runtime.map_runs.children import ChildNames
from newel.runtime.map_runs.records import child_result, writer_spec
from newel.runtime.map_runs.setting import Parent, Setting, World

#: Children that are read before others have a turn on the event loop.
_AT_ONCE: Final = 200
#: Children whose outputs are kept in memory until the end.
_KEPT_MAX: Final = 20_000


class Results:
    """What the children of a Map Run have ended with."""

    def __init__(self, setting: Setting, parent: Parent, map_run_arn: str, names: ChildNames, writer: Json) -> None:
        """`writer` is the evaluated ResultWriter, or None."""
        self._setting = setting
        self._parent = parent
        self._arn = map_run_arn
        self._names = names
        self._writer = None if writer is None else writer_spec(writer)
        self._kept: dict[int, str | None] | None = {} if writer is None else None
        self._kept_characters = 0

    def child_ended(self, index: int, output: str | None) -> None:
        """Keep a child's output, as long as all of them may be few and small enough for the state's output."""
        kept = self._kept
        if kept is None:
            return
        kept[index] = output
        self._kept_characters += len(output or "")
        if self._kept_characters > self._setting.limits.payload_bytes_max or len(kept) > _KEPT_MAX:
            self._kept = None

    @property
    def exported(self) -> bool:
        """Whether there are result files."""
        return self._writer is not None and self._writer.bucket is not None

    async def output(self, children: int) -> Payload:
        """The state's output: what the writer says of its files, or the children's outputs."""
        if self._writer is None:
            return await self._outputs(children)
        parent = self._parent
        output = await self._setting.writer.write(
            self._writer,
            self._arn,
            self._each(children),
            account=parent.account,
            region=parent.region,
            role_arn=parent.role_arn,
        )
        return Payload.of(output if self.exported else output["Results"])

    async def _outputs(self, children: int) -> Payload:
        kept = self._kept
        if kept is not None and len(kept) == children:  # none of them ended before this process began
            return result_of([output for _, output in sorted(kept.items()) if output is not None])
        outputs: list[str] = []
        size = 0
        async for record in stored_children(self._setting.world, self._names, range(children)):
            if record.status == "SUCCEEDED" and record.output is not None:
                outputs.append(record.output)
                size += len(record.output)
                if size > self._setting.limits.payload_bytes_max:
                    break  # too large already; the interpreter says so
        return result_of(outputs)

    async def _each(self, children: int) -> AsyncIterator[ChildResult]:
        """All children in order, from the store."""
        async for record in stored_children(self._setting.world, self._names, range(children)):
            yield child_result(record)


async def stored_children(world: World, names: ChildNames, indexes: Iterable[int]) -> AsyncIterator[Execution]:
    """The records of children, in the order given; without those that have none."""
    left = iter(indexes)
    while arns := [names.arn(index) for index in islice(left, _AT_ONCE)]:
        records = await world.children(arns)
        for arn in arns:
            if arn in records:
                yield records[arn]
        await asyncio.sleep(0)  # a store that answers at once would keep everybody else waiting
