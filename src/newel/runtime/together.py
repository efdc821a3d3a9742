"""Children of a Map state start together: an executor computes their first turns, one transaction keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from newel.engine.codec import NO_EVENTS, decode_events, fold
from newel.engine.events import AnyEvent
from newel.engine.state import ExecutionState
from newel.ports.executor import Executor, FirstTurn, Shard
from newel.ports.store import (
    AlreadyExists,
    End,
    Ended,
    EndedTogether,
    Execution,
    ExecutionStatus,
    Journal,
    Store,
    Turn,
)
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


class BegunTogether(msgspec.Struct, frozen=True, gc=False):
    """Children after their first turns: those that are over and leave no events, and the `others`.

    Those that are `watched` are shown to whoever watches before they end.
    """

    ended: EndedTogether
    others: Sequence[Begun]
    watched: bool

    def succeeded(self) -> list[str]:
        """ARNs of those that have succeeded."""
        prefix = self.ended.prefix
        arns = [prefix + child.tail for child in self.ended.each if child.status == "SUCCEEDED"]
        return arns + [child.record.arn for child in self.others if child.record.status == "SUCCEEDED"]


class Outcomes(NamedTuple):
    """Which of the `ended` were not started because their ARNs were taken; by ARN, what became of the others."""

    taken: frozenset[str]
    others: dict[str, Outcome]


class Together:
    """`done` is told how children ended that ended at once and are watched by nobody; Turns act upon the others."""

    def __init__(
        self,
        store: Store,
        express: Journal,
        actives: Actives,
        turns: Turns,
        executor: Executor,
        done: Callable[[str, Mapping[ExecutionStatus, int]], None],
    ) -> None:
        self._store = store
        self._express = express
        self._actives = actives
        self._turns = turns
        self._executor = executor
        self._done = done

    async def begin(
        self, shard: Shard, compiled: Compiled, prefix: str, common: Execution, parents: Sequence[str], *, watched: bool
    ) -> BegunTogether:
        """Compute first turns, of which nothing is stored or acted upon yet.

        `prefix` is what the children's ARNs begin with, `common` what their records have in common, `parents` what
        they have not.
        """
        ended: list[Ended] = []
        others: list[Begun] = []
        cut, now_ms, seconds_max = len(prefix), shard.now_ms, shard.seconds_max
        for child, parent, first in zip(shard.children, parents, await self._executor.first_turns(shard), strict=True):
            assert first is not None, "the executor has this one to fall back on"
            arn, name, given = child.arn, child.name, child.input
            if isinstance(first, End):
                tail, result = arn[cut:], (first.output, first.error, first.cause)
                ended.append(Ended(tail, first.status, now_ms, first.stop_ms, given, *result, parent))
            else:
                record = msgspec.structs.replace(common, arn=arn, name=name, input=given, parent=parent)
                others.append(Begun(_as_left(record, first.turn), compiled, seconds_max, first))
        together = EndedTogether(prefix=prefix, common=common, each=ended, events=NO_EVENTS)
        return BegunTogether(together, others, watched)

    async def commit(self, begun: BegunTogether) -> Outcomes:
        """Commit first turns and act on them.

        Children that ended are stored for good at once. Those that are watched come back as running, and are reported
        when they have ended. Raises `StoreUnavailable`.
        """
        self._turns.refuse_when_closed()
        at_once = [] if begun.watched else [child for child in begun.others if child.ended]
        others = begun.others if begun.watched else [child for child in begun.others if not child.ended]
        outcomes = Outcomes(await self._commit_over(begun.ended), {})
        if at_once:
            await self._commit_ended(at_once, outcomes.others)
        if others:
            await self._commit_running(others, outcomes.others)
        return outcomes

    async def _commit_over(self, ended: EndedTogether) -> frozenset[str]:
        if not ended.each:
            return frozenset()
        taken = await self._store.create_ended(ended)
        each = ended.each if not taken else [one for one in ended.each if ended.prefix + one.tail not in taken]
        self._done(ended.common.machine_arn, Counter([one.status for one in each]))
        return taken

    async def _commit_ended(self, begun: Sequence[Begun], outcomes: dict[str, Outcome]) -> None:
        taken = await self._store.create_all([(child.record, child.first.turn) for child in begun])
        for child in begun:
            arn = child.record.arn
            outcomes[arn] = AlreadyExists(arn) if arn in taken else child.record
        created = Counter([child.record.status for child in begun if child.record.arn not in taken])
        self._done(begun[0].record.machine_arn, created)

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
