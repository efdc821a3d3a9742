"""The Map Runs of this process: started for the executions that owe them, told of their children's ends."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from newel.engine.inputs import MapRunEnded
from newel.engine.map_run import Children
from newel.engine.pending import RunMap
from newel.errors import ServiceError, ValidationError
from newel.json import Json, loads
from newel.ports.store import Execution, MapRun, Store
from newel.runtime.active import Active
from newel.runtime.env import RuntimeEnv
from newel.runtime.map_runs.children import parse_parent
from newel.runtime.map_runs.coordinator import Coordinator
from newel.runtime.map_runs.progress import Shown, decode_progress
from newel.runtime.map_runs.setting import Parent, Setting

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

    async def perform(self, active: Active, command: RunMap, setting: Setting, env: RuntimeEnv) -> MapRunEnded | None:
        """Run the Map Run that an execution owes, from where it stands to its end; None if it was aborted."""
        spec: Json = loads(command.spec)
        frame = active.state.frames[command.frame_id]
        parts = active.record.machine_arn.split(":")
        parent = Parent(
            active=active,
            account=parts[4],
            region=parts[3],
            role_arn=active.compiled.revision.role_arn,
            scope=frame.scope,
            state_name=command.state_name,
        )

        def children() -> Children:
            return Children(active.compiled.program, active.state, frame, spec, env)

        coordinator = Coordinator(
            setting, parent, command.map_run_arn, spec, children, self._forget, command.redrive_count
        )
        self._running[command.map_run_arn] = coordinator
        ended = await coordinator.run()
        return None if ended is None else msgspec.structs.replace(ended, task_id=command.task_id)

    def _forget(self, arn: str) -> None:
        self._running.pop(arn, None)

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
        made = ((progress.items_made, progress.items), (progress.next_child, progress.children))
        items, executions = (
            Shown(
                pending=total - ended.ended,
                running=0,
                ended=ended,
                total=total,
                results_written=progress.results_written,
            )
            for total, ended in made
        )
        return MapRunView(run=run, items=items, executions=executions)

    async def update(self, arn: str, changes: dict[str, Any]) -> None:
        """UpdateMapRun. Raises ResourceNotFound, ValidationException `CANNOT_UPDATE_COMPLETED_MAP_RUN`."""
        coordinator = self._running.get(arn)
        if coordinator is None or coordinator.run_record is None or coordinator.run_record.status != "RUNNING":
            if await self._store.map_run(arn) is None:
                raise ServiceError("ResourceNotFound", f"Resource not found: '{arn}'", extra={"resourceName": arn})
            raise ValidationError("Map Run is already completed", "CANNOT_UPDATE_COMPLETED_MAP_RUN")
        await coordinator.update({_SETTINGS[name]: value for name, value in changes.items()})
