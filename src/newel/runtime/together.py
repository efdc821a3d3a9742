"""Children of a Map state start together: an executor computes their first turns, one transaction keeps them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from newel.engine.codec import decode_events, fold
from newel.engine.events import AnyEvent
from newel.engine.state import ExecutionState
from newel.ports.executor import Executor, FirstTurn, Shard
from newel.ports.store import AlreadyExists, Execution, Journal, Store, Turn
from newel.runtime.active import Active, Actives, initial_state
from newel.runtime.programs import Compiled
from newel.runtime.turns import Turns, ended

#: What became of a child: its record if it has ended, None if it runs, or why it was not started.
Outcome = Execution | AlreadyExists | None


class Begun(msgspec.Struct, frozen=True, gc=False):
    """A child after its first turn, which is not committed; `record` has its end, if that was all."""

    record: Execution
    compiled: Compiled
    seconds_max: int
    first: FirstTurn

    @property
    def ended(self) -> bool:
        return self.first.turn.end is not None

    def active(self, journal: Journal) -> Active:
        """It in memory."""
        record, compiled = self.record, self.compiled
        state = self.first.state or self._after(self.first.turn)
        active = Active(record, compiled, state, journal)
        if compiled.logging is not None:
            active.shadow = initial_state(record, compiled, self.seconds_max)
        return active

    def _after(self, turn: Turn) -> ExecutionState:
        before = initial_state(self.record, self.compiled, self.seconds_max)
        return fold(before, [(turn.at_ms, turn.events)])

    def events(self) -> Sequence[AnyEvent]:
        found = self.first.events
        return decode_events(self.first.turn.events) if found is None else found


class Together:
    """`done` is told of children that ended at once and are watched by nobody; the others are acted upon by Turns."""

    def __init__(
        self,
        store: Store,
        express: Journal,
        actives: Actives,
        turns: Turns,
        executor: Executor,
        done: Callable[[Sequence[Execution]], None],
    ) -> None:
        self._store = store
        self._express = express
        self._actives = actives
        self._turns = turns
        self._executor = executor
        self._done = done

    async def begin(self, shard: Shard, compiled: Compiled) -> list[Begun]:
        """Compute first turns, of which nothing is stored or acted upon yet."""
        begun = []
        for child, first in zip(shard.children, await self._executor.first_turns(shard), strict=True):
            assert first is not None, "the executor has this one to fall back on"
            begun.append(Begun(_as_left(child, first.turn), compiled, shard.seconds_max, first))
        return begun

    async def commit(self, begun: Sequence[Begun], *, watched: bool) -> dict[str, Outcome]:
        """Commit first turns and act on them; by ARN, what became of each child.

        Children that ended are stored for good at once. Those that are `watched` are shown to whoever watches first:
        they come back as running, and are reported when they have ended. Raises `StoreUnavailable`.
        """
        self._turns.refuse_when_closed()
        at_once = [] if watched else [child for child in begun if child.ended]
        others = begun if watched else [child for child in begun if not child.ended]
        outcomes: dict[str, Outcome] = {}
        if at_once:
            await self._commit_ended(at_once, outcomes)
        if others:
            await self._commit_running(others, outcomes)
        return outcomes

    async def _commit_ended(self, begun: Sequence[Begun], outcomes: dict[str, Outcome]) -> None:
        taken = await self._store.create_all([(child.record, child.first.turn) for child in begun])
        for child in begun:
            arn = child.record.arn
            outcomes[arn] = AlreadyExists(arn) if arn in taken else child.record
        self._done([child.record for child in begun if child.record.arn not in taken])

    async def _commit_running(self, begun: Sequence[Begun], outcomes: dict[str, Outcome]) -> None:
        journal = self._express if begun[0].record.type == "EXPRESS" else self._store
        claimed = [child for child in begun if self._claim(child.record.arn, outcomes)]
        self._turns.in_flight += 1
        try:
            taken = await journal.create_all([(child.record, child.first.turn) for child in claimed])
        finally:
            self._turns.in_flight -= 1
            for child in claimed:
                self._actives.release(child.record.arn)
        for child in claimed:
            arn = child.record.arn
            if arn in taken:
                outcomes[arn] = AlreadyExists(arn)
            else:
                outcomes[arn] = None
                self._turns.begun(child.active(journal), child.events(), child.first.turn)

    def _claim(self, arn: str, outcomes: dict[str, Outcome]) -> bool:
        try:
            self._actives.claim_now(arn)
        except AlreadyExists as error:
            outcomes[arn] = error
            return False
        return True


def _as_left(record: Execution, turn: Turn) -> Execution:
    return record if turn.end is None else ended(record, turn.end)
