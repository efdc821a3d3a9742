"""Thousands of seeded stories with crashes at every boundary, and the planted bugs they must find."""

from __future__ import annotations

import os

import pytest

from simulation.bugs import PLANTED, Plant
from simulation.checks import check
from simulation.world import build

#: The whole share of CI; fewer on a laptop (NEWEL_SEEDS sets it).
SEEDS = int(os.environ.get("NEWEL_SEEDS", "20000" if os.environ.get("CI") == "true" else "2000"))
CHUNK = 1_000
PLANTED_SEEDS = 1_500


def story(seed: int) -> int:
    """Run one seed and check it; the number of its crashes."""
    world, definition = build(seed)
    world.run()
    check(world, definition)
    return world.crashes


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_story_ends_well(first: int) -> None:
    crashes = 0
    for seed in range(first, min(first + CHUNK, SEEDS)):
        try:
            crashes += story(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {type(error).__name__}: {error}") from error
    assert crashes > 0


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_the_simulation_finds_a_planted_bug(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, KeyError)):
        for seed in range(PLANTED_SEEDS):
            story(seed)
