"""What the store costs: operations a second and CPU (all threads of this process) an operation.

python bench/store.py [--directory DIR] [--operations N] [--callers N]
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from newel.ports.store import End, Execution, Store, Turn
from newel.store.memory import MemoryStore
from newel.store.sqlite import SqliteStore

EVENTS = os.urandom(1_000).hex().encode()
START_MS = 1_790_000_000_000


def execution(number: int) -> Execution:
    return Execution(
        arn=f"arn:aws:states:us-east-1:123456789012:execution:Bench:{os.urandom(16).hex()}",
        machine_arn="arn:aws:states:us-east-1:123456789012:stateMachine:Bench",
        machine_id="0c8ab8a4-5c3e-4e0c-8a34-3b8b8f2f0b11",
        revision_id="INITIAL",
        name="",
        status="RUNNING",
        start_ms=START_MS + number,
        input='{"order":42}',
    )


def end(number: int) -> End:
    return End(status="SUCCEEDED", stop_ms=START_MS + number + 5, output='{"order":42}')


async def create_ended(store: Store, number: int) -> None:
    new = execution(number)
    await store.create(new, Turn(execution_arn=new.arn, seq=1, at_ms=START_MS, events=EVENTS, end=end(number)))


async def create_append(store: Store, number: int) -> None:
    new = execution(number)
    wake = START_MS + number
    await store.create(new, Turn(execution_arn=new.arn, seq=1, at_ms=START_MS, events=EVENTS, wake_ms=wake, owes=True))
    await store.append(Turn(execution_arn=new.arn, seq=2, at_ms=START_MS, events=EVENTS, end=end(number)))


async def create_waiting(store: Store, number: int) -> None:
    new = execution(number)
    wake = START_MS + 86_400_000 + number
    await store.create(new, Turn(execution_arn=new.arn, seq=1, at_ms=START_MS, events=EVENTS[:400], wake_ms=wake))


async def measure(
    title: str, store: Store, work: Callable[[Store, int], Awaitable[None]], total: int, callers: int
) -> None:
    numbers = iter(range(total))

    async def caller() -> None:
        for number in numbers:
            await work(store, number)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(callers)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{title:36} {total / wall:10,.0f} op/s {cpu / total * 1e6:8.1f} us CPU")


async def reopen(directory: Path, waiting: int) -> None:
    store = SqliteStore(directory)
    wall = time.perf_counter()
    await store.open()
    opened = time.perf_counter() - wall
    due = await store.due(START_MS, 100)
    owing = [arn async for arn in store.owing()]
    recovered = time.perf_counter() - wall
    assert not due
    assert not owing
    count = await store.open_count()
    print(f"reopen with {count:,} waiting: {opened * 1e3:.1f} ms; due and owing known after {recovered * 1e3:.1f} ms")
    assert count == waiting
    await store.close()


async def main(directory: Path, operations: int, callers: int) -> None:
    memory = MemoryStore()
    await memory.open()
    await measure("memory: create-ended", memory, create_ended, operations, callers)
    await measure("memory: create + append-ended", memory, create_append, operations, callers)
    for concurrent in (1, callers, callers * 8):
        store = SqliteStore(directory / f"of-{concurrent}")
        await store.open()
        share = operations if concurrent > 1 else operations // 20
        await measure(f"sqlite, {concurrent} callers: create-ended", store, create_ended, share, concurrent)
        await measure(f"sqlite, {concurrent} callers: create + append", store, create_append, share, concurrent)
        await store.close()
    store = SqliteStore(directory / "waiting")
    await store.open()
    await measure("sqlite: create-waiting", store, create_waiting, 100_000, 1_000)
    await store.close()
    size = (directory / "waiting" / "newel.db").stat().st_size
    print(f"a waiting execution: {size / 100_000:.0f} bytes, {len(EVENTS[:400])} of them events")
    await reopen(directory / "waiting", 100_000)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--callers", type=int, default=64)
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="newel-bench-", dir=arguments.directory))
    try:
        asyncio.run(main(place, arguments.operations, arguments.callers))
    finally:
        shutil.rmtree(place)
