"""Lines for stdout, written by a thread of their own: a pipe that nobody reads must not stop a server."""

from __future__ import annotations

import queue
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

QUEUE_LINES: Final = 10_000
#: How long the end of the program waits for a reader that does not read.
_FLUSH_SECONDS: Final = 2.0


class LineWriter:
    """`put` never blocks; lines for which there is no room are counted and the count is written when there is."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write or _to_stdout
        self._queue: queue.Queue[str | None] = queue.Queue(QUEUE_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="lines", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._queue.put(None, timeout=_FLUSH_SECONDS)
        except queue.Full:
            return
        self._thread.join(_FLUSH_SECONDS)

    def put(self, line: str) -> None:
        """Have a line written."""
        try:
            if self._dropped:
                self._queue.put_nowait(f"… {self._dropped} lines are not shown")
                self._dropped = 0
            self._queue.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def _run(self) -> None:
        while (line := self._queue.get()) is not None:
            try:
                self._write(line)
            except (OSError, ValueError):
                return  # the reader has gone; the server has not


def _to_stdout(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
