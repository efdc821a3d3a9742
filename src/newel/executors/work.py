"""A shard as bytes, for executors that compute in other processes, and what they do with it there."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.limits import Limits
from newel.ports.executor import Computed, FirstTurn, Shard, Starting
from newel.ports.store import End, Turn
from newel.runtime.env import Entropy, RuntimeEnv
from newel.runtime.first_turns import first_turn
from newel.runtime.programs import Compiled, ProgramCache
from newel.runtime.tokens import TaskTokens


class _Work(msgspec.Struct, frozen=True, array_like=True):
    shard: Shard
    limits: Limits


class _Result(msgspec.Struct, frozen=True, array_like=True):
    """What was computed of a child; nothing, where it could not be."""

    turn: Turn | None = None
    end: End | None = None


_encoder: Final = msgspec.msgpack.Encoder()
_work_decoder: Final = msgspec.msgpack.Decoder(_Work)
_results_decoder: Final = msgspec.msgpack.Decoder(list[_Result])
_programs: Final = ProgramCache()
_entropy: Final = Entropy()


def encode_work(shard: Shard, limits: Limits) -> bytes:
    """A shard, to be computed by `compute` wherever Newel is installed."""
    return _encoder.encode(_Work(shard, limits))


def decode_computed(computed: bytes) -> list[Computed]:
    """What `compute` gives."""
    return [
        result.end if result.turn is None else FirstTurn(result.turn) for result in _results_decoder.decode(computed)
    ]


def compute(work: bytes) -> bytes:
    """The first turns of a shard: None for one that wants a secret of the server's."""
    order = _work_decoder.decode(work)
    shard = order.shard
    compiled = _programs.processor(shard.revision, shard.scope, shard.state_name)
    env = RuntimeEnv(shard.now_ms, order.limits, _entropy, _NoTokens(b""), shard.activities)
    return _encoder.encode([_compute(compiled, shard, child, env) for child in shard.children])


def _compute(compiled: Compiled, shard: Shard, child: Starting, env: RuntimeEnv) -> _Result:
    try:
        computed = first_turn(compiled, shard, child, env)
    except _WantedToken:
        return _Result()
    return _Result(end=computed) if isinstance(computed, End) else _Result(computed.turn)


class _WantedToken(Exception):  # noqa: N818  (not an error: the server computes that child)
    pass


class _NoTokens(TaskTokens):
    """The key that signs tokens does not leave the server."""

    def sign(self, execution_arn: str, task_id: int) -> str:
        raise _WantedToken
