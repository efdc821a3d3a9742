"""Checks a passport: the number must carry the check digit that its machine-readable zone has."""

import string

WEIGHTS = (7, 3, 1)
VALUES = {c: i for i, c in enumerate(string.digits + string.ascii_uppercase)} | {"<": 0}


def check_digit(text):
    """The check digit of ICAO 9303: weighted sum modulo ten."""
    return sum(VALUES[c] * WEIGHTS[i % 3] for i, c in enumerate(text)) % 10


def handler(event, context):
    passport = event["passport"]
    number = passport["number"]
    verified = check_digit(number[:-1]) == int(number[-1])
    return {"verified": verified, "country": passport["country"], "number": number}
