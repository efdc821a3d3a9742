"""Answers what callers ask most."""

ANSWERS = {
    "open": "We are open from nine to five, Monday to Friday.",
    "address": "You find us at 12 Harbour Street.",
}


class NoQuestion(Exception):
    """Nothing was said."""


def handler(event, context):
    question = event["question"].lower()
    if not question:
        raise NoQuestion("nothing was said")
    return next((answer for word, answer in ANSWERS.items() if word in question), "Sorry, I cannot answer that.")
