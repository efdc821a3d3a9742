"""What an evaluation gets from outside: the clock and randomness, and the bounds it must keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Environment", "Limits"]


class Environment(Protocol):
    """The impure part of an evaluation, decided by the caller, so that the evaluation can be repeated."""

    @property
    def now_ms(self) -> int:
        """Milliseconds since the epoch: one answer for the whole evaluation."""
        ...

    def random(self) -> float:
        """A number from 0 (included) to 1 (excluded)."""
        ...

    def uuid(self) -> str:
        """A new version 4 UUID."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one evaluation may use.

    ``steps``: loop iterations; a call counts as ten. ``depth``: functions of the expression within one another.
    ``sequence_length``: members of one array or sequence. ``string_length``: characters of one string.
    """

    steps: int = 50_000_000
    depth: int = 400
    sequence_length: int = 10_000_000
    string_length: int = 2**28
