"""Executions in memory: brought back from the store when something happens to them, put away when nothing does."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

from newel.engine.codec import decode_state, encode_state, fold, new_state
from newel.engine.inputs import Input
from newel.engine.state import ExecutionState, Identity
from newel.json import Payload
from newel.ports.store import AlreadyExists, Execution, Journal, Loaded
from newel.runtime.programs import Compiled, Programs

#: Quiet executions that stay in memory.
IDLE_MAX: Final = 512
#: A snapshot is written on putting away when loading would have to fold at least so many turns.
_SNAPSHOT_TURNS: Final = 32

Waiter = asyncio.Future[bool]


class Active:
    """One execution in memory, with what is about to happen to it.

    `dropped` says that it is no longer what the journal says, so nothing may be handed to it. `shadow` is its state
    as of the last commit, for the execution log, which shows each turn's events with the state before them.
    """

    __slots__ = ("busy", "compiled", "dropped", "inbox", "journal", "record", "seq", "shadow", "snapshot_seq", "state")

    def __init__(self, record: Execution, compiled: Compiled, state: ExecutionState, journal: Journal) -> None:
        self.record = record
        self.compiled = compiled
        self.state = state
        self.journal = journal
        self.seq = 0
        self.snapshot_seq = 0
        self.inbox: deque[tuple[Input, Waiter | None]] = deque()
        self.busy = False
        self.dropped = False
        self.shadow: ExecutionState | None = None


def identity_of(record: Execution, role_arn: str) -> Identity:
    """What the context object says of an execution."""
    return Identity(
        execution_arn=record.arn,
        execution_name=record.name,
        machine_arn=record.machine_arn,
        machine_name=machine_name(record.machine_arn),
        role_arn=role_arn,
        start_ms=record.start_ms,
        express=record.type == "EXPRESS",
    )


def machine_name(machine_arn: str) -> str:
    """The name in a state machine's ARN; a Map Run's children have the label in it."""
    return machine_arn.rsplit(":", 1)[-1]


def initial_state(record: Execution, compiled: Compiled, seconds_max: int) -> ExecutionState:
    """An execution before its first event."""
    return start_state(identity_of(record, compiled.revision.role_arn), record.input, compiled, seconds_max)


def start_state(identity: Identity, text: str, compiled: Compiled, seconds_max: int) -> ExecutionState:
    """An execution with input `text` before its first event.

    It times out after the machine's TimeoutSeconds or the service's limit.
    """
    timeout_s = compiled.program.timeout_seconds
    seconds = seconds_max if timeout_s is None else min(timeout_s, seconds_max)
    return new_state(identity, Payload(text), identity.start_ms + seconds * 1000)


class Actives:
    """The executions in memory. Quiet ones stay a while, the longest quiet goes first.

    `working(arn)` says whether a task of an execution is being performed here; `loaded` is told of each execution
    that was brought back, before anything is handed to it.
    """

    def __init__(
        self,
        programs: Programs,
        seconds_max: Callable[[Execution], int],
        working: Callable[[str], bool],
        loaded: Callable[[Active], None],
        idle_max: int,
    ) -> None:
        self._programs = programs
        self._seconds_max = seconds_max
        self._working = working
        self._loaded = loaded
        self._idle_max = idle_max
        self._active: dict[str, Active] = {}
        self._idle: OrderedDict[str, Active] = OrderedDict()
        self._loading: dict[str, asyncio.Future[Active | None]] = {}
        self._starting: dict[str, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._active)

    def get(self, arn: str) -> Active | None:
        return self._active.get(arn)

    # -- starting

    async def claim(self, arn: str) -> None:
        """Take an ARN for a start: until `release`, whoever looks for the execution waits for its first commit.

        Raises `AlreadyExists` if the execution is in memory.
        """
        while (other := self._starting.get(arn)) is not None:
            await asyncio.shield(other)
        if arn in self._active:
            raise AlreadyExists(arn)
        self._starting[arn] = asyncio.get_running_loop().create_future()

    def claim_now(self, arn: str) -> None:
        """The same without waiting. Raises `AlreadyExists` also if another start is under way."""
        if arn in self._starting or arn in self._active:
            raise AlreadyExists(arn)
        self._starting[arn] = asyncio.get_running_loop().create_future()

    def release(self, arn: str) -> None:
        """The start was committed, or was not."""
        self._starting.pop(arn).set_result(None)

    def add(self, active: Active) -> None:
        self._active[active.record.arn] = active

    # -- coming and going

    def forget(self, active: Active) -> None:
        """It has ended, or its state in memory is not to be trusted."""
        active.dropped = True
        if self._active.get(active.record.arn) is active:
            del self._active[active.record.arn]
            self._idle.pop(active.record.arn, None)

    def touch(self, active: Active) -> None:
        """Something is about to happen to it."""
        self._idle.pop(active.record.arn, None)

    def rest(self, active: Active) -> None:
        """If nothing is about to happen to it, it may be put away; whoever has rested longest is."""
        arn = active.record.arn
        if active.busy or active.inbox or self._working(arn) or self._active.get(arn) is not active:
            return
        if active.record.type == "EXPRESS":
            return  # lives in memory alone
        self._idle[arn] = active
        while len(self._idle) > self._idle_max:
            arn, oldest = self._idle.popitem(last=False)
            del self._active[arn]
            self._put_away(oldest)

    def _put_away(self, active: Active) -> None:
        if active.seq - active.snapshot_seq >= _SNAPSHOT_TURNS:
            saved = active.journal.save_snapshot(active.record.arn, active.seq, encode_state(active.state))
            asyncio.ensure_future(saved).add_done_callback(_ignore_failure)

    async def find(self, arn: str, journal: Journal) -> Active | None:
        """An execution in memory, brought back if need be; None if there is none or it has ended.

        What is found may be used until the next `await`: afterwards it may have been put away or dropped.
        """
        while True:
            active = self._active.get(arn)
            if active is not None:
                return active
            starting = self._starting.get(arn)
            if starting is not None:
                await asyncio.shield(starting)
                continue
            found = await asyncio.shield(self._loading.get(arn) or self._load_once(arn, journal))
            if found is None:
                return None
            if not found.dropped:
                return self._active.setdefault(arn, found)  # it may have been put away again, and is as good

    async def reopen(self, arn: str, journal: Journal) -> Active | None:
        """An execution that has ended, brought back to be redriven; None if there is none."""
        active = self._active.get(arn)
        if active is not None:
            return active
        loaded = await journal.load(arn)
        if loaded is None:
            return None
        compiled = await self._programs.of_execution(loaded.execution)
        return self._active.setdefault(arn, self._brought_back(loaded, compiled, journal))

    def _load_once(self, arn: str, journal: Journal) -> asyncio.Future[Active | None]:
        loading = self._loading[arn] = asyncio.ensure_future(self._load(arn, journal))
        return loading

    async def _load(self, arn: str, journal: Journal) -> Active | None:
        try:
            loaded = await journal.load(arn)
            if loaded is None or loaded.execution.status != "RUNNING":
                return None
            record = loaded.execution
            compiled = await self._programs.of_execution(record)
            active = self._brought_back(loaded, compiled, journal)
        finally:
            del self._loading[arn]
        if arn in self._starting:
            active.dropped = True  # read just as its start was committed: the start brings its own
            return active
        self.add(active)
        self._loaded(active)
        self.rest(active)
        return active

    def _brought_back(self, loaded: Loaded, compiled: Compiled, journal: Journal) -> Active:
        active = Active(loaded.execution, compiled, self._fold(loaded, compiled), journal)
        active.snapshot_seq = loaded.snapshot_seq
        active.seq = loaded.rows[-1].seq if loaded.rows else loaded.snapshot_seq
        if compiled.logging is not None:
            active.shadow = self._fold(loaded, compiled)
        return active

    def _fold(self, loaded: Loaded, compiled: Compiled) -> ExecutionState:
        if loaded.snapshot is not None:
            state = decode_state(loaded.snapshot)
        else:
            state = initial_state(loaded.execution, compiled, self._seconds_max(loaded.execution))
        return fold(state, [(row.at_ms, row.events) for row in loaded.rows])


def _ignore_failure(saved: asyncio.Future[None]) -> None:
    """A snapshot only saves time: without it the journal is folded from the start."""
    if not saved.cancelled():
        saved.exception()
