"""How far a Map Run has come: what its row in the store says, and the counts the API shows."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.ports.store import ExecutionStatus


class Counts(msgspec.Struct):
    """Children (or their items) that have ended, by how."""

    succeeded: int = 0
    failed: int = 0
    timed_out: int = 0
    aborted: int = 0

    def add(self, status: ExecutionStatus, number: int = 1) -> None:
        """Count one more child (or its items) that ended so."""
        if status == "SUCCEEDED":  # nearly all
            self.succeeded += number
            return
        field = _FIELDS[status]
        setattr(self, field, getattr(self, field) + number)

    def plus(self, other: Counts) -> Counts:
        return Counts(
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.timed_out + other.timed_out,
            self.aborted + other.aborted,
        )

    @property
    def failures(self) -> int:
        """What a tolerance is held against."""
        return self.failed + self.timed_out

    @property
    def unsuccessful(self) -> int:
        return self.failed + self.timed_out + self.aborted

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed + self.timed_out + self.aborted


_FIELDS: Final[dict[ExecutionStatus, str]] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "timed_out",
    "ABORTED": "aborted",
}


class Recount(msgspec.Struct):
    """How far a redrive has looked at the children of shards that had closed: those before `next` have been.

    `covered` are (first, number) of the children of shards that were open when the redrive began.
    """

    next: int
    covered: tuple[tuple[int, int], ...]

    def covers(self, index: int) -> bool:
        return any(first <= index < first + number for first, number in self.covered)


class Progress(msgspec.Struct):
    """What is durable of a running Map Run; the counts are those of the shards that have closed.

    `position` resumes the reader after the last item that was given out: `next_child` children of `next_shard` shards,
    with `items_made` items. `read_all` says that there are no more. `error` and `cause` say why a failed one failed.
    """

    position: str | None = None
    items_made: int = 0
    next_child: int = 0
    next_shard: int = 0
    read_all: bool = False
    children: Counts = msgspec.field(default_factory=Counts)
    items: Counts = msgspec.field(default_factory=Counts)
    results_written: int = 0
    error: str | None = None
    cause: str | None = None
    express: bool = False
    recount: Recount | None = None


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Progress)


def encode_progress(progress: Progress) -> str:
    return _encoder.encode(progress).decode()


def decode_progress(text: str) -> Progress:
    return _decoder.decode(text)


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of DescribeMapRun for children or items."""

    pending: int
    running: int
    ended: Counts
    total: int
    results_written: int
    pending_redrive: int = 0

    def as_api(self) -> dict[str, int]:
        """`MapRunItemCounts` and `MapRunExecutionCounts`."""
        return {
            "pending": self.pending,
            "running": self.running,
            "succeeded": self.ended.succeeded,
            "failed": self.ended.failed,
            "timedOut": self.ended.timed_out,
            "aborted": self.ended.aborted,
            "total": self.total,
            "resultsWritten": self.results_written,
            "failuresNotRedrivable": 0,
            "pendingRedrive": self.pending_redrive,
        }
