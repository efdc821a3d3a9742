"""Plays the story of this example against a running Data API and `newel dev`; see README.md."""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver

PREPARE = [
    {"sql": "DROP TABLE IF EXISTS stores"},
    {"sql": "CREATE TABLE stores (id INTEGER PRIMARY KEY, city VARCHAR(40), sales INTEGER)"},
    {"sql": "INSERT INTO stores VALUES (1, 'Columbus', 100), (2, 'Dayton', 200)"},
]
STAGE = "CREATE TEMPORARY TABLE stage_stores AS SELECT * FROM stores WHERE 1 = 0"
STORES = [
    {"id": 1, "city": "Columbus", "sales": 100},
    {"id": 2, "city": "Dayton", "sales": 250},
    {"id": 3, "city": "Toledo", "sales": 70},
]


def load(*stores: dict) -> dict:
    """Stage the stores in a temporary table, merge them into the real one, and show that."""
    insert = "INSERT INTO stage_stores VALUES (:id, :city, :sales)"
    return {
        "statements": [
            {"sql": STAGE},
            *({"sql": insert, "parameters": store} for store in stores),
            {"sql": "DELETE FROM stores WHERE id IN (SELECT id FROM stage_stores)"},
            {"sql": "INSERT INTO stores SELECT * FROM stage_stores"},
            {"sql": "SELECT id, city, sales FROM stores ORDER BY id"},
        ]
    }


def prepare() -> None:
    driver.same(driver.run("sql-polling", {"statements": PREPARE})["rows"], [], "rows of a statement without a result")


def processes(execution: str) -> set[int]:
    """The database's processes that an execution's statements ran in."""
    outputs = [
        json.loads(event["taskSucceededEventDetails"]["output"])
        for event in driver.history(execution)
        if event["type"] == "TaskSucceeded"
    ]
    return {output["RedshiftPid"] for output in outputs if "RedshiftPid" in output}


def merged() -> None:
    """Six statements in one session: what the first one makes, a temporary table, the others see."""
    prepare()
    execution = driver.start("sql-polling", load(*STORES[1:]))
    driver.same(driver.output(execution)["rows"], STORES, "stores")
    driver.same(len(processes(execution)), 1, "processes of the database")
    driver.need(driver.states_entered(execution).count("Wait") >= 6, "there was no polling")


def ended() -> None:
    """A session that is no more is refused; the machine catches that and opens another."""
    execution = driver.start("sql-polling", {"session": "of-last-week", "statements": {"sql": "SELECT 1 AS one"}})
    driver.same(driver.output(execution)["rows"], [{"one": 1}], "rows")
    driver.need("Open Session" in driver.states_entered(execution), "no session was opened")
    (failed,) = [event for event in driver.history(execution) if event["type"] == "TaskFailed"]
    driver.same(failed["taskFailedEventDetails"]["error"], "RedshiftData.ValidationException", "what was caught")


def wrong() -> None:
    """Failure: a statement with a mistake. The execution fails with the database's own words."""
    error, cause = driver.failure(driver.start("sql-polling", {"statements": {"sql": "SELECT * FROM shops"}}))
    driver.same(error, "StatementFAILED", "the error")
    driver.need("shops" in cause, f"the cause is {cause}")
    driver.say(cause)


driver.play(merged=merged, ended=ended, wrong=wrong)
