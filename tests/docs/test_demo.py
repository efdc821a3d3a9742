"""The demo is a crash test that anybody can watch; it must not rot."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_demo_ends_well(repository):
    done = subprocess.run(
        [sys.executable, repository / "demo" / "demo.py"], check=False, text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed with SIGKILL" in done.stdout
    assert done.stdout.count("SUCCEEDED") >= 3
