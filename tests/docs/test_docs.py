"""Every command in the docs does what its page says, on a live server."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from console import run, steps

BIN = Path(__file__).parents[2] / ".venv" / "bin"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """`newel serve` on a free port."""
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (folder / "log").open("w") as log:
        command = [BIN / "newel", "serve", "--port", str(port), "--data-dir", str(folder / "data")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except urllib.error.URLError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def environment(tmp_path):
    """What a new terminal has: our programs on the path, no settings of AWS."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return {
        **clean,
        "PATH": f"{BIN}:{clean['PATH']}",
        "HOME": str(tmp_path),
        "AWS_PAGER": "",
        "COLUMNS": "120",
        "NO_COLOR": "1",
    }


def console_pages() -> list[str]:
    root = Path(__file__).parents[2]
    pages = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    return [str(page.relative_to(root)) for page in pages if "```console" in page.read_text("utf-8")]


@pytest.mark.parametrize("page", console_pages())
def test_a_page_does_what_it_says(page, repository, server, environment, tmp_path):
    text = (repository / page).read_text("utf-8").replace("8083", str(server))
    given = steps(text)
    outcomes = run(given, cwd=tmp_path, env=environment, timeout=180)
    assert len(outcomes) == len(given)
    for step, code, output in outcomes:
        assert code == 0, f"{step.command}\n{output}"
        assert step.matches(output), f"{step.command}\nprinted\n{output}\ninstead of\n{step.expected}"
