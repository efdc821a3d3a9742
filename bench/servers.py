"""Starts the servers that are measured: Newel, two peers from the package index, and the ideal server of the shared harness."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("NEWEL_SHARED") or ROOT.parent / "shared")
HARNESS = SHARED / "bench"
PEER_VENV = ROOT / ".cache" / "bench-venv"
PEER_PACKAGES = ["ministack==1.5.33", "moto[server,stepfunctions]==5.2.5", "orjson", "uvicorn", "httptools", "uvloop"]
START_SECONDS_MAX = 60


class Server:
    """One running server process on a loopback port of its own."""

    def __init__(self, label: str, process: subprocess.Popen, port: int) -> None:
        self.label, self.process, self.port = label, process, port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ends the process and waits for it, harder after ten seconds."""
        self.process.send_signal(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def reachable(url: str) -> bool:
    """Whether the server answers at all: an HTTP error is an answer."""
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url + "/health", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def start(
    label: str,
    command: list[str],
    port: int,
    *,
    ready: Callable[[str], bool] = reachable,
    env: dict | None = None,
    cwd: Path | None = None,
) -> Server:
    """Starts a process and waits until it answers; its output goes to a log that is shown if it does not."""
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
    process = subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=cwd
    )
    server = Server(label, process, port)
    deadline = time.monotonic() + START_SECONDS_MAX
    while not ready(server.url):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            log.seek(0)
            raise SystemExit(f"{label} did not start:\n{log.read()[-3000:]}")
        time.sleep(0.01)
    return server


def start_newel(data: Path, *options: str) -> Server:
    """`newel serve` on its defaults: SQLite in the data directory, synchronous=FULL."""
    port = free_port()
    command = [str(ROOT / ".venv/bin/newel"), "serve", "--port", str(port), "--data-dir", str(data), *options]
    return start("newel", command, port, ready=healthy)


def peer_python() -> Path:
    """The Python of a virtual environment with the peers, made at the first run."""
    python, stamp = PEER_VENV / "bin/python", PEER_VENV / ".packages"
    if not stamp.exists() or stamp.read_text() != "\n".join(PEER_PACKAGES):
        print(f"installing the peers into {PEER_VENV.relative_to(ROOT)} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", PEER_VENV], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PEER_PACKAGES],
            check=True,
            stderr=subprocess.DEVNULL,
        )
        stamp.write_text("\n".join(PEER_PACKAGES))
    return python


def start_ministack(folder: Path) -> Server:
    port = free_port()
    return start(
        "ministack", [str(peer_python().parent / "ministack")], port, env={"GATEWAY_PORT": str(port)}, cwd=folder
    )


def start_moto(folder: Path) -> Server:
    """moto only records executions unless it is told to run them."""
    port = free_port()
    server = start(
        "moto", [str(peer_python().parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port, cwd=folder
    )
    body = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
    urllib.request.urlopen(server.url + "/moto-api/config", data=body, timeout=10).close()
    return server


def start_ideal(folder: Path) -> Server:
    port = free_port()
    options = ["--port", str(port), "--http", "uvicorn", "--sync", "FULL", "--db", str(folder / "ideal.sqlite")]
    return start("ideal", [str(peer_python()), str(HARNESS / "bench_ideal.py"), *options], port)


STARTERS: dict[str, Callable[[Path], Server]] = {
    "ideal": start_ideal,
    "newel": start_newel,
    "ministack": start_ministack,
    "moto": start_moto,
}


@contextmanager
def running(label: str) -> Iterator[Server]:
    """A server in a temporary directory, gone afterwards. The directory is on the disk that holds the repository, so that a sync is a sync."""
    base = ROOT / ".cache"
    base.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=base))
    try:
        server = STARTERS[label](folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def harness(server: Server, scenarios: str, scale: float, repeats: int, *options: str) -> dict[str, dict]:
    """Runs scenarios of the shared harness against a server: scenario -> its result."""
    command = [
        *(str(peer_python()), str(HARNESS / "bench_api.py")),
        *("--endpoint", server.url, "--pid", str(server.pid), "--label", server.label),
        *("--scenario", scenarios, "--scale", str(scale), "--repeats", str(repeats)),
        *options,
    ]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    results = [json.loads(line) for line in lines]
    for result in results:
        print(json.dumps(result), file=sys.stderr)
    return {result["scenario"]: result for result in results}
