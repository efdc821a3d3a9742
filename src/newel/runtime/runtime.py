"""The runtime: what services ask for, turned into inputs; what turns owe, carried out after their commit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

from newel.engine import inputs as i
from newel.engine.decide import must_continue, next_wake_ms
from newel.engine.history import HistoryEvent, history
from newel.engine.pending import RunMap, pending
from newel.engine.state import ExecutionState
from newel.errors import ServiceError
from newel.json import Json, Payload
from newel.limits import DEFAULT_LIMITS, Limits
from newel.ports.clock import Clock
from newel.ports.executor import Executor, Shard
from newel.ports.items import ItemReader, ResultWriter
from newel.ports.logs import ExecutionLogs
from newel.ports.metrics import Metrics, NoMetrics
from newel.ports.store import Execution, Journal, JournalRow, MapRun, SequenceConflict, Store, StoreUnavailable
from newel.ports.tasks import TargetLookup
from newel.runtime.active import IDLE_MAX, Active, Actives, Waiter, initial_state
from newel.runtime.activities import ActivityQueues, Offer
from newel.runtime.callbacks import invalid_token, read_output, task_timed_out
from newel.runtime.dispatcher import Dispatcher
from newel.runtime.env import Entropy, RuntimeEnv
from newel.runtime.first_turns import InProcess
from newel.runtime.logs import write_turn
from newel.runtime.map_runs.manager import MapRunManager
from newel.runtime.map_runs.setting import Order, Setting
from newel.runtime.map_runs.unsupported import NoReader, NoWriter
from newel.runtime.orders import StartOrder
from newel.runtime.programs import Compiled, Programs
from newel.runtime.revival import Revival
from newel.runtime.timers import Timers
from newel.runtime.together import BegunTogether, Outcomes, Together
from newel.runtime.tokens import BadTokenError, TaskTokens
from newel.runtime.turns import Committed, Turns

_log = logging.getLogger(__name__)

_TOGETHER: Final = 500
#: No event is encoded in fewer bytes.
_EVENT_BYTES_MIN: Final = 2


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
        reader: ItemReader | None = None,
        writer: ResultWriter | None = None,
        executor: Callable[[Executor], Executor] | None = None,
        skip_time: bool = False,
        idle_max: int = IDLE_MAX,
        observer: Callable[[Committed], None] | None = None,
    ) -> None:
        """`idle_max` is how many executions to which nothing happens stay in memory (at least one).

        `executor` is given the one that computes in this process, and makes of it the one to use for the children of
        Map Runs. `observer` is shown every turn once it is durable; it must neither block nor raise.
        """
        assert idle_max > 0
        self._store = store
        self._express = express
        self._clock = clock
        self._tokens = tokens
        self._limits = limits
        self._metrics = metrics or NoMetrics()
        self._logs = logs
        self._skip_time = skip_time
        self._entropy = entropy or Entropy()
        self.map_runs = MapRunManager(store)
        self._map_run_setting = Setting(
            store=store,
            world=self,
            clock=clock,
            limits=limits,
            reader=reader or NoReader(),
            writer=writer or NoWriter(),
        )
        self._observer = observer
        self.programs = Programs(store)
        self._activities = ActivityQueues(self._claim)
        self._dispatcher = Dispatcher(
            targets, self._deliver, self._activities, tokens, clock, self._metrics, self._settled, self._run_map
        )
        self._actives = Actives(self.programs, self._seconds_max, self._dispatcher.working, self._issue_owed, idle_max)
        self._revival = Revival(self._revive)
        self._turns = Turns(
            store,
            self._actives,
            clock,
            self._entropy,
            tokens,
            limits,
            committed=self._act,
            unmoved=self._set_timer,
            dropped=self._revival.add,
        )
        here: Executor = InProcess(self.programs, self._entropy, tokens, limits)
        self._executor = here if executor is None else executor(here)
        self._together = Together(
            store, express, self._actives, self._turns, self._executor, self._metrics.executions_ran
        )
        self._timers = Timers(clock, self._wake)
        self._ends: dict[str, list[asyncio.Future[Execution]]] = {}
        self._background: set[asyncio.Task[None]] = set()

    # -- life

    async def open(self) -> None:
        """Start the timers and issue again what executions owe; answers may be given at once."""
        if self._skip_time:
            self._timers.start()
        elif self._express is self._store:
            self._timers.start(self._store)
        else:
            self._timers.start(self._store, self._express)
        self._spawn(self._recover())

    def end_polls(self) -> None:
        """Send away the workers that poll for activity tasks, as if there were none: the server stops."""
        self._activities.close()

    def end_waits(self) -> None:
        """Refuse those who wait for the end of an execution with `StoreUnavailable`: the server stops."""
        for waiters in self._ends.values():
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(StoreUnavailable("the server is stopping"))

    async def close(self) -> None:
        """Stop acting, and abort nothing. What is owed stays in the store for the next start."""
        self.end_polls()
        await self._timers.close()
        await self._revival.close()
        await self._dispatcher.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._executor.close()
        await self._turns.close()
        self.end_waits()

    @property
    def idle(self) -> bool:
        """Whether nothing but timers can make progress (for the virtual clock)."""
        return self._turns.in_flight == 0 and self._dispatcher.idle

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _recover(self) -> None:
        """Bring back every execution that owes something; what it owes is issued as it comes."""
        async for arn in self._store.owing():
            await self._resume(arn)
        for run in await self._store.running_map_runs():
            if not await self._owes_map_run(run):
                self._spawn(self.map_runs.abort(run, self._map_run_setting))

    async def _owes_map_run(self, run: MapRun) -> bool:
        """Whether the Map Run's execution still waits for it: one that ended with the process left it behind."""
        active = await self._actives.find(run.execution_arn, self._store)
        frames = [] if active is None else active.state.frames.values()
        return any(frame.work is not None and frame.work.map_run == run.arn for frame in frames)

    async def _resume(self, arn: str, waiter: Waiter | None = None) -> bool:
        """Bring an execution back, and give it what it may have missed: its next step, a timer.

        False if there was nothing to give it to; `waiter` is told of the commit otherwise.
        """
        try:
            active = await self._actives.find(arn, self._journal_of(arn))
            if active is None:
                return False
            if must_continue(active.state):
                self._turns.deliver(active, i.Continue())
            self._turns.deliver(active, i.TimerFired(), waiter)
        except StoreUnavailable:
            self._revival.add(arn)
        except Exception:  # one execution that cannot be read must not hold up the others
            _log.exception("%s could not be brought back", arn)
        else:
            return True
        return False

    async def _revive(self, arn: str) -> None:
        """Resume an execution whose turn could not be committed, and wait for the turn that this causes."""
        waiter: Waiter = asyncio.get_running_loop().create_future()
        if await self._resume(arn, waiter):
            await asyncio.gather(waiter, return_exceptions=True)  # one that fails again is told to the revival again

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
            test_case=order.test_case,
        )
        return self._activated(record, compiled)

    def _activated(self, record: Execution, compiled: Compiled) -> Active:
        journal = self._express if record.type == "EXPRESS" else self._store
        seconds_max = self._seconds_max(record)
        active = Active(record, compiled, initial_state(record, compiled, seconds_max), journal)
        if compiled.logging is not None:
            active.shadow = initial_state(record, compiled, seconds_max)
        return active

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
        arns = await self._store.running(machine_id)
        for start in range(0, len(arns), _TOGETHER):
            await asyncio.gather(*(self._deliver(arn, i.Stop(None, None)) for arn in arns[start : start + _TOGETHER]))

    async def redrive(self, arn: str) -> bool:
        """Go on with a Standard execution that ended without success; False if there was nothing to redrive."""
        active = await self._actives.reopen(arn, self._store)
        if active is None:
            return False
        waiter: Waiter = asyncio.get_running_loop().create_future()
        seconds = active.compiled.program.timeout_seconds
        self._turns.deliver(active, i.Redrive(seconds or self._seconds_max(active.record)), waiter)
        done = await waiter
        if not done and active.state.status != "RUNNING":
            self._actives.forget(active)
        return done

    # -- Map Runs

    async def _run_map(self, active: Active, command: RunMap) -> i.MapRunEnded | None:
        env = RuntimeEnv(self._clock.now_ms(), self._limits, self._entropy, self._tokens, frozenset())
        return await self.map_runs.perform(active, command, self._map_run_setting, env)

    async def begin_children(self, order: Order, parent: Active) -> BegunTogether:
        """Compute the first turns of child workflows of a Map Run; see `commit_children`."""
        revision = parent.compiled.revision
        compiled = self.programs.processor(revision, order.scope, order.state_name)
        common = _common(order, parent.record, self._clock.now_ms())
        watched = order.again or self._watched(compiled)
        shard = Shard(
            revision=revision,
            scope=order.scope,
            state_name=order.state_name,
            machine_arn=order.machine_arn,
            type=common.type,
            children=order.children,
            seconds_max=self._seconds_max(common),
            now_ms=common.start_ms,
            activities=await self._turns.activities(compiled),
            keep_events=watched or not order.express,
        )
        return await self._together.begin(shard, compiled, order.prefix, common, order.parents, watched=watched)

    async def commit_children(self, begun: BegunTogether) -> Outcomes:
        """Start them: what became of each; ends that come later are reported.

        Those that run again have a record, which is not written here.
        """
        return await self._together.commit(begun)

    def _watched(self, compiled: Compiled) -> bool:
        """Whether somebody sees the turns of what runs a program."""
        return self._observer is not None or compiled.logging is not None

    async def stop_child(self, arn: str) -> bool:
        """Abort a child workflow; False if there is none or it has ended."""
        return await self._deliver(arn, i.Stop(None, None))

    async def redrive_child(self, arn: str) -> bool:
        """Redrive a Standard child workflow; False if there was nothing to redrive."""
        return await self.redrive(arn)

    async def child(self, arn: str) -> Execution | None:
        """The stored record of a child workflow."""
        return await self._store.execution(arn)

    async def children(self, arns: Sequence[str]) -> dict[str, Execution]:
        """The stored records of child workflows."""
        return await self._store.executions_of(arns)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that no one waits for, until the server stops."""
        self._spawn(work)

    # -- reading

    async def describe(self, arn: str) -> Execution | None:
        """An execution's record as committed; an Express child of a Map Run is stored when it ends."""
        found = await self._journal_of(arn).execution(arn)
        if found is None and ":express:" in arn:
            found = await self._store.execution(arn)
        return found

    async def history(self, arn: str) -> list[dict[str, Any]]:
        """All history events, by id. Raises `ExecutionDoesNotExist`."""
        journal = self._journal_of(arn)
        record = await journal.execution(arn)
        if record is None:
            raise ServiceError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return await self._project(record, await journal.turns(arn))

    async def history_is_full(self, arn: str) -> bool:
        """Whether an execution has as many events as keep it from being redriven: all but one that it may have."""
        rows = await self._store.turns(arn)
        events_max = self._limits.history_events_max - 1
        if sum(len(row.events) for row in rows) < events_max * _EVENT_BYTES_MIN:
            return False
        record = await self._store.execution(arn)
        return record is not None and len(await self._project(record, rows)) >= events_max

    async def _project(self, record: Execution, rows: Sequence[JournalRow]) -> list[HistoryEvent]:
        compiled = await self.programs.of_execution(record)
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
        """Hand an input to a running execution and wait for the commit; False if it was stale.

        Raises `StoreUnavailable` if it could not be committed.
        """
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

    def _wake(self, arn: str) -> None:
        active = self._actives.get(arn)
        if active is not None:
            self._turns.deliver(active, i.TimerFired())
        else:
            self._spawn(self._wake_stored(arn))

    async def _wake_stored(self, arn: str) -> None:
        await self._resume(arn)

    def _settled(self, arn: str) -> None:
        active = self._actives.get(arn)
        if active is not None:
            self._actives.rest(active)

    def _set_timer(self, active: Active) -> None:
        running = active.state.status == "RUNNING"
        self._timers.set(active.record.arn, next_wake_ms(active.state) if running else None)

    def _issue_owed(self, active: Active) -> None:
        """Issue again what an execution that was brought back owes, unless its time is up: a timer will tell it."""
        now_ms = self._clock.now_ms()
        for command in pending(active.state):
            if not overdue(active.state, command.task_id, now_ms):
                self._dispatcher.issue(active, command)

    def _act(self, done: Committed) -> None:
        """Everything that follows a commit."""
        active = done.active
        if active.seq == 1:
            self._metrics.execution_started(active.record.machine_arn)
        if active.shadow is not None:
            self._log_turn(active, active.shadow, done)
        if self._observer is not None:
            self._observer(done)
        self._dispatcher.cancel_all_but(active.record.arn, active.state.tasks)
        for command in done.commands:
            self._dispatcher.issue(active, command)
        self._set_timer(active)
        if done.end is not None:
            self._ended(active.record)

    def _log_turn(self, active: Active, shadow: ExecutionState, done: Committed) -> None:
        """Log a committed turn."""
        if self._logs is not None:
            started = _started_by(active.record)
            write_turn(self._logs, shadow, done.events, done.at_ms, active.compiled.logging, started)

    def _ended(self, record: Execution) -> None:
        if record.map_run_arn is not None:
            self.map_runs.child_ended(record)
        self._metrics.execution_ended(record.machine_arn, record.status, _seconds(record))
        for waiter in self._ends.get(record.arn, ()):
            if not waiter.done():
                waiter.set_result(record)


