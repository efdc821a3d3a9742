"""Which runtimes exist, which of them run here, and with what program."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import msgspec

#: Lambda's enum, in the order its error message shows it.
KNOWN_RUNTIMES: Final = (
    "nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x", "java8.al2", "java11", "java17", "java21", "java25",
    "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14", "dotnet6", "dotnet8", "dotnet10",
    "go1.x", "ruby3.2", "ruby3.3", "ruby3.4", "provided", "provided.al2", "provided.al2023",
)  # fmt: skip
_OURS: Final = re.compile(r"python3\.(9|1[0-4])|nodejs(18|20|22|24)\.x|provided(\.al2|\.al2023)?")
_NODE_SCRIPT: Final = Path(__file__).parent / "bootstrap" / "node_runtime.mjs"
_PROBE_SECONDS_MAX: Final = 20


class RuntimeMissing(Exception):  # noqa: N818
    """The function's runtime cannot run on this machine; the message says what is missing."""


class Launch(msgspec.Struct, frozen=True):
    """How a process of a runtime starts. `python` is the spawner's interpreter; `api` the Runtime API's socket."""

    python: str
    mode: str
    argv: list[str]
    api: str


def is_supported(runtime: str) -> bool:
    """Whether functions of this runtime run here (given that the interpreter is installed)."""
    return _OURS.fullmatch(runtime) is not None


class Runtimes:
    """Finds interpreters once."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._pythons: dict[str, str] = {f"python3.{sys.version_info.minor}": sys.executable}

    async def launch(self, runtime: str, code: Path) -> Launch:
        """Raises `RuntimeMissing`."""
        if runtime.startswith("python"):
            return Launch(await self._python(runtime), "python", [], "unix")
        if runtime.startswith("nodejs"):
            node = shutil.which(self._node)
            if node is None:
                raise RuntimeMissing(f"the runtime {runtime} needs Node.js, and there is no '{self._node}' on the PATH")
            return Launch(sys.executable, "exec", [node, str(_NODE_SCRIPT)], "unix")
        program = code / "bootstrap"
        if not program.is_file():
            raise RuntimeMissing("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
        return Launch(sys.executable, "exec", [str(program)], "loopback")

    async def _python(self, runtime: str) -> str:
        if runtime not in self._pythons:
            self._pythons[runtime] = await asyncio.to_thread(_find_python, runtime)
        return self._pythons[runtime]


def _find_python(runtime: str) -> str:
    """The interpreter of exactly this version if there is a working one, else the one that runs Newel."""
    found = shutil.which(runtime)
    if found is not None:
        command = [found, "-E", "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS_MAX, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            return sys.executable
        if answer.stdout.strip() == runtime:
            return found
    return sys.executable
