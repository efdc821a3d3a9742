"""Scopes for tests: a fixed environment and whatever input, context and variables a test wants."""

from collections.abc import Mapping
from typing import Any

from newel.expr.env import Scope


class FixedEnvironment:
    """Time and chance that never change."""

    now_ms = 1_700_000_000_000

    def random(self) -> float:
        return 0.5

    def uuid(self) -> str:
        return "6f1f8b5e-2a4b-4c8d-9e0f-123456789abc"


def scope(
    document: Any = None,
    *,
    context: dict[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    states: Mapping[str, Any] | None = None,
) -> Scope:
    return Scope(document, lambda: context or {}, variables or {}, FixedEnvironment(), states)
