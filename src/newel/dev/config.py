"""`newel.toml`: what a project folder cannot say by the names of its files. See docs/reference/newel-toml.md."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from newel.dev.toml_lines import line_of
from newel.integrations.aws.settings import AwsCalls, aws_calls
from newel.integrations.aws.signing_names import environment_key
from newel.integrations.http_task.egress_settings import EgressSettings, egress_settings
from newel.integrations.models.settings import ModelSettings, model_settings
from newel.ports.store import MachineType

FILE: Final = "newel.toml"

_AT: Final = re.compile(r"(.*?) - at `(?:key in )?\$\.?(.*)`", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.+)`")
_SYNTAX: Final = re.compile(r"\(at line (\d+), column \d+\)")
_STEP: Final = re.compile(r"[^.\[\]]+")

TableT = TypeVar("TableT", bound=msgspec.Struct)


class ConfigError(ValueError):
    """What is wrong with the file, with its line (from one)."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table that refuses keys it does not know."""


class LoggingTable(_Table, frozen=True, kw_only=True):
    """`log_group` is made at start; without it, it is `/newel/` and the machine's name."""

    level: Literal["ALL", "ERROR", "FATAL", "OFF"] = "ALL"
    include_execution_data: bool = True
    log_group: str | None = None


class MachineTable(_Table, frozen=True, kw_only=True):
    """`[machines.NAME]`. `definition` is a file of the project; substitutions add to those of `[substitutions]`."""

    definition: str
    type: MachineType = "STANDARD"
    role_arn: str | None = None
    substitutions: dict[str, Any] = {}
    logging: LoggingTable | None = None
    tracing: bool = False


class FunctionTable(_Table, frozen=True, kw_only=True):
    """`[functions.NAME]`. `path` is a folder or a source file; what is not given is found as by convention."""

    path: str
    handler: str | None = None
    runtime: str | None = None
    env: dict[str, str] = {}
    timeout: int = 900
    memory: int = 1024


class BucketTable(_Table, frozen=True, kw_only=True):
    """`objects` is a folder whose files the bucket starts with."""

    objects: str | None = None


class QueueTable(_Table, frozen=True, kw_only=True):
    """`attributes` are SQS's own (`VisibilityTimeout`). A name that ends in `.fifo` makes a FIFO queue."""

    attributes: dict[str, str] = {}


class IndexTable(_Table, frozen=True, kw_only=True):
    keys: dict[str, Literal["S", "N", "B"]]


class TableTable(_Table, frozen=True, kw_only=True):
    """`keys`: the partition key, and after it the sort key if there is one, with their types. `items` are put at start,
    plain values that are given DynamoDB's types.
    """

    keys: dict[str, Literal["S", "N", "B"]]
    indexes: dict[str, IndexTable] = {}
    items: list[dict[str, Any]] = []


class TopicTable(_Table, frozen=True, kw_only=True):
    """`subscriptions`: `sqs:QUEUE`, `lambda:FUNCTION`, or an http(s) URL."""

    subscriptions: list[str] = []


class Resources(_Table, frozen=True, kw_only=True):
    """`[resources]`: what is made at start. Lists of names are short for tables without members."""

    buckets: dict[str, BucketTable] = {}
    queues: dict[str, QueueTable] = {}
    tables: dict[str, TableTable] = {}
    topics: dict[str, TopicTable] = {}
    secrets: dict[str, Any] = {}
    parameters: dict[str, str] = {}
    log_groups: list[str] = []


class Config(_Table, frozen=True, kw_only=True):
    """The whole file.

    `endpoints` are keyed as in `AWS_ENDPOINT_URL_<SERVICE>`; `aws`, `egress`, `models` and `mocks` are handed to those
    whom they concern.
    """

    machines: dict[str, MachineTable] = {}
    functions: dict[str, FunctionTable] = {}
    substitutions: dict[str, Any] = {}
    resources: Resources = Resources()
    endpoints: dict[str, str] = {}
    aws: AwsCalls = AwsCalls()
    egress: EgressSettings = EgressSettings()
    models: ModelSettings = ModelSettings()
    mocks: str | None = None

    def startup(self) -> tuple[object, ...]:
        """What only a new start can change."""
        return (self.endpoints, self.aws, self.egress, self.models, self.mocks)


def read_config(folder: Path) -> Config:
    """The project's configuration; an empty one without a file. Raises `ConfigError`."""
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", 1) from None
    return parse_config(text, folder)


