"""What only the in-memory store does: forgetting Express executions as they end."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from newel.ports.store import SequenceConflict
from newel.store.memory import MemoryStore

from .records import arn_of, execution, start, succeeded, turn


def forgetting(test: Callable[[MemoryStore], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        async def main() -> None:
            store = MemoryStore(retain_ended=False)
            await store.open()
            await test(store)

        asyncio.run(main())

    run.__name__ = test.__name__
    return run


@forgetting
async def test_an_execution_is_forgotten_in_the_turn_that_ends_it(store: MemoryStore) -> None:
    await start(store, wake_ms=5, owes=True)
    assert await store.execution(arn_of("e")) == execution()
    assert await store.open_count("id-M") == 1
    await store.append(turn(seq=2, end=succeeded()))
    assert await store.execution(arn_of("e")) is None
    assert await store.turns(arn_of("e")) == []
    assert await store.due(9, 9) == []
    assert await store.open_count() == 0
    with pytest.raises(SequenceConflict):
        await store.append(turn(seq=3))


@forgetting
async def test_one_that_ends_at_once_leaves_nothing(store: MemoryStore) -> None:
    await start(store, end=succeeded())
    await start(store, end=succeeded())
    assert await store.execution(arn_of("e")) is None
    assert await store.open_count() == 0


@forgetting
async def test_nothing_grows_with_executions_that_ended(store: MemoryStore) -> None:
    for number in range(50):
        await start(store, str(number), machine=str(number))
        await store.append(turn(str(number), 2, machine=str(number), end=succeeded()))
    assert not store._records
    assert not store._open
