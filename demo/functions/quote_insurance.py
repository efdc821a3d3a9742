"""Quotes one insurance."""

RATES = {"home": 180, "life": 240, "travel": 65, "legal": 120}


def handler(event, context):
    base = RATES[event["insurance"]]
    discount = 0.9 if event["deposit"] >= 10_000 else 1
    return {"insurance": event["insurance"], "yearlyPremium": round(base * discount, 2)}
