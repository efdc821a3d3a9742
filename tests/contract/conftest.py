"""Every adapter of the store port runs the same suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from newel.ports.store import Store
from newel.store.memory import MemoryStore
from newel.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    if request.param == "memory":
        return MemoryStore
    return lambda: SqliteStore(tmp_path / "data")
