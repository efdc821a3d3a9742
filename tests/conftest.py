"""Settings and fixtures for every test."""

import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]

# No deadline: the machine is shared, and a slow example is not a wrong one. CI draws the same examples every time.
hypothesis.settings.register_profile("newel", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "newel")


@pytest.fixture(scope="session")
def repository() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of common inputs that stands beside the repository (or where NEWEL_SHARED says)."""
    folder = Path(os.environ.get("NEWEL_SHARED") or ROOT.parent / "shared")
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{folder} is missing, and CI may skip nothing")
        pytest.skip(f"{folder} is missing")
    return folder
