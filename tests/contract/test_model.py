"""SQLite against the in-memory store as its model: the same operations, the same answers, also after reopening."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from newel.ports.store import End, Ended, EndedTogether, Execution, ExecutionFilter, Store, Turn
from newel.store.memory import MemoryStore
from newel.store.sqlite import SqliteStore

from .records import arn_of, outcomes

MACHINES = ("M", "N")
ARNS = [arn_of(name, machine) for machine in MACHINES for name in "abc"]
EXPRESS = [arn_of(name).replace(":execution:", ":express:") + f":{name}" for name in "abcde"]
ARNS += EXPRESS
EXPRESS_PREFIX = EXPRESS[0][: -len("a:a")]
MOMENTS = st.integers(0, 6)
STATUSES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE")
TEXTS = st.none() | st.sampled_from(["", "x", '{"ü":1}'])
BYTES = st.binary(max_size=3)

executions = st.builds(
    Execution,
    arn=st.sampled_from(ARNS),
    machine_arn=st.just("arn:machine"),
    machine_id=st.sampled_from(MACHINES),
    revision_id=st.sampled_from(["INITIAL", "r"]),
    name=st.sampled_from("abc"),
    status=st.just("RUNNING"),
    start_ms=MOMENTS,
    input=st.sampled_from(["1", '"ä"']),
    type=st.sampled_from(["STANDARD", "EXPRESS"]),
    version=st.none() | st.integers(1, 2),
    alias=st.none() | st.sampled_from(["p", "q"]),
    trace_header=TEXTS,
    map_run_arn=st.none() | st.just("arn:map"),
    parent=TEXTS,
    test_case=TEXTS,
)
ends = st.builds(End, status=st.sampled_from(STATUSES), stop_ms=MOMENTS, output=TEXTS, error=TEXTS, cause=TEXTS)
turns = st.builds(
    Turn,
    execution_arn=st.sampled_from(ARNS),
    seq=st.integers(1, 6),
    at_ms=MOMENTS,
    events=BYTES,
    wake_ms=st.none() | MOMENTS,
    owes=st.booleans(),
    end=st.none() | ends,
    snapshot=st.none() | BYTES,
    redrive_ms=st.none() | MOMENTS,
)
filters = st.builds(
    ExecutionFilter,
    machine_id=st.sampled_from(MACHINES),
    status=st.none() | st.sampled_from(("RUNNING", *STATUSES)),
    version=st.none() | st.integers(1, 2),
    alias=st.none() | st.sampled_from(["p", "q"]),
    map_run_arn=st.none() | st.just("arn:map"),
    after=st.none() | st.tuples(MOMENTS, st.sampled_from(ARNS)),
    limit=st.integers(1, 4),
)


class Create(msgspec.Struct):
    execution: Execution
    turn: Turn

    def run(self, store: Store, nexts: dict[str, int]):
        arn = self.execution.arn
        return store.create(
            self.execution, msgspec.structs.replace(self.turn, execution_arn=arn, seq=1, redrive_ms=None)
        )


class CreateAll(msgspec.Struct):
    creates: list[Create]

    def run(self, store: Store, nexts: dict[str, int]):
        first = {create.execution.arn: create for create in reversed(self.creates)}
        turns = (msgspec.structs.replace(c.turn, execution_arn=arn, seq=1, redrive_ms=None) for arn, c in first.items())
        return store.create_all([(first[turn.execution_arn].execution, turn) for turn in turns])


class CreatePack(msgspec.Struct):
    """Children of one Map Run that are over: much alike, and mostly in order."""

    execution: Execution
    events: bytes
    backwards: bool
    ends: dict[str, tuple[int, End]]

    def run(self, store: Store, nexts: dict[str, int]):
        each = []
        for arn, (start_ms, end) in sorted(self.ends.items(), reverse=self.backwards):
            each.append(
                Ended(
                    *(arn.removeprefix(EXPRESS_PREFIX), end.status, start_ms, end.stop_ms, self.execution.input),
                    *(end.output, end.error, end.cause, self.execution.parent),
                )
            )
        common = msgspec.structs.replace(self.execution, type="EXPRESS", map_run_arn="arn:map")
        return store.create_ended(EndedTogether(prefix=EXPRESS_PREFIX, common=common, each=each, events=self.events))


class Append(msgspec.Struct):
    turn: Turn
    next: bool

    def run(self, store: Store, nexts: dict[str, int]):
        arn = self.turn.execution_arn
        seq = nexts.get(arn, 1) if self.next else self.turn.seq
        return store.append(msgspec.structs.replace(self.turn, seq=seq))


class Save(msgspec.Struct):
    arn: str
    seq: int
    snapshot: bytes

    def run(self, store: Store, nexts: dict[str, int]):
        return store.save_snapshot(self.arn, self.seq, self.snapshot)


class Tag(msgspec.Struct):
    value: str

    def run(self, store: Store, nexts: dict[str, int]):
        return store.put_tags("arn", {"k": self.value})


writes = st.one_of(
    st.builds(Create, executions, turns),
    st.builds(CreateAll, st.lists(st.builds(Create, executions, turns), max_size=4)),
    st.builds(
        CreatePack,
        executions,
        BYTES,
        st.just(False) | st.booleans(),
        st.dictionaries(st.sampled_from(EXPRESS), st.tuples(MOMENTS, ends), min_size=2, max_size=4),
    ),
    st.builds(Append, turns, st.just(True) | st.booleans()),
    st.builds(Save, st.sampled_from(ARNS), st.integers(1, 5), BYTES),
    st.builds(Tag, st.sampled_from("xyz")),
)


def created_by(operation) -> list[str]:
    if isinstance(operation, Create):
        return [operation.execution.arn]
    if isinstance(operation, CreateAll):
        return [create.execution.arn for create in operation.creates]
    return list(operation.ends) if isinstance(operation, CreatePack) else []


class StoreMachine(RuleBasedStateMachine):
    """Writes are queued together, so that a batch of the writer holds several of one execution."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = Path(tempfile.mkdtemp(prefix="newel-model-"))
        self.model = MemoryStore()
        self.store = SqliteStore(self.directory)
        self.wait(self.model.open())
        self.wait(self.store.open())

    def wait(self, awaitable):
        return self.loop.run_until_complete(awaitable)

    def same(self, ask) -> None:
        expected, found = self.wait(ask(self.model)), self.wait(ask(self.store))
        assert found == expected

    @rule(operations=st.lists(writes, min_size=1, max_size=8))
    def write(self, operations) -> None:
        nexts = {arn: len(self.wait(self.model.turns(arn))) + 1 for arn in ARNS}

        async def run(store: Store) -> list[object]:
            seqs = dict(nexts)
            queued = []
            for operation in operations:
                queued.append(operation.run(store, seqs))
                if isinstance(operation, Append) and operation.next:
                    seqs[operation.turn.execution_arn] += 1
                for arn in created_by(operation):
                    seqs[arn] = max(2, seqs[arn])
            return await outcomes(*queued)

        self.same(run)

    @rule(moment=MOMENTS)
    def forget(self, moment) -> None:
        self.same(lambda store: store.delete_ended_before(moment))

    @rule()
    def reopen(self) -> None:
        self.wait(self.store.close())
        self.wait(self.store.open())

    @rule(wanted=filters)
    def lists(self, wanted) -> None:
        self.same(lambda store: store.executions(wanted))

    @rule(moment=MOMENTS, limit=st.integers(1, 4))
    def due(self, moment, limit) -> None:
        self.same(lambda store: store.due(moment, limit))

    @rule(arn=st.sampled_from(ARNS))
    def load(self, arn) -> None:
        self.same(lambda store: store.load(arn))

    @invariant()
    def agree(self) -> None:
        async def everything(store: Store) -> list[object]:
            return [
                [await store.execution(arn) for arn in ARNS],
                await store.executions_of(ARNS),
                [await store.turns(arn) for arn in ARNS],
                [arn async for arn in store.owing()],
                [await store.open_count(machine) for machine in (None, *MACHINES)],
                [await store.running(machine) for machine in MACHINES],
                await store.tags("arn"),
            ]

        self.same(everything)

    def teardown(self) -> None:
        self.wait(self.store.close())
        self.loop.close()
        shutil.rmtree(self.directory)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
