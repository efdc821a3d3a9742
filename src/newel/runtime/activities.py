"""Activity tasks waiting for workers, and workers waiting for tasks.

After a restart the queues are rebuilt from what executions owe.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
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
        self._offers: dict[str, OrderedDict[tuple[str, int], Offer]] = {}
        self._pollers: dict[str, deque[asyncio.Future[Offer | None]]] = {}
        self._claimed: set[tuple[str, int]] = set()  # claims under way; bringing an execution back offers its tasks
        self._closed = False

    def offer(self, activity_arn: str, offer: Offer) -> bool:
        """Hand a task to whoever polls, or queue it; one that is queued or being taken is left where it is (False)."""
        key = _key(offer)
        if key in self._claimed or key in self._offers.get(activity_arn, ()):
            return False
        pollers = self._pollers.get(activity_arn)
        while pollers:
            poller = pollers.popleft()
            if not poller.done():
                poller.set_result(offer)
                return True
        self._offers.setdefault(activity_arn, OrderedDict())[key] = offer
        return True

    def polling(self, activity_arn: str) -> int:
        """Workers that wait for this activity now."""
        return len(self._pollers.get(activity_arn, ()))

    def forget(self, activity_arn: str) -> None:
        """The activity was deleted: nobody will ask for its tasks."""
        self._offers.pop(activity_arn, None)

    def close(self) -> None:
        """Send every worker away empty-handed: the server stops."""
        self._closed = True
        for pollers in self._pollers.values():
            for poller in pollers:
                if not poller.done():
                    poller.set_result(None)

    async def take(self, activity_arn: str, worker: str | None, seconds: float) -> Offer | None:
        """The next task that still stands, waiting at most `seconds`; None if there was none."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            offer = await self._next(activity_arn, deadline - loop.time())
            if offer is None:
                return None
            if await self._stands(activity_arn, offer, worker):
                return offer

    async def _stands(self, activity_arn: str, offer: Offer, worker: str | None) -> bool:
        key = _key(offer)
        self._claimed.add(key)
        try:
            return await self._claim(offer, worker)
        except BaseException:
            # The worker is gone or the store cannot write: the task is for the next worker. If the claim was committed
            # all the same, the next claim finds that the task no longer stands.
            self._claimed.discard(key)
            self.offer(activity_arn, offer)
            raise
        finally:
            self._claimed.discard(key)

    async def _next(self, activity_arn: str, seconds: float) -> Offer | None:
        offers = self._offers.get(activity_arn)
        if offers:
            _, offer = offers.popitem(last=False)
            if not offers:
                del self._offers[activity_arn]
            return offer
        if seconds <= 0 or self._closed:
            return None
        poller: asyncio.Future[Offer | None] = asyncio.get_running_loop().create_future()
        pollers = self._pollers.setdefault(activity_arn, deque())
        pollers.append(poller)
        try:
            async with asyncio.timeout(seconds):
                return await poller
        except TimeoutError:
            self._give_back(activity_arn, poller)
            return None
        except asyncio.CancelledError:
            self._give_back(activity_arn, poller)
            raise
        finally:
            if poller in pollers:
                pollers.remove(poller)
            if not pollers and self._pollers.get(activity_arn) is pollers:
                del self._pollers[activity_arn]

    def _give_back(self, activity_arn: str, poller: asyncio.Future[Offer | None]) -> None:
        """The worker went away, or its time was up, just as it was given a task."""
        if poller.done() and not poller.cancelled() and (offer := poller.result()) is not None:
            self.offer(activity_arn, offer)


def _key(offer: Offer) -> tuple[str, int]:
    return offer.execution_arn, offer.task_id
