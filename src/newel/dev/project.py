"""What a project folder holds: definitions and functions, by the names of their files and by `newel.toml`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from newel.dev.config import FILE, Config, ConfigError, FunctionTable, LoggingTable, MachineTable, read_config
from newel.functions.discovery import FoundFunction, find_functions, function_at
from newel.json import Json
from newel.language.loader import substitute
from newel.ports.store import MachineType

DEFINITION_SUFFIXES: Final = (".asl.json", ".asl.yaml", ".asl.yml")
FUNCTION_FOLDERS: Final = ("functions", "lambda", "lambdas")
YAML_SUFFIXES: Final = (".yaml", ".yml")
#: Folders that are never looked into.
SKIPPED: Final = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "cdk.out", "dist"})
_UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9_-]+")
_NAME_CHARS_MAX: Final = 80


class Problem(msgspec.Struct, frozen=True):
    """Something in the project that is not served; `line` and `column` count from one."""

    file: str
    message: str
    line: int = 1
    column: int = 1
    severity: str = "ERROR"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity.lower()} {self.message}"


class MachineSource(msgspec.Struct, frozen=True):
    """A state machine as the project gives it. `file` is relative to the project, `text` has its values filled in."""

    name: str
    file: str
    text: str
    yaml: bool
    type: MachineType
    role_arn: str | None
    logging: LoggingTable | None
    tracing: bool


class FunctionSource(msgspec.Struct, frozen=True):
    """A function as the project gives it. `stamp` changes with any file of its code."""

    found: FoundFunction
    env: dict[str, str]
    timeout: int
    memory: int
    stamp: int


class Project(msgspec.Struct, frozen=True):
    """One reading of the folder."""

    config: Config
    machines: tuple[MachineSource, ...]
    functions: tuple[FunctionSource, ...]
    problems: tuple[Problem, ...]


def read_project(folder: Path, pseudo: Mapping[str, str], last: Config | None = None) -> Project:
    """Read everything. `pseudo` are values such as `AWS::Region`; `last` is the configuration kept while the file is
    broken. Blocks: not for the event loop.
    """
    return _Reading(folder, pseudo).run(last or Config())


class _Reading:
    def __init__(self, folder: Path, pseudo: Mapping[str, str]) -> None:
        self._folder = folder
        self._pseudo = pseudo
        self._problems: list[Problem] = []

    def run(self, last: Config) -> Project:
        try:
            config = read_config(self._folder)
        except ConfigError as error:
            self._problems.append(Problem(FILE, str(error), error.line))
            config = last
        machines = tuple(self._machines(config))
        functions = tuple(self._functions(config))
        return Project(config, machines, functions, tuple(self._problems))

    # -- machines

    def _machines(self, config: Config) -> Iterator[MachineSource]:
        named = dict(config.machines)
        taken = {(self._folder / table.definition).resolve() for table in named.values()}
        seen: dict[str, str] = dict.fromkeys(named, FILE)
        for path in definition_files(self._folder):
            if path.resolve() in taken:
                continue
            name, file = machine_name(path), str(path.relative_to(self._folder))
            if name in seen:
                message = f"another state machine is named {name} already ({seen[name]}); name this one in {FILE}"
                self._problems.append(Problem(file, message))
                continue
            seen[name] = file
            named[name] = MachineTable(definition=file)
        for name, table in sorted(named.items()):
            source = self._machine(name, table, config)
            if source is not None:
                yield source

    def _machine(self, name: str, table: MachineTable, config: Config) -> MachineSource | None:
        try:
            text = (self._folder / table.definition).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self._problems.append(Problem(table.definition, f"cannot be read: {_reason(error)}"))
            return None
        values = {**self._pseudo, **self._filled({**config.substitutions, **table.substitutions})}
        return MachineSource(
            name=name,
            file=table.definition,
            text=str(substitute(text, values)),
            yaml=table.definition.endswith(YAML_SUFFIXES),
            type=table.type,
            role_arn=table.role_arn and str(substitute(table.role_arn, self._pseudo)),
            logging=table.logging,
            tracing=table.tracing,
        )

    def _filled(self, values: Mapping[str, Any]) -> dict[str, Json]:
        """Values may hold `${AWS::Region}` and the like themselves."""
        return {name: substitute(value, self._pseudo) for name, value in values.items()}

    # -- functions

    def _functions(self, config: Config) -> Iterator[FunctionSource]:
        found: dict[str, FoundFunction] = {}
        for name in FUNCTION_FOLDERS:
            if (self._folder / name).is_dir():
                found.update({function.name: function for function in find_functions(self._folder / name)})
        for name, table in config.functions.items():
            function = self._configured(name, table)
            if function is not None:
                found[name] = function
        for name, function in sorted(found.items()):
            table = config.functions.get(name, FunctionTable(path=""))
            env = {key: str(substitute(value, self._pseudo)) for key, value in table.env.items()}
            yield FunctionSource(function, env, table.timeout, table.memory, stamp_of(function.directory))

    def _configured(self, name: str, table: FunctionTable) -> FoundFunction | None:
        path = self._folder / table.path
        found = function_at(name, path)
        if found is None and path.is_dir() and table.handler and table.runtime:
            found = FoundFunction(name, path, table.runtime, table.handler)
        if found is None:
            message = (
                f"functions.{name}: there is no function at {table.path} (no entry file; give handler and runtime)"
            )
            self._problems.append(Problem(FILE, message))
            return None
        return found._replace(runtime=table.runtime or found.runtime, handler=table.handler or found.handler)


def definition_files(folder: Path) -> Iterator[Path]:
    """All files that are definitions by their names."""
    return (path for path in files(folder) if path.name.endswith(DEFINITION_SUFFIXES))


def machine_name(path: Path) -> str:
    """`orders` for `flows/orders.asl.json`; what a name may not hold becomes a hyphen."""
    stem = path.name.split(".asl.", 1)[0]
    return _UNNAMEABLE.sub("-", stem).strip("-")[:_NAME_CHARS_MAX] or "machine"


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder, in order, without hidden ones and those that tools make."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in SKIPPED)
        for name in sorted(names):
            if not name.startswith(".") and not name.endswith((".pyc", "~")):
                yield Path(place, name)


def stamp_of(folder: Path) -> int:
    """A number that changes when a file below the folder is changed, added or removed."""
    return hash(tuple(_stamps(folder)))


def _stamps(folder: Path) -> Iterator[tuple[str, int, int]]:
    for path in files(folder):
        try:
            status = path.stat()
        except OSError:
            continue  # it went away meanwhile
        yield str(path), status.st_mtime_ns, status.st_size


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "it is not UTF-8 text"
