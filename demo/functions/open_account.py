"""Opens an account in the bank's ledger. The ledger is busy at the first two attempts for a customer.

A task may run more than once, so the account's number comes from the customer: opening it again changes nothing.
"""

import json
import os
import sqlite3
import zlib


class LedgerBusy(Exception):
    """Try again later."""


def handler(event, context):
    customer = event["customerId"]
    with sqlite3.connect(os.environ["LEDGER"], timeout=10) as ledger:
        ledger.execute("create table if not exists attempts (customer text)")
        ledger.execute(
            "create table if not exists accounts (id text primary key, customer text, holder text, balance int)"
        )
        ledger.execute("insert into attempts values (?)", (customer,))
        attempts = ledger.execute("select count(*) from attempts where customer = ?", (customer,)).fetchone()[0]
    if attempts <= 2:
        raise LedgerBusy(f"attempt {attempts} for {customer}: the ledger is closing its day")
    account = f"ACC-{zlib.crc32(customer.encode()):08X}"
    with sqlite3.connect(os.environ["LEDGER"], timeout=10) as ledger:
        ledger.execute(
            "insert or ignore into accounts values (?, ?, ?, ?)", (account, customer, event["name"], event["deposit"])
        )
    print(json.dumps({"opened": account}))
    return {"accountId": account}
