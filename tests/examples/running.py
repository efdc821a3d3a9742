"""An example as a reader runs it: its own servers, `newel dev`, and its driver, all at free ports of loopback."""

from __future__ import annotations

import json
import os
import queue
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Far more than anything takes: a deadline is for what never comes.
PATIENCE_SECONDS = 90
_PORT = re.compile(r"(?<=[a-z0-9]):(\d{4})\b")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "NEWEL_", "MOTO_"))}
    return {**kept, "AWS_EC2_METADATA_DISABLED": "true", **more}


class Example:
    """One example, copied into a folder of its own, whose `newel.toml` names other ports.

    `server` is the command of what stands beside Newel, if anything does; `{}` is the port. `values` replace lines of
    `newel.toml`.
    """

    def __init__(
        self, folder: Path, name: str, *, server: list[str] | None, options: list[str], values: Mapping[str, str]
    ) -> None:
        shutil.copy(EXAMPLES / "driver.py", folder)
        ignored = shutil.ignore_patterns(".newel", "__pycache__")
        self.folder = Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=ignored))
        self.log = folder / "log"
        self._processes: list[subprocess.Popen[str]] = []
        self._lines: queue.Queue[str] = queue.Queue()
        port = self._move(values)
        try:
            if server is not None:
                self._beside([word.format(port) for word in server], port)
            self._dev(options)
        except BaseException:
            self.close()
            raise

    def play(self, *parts: str) -> subprocess.CompletedProcess[str]:
        """Run the driver."""
        return subprocess.run(
            [sys.executable, "run.py", *parts],
            cwd=self.folder,
            env=environment(AWS_ENDPOINT_URL=self.url),
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    def until(self, event: str, **members: Any) -> dict[str, Any]:
        """The next document of `newel dev` of this event with these members."""
        while True:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
            assert line, self.log.read_text()
            found: dict[str, Any] = json.loads(line)
            if found["event"] == event and all(found[key] == value for key, value in members.items()):
                return found
            assert found["event"] != "problem", found

    def close(self) -> None:
        """Stop everything; the servers beside Newel last."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait(PATIENCE_SECONDS)
            if process.stdout is not None:
                process.stdout.close()

    def _move(self, values: Mapping[str, str]) -> int:
        """Give the servers a free port; it."""
        file, port = self.folder / "newel.toml", free_port()
        text = _PORT.sub(f":{port}", file.read_text())
        for old, new in values.items():
            assert old in text
            text = text.replace(old, new)
        file.write_text(text)
        return port

    def _beside(self, command: list[str], port: int) -> None:
        process = self._start(command, stdout=None)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            assert process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, command
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return

    def _dev(self, options: list[str]) -> None:
        command = ["-m", "newel", "dev", str(self.folder), "--port", "0", "--json", *options]
        process = self._start(command, stdout=subprocess.PIPE)
        threading.Thread(target=self._read, args=(process,), daemon=True).start()
        self.served = self.until("ready")
        self.url = self.served["url"]

    def _start(self, command: list[str], stdout: int | None) -> subprocess.Popen[str]:
        with self.log.open("a") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                stdout=log if stdout is None else stdout,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=environment(),
            )
        self._processes.append(process)
        return process

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._lines.put(line)
        self._lines.put("")
