"""Lays a request on the banker's desk, with the token that lets the execution go on. Its own answer goes nowhere."""

import json
import os
from pathlib import Path


def handler(event, context):
    desk = Path(os.environ["DESK"])
    desk.mkdir(parents=True, exist_ok=True)
    (desk / f"{event['accountId']}.tmp").write_text(json.dumps(event))
    (desk / f"{event['accountId']}.tmp").rename(desk / f"{event['accountId']}.json")
