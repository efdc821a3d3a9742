"""Plays the story of this example against a running `newel dev`; see README.md."""

import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver


def activity() -> str:
    """The trader's activity, which is made if it is not there."""
    return driver.client("stepfunctions").create_activity(name="trader")["activityArn"]


def next_order() -> tuple[str, dict]:
    """What a trader is asked next: the task's token and the order. GetActivityTask waits for a minute."""
    task = driver.client("stepfunctions").get_activity_task(activityArn=activity(), workerName="desk 1")
    driver.need(task.get("taskToken"), "nothing came to the trader")
    return task["taskToken"], json.loads(task["input"])


def ledger() -> dict:
    """What the topic tells the ledger."""
    return json.loads(driver.take_message(driver.queue_url("ledger"))["Message"])


def booked(trade: dict) -> dict:
    item = driver.client("dynamodb").get_item(TableName="trades", Key={"id": {"S": trade["id"]}})["Item"]
    return {"side": item["side"]["S"], "shares": int(item["shares"]["N"]), "total": int(item["total"]["N"])}


def small() -> None:
    """Small orders need nobody: a cheap share is bought, a dear one sold, both are booked and told."""
    for symbol, side, shares, price in (("NWL", "buy", 23, 42), ("ASL", "sell", 12, 77)):
        trade = driver.run("stock-trade", {"symbol": symbol, "budget": 1000})
        expected = {"side": side, "shares": shares, "total": shares * price}
        driver.same({key: trade[key] for key in expected}, expected, symbol)
        driver.same(booked(trade), expected, "booked")
        driver.same(ledger(), trade, "the ledger is told")


def large() -> None:
    """A trader takes longer over a large order than between two signs of life, and agrees."""
    states = driver.client("stepfunctions")
    activity()
    execution = driver.start("stock-trade", {"symbol": "NWL", "budget": 42000})
    token, order = next_order()
    driver.same(order, {"symbol": "NWL", "price": 42, "shares": 1000}, "the trader is asked for")
    for _ in range(5):
        time.sleep(0.7)
        states.send_task_heartbeat(taskToken=token)
    states.send_task_success(taskToken=token, output=json.dumps({"by": "desk 1"}))
    trade = driver.output(execution)
    driver.same(trade["shares"], 1000, "shares bought")
    driver.same(ledger(), trade, "the ledger is told")


def rejected() -> None:
    """Failure: the trader rejects. Nothing is booked, and the ledger is told why."""
    activity()
    execution = driver.start("stock-trade", {"symbol": "ASL", "budget": 77000})
    token, _ = next_order()
    driver.client("stepfunctions").send_task_failure(taskToken=token, error="TradeRejected", cause="too risky")
    driver.same(driver.failure(execution), ("TradeRejected", "too risky"), "the execution fails with")
    driver.same(ledger(), {"symbol": "ASL", "rejected": "too risky"}, "the ledger is told")
    driver.need("Book Trade" not in driver.states_entered(execution), "a rejected trade was booked")


def silent() -> None:
    """Failure: the trader takes the order and is never heard of again; the answer that comes too late is refused."""
    states = driver.client("stepfunctions")
    activity()
    execution = driver.start("stock-trade", {"symbol": "NWL", "budget": 42000})
    token, _ = next_order()
    error, cause = driver.failure(execution)
    driver.same((error, cause), ("TraderGone", "nobody answered for 1000 shares"), "it fails with")
    try:
        states.send_task_success(taskToken=token, output="{}")
    except states.exceptions.TaskTimedOut:
        driver.say("the late answer is refused")
    else:
        raise driver.Wrong("the late answer was taken")


def unknown() -> None:
    """Failure: a share that nobody knows; the function's own error ends the execution."""
    error, cause = driver.failure(driver.start("stock-trade", {"symbol": "XYZ", "budget": 1}))
    driver.same(
        (error, json.loads(cause)["errorMessage"]), ("UnknownSymbol", "no share is called XYZ"), "it fails with"
    )


driver.play(small=small, large=large, rejected=rejected, silent=silent, unknown=unknown)
