"""Time as a port, so that tests and dry runs can skip it."""

from collections.abc import Awaitable
from typing import Protocol


class Clock(Protocol):
    """Epoch milliseconds, and sleeping until a moment."""

    def now_ms(self) -> int: ...

    def sleep_until(self, due_ms: int) -> Awaitable[None]:
        """Return when `now_ms()` has reached `due_ms`; cancellable."""
        ...
