"""The runtime: what services ask for, turned into inputs; what turns owe, carried out after their commit."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from newel.engine import inputs as i
from newel.engine.codec import fold
from newel.engine.history import HistoryEvent, history
from newel.engine.pending import pending
from newel.errors import ServiceError
from newel.json import Json, Payload
from newel.limits import DEFAULT_LIMITS, Limits
from newel.ports.clock import Clock
from newel.ports.logs import ExecutionLogs
from newel.ports.metrics import Metrics, NoMetrics
from newel.ports.store import Execution, Journal, JournalRow, SequenceConflict, Store, StoreUnavailable
from newel.ports.tasks import TargetLookup
from newel.runtime.active import Active, Actives, initial_state
from newel.runtime.activities import ActivityQueues, Offer
from newel.runtime.callbacks import invalid_token, read_output, task_timed_out
from newel.runtime.dispatcher import Dispatcher
from newel.runtime.env import Entropy
from newel.runtime.logs import write_turn
from newel.runtime.orders import StartOrder
from newel.runtime.programs import Programs
from newel.runtime.timers import Timers
from newel.runtime.tokens import BadTokenError, TaskTokens
from newel.runtime.turns import Committed, Turns


class Runtime:
    """Runs executions. Standard ones live in `store`, Express ones in `express` (memory)."""

    def __init__(
        self,
        *,
        store: Store,
        express: Journal,
        clock: Clock,
        targets: TargetLookup,
        tokens: TaskTokens,
        entropy: Entropy | None = None,
        limits: Limits = DEFAULT_LIMITS,
        metrics: Metrics | None = None,
        logs: ExecutionLogs | None = None,
        skip_time: bool = False,
    ) -> None:
        self._store = store
        self._express = express
        self._clock = clock
        self._tokens = tokens
        self._limits = limits
        self._metrics = metrics or NoMetrics()
        self._logs = logs
        self._skip_time = skip_time
        self.programs = Programs(store)
        self._actives = Actives(self.programs, self._seconds_max)
        self._turns = Turns(store, self._actives, clock, entropy or Entropy(), tokens, limits, self._act)
        self._activities = ActivityQueues(self._claim)
        self._dispatcher = Dispatcher(
            targets, self._deliver, self._activities, tokens, clock, self._metrics, self._actives.rest
        )
        self._timers = Timers(clock, self._wake)
        self._ends: dict[str, list[asyncio.Future[Execution]]] = {}
        self._background: set[asyncio.Task[None]] = set()

    # -- life

    async def open(self) -> None:
        """Start the timers and issue again what executions owe; answers may be given at once."""
        if self._skip_time:
            self._timers.start()
        else:
            self._timers.start(self._store)
        self._spawn(self._recover())

    async def close(self) -> None:
        """Stop acting. What is owed stays in the store for the next start."""
        await self._timers.close()
        tasks = [task for active in self._actives.all() for task in active.tasks.values()]
        for task in [*tasks, *self._background]:
            task.cancel()
        await asyncio.gather(*tasks, *self._background, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Whether nothing but timers can make progress (for the virtual clock)."""
        return self._turns.in_flight == 0 and not any(active.tasks or active.inbox for active in self._actives.all())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _recover(self) -> None:
        async for arn in self._store.owing():
            active = await self._actives.find(arn, self._store)
            if active is None:
                continue
            for command in pending(active.state):
                self._dispatcher.issue(active, command)
            self._turns.deliver(active, i.Continue())
            await asyncio.sleep(0)

    def _seconds_max(self, record: Execution) -> int:
        limits = self._limits
        return limits.express_seconds_max if record.type == "EXPRESS" else limits.standard_seconds_max

    def _journal_of(self, arn: str) -> Journal:
        return self._express if ":express:" in arn else self._store

    # -- starting and ending

    async def start(self, order: StartOrder) -> Execution:
        """Commit the first turn. Raises `AlreadyExists` if the ARN is taken."""
        return await self._turns.start(self._new(order))

    async def start_sync(self, order: StartOrder) -> Execution:
        """Run an Express execution to its end and return it."""
        active = self._new(order)
        record = await self._turns.start(active)
        if record.status != "RUNNING":
            return record
        return await self.wait(record.arn)

    def _new(self, order: StartOrder) -> Active:
        compiled = self.programs.of(order.revision)
        machine = order.machine
        record = Execution(
            arn=order.arn,
            machine_arn=machine.arn,
            machine_id=machine.id,
            revision_id=order.revision.revision_id,
            name=order.name,
            status="RUNNING",
            start_ms=self._clock.now_ms(),
            input=order.input,
            type=machine.type,
            version=order.version,
            alias=order.alias,
            trace_header=order.trace_header,
            parent=order.parent,
        )
        journal = self._express if machine.type == "EXPRESS" else self._store
        state = initial_state(record, compiled, self._seconds_max(record))
        return Active(record, compiled, state, journal)

    async def wait(self, arn: str) -> Execution:
        """The execution once it has ended. Raises `ServiceError` `ExecutionDoesNotExist`."""
        waiter: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        waiters = self._ends.setdefault(arn, [])
        waiters.append(waiter)
        try:
            active = self._actives.get(arn)
            if active is None or active.journal is self._store:
                record = await self.describe(arn)
                if record is None:
                    raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
                if record.status != "RUNNING":
                    return record
            return await waiter
        finally:
            waiters.remove(waiter)
            if not waiters:
                self._ends.pop(arn, None)

    async def stop(self, arn: str, error: str | None, cause: str | None) -> int:
        """Stop an execution; its stop time in ms, also if it had ended. Raises `ExecutionDoesNotExist`."""
        await self._deliver(arn, i.Stop(error, cause))
        record = await self.describe(arn)
        if record is None or record.stop_ms is None:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return record.stop_ms

    async def terminate_machine(self, machine_id: str) -> None:
        """Abort the running executions of a machine that is being deleted."""
        for arn in await self._store.running(machine_id):
            await self._deliver(arn, i.Stop(None, None))

    # -- reading

    async def describe(self, arn: str) -> Execution | None:
        """An execution's record as committed."""
        return await self._journal_of(arn).execution(arn)

    async def history(self, arn: str) -> list[dict[str, Any]]:
        """All history events, by id. Raises `ExecutionDoesNotExist`."""
        journal = self._journal_of(arn)
        record = await journal.execution(arn)
        if record is None:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return await self._project(record, await journal.turns(arn))

    async def _project(self, record: Execution, rows: Sequence[JournalRow]) -> list[HistoryEvent]:
        compiled = await self.programs.find(record.machine_id, record.revision_id)
        state = initial_state(record, compiled, self._seconds_max(record))
        return list(history(state, [(row.at_ms, row.events) for row in rows], _started_by(record)))

    # -- callbacks

    async def send_task_success(self, token: str, output: str) -> None:
        """Raises `InvalidToken`, `InvalidOutput`, `TaskTimedOut`."""
        arn, task_id = self._read(token)
        await self._call_back(arn, i.TaskSucceeded(task_id, Payload(read_output(output))))

    async def send_task_failure(self, token: str, error: str | None, cause: str | None) -> None:
        """Raises `InvalidToken`, `TaskTimedOut`."""
        arn, task_id = self._read(token)
        await self._call_back(arn, i.TaskFailed(task_id, error, cause))

    async def send_task_heartbeat(self, token: str) -> None:
        """Raises `InvalidToken`, `TaskTimedOut`."""
        arn, task_id = self._read(token)
        active = await self._actives.find(arn, self._journal_of(arn))
        if active is None or task_id not in active.state.tasks:
            raise task_timed_out()
        await self._deliver(arn, i.Heartbeat(task_id))

    def _read(self, token: str) -> tuple[str, int]:
        try:
            return self._tokens.read(token)
        except BadTokenError:
            raise invalid_token() from None

    async def _call_back(self, arn: str, given: i.Input) -> None:
        if not await self._deliver(arn, given):
            raise task_timed_out()

    async def get_activity_task(self, activity_arn: str, worker_name: str | None) -> tuple[str, str] | None:
        """(token, input) of a task, or None when the long poll ends. Raises `ActivityWorkerLimitExceeded`."""
        if self._activities.polling(activity_arn) >= self._limits.activity_pollers_max:
            raise ServiceError(
                "ActivityWorkerLimitExceeded",
                "The maximum number of workers concurrently polling for activity tasks has been reached.",
            )
        offer = await self._activities.take(activity_arn, worker_name, self._limits.activity_poll_seconds)
        if offer is None:
            return None
        return self._tokens.sign(offer.execution_arn, offer.task_id), offer.input

    async def _claim(self, offer: Offer, worker: str | None) -> bool:
        return await self._deliver(offer.execution_arn, i.TaskStarted(offer.task_id, worker))

    # -- inputs and effects

    async def _deliver(self, arn: str, given: i.Input) -> bool:
        """Hand an input to a running execution and wait for the commit; False if it was stale."""
        while True:
            active = await self._actives.find(arn, self._journal_of(arn))
            if active is None:
                return False
            waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._turns.deliver(active, given, waiter)
            try:
                return await waiter
            except SequenceConflict:
                continue  # another turn came first: reload and decide again
            except StoreUnavailable as error:
                raise ServiceError("InternalFailure", f"The store cannot write: {error}", status=500) from None

    def _wake(self, arn: str) -> None:
        active = self._actives.get(arn)
        if active is not None:
            self._turns.deliver(active, i.TimerFired())
        else:
            self._spawn(self._wake_stored(arn))

    async def _wake_stored(self, arn: str) -> None:
        active = await self._actives.find(arn, self._journal_of(arn))
        if active is not None:
            self._turns.deliver(active, i.TimerFired())

    def _act(self, done: Committed) -> None:
        """Everything that follows a commit."""
        active = done.active
        if active.seq == 1:
            self._metrics.execution_started(active.record.machine_arn)
        if self._logs is not None and active.compiled.logging is not None:
            self._log_turn(active, done)
        for task_id, task in list(active.tasks.items()):
            if task_id not in active.state.tasks and task is not asyncio.current_task():
                task.cancel()
        for command in done.commands:
            self._dispatcher.issue(active, command)
        if done.end is not None:
            self._ended(active.record)
        else:
            self._timers.set(active.record.arn, active.state.timers[0][0] if active.state.timers else None)

    def _log_turn(self, active: Active, done: Committed) -> None:
        assert self._logs is not None
        if active.shadow is None:
            active.shadow = initial_state(active.record, active.compiled, self._seconds_max(active.record))
            if active.seq > 1:
                self._spawn(self._log_resumed(active, done))
                return
        write_turn(
            self._logs, active.shadow, done.events, done.at_ms, active.compiled.logging, _started_by(active.record)
        )

    async def _log_resumed(self, active: Active, done: Committed) -> None:
        """Log a turn of an execution that was brought back: its shadow is folded from the journal first."""
        assert self._logs is not None
        assert active.shadow is not None
        rows = await active.journal.turns(active.record.arn)
        fold(active.shadow, [(row.at_ms, row.events) for row in rows if row.seq < active.seq])
        write_turn(
            self._logs, active.shadow, done.events, done.at_ms, active.compiled.logging, _started_by(active.record)
        )

    def _ended(self, record: Execution) -> None:
        assert record.stop_ms is not None
        self._timers.set(record.arn, None)
        self._metrics.execution_ended(record.machine_arn, record.status, (record.stop_ms - record.start_ms) / 1000)
        for waiter in self._ends.get(record.arn, ()):
            if not waiter.done():
                waiter.set_result(record)


def _started_by(record: Execution) -> dict[str, Json]:
    """How an execution was started, as ExecutionStarted shows it."""
    details: dict[str, Json] = {}
    if record.alias is not None:
        details["stateMachineAliasArn"] = f"{record.machine_arn}:{record.alias}"
    if record.version is not None:
        details["stateMachineVersionArn"] = f"{record.machine_arn}:{record.version}"
    return details
