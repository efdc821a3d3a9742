"""The catalog in SQLite: reads on the reader's connection, changes as functions for the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from newel.json import dumps, loads
from newel.ports.store import Activity, Alias, AlreadyExists, Machine, Revision, Version
from newel.store.sqlite.statements import CATALOG

Run = Callable[[sqlite3.Connection], None]
_Record = TypeVar("_Record", bound=msgspec.Struct)
_NUMBER_MAX = 2**63 - 1
#: A definition may have a megabyte; most have a few kilobytes.
_REMEMBERED_MAX = 100


# -- changes -------------------------------------------------------------------------------------------------------


def put_machine(machine: Machine, revision: Revision | None, version: Version | None) -> Run:
    def run(connection: sqlite3.Connection) -> None:
        _insert(connection, "put_machine", machine, machine.arn)
        if revision is not None:
            _insert(connection, "insert_revision", revision, f"revision {revision.revision_id} of {machine.arn}")
        if version is not None:
            _insert(connection, "insert_version", version, f"version {version.number} of {machine.arn}")

    return run


def put_alias(alias: Alias) -> Run:
    routes = dumps(alias.routes)
    values = (alias.machine_id, alias.name, routes, alias.created_ms, alias.updated_ms, alias.description)
    return statements(("put_alias", values))


def delete_machine(arn: str) -> Run:
    """Versions and aliases are found through the machine's row, which therefore goes last."""
    names = ("delete_versions", "delete_aliases", "delete_machine_tags", "delete_machine")
    return statements(*((name, (arn,)) for name in names))


def put_activity(activity: Activity) -> Run:
    return statements(("put_activity", msgspec.structs.astuple(activity)))


def delete_activity(arn: str) -> Run:
    return statements(("delete_tags", (arn,)), ("delete_activity", (arn,)))


def put_tags(resource_arn: str, tags: dict[str, str]) -> Run:
    return statements(("put_tags", (resource_arn, dumps(tags))))


def statements(*named: tuple[str, tuple[Any, ...]]) -> Run:
    """Run statements of catalog.sql with their values, in order."""

    def run(connection: sqlite3.Connection) -> None:
        for name, values in named:
            connection.execute(CATALOG[name], values)

    return run


def _insert(connection: sqlite3.Connection, name: str, record: msgspec.Struct, what: str) -> None:
    if connection.execute(CATALOG[name], msgspec.structs.astuple(record)).rowcount == 0:
        raise AlreadyExists(what)


# -- reads ---------------------------------------------------------------------------------------------------------


class CatalogReader:
    """The read half of the Catalog port.

    What starting an execution looks up is remembered, for most executions are of a few machines; a change of the
    catalog, which is rare, forgets all of it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._remembered: dict[tuple[object, ...], Any] = {}

    def forget(self) -> None:
        """To be called when a change is on disk, before whoever asked for it hears so."""
        self._remembered.clear()

    def machine(self, arn: str) -> Machine | None:
        return self._remember(Machine, "machine", arn)

    def machines(self, prefix: str, after: str | None, limit: int) -> Sequence[Machine]:
        return self._many(Machine, "machines", after or "", prefix, limit)

    def revision(self, machine_id: str, revision_id: str) -> Revision | None:
        return self._remember(Revision, "revision", machine_id, revision_id)

    def version(self, machine_id: str, number: int) -> Version | None:
        return self._remember(Version, "version", machine_id, number)

    def versions(self, machine_id: str, before: int | None, limit: int) -> Sequence[Version]:
        return self._many(Version, "versions", machine_id, _NUMBER_MAX if before is None else before, limit)

    def alias(self, machine_id: str, name: str) -> Alias | None:
        row = self._connection.execute(CATALOG["alias"], (machine_id, name)).fetchone()
        return None if row is None else _alias(row)

    def aliases(self, machine_id: str, after: str | None, limit: int) -> Sequence[Alias]:
        return [_alias(row) for row in self._connection.execute(CATALOG["aliases"], (machine_id, after, limit))]

    def activity(self, arn: str) -> Activity | None:
        return self._one(Activity, "activity", arn)

    def activities(self, prefix: str, after: str | None, limit: int) -> Sequence[Activity]:
        return self._many(Activity, "activities", after or "", prefix, limit)

    def tags(self, resource_arn: str) -> dict[str, str]:
        row = self._connection.execute(CATALOG["tags"], (resource_arn,)).fetchone()
        tags: dict[str, str] = {} if row is None else loads(row[0])
        return tags

    def _remember(self, record: type[_Record], name: str, *values: object) -> _Record | None:
        key = (name, *values)
        found: _Record | None = self._remembered.get(key)
        if found is None and (found := self._one(record, name, *values)) is not None:
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[key] = found
        return found

    def _one(self, record: type[_Record], name: str, *values: object) -> _Record | None:
        row = self._connection.execute(CATALOG[name], values).fetchone()
        return None if row is None else _read(record, row)

    def _many(self, record: type[_Record], name: str, *values: object) -> list[_Record]:
        return [_read(record, row) for row in self._connection.execute(CATALOG[name], values).fetchall()]


def _read(record: type[_Record], row: Sequence[object]) -> _Record:
    return record(**dict(zip(record.__struct_fields__, row, strict=True)))


def _alias(row: tuple[Any, ...]) -> Alias:
    machine_id, name, routes, *rest = row
    return _read(Alias, (machine_id, name, tuple((number, weight) for number, weight in loads(routes)), *rest))
