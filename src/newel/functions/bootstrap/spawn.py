"""Starts function processes for the host, and outlives it by nothing.

`python spawn.py CONTROL_FD SCRATCH` reads orders as JSON lines from the control socket and answers with JSON lines:

    {"op": "spawn", "id", "mode": "python" | "exec", "argv", "env", "cwd", "log"}; answer {"id", "pid" or "error"}
    {"op": "kill", "id"}; no answer, the exit is reported
    {"id", "exit": wait status} tells that a process ended

Mode `python` forks this process, where the bootstrap and the common standard modules are loaded already, so a cold
start costs milliseconds. Mode `exec` forks and executes `argv`. Every process leads a process group. When the control
socket ends, or the parent process changes, all groups are killed and the folder SCRATCH is removed. Only this process
reaps, so an id never names a stranger.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import resource
import selectors
import shutil
import signal
import socket
import sys
import time
import traceback
import typing
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PARENT_CHECK_SECONDS = 1.0


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the end of the control socket does the same a moment later."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


class Spawner:
    """The loop around the control socket and the children."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._parent = os.getppid()
        self._pids: dict[str, int] = {}
        self._ids: dict[int, str] = {}
        self._buffer = b""
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._wakeup_write = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(self._wakeup_write, False)

    def run(self) -> None:
        signal.set_wakeup_fd(self._wakeup_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._selector.register(self._control, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        while os.getppid() == self._parent and self._turn():
            pass
        self._kill_all()

    def _turn(self) -> bool:
        ready = [key.fileobj for key, _ in self._selector.select(_PARENT_CHECK_SECONDS)]
        if self._wakeup in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)
        self._reap()
        return self._read() if self._control in ready else True

    def _read(self) -> bool:
        try:
            data = self._control.recv(65536)
        except OSError:
            return False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))
        return bool(data)

    def _obey(self, order: dict[str, typing.Any]) -> None:
        if order["op"] == "kill":
            pid = self._pids.get(order["id"])
            if pid is not None:
                _kill_group(pid)
            return
        try:
            pid = self._fork(order)
        except OSError as error:
            self._answer({"id": order["id"], "error": str(error)})
            return
        self._pids[order["id"]] = pid
        self._ids[pid] = order["id"]
        self._answer({"id": order["id"], "pid": pid})

    def _fork(self, order: dict[str, typing.Any]) -> int:
        spawner = os.getpid()
        pid = os.fork()
        if pid:
            with contextlib.suppress(OSError):  # both sides do it, so that it holds whoever runs first
                os.setpgid(pid, pid)
            return pid
        status = 1
        try:
            self._become(order, spawner)
            status = _run(order)
        except BaseException:
            traceback.print_exc()
        finally:
            _flush()
            os._exit(status)

    def _become(self, order: dict[str, typing.Any], spawner: int) -> None:
        """Turn the forked copy into the function's process."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.setpgid(0, 0)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != spawner:
            os._exit(1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self._control.close()
        self._selector.close()
        os.close(self._wakeup)
        os.close(self._wakeup_write)
        log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(log)
        os.close(null)
        os.chdir(order["cwd"])

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            identifier = self._ids.pop(pid, None)
            if identifier is not None:  # otherwise an orphan that a function left behind
                _kill_group(pid)
                self._pids.pop(identifier, None)
                self._answer({"id": identifier, "exit": status})

    def _answer(self, message: dict[str, typing.Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def _kill_all(self) -> None:
        """Kill the groups, then whatever left its group: orphans become children of this process."""
        for pid in self._ids:
            _kill_group(pid)
        for _ in range(100):
            for pid in _children():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.01)


def _run(order: dict[str, typing.Any]) -> int:
    if order["mode"] == "exec":
        try:
            os.execvpe(order["argv"][0], order["argv"], order["env"])  # noqa: S606
        except OSError as error:
            print(f"{order['argv'][0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
            return 127
    os.environ.clear()
    os.environ.update(order["env"])
    time.tzset()
    sys.argv = ["bootstrap"]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return int(sys.modules["python_runtime"].main())


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(pid, signal.SIGKILL)
            return


def _children() -> list[int]:
    try:
        text = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    except OSError:
        return []
    return [int(pid) for pid in text.split()]


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()


def _preload() -> None:
    """Load what nearly every handler imports, once, before the forks; leave no trace of it on the import path."""
    here = str(Path(__file__).resolve().parent)
    sys.path.insert(0, here)
    for module in ("base64", "decimal", "hashlib", "random", "uuid", "python_runtime"):
        importlib.import_module(module)
    if sys.platform != "darwin":  # there it loads a framework that does not survive a fork
        importlib.import_module("urllib.request")
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(here)]
    gc.collect()
    gc.freeze()


def main() -> None:
    """Serve the control socket whose descriptor is the first argument; clear the folder of the second at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the host's affair
    control = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(control.fileno(), False)
    _preload()
    Spawner(control).run()
    shutil.rmtree(sys.argv[2], ignore_errors=True)


if __name__ == "__main__":
    main()
