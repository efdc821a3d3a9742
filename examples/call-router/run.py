"""Plays the story of this example against a running `newel dev`; see README.md."""

import json
import sys
import threading
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver
from exchange import Call, Exchange

MENU = "Press 1 for an agent, 2 to ask a question."
ADA = "+15550001"


def router(event: dict) -> dict:
    """Invoke the function as the telephone network would."""
    answer = driver.client("lambda").invoke(FunctionName="call-router", Payload=json.dumps(event))
    text = answer["Payload"].read()
    driver.need("FunctionError" not in answer, f"the router failed: {text.decode()}")
    return json.loads(text)


EXCHANGE = Exchange(driver.port_of(HERE, "chime-sdk-voice"), router)


def execution_of(call: Call) -> str:
    return driver.arn("states", f"execution:call-flow:call_flow_{call.id}")


def voicemail(call: Call) -> dict:
    item = driver.client("dynamodb").get_item(
        TableName="voicemail", Key={"number": {"S": call.number}, "call": {"S": call.id}}
    )["Item"]
    return {name: value["S"] for name, value in item.items()}


def queues_gone() -> None:
    urls = driver.client("sqs").list_queues(QueueNamePrefix="call-").get("QueueUrls", [])
    driver.same(urls, [], "queues of calls that are left")


def question() -> None:
    """Ada mistypes, asks a question, hears music, then the answer, and is connected to an agent."""
    call = EXCHANGE.call(ADA, "7", "2", "When are you open?", "1")
    driver.output(execution_of(call))
    expected = [
        "Welcome back, Ada.",
        MENU,
        "That is not a choice.",
        MENU,
        "What would you like to know?",
        "(music)",
        "The answer is: We are open from nine to five, Monday to Friday.",
        MENU,
        "Goodbye.",
    ]
    driver.same(call.played, expected, "what Ada heard")
    driver.need(call.music_repeats < 5, "the music was not stopped by the answer")
    driver.same(call.bridged_to, "+15550111", "Ada spoke to")
    queues_gone()


def closed() -> None:
    """Somebody calls in the evening and leaves a message."""
    call = EXCHANGE.call("+15550002", "Please call me back.", at="2026-03-12T20:15:00Z")
    driver.output(execution_of(call))
    driver.same(call.played, ["Welcome.", "We are closed.", "Goodbye."], "what the caller heard")
    expected = {"text": "Please call me back.", "reason": "closed", "at": call.at}
    driver.same({key: voicemail(call)[key] for key in expected}, expected, "the message")


def several() -> None:
    """Five calls at once; each has its own queue and execution, and nobody hears what is another's."""
    calls: dict[int, Call] = {}
    numbers = range(5)
    driver.client("lambda")  # made here, since the making of clients is no work for threads

    def phone(number: int) -> None:
        calls[number] = EXCHANGE.call(f"+1555020{number}", f"message {number}", at="2026-03-12T07:00:00Z")

    threads = [threading.Thread(target=phone, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    driver.same(len(calls), len(numbers), "calls")
    for number, call in sorted(calls.items()):
        driver.output(execution_of(call))
        driver.same(voicemail(call)["text"], f"message {number}", f"the message of {call.number}")
    queues_gone()


def hangup() -> None:
    """Failure: the caller hangs up while the music plays. The other branch ends with it, the flow as it should."""
    call = EXCHANGE.call(ADA, "2", "When are you open?", "hangup")
    execution = execution_of(call)
    driver.same(driver.output(execution)["Error"], "HANGUP", "the flow ends with")
    driver.same(driver.states_entered(execution)[-1], "Caller Gone", "its last state")
    queues_gone()


def busy() -> None:
    """Failure: the agent is busy. The task fails by its token, and the caller leaves a message."""
    call = EXCHANGE.call(ADA, "1", "I was cut off.", agent_is_busy=True)
    driver.output(execution_of(call))
    driver.same(call.played[-2:], ["All agents are busy.", "Goodbye."], "what Ada heard last")
    driver.same(voicemail(call)["reason"], "AgentBusy", "the reason that is kept with the message")


driver.play(question=question, closed=closed, several=several, hangup=hangup, busy=busy)