def _seconds(record: Execution) -> float:
    """How long an ended execution took."""
    assert record.stop_ms is not None
    return (record.stop_ms - record.start_ms) / 1000


def _common(order: Order, parent: Execution, now_ms: int) -> Execution:
    """What the records of children that begin together have in common."""
    return Execution(
        arn=order.prefix,
        machine_arn=order.machine_arn,
        machine_id=parent.machine_id,
        revision_id=parent.revision_id,
        name="",
        status="RUNNING",
        start_ms=now_ms,
        input="",
        type="EXPRESS" if order.express else "STANDARD",
        version=parent.version,
        alias=parent.alias,
        map_run_arn=order.map_run_arn,
        test_case=parent.test_case,
    )


def _started_by(record: Execution) -> dict[str, Json]:
    """How an execution was started, as ExecutionStarted shows it."""
    details: dict[str, Json] = {}
    if record.alias is not None:
        details["stateMachineAliasArn"] = f"{record.machine_arn}:{record.alias}"
    if record.version is not None:
        details["stateMachineVersionArn"] = f"{record.machine_arn}:{record.version}"
    return details


def overdue(execution: ExecutionState, task_id: int, now_ms: int) -> bool:
    """Whether a task in flight has run out of time, though no timer has said so yet."""
    work = execution.frames[execution.tasks[task_id]].work
    assert work is not None
    dues = (execution.timeout_due_ms, work.timeout_due_ms, work.heartbeat_due_ms)
    return any(due_ms is not None and due_ms <= now_ms for due_ms in dues)
