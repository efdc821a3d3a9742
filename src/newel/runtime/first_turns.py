"""Turns as records of the store, and the executor that computes children's first turns in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from newel.engine.codec import NO_EVENTS, encode_events, encode_state
from newel.engine.decide import decide, must_continue, next_wake_ms
from newel.engine.events import AnyEvent, ExecutionRedriven
from newel.engine.inputs import Start, TurnEnv
from newel.engine.pending import owes
from newel.engine.program import Program
from newel.engine.state import ExecutionState, Identity
from newel.limits import Limits
from newel.ports.executor import Computed, FirstTurn, Shard, Starting
from newel.ports.store import End, Turn
from newel.runtime.active import machine_name, start_state
from newel.runtime.env import Entropy, RuntimeEnv
from newel.runtime.programs import Compiled, Programs
from newel.runtime.tokens import TaskTokens

#: Seconds of computing after which others have a turn on the event loop.
_SLICE_SECONDS: Final = 0.01


class InProcess:
    """Computes on the event loop, a slice at a time."""

    def __init__(self, programs: Programs, entropy: Entropy, tokens: TaskTokens, limits: Limits) -> None:
        self._programs = programs
        self._entropy = entropy
        self._tokens = tokens
        self._limits = limits

    async def first_turns(self, shard: Shard) -> list[Computed]:
        compiled = self._programs.processor(shard.revision, shard.scope, shard.state_name)
        env = RuntimeEnv(shard.now_ms, self._limits, self._entropy, self._tokens, shard.activities)
        computed: list[Computed] = []
        until = time.perf_counter() + _SLICE_SECONDS
        for child in shard.children:
            computed.append(first_turn(compiled, shard, child, env))
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + _SLICE_SECONDS
        return computed

    async def close(self) -> None:
        pass


def first_turn(compiled: Compiled, shard: Shard, child: Starting, env: TurnEnv) -> FirstTurn | End:
    """Decide on the start of a child; its end, if nothing else is wanted of one that ends at once."""
    state = _state(compiled, shard, child)
    events = start(compiled.program, state, env)
    if state.status != "RUNNING" and not shard.keep_events:
        return end_of(state, env.now_ms)
    return FirstTurn(turn_of(child.arn, 1, state, events, env.now_ms), state, events)


def _state(compiled: Compiled, shard: Shard, child: Starting) -> ExecutionState:
    """A child before its first event."""
    identity = Identity(
        execution_arn=child.arn,
        execution_name=child.name,
        machine_arn=shard.machine_arn,
        machine_name=machine_name(shard.machine_arn),
        role_arn=shard.revision.role_arn,
        start_ms=shard.now_ms,
        express=shard.type == "EXPRESS",
    )
    return start_state(identity, child.input, compiled, shard.seconds_max)


def start(program: Program, state: ExecutionState, env: TurnEnv) -> list[AnyEvent]:
    """The events of an execution's first turn; `state` is advanced by them."""
    return decide(program, state, Start(state.input), env)


def turn_of(
    arn: str, seq: int, state: ExecutionState, events: Sequence[AnyEvent], at_ms: int, *, with_snapshot: bool = False
) -> Turn:
    """The record of a turn that led to `state`."""
    running = state.status == "RUNNING"
    return Turn(
        execution_arn=arn,
        seq=seq,
        at_ms=at_ms,
        events=encode_events(events) if events else NO_EVENTS,
        wake_ms=next_wake_ms(state) if running else None,
        owes=running and ((bool(state.tasks) and owes(state)) or must_continue(state)),
        end=None if running else end_of(state, at_ms),
        snapshot=encode_state(state) if running and with_snapshot else None,
        redrive_ms=at_ms if events and type(events[0]) is ExecutionRedriven else None,
    )


def end_of(state: ExecutionState, at_ms: int) -> End:
    """How an ended execution ended."""
    output = None if state.output is None else state.output.text
    return End(status=state.status, stop_ms=at_ms, output=output, error=state.error, cause=state.cause)
