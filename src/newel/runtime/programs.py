"""Programs by revision: compiled once, kept while in use."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from newel.engine.map_run import child_program
from newel.engine.program import Program, compile_program
from newel.json import Json, loads
from newel.language.parse import parse_definition
from newel.ports.store import Catalog, Execution, Revision
from newel.runtime.map_runs.children import parse_parent

_PROGRAMS_MAX: Final = 1_000


class Compiled(msgspec.Struct, frozen=True):
    """A revision ready to run: its program, the activities it names, and its logging configuration."""

    program: Program
    activities: frozenset[str]
    revision: Revision
    logging: Json | None  # None: level OFF


class ProgramCache:
    """Compiled revisions and the item processors in them, least recently used out first."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[str, str], Compiled] = OrderedDict()

    def of(self, revision: Revision) -> Compiled:
        """The compiled form of a revision at hand."""
        return self._found((revision.machine_id, revision.revision_id), lambda: compile_revision(revision))

    def processor(self, revision: Revision, scope: str, state_name: str) -> Compiled:
        """The item processor of a Distributed Map as a program of its own."""

        def made() -> Compiled:
            compiled = self.of(revision)
            program = child_program(compiled.program, scope, state_name)
            return msgspec.structs.replace(compiled, program=program)

        return self._found((revision.machine_id, f"{revision.revision_id}{scope}/{state_name}"), made)

    def _found(self, key: tuple[str, str], make: Callable[[], Compiled]) -> Compiled:
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = make()
            while len(self._cache) > _PROGRAMS_MAX:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(key)
        return found


class Programs(ProgramCache):
    """The same with the catalog that knows the revisions."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._catalog = catalog

    async def of_execution(self, record: Execution) -> Compiled:
        """What an execution runs: its revision, or the item processor that it is a child of."""
        compiled = await self.find(record.machine_id, record.revision_id)
        parent = parse_parent(record.parent)
        return compiled if parent is None else self.processor(compiled.revision, parent.scope, parent.state_name)

    async def find(self, machine_id: str, revision_id: str) -> Compiled:
        """The compiled form of a stored revision."""
        found = self._cache.get((machine_id, revision_id))
        if found is not None:
            return found
        revision = await self._catalog.revision(machine_id, revision_id)
        assert revision is not None, "revisions outlive their executions"
        return self.of(revision)


def compile_revision(revision: Revision) -> Compiled:
    """Compile a stored revision."""
    program = compile_program(parse_definition(revision.definition))
    resources = (
        state.resource
        for workflow in program.workflows.values()
        for state in workflow.states.values()
        if state.resource is not None
    )
    activities = frozenset(resource.text for resource in resources if resource.kind == "activity")
    logging = loads(revision.logging)
    return Compiled(program, activities, revision, logging if logging.get("level", "OFF") != "OFF" else None)
