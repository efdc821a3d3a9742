"""Activity tasks waiting for workers, and workers waiting for tasks.

After a restart the queues are rebuilt from what executions owe.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import msgspec


class Offer(msgspec.Struct, frozen=True):
    """A scheduled activity task: whose it is and what its input is (JSON text)."""

    execution_arn: str
    task_id: int
    input: str


Claim = Callable[[Offer, str | None], Awaitable[bool]]


class ActivityQueues:
    """First in, first out for each activity. `claim` asks the execution whether an offer still stands."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._offers: dict[str, deque[Offer]] = {}
        self._pollers: dict[str, deque[asyncio.Future[Offer]]] = {}

    def offer(self, activity_arn: str, offer: Offer) -> None:
        pollers = self._pollers.get(activity_arn)
        while pollers:
            poller = pollers.popleft()
            if not poller.done():
                poller.set_result(offer)
                return
        self._offers.setdefault(activity_arn, deque()).append(offer)

    def polling(self, activity_arn: str) -> int:
        """Workers that wait for this activity now."""
        return len(self._pollers.get(activity_arn, ()))

    def forget(self, activity_arn: str) -> None:
        """The activity was deleted: nobody will ask for its tasks."""
        self._offers.pop(activity_arn, None)

    async def take(self, activity_arn: str, worker: str | None, seconds: float) -> Offer | None:
        """The next task that still stands, waiting at most `seconds`; None if there was none."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            offer = await self._next(activity_arn, deadline - loop.time())
            if offer is None:
                return None
            if await self._claim(offer, worker):
                return offer

    async def _next(self, activity_arn: str, seconds: float) -> Offer | None:
        offers = self._offers.get(activity_arn)
        if offers:
            offer = offers.popleft()
            if not offers:
                del self._offers[activity_arn]
            return offer
        if seconds <= 0:
            return None
        poller: asyncio.Future[Offer] = asyncio.get_running_loop().create_future()
        pollers = self._pollers.setdefault(activity_arn, deque())
        pollers.append(poller)
        try:
            return await asyncio.wait_for(poller, seconds)
        except TimeoutError:
            return None
        except asyncio.CancelledError:
            if poller.done() and not poller.cancelled():
                self.offer(activity_arn, poller.result())  # the worker went away just as it was given a task
            raise
        finally:
            if poller in pollers:
                pollers.remove(poller)
            if not pollers:
                self._pollers.pop(activity_arn, None)
