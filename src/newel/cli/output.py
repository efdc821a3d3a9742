"""What the commands print, and how they end.

Results go to stdout; progress, diagnostics about the command itself and errors go to stderr, an error as one line.
"""

from __future__ import annotations

import sys
from enum import IntEnum
from typing import NoReturn

import typer
from rich.console import Console

from newel.json import Json, dumps


class ExitCode(IntEnum):
    """How a command ended."""

    OK = 0
    NEGATIVE = 1  # the answer is no: the execution failed, the definition is invalid, nothing was found
    USAGE = 2  # a wrong option, a file that cannot be read, input that is not JSON
    UNAVAILABLE = 3  # the server cannot be reached or refuses, the port is taken, the data directory is unusable
    INTERRUPTED = 130  # Ctrl-C


EXIT_CODES = (
    "Exit codes: 0 success, 1 a negative answer (execution failed, definition invalid), 2 wrong usage or unreadable "
    "input, 3 server or data directory unavailable, 130 interrupted."
)


def stderr() -> Console:
    """The console for progress and errors; colours only on a terminal."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def stdout() -> Console:
    """The console for results meant for people."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: Json) -> None:
    """One JSON document on one line."""
    sys.stdout.write(dumps(value) + "\n")
    sys.stdout.flush()


def fail(message: str, code: ExitCode = ExitCode.USAGE) -> NoReturn:
    """End the command with one line on stderr."""
    line = " ".join(message.split())
    sys.stderr.write(f"newel: {line}\n")
    raise typer.Exit(code)
