"""jsonata-js as an oracle: one Node process, and the same view of our own results."""

from __future__ import annotations

import json
import math
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from newel.expr.jsonata import UNDEFINED, JsonataError, compile, is_function  # noqa: A004

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "jsonata-oracle"
VERSION = "2.2.2"
NOW_MS = 1_700_000_000_000


class FixedEnvironment:
    """The clock and the randomness that the oracle has too."""

    now_ms = NOW_MS

    def __init__(self):
        self._state = 1

    def random(self):
        self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
        return self._state / 0x80000000

    def uuid(self):
        return "00000000-0000-4000-8000-000000000000"


def unavailable():
    """Why the oracle can't run here, or None; installs the package on first use. In CI it has to run."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        reason = "Node.js is not installed"
    elif (CACHE / "node_modules" / "jsonata" / "jsonata.js").is_file():
        return None
    else:
        CACHE.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-save", "--prefix", str(CACHE), f"jsonata@{VERSION}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return None
        reason = f"npm could not install jsonata: {done.stderr[-200:]}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    return reason


class Oracle:
    """One long-lived Node process; started anew when an expression hangs or kills it."""

    SECONDS_MAX = 2.0

    def __init__(self):
        self._start()

    def _start(self):
        script = str(Path(__file__).with_name("oracle.js"))
        command = ["node", "--stack-size=4000", "--max-old-space-size=1024", script, str(CACHE)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )

    def ask(self, text, data=UNDEFINED, bindings=None):
        """The answer, or ``{"failure": ...}`` when there is none in time."""
        request = {"expr": text, "bindings": bindings or {}}
        if data is not UNDEFINED:
            request["data"] = data
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        deadline = time.monotonic() + self.SECONDS_MAX
        answer = b""
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            if not part:
                self._process.kill()
                self.close()
                self._start()
                return {"failure": "no answer"}
            answer += part
        return json.loads(answer)

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


def plain(value):
    """Our value as the oracle shows its own."""
    if value is UNDEFINED:
        return {"$": "undefined"}
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return {"$": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, (int, float)):
        return value
    if is_function(value):
        return {"$": "function"}
    if type(value) is list:
        return [plain(item) for item in value]
    if type(value) is dict:
        return {"$": "object", "members": [[key, plain(item)] for key, item in value.items()]}
    raise AssertionError(f"not a plain value: {type(value)}")


def ours(text, data=UNDEFINED, bindings=None):
    try:
        return {"value": plain(compile(text).evaluate(data, bindings, env=FixedEnvironment()))}
    except JsonataError as error:
        token = error.token
        return {"error": {"code": error.code, "position": error.position, "token": token, "message": error.message}}


def same_value(left, right):
    if isinstance(left, bool) or isinstance(right, bool) or type(left) is not type(right):
        if isinstance(left, (int, float)) and isinstance(right, (int, float)) and bool not in (type(left), type(right)):
            return float(left) == float(right)
        return left is right
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same_value, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_value(left[key], right[key]) for key in left)
    return float(left) == float(right) if isinstance(left, (int, float)) else left == right


def same(mine, theirs):
    """Same value and order of members, or same error code."""
    if "error" in mine or "error" in theirs:
        return "error" in mine and "error" in theirs and mine["error"]["code"] == theirs["error"]["code"]
    return "value" in theirs and same_value(mine["value"], theirs["value"])
