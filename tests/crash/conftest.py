"""A server to kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server_process import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "data")
    server.start()
    yield server
    server.close()
