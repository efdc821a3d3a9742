"""Old executions are deleted while a server runs, not only when it starts."""

import asyncio

from newel.ports.store import End, Execution, Turn
from newel.runtime.clock import VirtualClock
from newel.runtime.env import Entropy
from newel.service.core import Core
from newel.service.housekeeping import forget_old_executions
from newel.store.memory import MemoryStore

DAY_MS = 86_400_000
ENDED_MS = 5 * DAY_MS


async def with_an_ended_execution(store):
    arn = "arn:aws:states:us-east-1:123456789012:execution:M:e"
    record = Execution(
        arn=arn, machine_arn="M", machine_id="id", revision_id="r", name="e", status="RUNNING", start_ms=0, input="{}"
    )
    await store.create(record, Turn(execution_arn=arn, seq=1, at_ms=0, events=b"[]"))
    end = End(status="SUCCEEDED", stop_ms=ENDED_MS, output="{}")
    await store.append(Turn(execution_arn=arn, seq=2, at_ms=ENDED_MS, events=b"[]", end=end))
    return arn


async def still_there_at(now_ms, clock, store, arn):
    while clock.now_ms() < now_ms:
        await asyncio.sleep(0)
    return await store.execution(arn) is not None


def test_executions_are_deleted_ninety_days_after_their_end():
    async def main():
        clock, store = VirtualClock(ENDED_MS), MemoryStore()
        await store.open()
        arn = await with_an_ended_execution(store)
        core = Core(store=store, runtime=None, clock=clock, entropy=Entropy(), log_groups=None)
        core.spawn(forget_old_executions(core))
        assert await still_there_at(ENDED_MS + 89 * DAY_MS, clock, store, arn)
        assert not await still_there_at(ENDED_MS + 91 * DAY_MS, clock, store, arn)
        await core.close()
        stopped_ms = clock.now_ms()
        await asyncio.sleep(0.05)
        assert clock.now_ms() == stopped_ms

    asyncio.run(main())
