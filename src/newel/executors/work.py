"""A shard as bytes, for executors that compute in other processes, and what they do with it there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from newel.limits import Limits
from newel.ports.executor import FirstTurn, Shard
from newel.ports.store import Execution, Revision, Turn
from newel.runtime.env import Entropy, RuntimeEnv
from newel.runtime.first_turns import first_turn
from newel.runtime.programs import Compiled, ProgramCache
from newel.runtime.tokens import TaskTokens


class _Child(msgspec.Struct, frozen=True, array_like=True):
    arn: str
    name: str
    input: str


class _Work(msgspec.Struct, frozen=True, array_like=True):
    """A shard, what its children share told once."""

    revision: Revision
    scope: str
    state_name: str
    machine_arn: str
    express: bool
    seconds_max: int
    now_ms: int
    activities: tuple[str, ...]
    keep_events: bool
    children: Sequence[_Child]
    limits: Limits


_encoder: Final = msgspec.msgpack.Encoder()
_work_decoder: Final = msgspec.msgpack.Decoder(_Work)
_turns_decoder: Final = msgspec.msgpack.Decoder(list[Turn | None])
_programs: Final = ProgramCache()
_entropy: Final = Entropy()


def encode_work(shard: Shard, children: Sequence[Execution], limits: Limits) -> bytes:
    """Some children of a shard, to be computed by `compute` wherever Newel is installed."""
    first = children[0]
    return _encoder.encode(
        _Work(
            revision=shard.revision,
            scope=shard.scope,
            state_name=shard.state_name,
            machine_arn=first.machine_arn,
            express=first.type == "EXPRESS",
            seconds_max=shard.seconds_max,
            now_ms=shard.now_ms,
            activities=tuple(shard.activities),
            keep_events=shard.keep_events,
            children=[_Child(child.arn, child.name, child.input) for child in children],
            limits=limits,
        )
    )


def decode_turns(computed: bytes) -> list[FirstTurn | None]:
    """What `compute` gives."""
    return [None if turn is None else FirstTurn(turn) for turn in _turns_decoder.decode(computed)]


def compute(work: bytes) -> bytes:
    """The first turns of some children: None for one that wants a secret of the server's."""
    order = _work_decoder.decode(work)
    compiled = _programs.processor(order.revision, order.scope, order.state_name)
    env = RuntimeEnv(order.now_ms, order.limits, _entropy, _NoTokens(b""), frozenset(order.activities))
    return _encoder.encode([_compute(order, compiled, child, env) for child in order.children])


def _compute(order: _Work, compiled: Compiled, child: _Child, env: RuntimeEnv) -> Turn | None:
    record = Execution(
        arn=child.arn,
        machine_arn=order.machine_arn,
        machine_id=order.revision.machine_id,
        revision_id=order.revision.revision_id,
        name=child.name,
        status="RUNNING",
        start_ms=order.now_ms,
        input=child.input,
        type="EXPRESS" if order.express else "STANDARD",
    )
    try:
        return first_turn(compiled, record, order.seconds_max, env, keep_events=order.keep_events).turn
    except _WantedToken:
        return None


class _WantedToken(Exception):  # noqa: N818  (not an error: the server computes that child)
    pass


class _NoTokens(TaskTokens):
    """The key that signs tokens does not leave the server."""

    def sign(self, execution_arn: str, task_id: int) -> str:
        raise _WantedToken
