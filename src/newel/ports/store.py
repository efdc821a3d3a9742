"""What the runtime and the services ask of a store, and the records it keeps.

Writes are durable when their awaitable returns (group commit may put many into one transaction). Times are epoch
milliseconds. Every adapter passes one contract suite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Literal, Protocol

import msgspec

ExecutionStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE"]
MachineType = Literal["STANDARD", "EXPRESS"]


class SequenceConflict(Exception):  # noqa: N818
    """The turn is not the execution's next (another was committed first, or it is unknown): reload and decide again."""


class AlreadyExists(Exception):  # noqa: N818
    """The key of a new record is taken."""


class StoreUnavailable(Exception):  # noqa: N818
    """The store cannot write (disk full, read-only, closed): nothing of the failed write is visible."""


class Machine(msgspec.Struct, kw_only=True, frozen=True):
    """A state machine. `id` is unique per incarnation: a deleted and re-created machine has another."""

    arn: str
    id: str
    name: str
    type: MachineType
    status: Literal["ACTIVE", "DELETING"]
    created_ms: int
    updated_ms: int
    revision_id: str  # of the current revision; the first is INITIAL
    next_version: int = 1  # version numbers are never reused


class Revision(msgspec.Struct, kw_only=True, frozen=True):
    """An immutable definition with its configuration (the JSON objects of the API as JSON text)."""

    machine_id: str
    revision_id: str
    definition: str
    role_arn: str
    created_ms: int
    logging: str = '{"level":"OFF","includeExecutionData":false}'
    tracing: str = '{"enabled":false}'
    encryption: str = '{"type":"AWS_OWNED_KEY"}'


class Version(msgspec.Struct, kw_only=True, frozen=True):
    machine_id: str
    number: int
    revision_id: str
    created_ms: int
    description: str | None = None


class Alias(msgspec.Struct, kw_only=True, frozen=True):
    """`routes` are (version number, weight) pairs whose weights sum to 100."""

    machine_id: str
    name: str
    routes: tuple[tuple[int, int], ...]
    created_ms: int
    updated_ms: int
    description: str | None = None


class Activity(msgspec.Struct, kw_only=True, frozen=True):
    arn: str
    name: str
    created_ms: int
    encryption: str = '{"type":"AWS_OWNED_KEY"}'


