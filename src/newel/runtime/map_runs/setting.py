"""What a Map Run works with, and what it asks of the runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from newel.limits import Limits
from newel.ports.clock import Clock
from newel.ports.executor import Starting
from newel.ports.items import ItemReader, ResultWriter
from newel.ports.store import Execution, Store
from newel.runtime.active import Active
from newel.runtime.together import BegunTogether, Outcomes


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Child workflows of one Map Run to start together, or to start `again`.

    They run the item processor of the Map `state_name` in scope `scope` of the definition. `prefix` is what their ARNs
    begin with, `parents` (see `ChildParent`) belong to the children one by one.
    """

    map_run_arn: str
    machine_arn: str
    express: bool
    scope: str
    state_name: str
    prefix: str
    children: Sequence[Starting]
    parents: Sequence[str]
    again: bool


class World(Protocol):
    """What a Map Run asks of the runtime."""

    async def begin_children(self, order: Order, parent: Active) -> BegunTogether:
        """Compute children's first turns, of which nothing is stored yet."""
        ...

    async def commit_children(self, begun: BegunTogether) -> Outcomes:
        """Start them. What became of others than those that are over: None for one whose end will be reported.

        Those that run `again` have a record, which is not written: also the ends of Express ones are reported.
        """
        ...

    async def stop_child(self, arn: str) -> bool:
        """Abort a child; False if there is none or it has ended."""
        ...

    async def redrive_child(self, arn: str) -> bool:
        """Redrive a Standard child that has ended; False if there was nothing to redrive."""
        ...

    async def child(self, arn: str) -> Execution | None:
        """A child's record as stored."""
        ...

    async def children(self, arns: Sequence[str]) -> dict[str, Execution]:
        """The records of those children that have one."""
        ...

    def spawn(self, work: Any) -> None:
        """Do something that no one waits for."""
        ...


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """What a Map Run works with."""

    store: Store
    world: World
    clock: Clock
    limits: Limits
    reader: ItemReader
    writer: ResultWriter


class Parent(msgspec.Struct, frozen=True, kw_only=True):
    """The execution that waits for the Map Run, and the part of its definition that the children run.

    `active` is None for one that has ended: no child is started any more.
    """

    execution_arn: str
    active: Active | None
    account: str
    region: str
    role_arn: str
    scope: str
    state_name: str
