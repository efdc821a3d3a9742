"""Fakes as fixtures."""

import pytest

from .fakes import Events, Executions, FixedClock, Functions


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
def executions() -> Executions:
    return Executions()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()
