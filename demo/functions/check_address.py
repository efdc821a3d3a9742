"""Checks that an address is complete and its postcode has the form of its country."""

import re

POSTCODES = {"GB": r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}", "DE": r"\d{5}", "NL": r"\d{4} [A-Z]{2}"}


def handler(event, context):
    pattern = POSTCODES.get(event["country"])
    if pattern is None:
        return {"verified": False, "reason": f"no service in {event['country']}"}
    if not re.fullmatch(pattern, event["postcode"]):
        return {"verified": False, "reason": f"postcode {event['postcode']!r} is not one of {event['country']}"}
    return {"verified": True, "reason": ""}