class Execution(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What DescribeExecution and ListExecutions show. Payloads are JSON text."""

    arn: str
    machine_arn: str
    machine_id: str
    revision_id: str
    name: str
    status: ExecutionStatus
    start_ms: int
    input: str
    type: MachineType = "STANDARD"
    stop_ms: int | None = None
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    version: int | None = None
    alias: str | None = None
    trace_header: str | None = None
    map_run_arn: str | None = None
    redrive_count: int = 0
    redrive_ms: int | None = None
    parent: str | None = None  # opaque to the store: who is told when this execution ends
    test_case: str | None = None  # of the mock file; None: tasks call their targets


class ExecutionSummary(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What ListExecutions shows: an execution without its payloads."""

    arn: str
    machine_arn: str
    machine_id: str
    revision_id: str
    name: str
    status: ExecutionStatus
    start_ms: int
    type: MachineType = "STANDARD"
    stop_ms: int | None = None
    version: int | None = None
    alias: str | None = None
    map_run_arn: str | None = None
    redrive_count: int = 0
    redrive_ms: int | None = None


class End(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """How an execution ended; set in the turn that ends it."""

    status: ExecutionStatus
    stop_ms: int
    output: str | None = None
    error: str | None = None
    cause: str | None = None


class Turn(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """One turn of one execution: its events as one encoded row, and what changes with it in the same transaction.

    `seq` counts an execution's turns from 1. `wake_ms` is when its earliest timer is due (None: no timer). `owes` is
    true while a restart would have to issue a command again (a task in flight). `snapshot`, where given, is the
    state after this turn, so that loading need not fold the whole journal; a turn that ends the execution drops an
    older snapshot. `redrive_ms` reopens an ended execution: RUNNING again without stop time, output and error, one
    more redrive counted.
    """

    execution_arn: str
    seq: int
    at_ms: int
    events: bytes
    wake_ms: int | None = None
    owes: bool = False
    end: End | None = None
    snapshot: bytes | None = None
    redrive_ms: int | None = None


class Ended(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One of `EndedTogether`: the end of its ARN (`<name>:<UUID>`), its input, and how it ended.

    Stores may keep it as it stands, so a field may be added at the end but never moved.
    """

    tail: str
    status: ExecutionStatus
    start_ms: int
    stop_ms: int
    input: str
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    parent: str | None = None


class EndedTogether(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """Express executions that ended in the turn that started them: what is the same of all is told once.

    `prefix` and a `tail` make an ARN. `common` has what `Ended` has not; its ARN and name mean nothing. Each turn was
    taken at the execution's start, and has these `events`.
    """

    prefix: str
    common: Execution
    each: Sequence[Ended]
    events: bytes

    def execution(self, ended: Ended) -> Execution:
        """The record of one of them."""
        return msgspec.structs.replace(
            self.common,
            arn=self.prefix + ended.tail,
            name=ended.tail.partition(":")[0],
            status=ended.status,
            start_ms=ended.start_ms,
            stop_ms=ended.stop_ms,
            input=ended.input,
            output=ended.output,
            error=ended.error,
            cause=ended.cause,
            parent=ended.parent,
        )

    def turn(self, ended: Ended) -> Turn:
        """The only turn of one of them."""
        end = End(status=ended.status, stop_ms=ended.stop_ms, output=ended.output, error=ended.error, cause=ended.cause)
        arn = self.prefix + ended.tail
        return Turn(execution_arn=arn, seq=1, at_ms=ended.start_ms, events=self.events, end=end)


class JournalRow(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    seq: int
    at_ms: int
    events: bytes


class Loaded(msgspec.Struct, kw_only=True, frozen=True):
    """An execution brought back: the newest snapshot (None: fold from the start) and the rows after it."""

    execution: Execution
    snapshot: bytes | None
    snapshot_seq: int
    rows: Sequence[JournalRow]


class ExecutionFilter(msgspec.Struct, kw_only=True, frozen=True):
    """Which executions ListExecutions wants, newest first.

    `version`/`alias` narrow to executions started through them. `map_run_arn` asks for the children of that Map Run;
    without it children are left out, as on AWS. `after` is the (sort time ms, arn) of the last execution already
    given; equal times go by ARN, descending.
    """

    machine_id: str
    status: ExecutionStatus | None = None
    version: int | None = None
    alias: str | None = None
    map_run_arn: str | None = None
    after: tuple[int, str] | None = None
    limit: int = 100


class MapRun(msgspec.Struct, kw_only=True, frozen=True):
    """A Map Run. `progress` is the runtime's own account of it, as JSON text."""

    arn: str
    execution_arn: str
    machine_arn: str  # with the label: `…:stateMachine:name/label`
    status: Literal["RUNNING", "SUCCEEDED", "FAILED", "ABORTED"]
    start_ms: int
    stop_ms: int | None = None
    max_concurrency: int = 0
    tolerated_count: int = 0
    tolerated_percentage: float = 0.0
    progress: str = "{}"
    redrive_count: int = 0
    redrive_ms: int | None = None


class MapShard(msgspec.Struct, kw_only=True, frozen=True):
    """Children `first`, `first + 1`, … of a Map Run, by their inputs (JSON text) and how many items each has."""

    map_run_arn: str
    number: int
    first: int
    inputs: tuple[str, ...]
    items: tuple[int, ...]


class Journal(Protocol):
    """Executions and their turns: the hot path."""

    def create(self, execution: Execution, turn: Turn) -> Awaitable[None]:
        """Insert an execution with its first turn. Raises `AlreadyExists` for a taken ARN."""
        ...

    def create_all(self, executions: Sequence[tuple[Execution, Turn]]) -> Awaitable[frozenset[str]]:
        """Insert executions of different ARNs, each with its first turn, in one transaction.

        Those whose ARN is taken are left out; what is returned are their ARNs.
        """
        ...

    def create_ended(self, ended: EndedTogether) -> Awaitable[frozenset[str]]:
        """Insert executions that are over, in one transaction; answers as `create_all` does.

        They come with different tails; a store may do best with those of one Map Run in the order of their tails.
        """
        ...

    def append(self, turn: Turn) -> Awaitable[None]:
        """Commit a later turn. Raises `SequenceConflict` unless `seq` is the execution's last plus one."""
        ...

    def save_snapshot(self, execution_arn: str, seq: int, snapshot: bytes) -> Awaitable[None]:
        """Keep the state as of turn `seq` (used when an execution is put away).

        Ignored if the execution is unknown or ended, or has a snapshot as new.
        """
        ...

    async def execution(self, arn: str) -> Execution | None: ...

    async def executions_of(self, arns: Sequence[str]) -> dict[str, Execution]:
        """Those of these ARNs that there are, by ARN; some hundreds at a time."""
        ...

    async def load(self, arn: str) -> Loaded | None: ...

    async def turns(self, arn: str) -> Sequence[JournalRow]:
        """All turns in order."""
        ...

    async def executions(self, wanted: ExecutionFilter) -> Sequence[ExecutionSummary]:
        """Newest first: by start time, but by stop time when an ended status is asked for."""
        ...

    async def due(self, before_ms: int, limit: int) -> Sequence[tuple[int, str]]:
        """(wake_ms, execution ARN) of running executions whose wake time is before `before_ms`, earliest first.

        Equal times go in the order the executions were created.
        """
        ...

    def owing(self) -> AsyncIterator[str]:
        """ARNs of running executions with owed commands, for recovery; streamed in small pages."""
        ...

    async def open_count(self, machine_id: str | None = None) -> int:
        """Running executions, of one machine or of all."""
        ...

    async def running(self, machine_id: str) -> Sequence[str]:
        """ARNs of a machine's running executions (when it is deleted), oldest first."""
        ...

    async def delete_ended_before(self, before_ms: int) -> int:
        """Forget executions that stopped before `before_ms`, with their journals and Map Runs; returns how many.

        Their ARNs are free again: until then an ARN is taken for ever (AWS: 90 days).
        """
        ...


class Catalog(Protocol):
    """State machines, their revisions, versions and aliases, activities and tags. Small and read often."""

    def put_machine(
        self, machine: Machine, revision: Revision | None = None, version: Version | None = None
    ) -> Awaitable[None]:
        """Insert or replace a machine, with a new revision and version in the same transaction.

        Raises `AlreadyExists`, changing nothing, if the ARN is held by another incarnation (another `id`) or the
        revision or version exists: somebody else was first.
        """
        ...

    def delete_machine(self, arn: str) -> Awaitable[None]:
        """Remove the machine, its versions, aliases and tags; revisions stay for executions that used them."""
        ...

    async def machine(self, arn: str) -> Machine | None: ...

    async def machines(self, prefix: str, after: str | None, limit: int) -> Sequence[Machine]:
        """Machines whose ARN starts with `prefix` (account and region), by ARN; `after` is the last ARN given."""
        ...

    async def revision(self, machine_id: str, revision_id: str) -> Revision | None: ...

    async def version(self, machine_id: str, number: int) -> Version | None: ...

    async def versions(self, machine_id: str, before: int | None, limit: int) -> Sequence[Version]:
        """Newest first; `before` is the last number already given."""
        ...

    def delete_version(self, machine_id: str, number: int) -> Awaitable[None]: ...

    def put_alias(self, alias: Alias) -> Awaitable[None]: ...

    def delete_alias(self, machine_id: str, name: str) -> Awaitable[None]: ...

    async def alias(self, machine_id: str, name: str) -> Alias | None: ...

    async def aliases(self, machine_id: str, after: str | None, limit: int) -> Sequence[Alias]:
        """By creation time, then name; `after` is the last name already given (gone meanwhile: from the start)."""
        ...

    def put_activity(self, activity: Activity) -> Awaitable[None]: ...

    def delete_activity(self, arn: str) -> Awaitable[None]:
        """Remove the activity and its tags."""
        ...

    async def activity(self, arn: str) -> Activity | None: ...

    async def activities(self, prefix: str, after: str | None, limit: int) -> Sequence[Activity]:
        """Activities whose ARN starts with `prefix`, by ARN; `after` is the last ARN given."""
        ...

    def put_tags(self, resource_arn: str, tags: dict[str, str]) -> Awaitable[None]:
        """Replace all tags of a resource; they keep their order."""
        ...

    async def tags(self, resource_arn: str) -> dict[str, str]: ...


class MapRuns(Protocol):
    """Map Runs and the shards of children they have given out."""

    def put_map_run(self, run: MapRun, *, add: Sequence[MapShard] = (), drop: Sequence[int] = ()) -> Awaitable[None]:
        """Insert or replace a Map Run; in the same transaction shards open, and those numbered in `drop` go."""
        ...

    async def map_run(self, arn: str) -> MapRun | None: ...

    async def map_runs(self, execution_arn: str) -> Sequence[MapRun]:
        """All of an execution, by start."""
        ...

    async def running_map_runs(self) -> Sequence[MapRun]:
        """All that are RUNNING (on recovery)."""
        ...

    async def shards(self, map_run_arn: str) -> Sequence[MapShard]:
        """The open shards, by number."""
        ...


class Store(Journal, Catalog, MapRuns, Protocol):
    """A whole store."""

    async def open(self) -> None:
        """Migrate and start. Raises `StoreUnavailable` with a plain reason."""
        ...

    async def close(self) -> None:
        """Finish pending writes and stop."""
        ...
