"""Blocking calls in threads that nobody has to wait for at the end of the program.

The threads of `concurrent.futures` are joined when the interpreter ends, which would take as long as the longest poll
under way.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar, cast

ResultT = TypeVar("ResultT")
ArgumentT = TypeVar("ArgumentT")


class Threads:
    """At most `limit` calls at a time; what is over waits its turn, and so does nothing else."""

    def __init__(self, limit: int, name: str) -> None:
        self._free = asyncio.Semaphore(limit)
        self._name = name

    async def run(self, call: Callable[[ArgumentT], ResultT], argument: ArgumentT) -> ResultT:
        """The result of a call. One whose caller is cancelled goes on, and counts until it is done."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ResultT] = loop.create_future()

        def settle(result: ResultT | None, error: BaseException | None) -> None:
            self._free.release()
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(cast("ResultT", result))

        def work() -> None:
            result, error = None, None
            try:
                result = call(argument)
            except Exception as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed: the program ends
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return await future
