"""Heavy children are computed in other processes, light ones mostly at home: which they are is measured."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from newel.ports.executor import Computed, Executor, Shard, Starting
from newel.ports.store import End

#: Seconds of computing a child from which the event loop is too dear for it.
_HEAVY_SECONDS: Final = 0.001
#: Children that are computed at home before it is said what they weigh.
_SAMPLE: Final = 8
#: So many light children of a Map state are worth the start of processes.
_MANY: Final = 2_000
#: Characters of input that a shard of light children may have on the way to another process.
_CHARACTERS_MAX: Final = 1 << 18
_REMEMBERED_MAX: Final = 1_000

_Key = tuple[str, str, str, str]


class Pool(Executor, Protocol):
    """Processes."""

    def prepare(self) -> None:
        """Start them in the background."""
        ...

    @property
    def idle(self) -> bool:
        """Whether one of them is ready that has little to do."""
        ...

    async def by_one(self, shard: Shard) -> list[Computed]:
        """A shard that is not worth dividing."""
        ...


class _Known(msgspec.Struct):
    """What is known of a Map state's children; `seen` are those since processes were last asked for."""

    heavy: bool
    end_at_once: bool
    seen: int = 0


class ByWeight:
    """Measures the first children of each Map state; those of a heavy one go `elsewhere` from then on.

    Light ones go there too, when they are many, end at once and find a process idle, if the machine has processors to
    `spare`: a child that goes on must come back whole, which costs as much as it saves. What cannot be computed
    elsewhere is computed here.
    """

    def __init__(self, here: Executor, elsewhere: Pool, *, spare: bool) -> None:
        self._here = here
        self._elsewhere = elsewhere
        self._spare = spare
        self._known: OrderedDict[_Key, _Known] = OrderedDict()

    async def first_turns(self, shard: Shard) -> list[Computed]:
        known = self._known.get(_key(shard))
        if known is None:
            return await self._weigh(shard)
        if known.heavy:
            return await self._away(shard, self._elsewhere.first_turns)
        if self._is_worth_the_way(known, shard):
            return await self._away(shard, self._elsewhere.by_one)
        return await self._here.first_turns(shard)

    def _is_worth_the_way(self, known: _Known, shard: Shard) -> bool:
        if not self._spare or not known.end_at_once:
            return False
        if sum([len(child.input) for child in shard.children]) > _CHARACTERS_MAX:
            return False
        known.seen += len(shard.children)
        if known.seen >= _MANY:
            known.seen = 0
            self._elsewhere.prepare()  # also in the place of one that has died
        return self._elsewhere.idle

    async def _weigh(self, shard: Shard) -> list[Computed]:
        sample, rest = shard.children[:_SAMPLE], shard.children[_SAMPLE:]
        began = time.thread_time()
        computed = await self._here.first_turns(_part(shard, sample))
        heavy = (time.thread_time() - began) / len(sample) >= _HEAVY_SECONDS
        self._remember(_key(shard), _Known(heavy, all(map(_has_ended, computed))))
        return computed + (await self.first_turns(_part(shard, rest)) if rest else [])

    def _remember(self, key: _Key, known: _Known) -> None:
        self._known[key] = known
        if len(self._known) > _REMEMBERED_MAX:
            self._known.popitem(last=False)

    async def _away(self, shard: Shard, compute: Callable[[Shard], Awaitable[list[Computed]]]) -> list[Computed]:
        computed = await compute(shard)
        left = [at for at, turn in enumerate(computed) if turn is None]
        if left:
            at_home = await self._here.first_turns(_part(shard, [shard.children[at] for at in left]))
            for at, turn in zip(left, at_home, strict=True):
                computed[at] = turn
        return computed

    async def close(self) -> None:
        await self._elsewhere.close()
        await self._here.close()


def _has_ended(computed: Computed) -> bool:
    return isinstance(computed, End) or (computed is not None and computed.turn.end is not None)


def _key(shard: Shard) -> _Key:
    return shard.revision.machine_id, shard.revision.revision_id, shard.scope, shard.state_name


def _part(shard: Shard, children: Sequence[Starting]) -> Shard:
    return msgspec.structs.replace(shard, children=children)
