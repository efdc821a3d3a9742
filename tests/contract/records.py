"""Short ways to make records, and to run an async test on an open store."""

import asyncio
import functools
from collections.abc import Awaitable, Callable

from newel.ports.store import Activity, Alias, End, Execution, Machine, Revision, Store, Turn, Version

ACCOUNT = "arn:aws:states:us-east-1:123456789012"


def arn_of(name: str, machine: str = "M") -> str:
    return f"{ACCOUNT}:execution:{machine}:{name}"


def execution(name: str = "e", *, machine: str = "M", start_ms: int = 1_000, **fields) -> Execution:
    values = {
        "arn": arn_of(name, machine),
        "machine_arn": f"{ACCOUNT}:stateMachine:{machine}",
        "machine_id": f"id-{machine}",
        "revision_id": "INITIAL",
        "name": name,
        "status": "RUNNING",
        "start_ms": start_ms,
        "input": '{"a": 1}',
    }
    return Execution(**(values | fields))


def turn(name: str = "e", seq: int = 1, *, machine: str = "M", **fields) -> Turn:
    values = {"execution_arn": arn_of(name, machine), "seq": seq, "at_ms": 1_000 + seq, "events": b"events %d" % seq}
    return Turn(**(values | fields))


def succeeded(stop_ms: int = 2_000, output: str = '"done"') -> End:
    return End(status="SUCCEEDED", stop_ms=stop_ms, output=output)


def machine(name: str = "M", **fields) -> Machine:
    values = {
        "arn": f"{ACCOUNT}:stateMachine:{name}",
        "id": f"id-{name}",
        "name": name,
        "type": "STANDARD",
        "status": "ACTIVE",
        "created_ms": 1,
        "updated_ms": 1,
        "revision_id": "INITIAL",
    }
    return Machine(**(values | fields))


def revision(name: str = "M", revision_id: str = "INITIAL", **fields) -> Revision:
    values = {
        "machine_id": f"id-{name}",
        "revision_id": revision_id,
        "definition": '{"StartAt": "ä"}',
        "role_arn": "arn:aws:iam::123456789012:role/r",
        "created_ms": 1,
    }
    return Revision(**(values | fields))


def version(number: int, name: str = "M", **fields) -> Version:
    return Version(machine_id=f"id-{name}", number=number, revision_id="INITIAL", created_ms=number, **fields)


def alias(name: str, created_ms: int = 1, routes=((1, 90), (2, 10)), **fields) -> Alias:
    return Alias(machine_id="id-M", name=name, routes=routes, created_ms=created_ms, updated_ms=created_ms, **fields)


def activity(name: str) -> Activity:
    return Activity(arn=f"{ACCOUNT}:activity:{name}", name=name, created_ms=1)


async def start(
    store: Store, name: str = "e", *, machine: str = "M", start_ms: int = 1_000, fields=None, **turns
) -> None:
    """Create an execution; `turns` are fields of its first turn."""
    new = execution(name, machine=machine, start_ms=start_ms, **(fields or {}))
    await store.create(new, turn(name, machine=machine, **turns))


async def outcomes(*writes: Awaitable[object]) -> list[object]:
    """What became of writes queued together: None, or the exception's type."""
    results = await asyncio.gather(*writes, return_exceptions=True)
    return [type(result) if isinstance(result, Exception) else result for result in results]


def contract(test: Callable[[Store], Awaitable[None]]) -> Callable[..., None]:
    """A test of the port: run on each adapter, opened and closed around it."""

    @functools.wraps(test)
    def run(make_store: Callable[[], Store]) -> None:
        asyncio.run(_with_store(make_store(), test))

    del run.__wrapped__  # pytest reads the arguments of `run`
    return run


async def _with_store(store: Store, test: Callable[[Store], Awaitable[None]]) -> None:
    await store.open()
    try:
        await test(store)
    finally:
        await store.close()
