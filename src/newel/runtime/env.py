"""What a turn is given: time, chance, tokens, limits and the activities that exist."""

from __future__ import annotations

import random
import uuid
from collections.abc import Set as AbstractSet

from newel.limits import Limits
from newel.runtime.tokens import TaskTokens


class Entropy:
    """Chance from the system, or from a seed for a run that can be repeated."""

    def __init__(self, seed: int | None = None) -> None:
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)
        # The system's generator costs a call into the kernel each time; jitter and $random need no secrecy.
        self.random = (random.Random() if seed is None else self._random).random

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class RuntimeEnv:
    """One turn's environment (see `engine.inputs.TurnEnv`)."""

    __slots__ = ("_activities", "_entropy", "_tokens", "limits", "now_ms")

    def __init__(
        self, now_ms: int, limits: Limits, entropy: Entropy, tokens: TaskTokens, activities: AbstractSet[str]
    ) -> None:
        self.now_ms = now_ms
        self.limits = limits
        self._entropy = entropy
        self._tokens = tokens
        self._activities = activities

    def random(self) -> float:
        return self._entropy.random()

    def uuid(self) -> str:
        return self._entropy.uuid()

    def token(self, execution_arn: str, task_id: int) -> str:
        return self._tokens.sign(execution_arn, task_id)

    def activity_exists(self, arn: str) -> bool:
        return arn in self._activities
