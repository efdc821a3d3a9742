"""How much memory a process and its descendants hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import psutil

_HAS_PROC: Final = Path("/proc/self/task").exists()
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int) -> int:
    """Resident bytes of the process tree below `pid`; 0 if it is gone. Read from /proc where there is one."""
    return _resident_linux(pid) if _HAS_PROC else _resident_elsewhere(pid)


def _resident_linux(pid: int) -> int:
    total, pending = 0, [pid]
    while pending:
        current = pending.pop()
        try:
            total += int(_read(f"/proc/{current}/statm").split()[1]) * _PAGE_BYTES
            children = _read(f"/proc/{current}/task/{current}/children")
        except (OSError, IndexError, ValueError):
            continue
        pending.extend(int(child) for child in children.split())
    return total


def _read(path: str) -> bytes:
    """A whole small file of /proc; this runs for every process many times a second."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 65536)
    finally:
        os.close(descriptor)


def _resident_elsewhere(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
        return sum(int(member.memory_info().rss) for member in tree)
    except psutil.Error:
        return 0
