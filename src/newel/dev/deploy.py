"""Brings what a project holds into a running server: through the services, as a client would."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from newel.dev.project import FunctionSource, MachineSource, Problem, Project
from newel.dev.reports import Change, ChangeKind, Report
from newel.errors import ServiceError
from newel.functions.host import FunctionHost
from newel.functions.names import FunctionName
from newel.json import dumps
from newel.language.diagnostics import DefinitionError, Diagnostic
from newel.language.loader import duplicate_fields, load_definition, load_yaml, unresolved_substitutions
from newel.language.located import SOURCE, Located, locate
from newel.language.validate import validate_machine
from newel.service.core import Caller, Core
from newel.service.machines import create_state_machine, update_state_machine
from newel.service.resources import preload_models, resource_errors

ROLE: str = "newel-dev"


class Deployment:
    """Keeps a server's machines and functions as the project has them.

    A machine whose definition is broken keeps its last good revision. A machine whose file is gone stays: deleting it
    would end its executions. A function whose file is gone is removed.
    """

    def __init__(self, core: Core, functions: FunctionHost, caller: Caller, folder: Path, report: Report) -> None:
        self._core = core
        self._host = functions
        self._caller = caller
        self._folder = folder.resolve()
        self._report = report
        self._tried: dict[str, MachineSource] = {}
        self._linked: dict[str, FunctionSource] = {}
        self._problems: frozenset[Problem] = frozenset()
        self.machines: dict[str, Change] = {}
        self.functions: dict[str, Change] = {}

    async def apply(self, project: Project) -> None:
        """Make the server's state that of the project; only what differs from the last time is touched."""
        for problem in project.problems:
            if problem not in self._problems:
                self._report.problem(problem)
        self._problems = frozenset(project.problems)
        for function in project.functions:
            await self._function(function)
        await self._remove_functions({source.found.name for source in project.functions})
        for source in project.machines:
            if self._tried.get(source.name) != source:
                self._tried[source.name] = source
                await self._machine(source)
        self._tell_missing({source.name for source in project.machines}, project)

    # -- machines

    async def _machine(self, source: MachineSource) -> None:
        definition = await self._checked(source)
        if definition is None:
            return
        try:
            kind = await self._put(source, definition)
        except ServiceError as error:
            self._report.problem(Problem(source.file, f"{error.code}: {error.message}"))
            return
        change = Change(kind or "updated", "state machine", source.name, self._arn(source.name), source.file)
        self.machines[source.name] = change
        if kind is not None:
            self._report.change(change)

    async def _checked(self, source: MachineSource) -> str | None:
        """The definition as JSON, or None if it is broken; its diagnostics are reported."""
        await preload_models(source.text)
        definition, found = await asyncio.to_thread(_examined, source)
        for located in found:
            self._report.problem(_problem(source.file, located))
        if definition is not None and (names := unresolved_substitutions(definition)):
            text = f"no value is given for ${{{'}, ${'.join(sorted(names))}}}"
            self._report.problem(Problem(source.file, text, severity="WARNING"))
        return definition

    async def _put(self, source: MachineSource, definition: str) -> ChangeKind | None:
        """Create or update the machine; None if it was so already. Raises `ServiceError`."""
        arn = self._arn(source.name)
        request = self._request(source, definition)
        before = await self._core.store.machine(arn)
        if before is None:
            await create_state_machine(self._core, self._caller, {**request, "name": source.name, "type": source.type})
            return "created"
        if before.type != source.type:
            text = f"{source.name} is {before.type}; to make it {source.type}, delete it first: {arn}"
            raise ServiceError("StateMachineTypeNotSupported", text)
        await update_state_machine(self._core, self._caller, {**request, "stateMachineArn": arn})
        after = await self._core.store.machine(arn)
        return None if after is not None and after.revision_id == before.revision_id else "updated"

    def _request(self, source: MachineSource, definition: str) -> dict[str, Any]:
        request: dict[str, Any] = {
            "definition": definition,
            "roleArn": source.role_arn or f"arn:{self._caller.partition}:iam::{self._caller.account}:role/{ROLE}",
            "tracingConfiguration": {"enabled": source.tracing},
        }
        logging = source.logging
        if logging is None or logging.level == "OFF":
            request["loggingConfiguration"] = {"level": "OFF", "includeExecutionData": False}
            return request
        group = self._log_group(logging.log_group or f"/newel/{source.name}")
        request["loggingConfiguration"] = {
            "level": logging.level,
            "includeExecutionData": logging.include_execution_data,
            "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
        }
        return request

    def _log_group(self, name: str) -> str:
        """The ARN of a log group, which is made if it is not there."""
        groups, caller = self._core.log_groups, self._caller
        arn = f"arn:aws:logs:{caller.region}:{caller.account}:log-group:{name}:*"
        return arn if groups.exists(arn) else groups.create(caller.account, caller.region, name).arn

    def _arn(self, name: str) -> str:
        return self._caller.arn("stateMachine", name)

    def _tell_missing(self, present: set[str], project: Project) -> None:
        unreadable = {problem.file for problem in project.problems}
        for name in self.machines.keys() - present:
            change = self.machines[name]
            if change.file not in unreadable:
                del self.machines[name]
                self._tried.pop(name, None)
                text = f"is gone; the state machine {name} stays until it is deleted: {change.arn}"
                self._report.problem(Problem(change.file, text, severity="WARNING"))

    # -- functions

    async def _function(self, source: FunctionSource) -> None:
        found = source.found
        if self._linked.get(found.name) == source:
            return
        known = found.name in self._linked
        self._linked[found.name] = source
        name = FunctionName(self._caller.account, self._caller.region, found.name)
        file = str(found.directory)
        try:
            await self._host.link(
                name,
                found.directory,
                runtime=found.runtime,
                handler=found.handler,
                timeout_seconds=source.timeout,
                memory_mb=source.memory,
                environment=source.env or None,
            )
        except ServiceError as error:
            self._report.problem(Problem(file, f"{error.code}: {error.message}"))
            return
        change = Change("updated" if known else "created", "function", found.name, name.arn, file)
        self.functions[found.name] = change
        self._report.change(change)

    async def _remove_functions(self, present: set[str]) -> None:
        """Remove functions of this folder, of this run or an earlier one, whose files are gone."""
        for function in self._host.catalog.all(self._caller.account, self._caller.region):
            directory = function.latest.code.directory
            if directory is None or function.name in present or not Path(directory).is_relative_to(self._folder):
                continue
            name = FunctionName(function.account, function.region, function.name)
            async with self._host.writing:
                await self._host.remove(name)
            self._linked.pop(function.name, None)
            self.functions.pop(function.name, None)
            self._report.change(Change("removed", "function", function.name, name.arn, directory))


def _examined(source: MachineSource) -> tuple[str | None, list[Located]]:
    """The definition as JSON text (None if it has errors), and all its diagnostics."""
    try:
        document = load_yaml(source.text) if source.yaml else load_definition(source.text)
    except DefinitionError as error:
        return None, locate(source.text, error.diagnostics, yaml=source.yaml)
    text = dumps(document) if source.yaml else source.text
    found: list[Diagnostic] = [*validate_machine(document, source.type), *resource_errors(text)]
    if not source.yaml:
        found += duplicate_fields(text)
    broken = any(diagnostic.severity == "ERROR" for diagnostic in found)
    return None if broken else text, locate(source.text, found, yaml=source.yaml)


def _problem(file: str, located: Located) -> Problem:
    diagnostic = located.diagnostic
    # Jackson quotes the whole text; in a line for people the place in it is enough.
    message = " ".join(SOURCE.sub(r"line \1, column \2", diagnostic.message).split())
    broken = diagnostic.location is None or SOURCE.fullmatch(diagnostic.location)
    where = "" if broken else f" ({diagnostic.location})"
    return Problem(file, f"{diagnostic.code}: {message}{where}", located.line, located.column, diagnostic.severity)
