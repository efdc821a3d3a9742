"""A running `newel dev`."""

import pytest
from dev_server import PROJECT, Dev, write


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    """One server for all tests of a module."""
    folder = tmp_path_factory.mktemp("project") / "p"
    folder.mkdir()
    write(folder, PROJECT)
    server = Dev(folder)
    yield server
    assert server.close() == 0, server.errors.read_text()
