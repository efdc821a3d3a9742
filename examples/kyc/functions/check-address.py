"""Is the address one that a letter can be sent to? In one line it is what the account keeps."""

PARTS = ("street", "city", "state", "zip")


def handler(event, context):
    parts = {part: str(event.get(part, "")).strip() for part in PARTS}
    line = f"{parts['street']}, {parts['city']}, {parts['state']}, {parts['zip']}"
    return {"isValid": all(parts.values()), "line": line}
