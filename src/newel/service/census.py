"""Counting against quotas without counting each time."""

from collections.abc import Sequence
from typing import Final, Protocol

from newel.errors import ServiceError
from newel.ports.store import Store

_PAGE: Final = 1000
_RECOUNT_AFTER: Final = 1000


class _Listed(Protocol):
    @property
    def arn(self) -> str: ...


class Census:
    """How many state machines and activities an account has in a region: counted once, then kept up to date."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[tuple[str, str], int] = {}

    async def check(self, kind: str, prefix: str, limit: int) -> None:
        """Raise the kind's LimitExceeded if one more would be over `limit`; `prefix` begins the ARNs that count."""
        key = (kind, prefix)
        if key not in self._counts:
            self._counts[key] = await self._count(kind, prefix)
        if self._counts[key] >= limit:
            noun = "state machines" if kind == "StateMachine" else "activities"
            message = f"The maximum number of {noun} has been reached. Existing {noun} must be deleted first."
            raise ServiceError(f"{kind}LimitExceeded", message)

    def add(self, kind: str, prefix: str, change: int) -> None:
        """One was created (1) or deleted (-1)."""
        if (kind, prefix) in self._counts:
            self._counts[kind, prefix] += change

    async def _count(self, kind: str, prefix: str) -> int:
        total, after = 0, None
        while True:
            page = await self._page(kind, prefix, after)
            total += len(page)
            if len(page) < _PAGE:
                return total
            after = page[-1].arn

    async def _page(self, kind: str, prefix: str, after: str | None) -> Sequence[_Listed]:
        if kind == "StateMachine":
            return await self._store.machines(prefix, after, _PAGE)
        return await self._store.activities(prefix, after, _PAGE)


class OpenExecutions:
    """Keeps running executions under their quota: counts again once the room found last time is used up."""

    def __init__(self, store: Store, limit: int) -> None:
        self._store = store
        self._limit = limit
        self._room = 0

    async def check(self) -> None:
        """Take one place. Raises ExecutionLimitExceeded."""
        if self._room <= 0:
            self._room = min(self._limit - await self._store.open_count(), _RECOUNT_AFTER)
            if self._room <= 0:
                message = (
                    "The maximum number of running executions has been reached. Running executions must end or be "
                    "stopped before a new execution can be started."
                )
                raise ServiceError("ExecutionLimitExceeded", message)
        self._room -= 1
