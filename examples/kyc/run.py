"""Plays the story of this example against a running `newel dev`; see README.md."""

import copy
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import driver

MACHINES = ("kyc-jsonpath", "kyc-jsonata")
APPLICANT = json.loads((HERE / "applicant.json").read_text("utf-8"))
OFFER = {
    "customer": "Jane Doe",
    "email": "jane@example.com",
    "totalAssetValue": 1400000,
    "home": {"own": 2004, "business": 2009},
}


def notice() -> str:
    """What the applicant is told, as it comes from the topic."""
    return driver.take_message(driver.queue_url("mail"))["Message"]


def accounts() -> list[dict]:
    return driver.client("dynamodb").scan(TableName="accounts")["Items"]


def approved() -> None:
    """Both machines open the same account and make the same offer."""
    results = []
    for machine in MACHINES:
        results.append(driver.run(machine, APPLICANT))
        driver.same(notice(), "Hello Jane, your application has been approved.", f"{machine} tells the applicant")
        driver.same(driver.take_message(driver.queue_url("home-insurance")), OFFER, f"{machine} offers insurance for")
    driver.same(results[0], results[1], "both have the same result")
    items = [item for item in accounts() if item["account"]["S"] == results[0]["account"]]
    driver.same({item["opened_by"]["S"] for item in items}, set(MACHINES), "the account was opened by")
    driver.same(
        {item["address"]["S"] for item in items}, {"12 Harbour Street, Columbus, OH, 43219"}, "the account's address"
    )


def denied() -> None:
    """A wrong number and an empty city: the applicant is told, and no account is opened."""
    before = len(accounts())
    for machine in MACHINES:
        for path, value in (("identity", {"ssn": "12"}), ("address", {"city": "  "})):
            applicant = copy.deepcopy(APPLICANT)
            applicant["data"][path] |= value
            result = driver.run(machine, applicant)
            driver.same(result["account"], None, f"{machine}, {value}: the account")
            driver.same(notice(), "Hello Jane, your application has been denied.", f"{machine}, {value}: the notice")
    driver.same(len(accounts()), before, "the number of accounts is still")


def incomplete() -> None:
    """A function raises an error; both machines end with it in the same way."""
    applicant = copy.deepcopy(APPLICANT)
    del applicant["data"]["identity"]["ssn"]
    for machine in MACHINES:
        error, cause = driver.failure(driver.start(machine, applicant))
        driver.same(error, "IncompleteApplication", f"{machine} fails with")
        told, _, raised = cause.partition(": ")
        driver.same(told, "nothing was decided", f"{machine} says")
        driver.need("social security number" in json.loads(raised)["errorMessage"], f"the cause is {raised}")


driver.play(approved=approved, denied=denied, incomplete=incomplete)
