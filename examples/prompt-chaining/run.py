"""Plays the story of this example against a running model server and `newel dev`; see README.md."""

import sys
import time
import uuid
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver

MODEL = driver.project(HERE)["endpoints"]["bedrock-runtime"]
CAR = "an electric estate car with seven seats"
LATENCY_SECONDS = 0.5


def model(**behaviour: object) -> None:
    """Program the model server and empty its log."""
    driver.ask(f"{MODEL}/_model/behaviour", {"latency_seconds": 0, "throttle": 0, **behaviour})
    driver.ask(f"{MODEL}/_model/log", method="DELETE")


def log() -> dict:
    """What the model server was asked, and how much of it at once."""
    return driver.ask(f"{MODEL}/_model/log")


def timed(machine: str) -> tuple[dict, float]:
    """The output of a run, and the seconds it took by the server's clock."""
    execution = driver.start(machine, {"car": CAR})
    output, found = driver.output(execution), driver.ended(execution)
    return output, (found["stopDate"] - found["startDate"]).total_seconds()


def chain() -> None:
    """Every prompt holds the answer to the one before; the chain takes as long as its answers together."""
    model(latency_seconds=LATENCY_SECONDS)
    texts, seconds = timed("chain")
    asked = log()["requests"]
    driver.same(len(asked), 3, "prompts")
    for before, after in pairwise(asked):
        driver.need(before["answer"] in after["prompt"], f"{before['answer']!r} is not in {after['prompt']!r}")
    driver.same(texts, {"slogan": asked[0]["answer"], "text": asked[2]["answer"]}, "the texts")
    driver.need(seconds >= 3 * LATENCY_SECONDS, f"the chain took {seconds} s only")
    driver.say(f"one after the other: {seconds:.2f} s")


def parallel() -> None:
    """The same number of prompts at once."""
    model(latency_seconds=LATENCY_SECONDS)
    texts, seconds = timed("parallel")
    driver.same(sorted(texts), ["question", "slogan", "text"], "texts")
    driver.same(log()["in_flight_max"], 3, "prompts under way at once")
    driver.say(f"at once: {seconds:.2f} s")


def cached() -> None:
    """The first run asks the model, the second the table alone."""
    model()
    car = {"car": f"a car that nobody has heard of, number {uuid.uuid4()}"}
    first = driver.run("cached", car)
    driver.same(len(log()["requests"]), 3, "prompts of the first run")
    driver.same(driver.run("cached", car), first, "the second run has the same texts")
    driver.same(len(log()["requests"]), 3, "prompts of both runs")


def throttled() -> None:
    """The server refuses most prompts for a while; Retry carries the chain through."""
    model(throttle=0.8)
    execution = driver.start("chain", {"car": CAR})
    began = time.monotonic()
    driver.output(execution)
    errors = [e["taskFailedEventDetails"]["error"] for e in driver.history(execution) if "taskFailedEventDetails" in e]
    driver.same(set(errors), {"Bedrock.ThrottlingException"}, "errors that were retried")
    refused = sum(entry["status"] == 429 for entry in log()["requests"])
    driver.say(f"{refused} prompts refused, {len(errors)} tasks retried, {time.monotonic() - began:.1f} s")


def busy() -> None:
    """Failure: the server refuses everything. Retry ends after three attempts more, and Catch says what is wrong."""
    model(throttle=1)
    execution = driver.start("chain", {"car": CAR})
    error, cause = driver.failure(execution)
    model()
    driver.same(error, "ModelIsBusy", "the chain fails with")
    driver.need("Too many requests" in cause, f"the cause is {cause}")
    failed = [event for event in driver.history(execution) if "taskFailedEventDetails" in event]
    driver.same(len(failed), 4, "attempts")


driver.play(chain=chain, parallel=parallel, cached=cached, throttled=throttled, busy=busy)
