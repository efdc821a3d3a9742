"""Who computes the first turns of a Map Run's children: this process, its helpers, or a cluster's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from newel.engine.events import AnyEvent
from newel.engine.state import ExecutionState
from newel.ports.store import End, MachineType, Revision, Turn


class Starting(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A child workflow that begins; `input` is JSON text."""

    arn: str
    name: str
    input: str


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Child workflows of one Map Run that begin at `now_ms`: the items of a Map state, as data that can go anywhere.

    They run the item processor of the Map state called `state_name`, in scope `scope` of the definition of `revision`,
    for at most `seconds_max`. `activities` are the ARNs of the activities that exist of those it names. Without
    `keep_events` the ends of children that end at once are all that is wanted of them.
    """

    revision: Revision
    scope: str
    state_name: str
    machine_arn: str
    type: MachineType
    children: Sequence[Starting]
    seconds_max: int
    now_ms: int
    activities: frozenset[str]
    keep_events: bool = True


class FirstTurn(msgspec.Struct, frozen=True, gc=False):
    """What a child does until it waits for something or ends: nothing of it is stored yet.

    `state` is where it stands after `events`. Both may be None where the turn was computed elsewhere: they are in
    `turn`, and wanted only if the child goes on.
    """

    turn: Turn
    state: ExecutionState | None = None
    events: Sequence[AnyEvent] | None = None


#: A child's first turn, its end where that is all that is wanted, None where it cannot be computed.
Computed = FirstTurn | End | None


class Executor(Protocol):
    """Computes; it neither stores nor calls anything, so a shard whose executor is lost is computed again."""

    async def first_turns(self, shard: Shard) -> list[Computed]:
        """One for each child; None for a child that cannot be computed here (it wants a secret of the server's)."""
        ...

    async def close(self) -> None: ...
