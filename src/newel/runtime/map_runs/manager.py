"""The Map Runs of this process: started for the executions that owe them, told of their children's ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import msgspec

from newel.engine.inputs import MapRunEnded
from newel.engine.map_run import Children
from newel.engine.pending import RunMap
from newel.engine.state import scope_of
from newel.errors import ServiceError, ValidationError
from newel.json import Json, loads
from newel.ports.store import Execution, MapRun, SequenceConflict, Store, StoreUnavailable
from newel.ports.tasks import DETACH
from newel.runtime.active import Active
from newel.runtime.env import RuntimeEnv
from newel.runtime.map_runs.children import parse_parent
from newel.runtime.map_runs.coordinator import Coordinator
from newel.runtime.map_runs.progress import Shown, decode_progress
from newel.runtime.map_runs.setting import Parent, Setting

_log = logging.getLogger(__name__)

T = TypeVar("T")

#: Seconds between attempts while the store cannot write: twice as many each time, up to the second number.
_PAUSE_SECONDS: Final = (0.05, 5.0)
#: The members of UpdateMapRun, as the record spells them.
_SETTINGS: Final = {
    "maxConcurrency": "max_concurrency",
    "toleratedFailureCount": "tolerated_count",
    "toleratedFailurePercentage": "tolerated_percentage",
}


class MapRunView(msgspec.Struct, frozen=True, kw_only=True):
    """A Map Run with its counts as they stand."""

    run: MapRun
    items: Shown
    executions: Shown


class MapRunManager:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[str, Coordinator] = {}
        self._aborting: dict[str, asyncio.Future[None]] = {}

    async def perform(self, active: Active, command: RunMap, setting: Setting, env: RuntimeEnv) -> MapRunEnded:
        """Run the Map Run that an execution owes, from where it stands to its end.

        Cancelled because the execution does not wait for it any more, it is aborted behind the scenes.
        """
        arn = command.map_run_arn
        spec: Json = loads(command.spec)
        frame = active.state.frames[command.frame_id]
        parent = _parent(active, frame.scope, command.state_name)

        def made() -> Coordinator:
            def children() -> Children:
                return Children(active.compiled.program, active.state, frame, spec, env)

            return Coordinator(setting, parent, arn, spec, children, command.redrive_count)

        while (ending := self._aborting.get(arn)) is not None:
            await asyncio.shield(ending)
        try:
            ended = await self._until_stored(made, Coordinator.run)
        except asyncio.CancelledError as cancelled:
            if DETACH not in cancelled.args:
                self._abort_later(arn, made, setting)
            raise
        return msgspec.structs.replace(ended, task_id=command.task_id)

    async def abort(self, run: MapRun, setting: Setting) -> None:
        """End a Map Run that its execution does not wait for, and that nobody here runs."""
        if run.arn in self._running or run.arn in self._aborting:
            return
        spec = {
            "executionType": "EXPRESS" if decode_progress(run.progress).express else "STANDARD",
            "maxConcurrency": run.max_concurrency,
        }
        parent = _nobody(run)
        self._abort_later(run.arn, lambda: Coordinator(setting, parent, run.arn, spec, _no_children), setting)

    def _abort_later(self, arn: str, made: Callable[[], Coordinator], setting: Setting) -> None:
        ended = self._aborting[arn] = asyncio.get_running_loop().create_future()

        async def abort() -> None:
            try:
                await self._until_stored(made, Coordinator.abort)
            finally:
                del self._aborting[arn]
                ended.set_result(None)

        setting.world.spawn(abort())

    async def _until_stored(self, made: Callable[[], Coordinator], act: Callable[[Coordinator], Awaitable[T]]) -> T:
        """Let a coordinator act; where the store cannot write, another goes on from what is stored, later and later."""
        pause, longest = _PAUSE_SECONDS
        while True:
            coordinator = made()
            before = self._running.get(coordinator.arn)
            if before is not None:
                await before.settle()
            self._running[coordinator.arn] = coordinator
            try:
                return await self._settled(coordinator, act)
            except (StoreUnavailable, SequenceConflict) as error:
                _log.warning("the Map Run %s goes on in %.2g s: %s", coordinator.arn, pause, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _settled(self, coordinator: Coordinator, act: Callable[[Coordinator], Awaitable[T]]) -> T:
        try:
            done = await act(coordinator)
        except (StoreUnavailable, SequenceConflict):
            raise  # it takes reports until the next one does
        except asyncio.CancelledError as cancelled:
            if DETACH in cancelled.args:
                del self._running[coordinator.arn]
            raise
        except BaseException:
            del self._running[coordinator.arn]
            raise
        del self._running[coordinator.arn]
        return done

    def child_ended(self, record: Execution) -> None:
        """An execution has ended that a Map Run started."""
        parent = parse_parent(record.parent)
        coordinator = None if parent is None else self._running.get(parent.map_run_arn)
        if coordinator is not None:
            coordinator.child_ended(record)

    # -- the API

    async def describe(self, arn: str) -> MapRunView | None:
        """A Map Run with live counts."""
        coordinator = self._running.get(arn)
        if coordinator is not None and coordinator.run_record is not None:
            items, executions = coordinator.counts()
            return MapRunView(run=coordinator.run_record, items=items, executions=executions)
        run = await self._store.map_run(arn)
        if run is None:
            return None
        progress = decode_progress(run.progress)
        written = progress.results_written
        made = (
            (progress.items_made, progress.items, progress.items.ended if written else 0),
            (progress.next_child, progress.children, written),
        )
        items, executions = (
            Shown(pending=total - ended.ended, running=0, ended=ended, total=total, results_written=results)
            for total, ended, results in made
        )
        return MapRunView(run=run, items=items, executions=executions)

    async def update(self, arn: str, changes: dict[str, Any]) -> None:
        """UpdateMapRun. Raises ResourceNotFound, ValidationException `CANNOT_UPDATE_COMPLETED_MAP_RUN`."""
        members = {_SETTINGS[name]: value for name, value in changes.items()}
        coordinator = self._running.get(arn)
        if coordinator is not None:
            await coordinator.opened.wait()
            if coordinator.run_record is not None and coordinator.run_record.status == "RUNNING":
                await coordinator.update(members)
                return
        run = await self._store.map_run(arn)
        if run is None:
            raise ServiceError("ResourceNotFound", f"Resource not found: '{arn}'", extra={"resourceName": arn})
        if run.status != "RUNNING":
            raise ValidationError("Map Run is already completed", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
        await self._store.put_map_run(msgspec.structs.replace(run, **members))  # it is about to be taken up

    def pending_redrive(self, arn: str) -> list[str]:
        """ARNs of children that the redrive of a running Map Run is about to run again."""
        coordinator = self._running.get(arn)
        return [] if coordinator is None else coordinator.pending_redrive()


def _parent(active: Active, scope: str, state_name: str) -> Parent:
    parts = active.record.machine_arn.split(":")
    return Parent(
        execution_arn=active.record.arn,
        active=active,
        account=parts[4],
        region=parts[3],
        role_arn=active.compiled.revision.role_arn,
        scope=_scope_in_definition(active, scope),
        state_name=state_name,
    )


def _scope_in_definition(active: Active, scope: str) -> str:
    """A scope of an execution's program, as one of the whole definition: a child runs a part of it."""
    outer = parse_parent(active.record.parent)
    return scope if outer is None else scope_of(outer.scope, outer.state_name, 0) + scope


def _nobody(run: MapRun) -> Parent:
    parts = run.arn.split(":")
    return Parent(
        execution_arn=run.execution_arn,
        active=None,
        account=parts[4],
        region=parts[3],
        role_arn="",
        scope="",
        state_name="",
    )


def _no_children() -> Children:
    raise AssertionError("a Map Run that is aborted starts nothing")
