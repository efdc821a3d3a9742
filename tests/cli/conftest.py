"""Running commands in this process and in one of their own, and definitions in files."""

import json
import os
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from newel.cli.main import app


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    """No colours, no settings of the person who runs the tests, and a working directory of the test's own."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "NEWEL_")) and name != "NEWEL_SHARED":
            monkeypatch.delenv(name)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def newel():
    """Run a command in this process."""

    def run(*arguments, stdin=None):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture
def start_newel():
    """Start commands as processes; what still runs at the end is killed."""
    processes = []

    def start(*arguments):
        command = [sys.executable, "-c", "from newel.cli.main import app; app()", *map(str, arguments)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Tests that run in the background of a shell inherit an ignored Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  (it takes no lock)
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def definition(tmp_path):
    """Write a definition to a file of that name."""

    def write(content, name="flow.asl.json"):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def machine(*states, **more):
    """A definition from (name, state) pairs that follow each other."""
    names = [name for name, _ in states]
    linked = {}
    for (name, state), following in zip(states, [*names[1:], None], strict=True):
        terminal = state["Type"] in ("Succeed", "Fail", "Choice")
        linked[name] = state if terminal else {**state, **({"Next": following} if following else {"End": True})}
    return {"StartAt": names[0], "States": linked, **more}