def parse_config(text: str, folder: Path) -> Config:
    """Raises `ConfigError` for what is not TOML, for unknown keys and for values that do not fit."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ConfigError(str(error).replace(found[0], "").strip() if found else str(error), line) from None
    return _Reader(text, folder).config(document)


class _Reader:
    def __init__(self, text: str, folder: Path) -> None:
        self._text = text
        self._folder = folder

    def config(self, document: dict[str, Any]) -> Config:
        for key in document:
            if key not in Config.__struct_fields__:
                raise self._error(f"unknown key {key}", (key,))
        return Config(
            machines=self._named(document, ("machines",), MachineTable),
            functions=self._named(document, ("functions",), FunctionTable),
            substitutions=self._table(document, ("substitutions",)),
            resources=self._resources(self._table(document, ("resources",))),
            endpoints=self._endpoints(self._strings(document, ("endpoints",))),
            aws=self._aws(self._table(document, ("aws",))),
            egress=self._egress(self._table(document, ("egress",))),
            models=self._models(self._table(document, ("models",))),
            mocks=self._mocks(self._table(document, ("mocks",))),
        )

    def _resources(self, table: dict[str, Any]) -> Resources:
        kinds = {"buckets": BucketTable, "queues": QueueTable, "tables": TableTable, "topics": TopicTable}
        for key in table:
            if key not in Resources.__struct_fields__:
                raise self._error(f"unknown key {key}", ("resources", key))
        made: dict[str, Any] = {
            name: self._named(table, ("resources", name), kind) for name, kind in kinds.items() if name in table
        }
        for name in ("secrets", "parameters"):
            if name in table:
                made[name] = self._table(table, ("resources", name))
        if "log_groups" in table:
            made["log_groups"] = table["log_groups"]
        resources: Resources = self._converted(made, ("resources",), Resources)
        return resources

    def _named(self, table: Mapping[str, Any], path: tuple[str, ...], kind: type[TableT]) -> dict[str, TableT]:
        """Tables by name; a list of names stands for empty tables."""
        given = table.get(path[-1], {})
        if isinstance(given, list) and all(isinstance(name, str) for name in given):
            given = {name: {} for name in given}
        if not isinstance(given, dict):
            raise self._error(f"{path[-1]} must be a table", path)
        return {name: self._converted(members, (*path, name), kind) for name, members in given.items()}

    def _table(self, table: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        given = table.get(path[-1], {})
        if not isinstance(given, dict):
            raise self._error(f"{path[-1]} must be a table", path)
        return given

    def _strings(self, table: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, str]:
        strings: dict[str, str] = self._converted(self._table(table, path), path, dict[str, str])
        return strings

    def _converted(self, value: Any, path: tuple[str, ...], kind: Any) -> Any:
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            raise self._refused(str(error), path) from None

    def _refused(self, message: str, path: tuple[str, ...]) -> ConfigError:
        """Msgspec's words with the place they speak of."""
        at = _AT.fullmatch(message)
        if at is not None:
            message, path = at[1], (*path, *_STEP.findall(at[2]))
        unknown = _UNKNOWN.fullmatch(message)
        if unknown is not None:
            return self._error(f"unknown key {unknown[1]}", (*path, unknown[1]))
        return self._error(f"{'.'.join(path)}: {message}", path)

    def _endpoints(self, urls: dict[str, str]) -> dict[str, str]:
        """Keyed as in `AWS_ENDPOINT_URL_<SERVICE>`."""
        found = {}
        for service, url in urls.items():
            key = environment_key(service)
            if key is None:
                raise self._error(f"endpoints: there is no AWS service {service}", ("endpoints", service))
            if urlsplit(url).scheme not in ("http", "https"):
                raise self._error(f"endpoints.{service}: {url} is not an http or https URL", ("endpoints", service))
            found[key] = url
        return found

    def _egress(self, table: dict[str, Any]) -> EgressSettings:
        try:
            return egress_settings(table, os.environ, self._folder)
        except ValueError as error:
            raise self._error(str(error), ("egress",)) from None

    def _aws(self, table: dict[str, Any]) -> AwsCalls:
        try:
            return aws_calls(table, os.environ)
        except ValueError as error:
            raise self._error(str(error), ("aws",)) from None

    def _models(self, table: dict[str, Any]) -> ModelSettings:
        try:
            return model_settings(table, os.environ)
        except ValueError as error:
            raise self._error(str(error), ("models",)) from None

    def _mocks(self, table: dict[str, Any]) -> str | None:
        for key in table:
            if key != "file":
                raise self._error(f"unknown key {key}", ("mocks", key))
        file = table.get("file")
        if file is None:
            return None
        if not isinstance(file, str) or not (self._folder / file).is_file():
            raise self._error(f"mocks.file: there is no file {file}", ("mocks", "file"))
        return str(self._folder / file)

    def _error(self, message: str, path: tuple[str, ...]) -> ConfigError:
        return ConfigError(message, line_of(self._text, path))
