"""Fakes as fixtures; tests here may be coroutines."""

import asyncio
import inspect

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


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(function(**arguments))
    return True
