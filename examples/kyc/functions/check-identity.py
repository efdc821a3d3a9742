"""Is the applicant who they say they are? Only the forms of the e-mail address and of the number are looked at."""

import re


class IncompleteApplication(Exception):
    """There is nothing to decide on."""


def handler(event, context):
    if "email" not in event or "ssn" not in event:
        raise IncompleteApplication("an application needs an e-mail address and a social security number")
    email = re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", event["email"])
    ssn = re.fullmatch(r"\d{3}-?\d{2}-?\d{4}", event["ssn"])
    return {"isValid": bool(email and ssn)}
