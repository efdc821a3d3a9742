"""A process that computes children's first turns: work comes by standard input, what it gives goes by standard output.

Both come in frames: four bytes that say how long it is, then so many. The first frame out is empty: the process is
ready. It ends when there is no more input.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from typing import BinaryIO, Final

from newel.executors.work import compute

LENGTH_BYTES: Final = 4
#: How often a process looks whether its server is there.
_LOOK_SECONDS: Final = 0.5


def frame(content: bytes) -> bytes:
    """Bytes with their length before them."""
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer frame by frame until there are no more."""
    answer = b""
    while True:
        sink.write(frame(answer))
        sink.flush()
        header = source.read(LENGTH_BYTES)
        if len(header) < LENGTH_BYTES:
            return
        answer = compute(source.read(int.from_bytes(header, "big")))


def _end_with_server(server: int) -> None:
    """A server that was killed takes its processes along, whatever they compute."""
    while os.getppid() == server:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def main() -> None:
    """`python -m newel.executors.worker <process id of the server>`"""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's business
    threading.Thread(target=_end_with_server, args=(int(sys.argv[1]),), name="newel-server-watch", daemon=True).start()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed is no answer
    gc.freeze()
    serve(source, sink)


if __name__ == "__main__":
    main()
