"""Many invocations of many kinds at once, with few processes: each gets its own answer, and nothing is left."""

import asyncio
import random

from newel.json import loads

from .harness import run

SOURCE = """
import os, sys, time
def handler(event, context):
    kind = event["kind"]
    if kind == "exit":
        os._exit(event["n"] % 100 + 1)
    if kind == "raise":
        raise KeyError(event["n"])
    if kind == "hang":
        time.sleep(1000)
    if kind == "thread":
        import threading
        threading.Timer(0.001, os._exit, [0]).start()  # dies about when it answers
    return [event["n"], context.aws_request_id]
"""


def check(kind, number, result):
    document = loads(result.payload)
    if kind == "ok":
        assert document == [number, result.request_id]
    elif kind == "raise":
        assert (document["errorType"], document["errorMessage"]) == ("KeyError", str(number))
        assert document["requestId"] == result.request_id
    elif kind == "hang":
        assert document["errorType"] == "Sandbox.Timedout"
    elif kind == "exit":
        assert document["errorMessage"].endswith(f"exit status {number % 100 + 1}")
    elif result.function_error is None:
        assert document == [number, result.request_id]
    else:  # it was given to a process that was dying of the one before
        assert document["errorType"] == "Runtime.ExitError"


def test_a_storm(tmp_path):
    draw = random.Random(7)
    kinds = draw.choices(["ok", "raise", "exit", "hang", "thread"], [40, 10, 10, 2, 5], k=300)

    async def test(h):
        for name in ("f", "g", "dying"):
            h.python(name, SOURCE, timeout=1)

        async def one(number, kind):
            name = "dying" if kind == "thread" else "fg"[number % 2]
            return await h.invoke(name, f'{{"kind": "{kind}", "n": {number}}}'.encode())

        results = await asyncio.gather(*(one(number, kind) for number, kind in enumerate(kinds)))
        for number, kind in enumerate(kinds):
            check(kind, number, results[number])
        assert not h.host._in_flight
        assert len(h.host._live) <= 6

    run(tmp_path, test, workers_max=6)
