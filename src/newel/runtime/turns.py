"""Turns: inputs to an execution are decided on, committed as one journal row, and only then acted upon."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from newel.engine.decide import decide, must_continue
from newel.engine.events import AnyEvent
from newel.engine.inputs import Continue, Input
from newel.engine.pending import Command, new_commands
from newel.limits import Limits
from newel.ports.clock import Clock
from newel.ports.store import Catalog, End, Execution, SequenceConflict, StoreUnavailable, Turn
from newel.runtime.active import Active, Actives, Waiter
from newel.runtime.env import Entropy, RuntimeEnv
from newel.runtime.first_turns import start, turn_of
from newel.runtime.programs import Compiled
from newel.runtime.tokens import TaskTokens

_log = logging.getLogger(__name__)

#: Turns between snapshots of an execution that never rests.
_SNAPSHOT_EVERY: Final = 1_000


class Committed(msgspec.Struct, frozen=True, gc=False):
    """A turn that is durable, and what it newly owes."""

    active: Active
    events: Sequence[AnyEvent]
    at_ms: int
    commands: Sequence[Command]
    end: End | None


class Turns:
    """Runs turns one after another for each execution; different executions share commits.

    `committed` carries out what a turn owes. `unmoved` is told of an execution whose inputs were all stale, `dropped`
    of one whose turn could not be committed: inputs nobody waits for, such as a timer, are lost with it.
    """

    def __init__(
        self,
        catalog: Catalog,
        actives: Actives,
        clock: Clock,
        entropy: Entropy,
        tokens: TaskTokens,
        limits: Limits,
        committed: Callable[[Committed], None],
        unmoved: Callable[[Active], None],
        dropped: Callable[[str], None],
    ) -> None:
        self._catalog = catalog
        self._actives = actives
        self._clock = clock
        self._entropy = entropy
        self._tokens = tokens
        self._limits = limits
        self._committed = committed
        self._unmoved = unmoved
        self._dropped = dropped
        self._pumps: set[asyncio.Task[None]] = set()
        self._closed = False
        self.in_flight = 0  # commits and decisions under way, for the virtual clock

    async def close(self) -> None:
        """Take no more inputs; return when the turns under way are committed."""
        self._closed = True
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def activities(self, compiled: Compiled) -> frozenset[str]:
        """Those that exist of the activities a program names."""
        return frozenset([arn for arn in compiled.activities if await self._catalog.activity(arn) is not None])

    async def _env(self, compiled: Compiled) -> RuntimeEnv:
        known = await self.activities(compiled)
        return RuntimeEnv(self._clock.now_ms(), self._limits, self._entropy, self._tokens, known)

    async def start(self, active: Active) -> Execution:
        """Decide on Start and commit the execution with its first turn; its record as committed.

        Cancelled during the commit, it leaves an execution that runs if the commit succeeds.
        """
        arn = active.record.arn
        self.refuse_when_closed()
        await self._actives.claim(arn)
        try:
            env = await self._env(active.compiled)
            events = start(active.compiled.program, active.state, env)
            turn = self._turn(active, events, env.now_ms)
            if turn.end is not None:
                active.record = ended(active.record, turn.end)
            committing = asyncio.ensure_future(active.journal.create(active.record, turn))
        except BaseException:
            self._actives.release(arn)
            raise
        self.in_flight += 1
        try:
            await asyncio.shield(committing)
        except asyncio.CancelledError:
            committing.add_done_callback(lambda done: self._started_for_nobody(active, events, turn, done))
            raise
        except Exception:
            self._settle_start(arn)
            raise
        self._started(active, events, turn)
        return active.record

    def _settle_start(self, arn: str) -> None:
        self.in_flight -= 1
        self._actives.release(arn)

    def _started(self, active: Active, events: Sequence[AnyEvent], turn: Turn) -> None:
        self._settle_start(active.record.arn)
        self.begun(active, events, turn)

    def begun(self, active: Active, events: Sequence[AnyEvent], turn: Turn) -> None:
        """An execution's first turn is committed: act on it."""
        active.seq = 1
        if turn.end is None:
            self._actives.add(active)
        self._finish(active, events, turn)

    def _started_for_nobody(
        self, active: Active, events: Sequence[AnyEvent], turn: Turn, done: asyncio.Future[None]
    ) -> None:
        if done.cancelled() or done.exception() is not None:
            self._settle_start(active.record.arn)
        else:
            self._started(active, events, turn)

    def refuse_when_closed(self) -> None:
        """Raises `StoreUnavailable` when the server is stopping."""
        if self._closed:
            raise StoreUnavailable("the server is stopping")

    def deliver(self, active: Active, given: Input, waiter: Waiter | None = None) -> None:
        """Queue an input; `waiter` is told after the commit whether it was more than stale.

        Raises `StoreUnavailable` when the server is stopping.
        """
        assert not active.dropped, active.record.arn
        self.refuse_when_closed()
        self._actives.touch(active)
        active.inbox.append((given, waiter))
        if not active.busy:
            active.busy = True
            self.in_flight += 1
            pump = asyncio.get_running_loop().create_task(self._pump(active))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, active: Active) -> None:
        """Take turns until no input is left."""
        try:
            while active.inbox:
                inbox = list(active.inbox)
                active.inbox.clear()
                await self._take_turn(active, inbox)
                if active.inbox:
                    await asyncio.sleep(0)  # a commit in memory does not wait; others must have their turns too
        finally:
            active.busy = False
            self.in_flight -= 1
            self._actives.rest(active)

    async def _take_turn(self, active: Active, inbox: list[tuple[Input, Waiter | None]]) -> None:
        """All queued inputs in one turn: decide on each, commit once, then act and answer."""
        try:
            env = await self._env(active.compiled)
            events: list[AnyEvent] = []
            accepted: list[bool] = []
            for given, _ in inbox:
                caused = decide(active.compiled.program, active.state, given, env)
                accepted.append(bool(caused))
                events += caused
            turn = self._turn(active, events, env.now_ms) if events else None
            if turn is not None:
                await active.journal.append(turn)
        except Exception as error:
            self._give_up(active, inbox, error)
            return
        if turn is None:
            self._unmoved(active)
        else:
            active.seq = turn.seq
            if turn.redrive_ms is not None:
                active.record = redriven(active.record, turn.redrive_ms)
            if turn.end is not None:
                active.record = ended(active.record, turn.end)
            self._finish(active, events, turn)
        for (_, waiter), done in zip(inbox, accepted, strict=True):
            if waiter is not None and not waiter.done():
                waiter.set_result(done)

    def _give_up(self, active: Active, inbox: list[tuple[Input, Waiter | None]], error: Exception) -> None:
        """Nothing was committed: forget the state in memory; the journal has the truth."""
        self._actives.forget(active)
        for _, waiter in [*inbox, *active.inbox]:
            if waiter is not None and not waiter.done():
                waiter.set_exception(error)
        active.inbox.clear()
        if isinstance(error, (SequenceConflict, StoreUnavailable)):
            self._dropped(active.record.arn)
        else:
            # Trying again would fail again: it stays as it is until something else happens to it.
            _log.error("a turn of %s failed; this is a bug of Newel", active.record.arn, exc_info=error)

    def _turn(self, active: Active, events: Sequence[AnyEvent], at_ms: int) -> Turn:
        seq = active.seq + 1
        with_snapshot = seq - active.snapshot_seq >= _SNAPSHOT_EVERY
        turn = turn_of(active.record.arn, seq, active.state, events, at_ms, with_snapshot=with_snapshot)
        if turn.snapshot is not None:
            active.snapshot_seq = seq
        return turn

    def _finish(self, active: Active, events: Sequence[AnyEvent], turn: Turn) -> None:
        """Hand over what the committed turn owes, and go on if it stopped at its limit."""
        if turn.end is not None:
            self._actives.forget(active)
        commands = new_commands(active.state, events) if active.state.tasks else ()
        try:
            self._committed(Committed(active, events, turn.at_ms, commands, turn.end))
        except Exception:
            _log.exception("acting on a turn of %s failed; this is a bug of Newel", active.record.arn)
            self._actives.forget(active)
            self._dropped(active.record.arn)  # brought back, it is asked for all it owes
        if active.dropped:
            return
        if turn.owes and must_continue(active.state) and not self._closed:
            self.deliver(active, Continue())
        else:
            self._actives.rest(active)


def ended(record: Execution, end: End) -> Execution:
    """The record of an execution with its end."""
    return msgspec.structs.replace(
        record, status=end.status, stop_ms=end.stop_ms, output=end.output, error=end.error, cause=end.cause
    )


def redriven(record: Execution, redrive_ms: int) -> Execution:
    """The record of an execution that goes on after its end."""
    return msgspec.structs.replace(
        record,
        status="RUNNING",
        stop_ms=None,
        output=None,
        error=None,
        cause=None,
        redrive_count=record.redrive_count + 1,
        redrive_ms=redrive_ms,
    )
