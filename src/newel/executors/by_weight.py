"""Light children are computed in the server's process, heavy ones elsewhere: which they are is measured."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from newel.ports.executor import Computed, Executor, Shard, Starting

#: Seconds of computing a child from which the way to another process is worth it, and the event loop too dear.
_HEAVY_SECONDS: Final = 0.001
#: Children that are computed at home before it is said what they weigh.
_SAMPLE: Final = 8
_REMEMBERED_MAX: Final = 1_000

_Key = tuple[str, str, str, str]


class ByWeight:
    """Measures the first children of each Map state; those of a heavy one go `elsewhere` from then on.

    What cannot be computed elsewhere is computed here.
    """

    def __init__(self, here: Executor, elsewhere: Executor) -> None:
        self._here = here
        self._elsewhere = elsewhere
        self._heavy: OrderedDict[_Key, bool] = OrderedDict()

    async def first_turns(self, shard: Shard) -> list[Computed]:
        heavy = self._heavy.get(_key(shard))
        if heavy is None:
            return await self._weigh(shard)
        return await (self._away(shard) if heavy else self._here.first_turns(shard))

    async def _weigh(self, shard: Shard) -> list[Computed]:
        sample, rest = shard.children[:_SAMPLE], shard.children[_SAMPLE:]
        began = time.thread_time()
        computed = await self._here.first_turns(_part(shard, sample))
        self._remember(_key(shard), (time.thread_time() - began) / len(sample) >= _HEAVY_SECONDS)
        return computed + (await self.first_turns(_part(shard, rest)) if rest else [])

    def _remember(self, key: _Key, heavy: bool) -> None:
        self._heavy[key] = heavy
        if len(self._heavy) > _REMEMBERED_MAX:
            self._heavy.popitem(last=False)

    async def _away(self, shard: Shard) -> list[Computed]:
        computed = await self._elsewhere.first_turns(shard)
        left = [at for at, turn in enumerate(computed) if turn is None]
        if left:
            at_home = await self._here.first_turns(_part(shard, [shard.children[at] for at in left]))
            for at, turn in zip(left, at_home, strict=True):
                computed[at] = turn
        return computed

    async def close(self) -> None:
        await self._elsewhere.close()
        await self._here.close()


def _key(shard: Shard) -> _Key:
    return shard.revision.machine_id, shard.revision.revision_id, shard.scope, shard.state_name


def _part(shard: Shard, children: Sequence[Starting]) -> Shard:
    return msgspec.structs.replace(shard, children=children)
