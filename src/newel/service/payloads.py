"""Payloads that clients send as text: they must be JSON, and AWS says in Jackson's words why they are not."""

from newel.json import InvalidJson, loads
from newel.language.jackson import JacksonError, JsonScan


def why_not_json(text: str) -> str | None:
    """Jackson's message (without the source it adds) for the first error of `text`; None if it is JSON."""
    try:
        loads(text)
    except InvalidJson as error:
        try:
            JsonScan(text).run()
        except JacksonError as failure:
            return failure.message
        return str(error)
    return None
