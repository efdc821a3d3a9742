"""The catalog of the in-memory store."""

from __future__ import annotations

from asyncio import Future, get_running_loop
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, Protocol, TypeVar

from newel.ports.store import (
    Activity,
    Alias,
    AlreadyExists,
    Machine,
    Revision,
    SequenceConflict,
    StoreUnavailable,
    Version,
)


class _HasArn(Protocol):
    @property
    def arn(self) -> str: ...


P = ParamSpec("P")
T = TypeVar("T")
_Listed = TypeVar("_Listed", bound=_HasArn)


class MemoryCatalog:
    """State machines, revisions, versions, aliases, activities and tags on dictionaries."""

    def __init__(self) -> None:
        self._closed = False
        self._machines: dict[str, Machine] = {}
        self._revisions: dict[tuple[str, str], Revision] = {}
        self._versions: dict[tuple[str, int], Version] = {}
        self._aliases: dict[tuple[str, str], Alias] = {}
        self._activities: dict[str, Activity] = {}
        self._tags: dict[str, dict[str, str]] = {}

    def _write(self, change: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> Future[None]:
        """Make the change now; the future is already settled."""

        def changed() -> None:
            change(*args, **kwargs)

        return self._answered(changed)

    def _answered(self, change: Callable[[], T]) -> Future[T]:
        """The same, with an answer."""
        future: Future[T] = get_running_loop().create_future()
        if self._closed:
            future.set_exception(StoreUnavailable("the store is closed"))
            return future
        try:
            answer = change()
        except (AlreadyExists, SequenceConflict) as error:
            future.set_exception(error)
        else:
            future.set_result(answer)
        return future

    # -- state machines ----------------------------------------------------------------------------------------------

    def put_machine(
        self, machine: Machine, revision: Revision | None = None, version: Version | None = None
    ) -> Future[None]:
        return self._write(self._put_machine, machine, revision, version)

    def _put_machine(self, machine: Machine, revision: Revision | None, version: Version | None) -> None:
        held = self._machines.get(machine.arn)
        if held is not None and held.id != machine.id:
            raise AlreadyExists(machine.arn)
        if revision is not None and (revision.machine_id, revision.revision_id) in self._revisions:
            raise AlreadyExists(f"revision {revision.revision_id} of {machine.arn}")
        if version is not None and (version.machine_id, version.number) in self._versions:
            raise AlreadyExists(f"version {version.number} of {machine.arn}")
        self._machines[machine.arn] = machine
        if revision is not None:
            self._revisions[revision.machine_id, revision.revision_id] = revision
        if version is not None:
            self._versions[version.machine_id, version.number] = version

    def delete_machine(self, arn: str) -> Future[None]:
        return self._write(self._delete_machine, arn)

    def _delete_machine(self, arn: str) -> None:
        machine = self._machines.pop(arn, None)
        if machine is None:
            return
        self._tags.pop(arn, None)
        for number in [key for key in self._versions if key[0] == machine.id]:
            del self._versions[number]
        for name in [key for key in self._aliases if key[0] == machine.id]:
            del self._aliases[name]

    async def machine(self, arn: str) -> Machine | None:
        return self._machines.get(arn)

    async def machines(self, prefix: str, after: str | None, limit: int) -> Sequence[Machine]:
        return _page(self._machines.values(), prefix, after, limit)

    async def revision(self, machine_id: str, revision_id: str) -> Revision | None:
        return self._revisions.get((machine_id, revision_id))

    # -- versions and aliases ----------------------------------------------------------------------------------------

    async def version(self, machine_id: str, number: int) -> Version | None:
        return self._versions.get((machine_id, number))

    async def versions(self, machine_id: str, before: int | None, limit: int) -> Sequence[Version]:
        found = [
            version
            for (owner, number), version in self._versions.items()
            if owner == machine_id and (before is None or number < before)
        ]
        return sorted(found, key=lambda version: -version.number)[:limit]

    def delete_version(self, machine_id: str, number: int) -> Future[None]:
        return self._write(self._versions.pop, (machine_id, number), None)

    def put_alias(self, alias: Alias) -> Future[None]:
        return self._write(self._aliases.__setitem__, (alias.machine_id, alias.name), alias)

    def delete_alias(self, machine_id: str, name: str) -> Future[None]:
        return self._write(self._aliases.pop, (machine_id, name), None)

    async def alias(self, machine_id: str, name: str) -> Alias | None:
        return self._aliases.get((machine_id, name))

    async def aliases(self, machine_id: str, after: str | None, limit: int) -> Sequence[Alias]:
        last = None if after is None else self._aliases.get((machine_id, after))
        found = [
            alias
            for (owner, _), alias in self._aliases.items()
            if owner == machine_id and (last is None or _alias_key(alias) > _alias_key(last))
        ]
        return sorted(found, key=_alias_key)[:limit]

    # -- activities and tags -----------------------------------------------------------------------------------------

    def put_activity(self, activity: Activity) -> Future[None]:
        return self._write(self._activities.__setitem__, activity.arn, activity)

    def delete_activity(self, arn: str) -> Future[None]:
        return self._write(self._delete_activity, arn)

    def _delete_activity(self, arn: str) -> None:
        self._activities.pop(arn, None)
        self._tags.pop(arn, None)

    async def activity(self, arn: str) -> Activity | None:
        return self._activities.get(arn)

    async def activities(self, prefix: str, after: str | None, limit: int) -> Sequence[Activity]:
        return _page(self._activities.values(), prefix, after, limit)

    def put_tags(self, resource_arn: str, tags: dict[str, str]) -> Future[None]:
        return self._write(self._tags.__setitem__, resource_arn, dict(tags))

    async def tags(self, resource_arn: str) -> dict[str, str]:
        return dict(self._tags.get(resource_arn, {}))


def _alias_key(alias: Alias) -> tuple[int, str]:
    return alias.created_ms, alias.name


def _page(listed: Iterable[_Listed], prefix: str, after: str | None, limit: int) -> list[_Listed]:
    found = [item for item in listed if item.arn.startswith(prefix) and (after is None or item.arn > after)]
    return sorted(found, key=lambda item: item.arn)[:limit]
