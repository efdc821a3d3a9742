"""What this version does not do: a clear refusal instead of a wrong answer."""

from newel.errors import ServiceError


def unsupported(what: str) -> ServiceError:
    """HTTP 501, which no SDK retries."""
    message = f"{what} is not supported yet by this version of Newel."
    return ServiceError("NotSupportedYet", message, status=501)
