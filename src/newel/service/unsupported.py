"""Operations that this version does not perform yet: a clear refusal instead of a wrong answer."""

from typing import Final

from newel.errors import ServiceError
from newel.service.core import Answer, Caller, Core, Request

#: Of the 37 operations, those without an implementation.
OPERATIONS: Final = ("RedriveExecution",)


def unsupported(what: str) -> ServiceError:
    """HTTP 501, which no SDK retries."""
    message = f"{what} is not supported yet by this version of Newel."
    return ServiceError("NotSupportedYet", message, status=501)


class Refusal:
    """An operation that always raises NotSupportedYet."""

    def __init__(self, operation: str) -> None:
        self._operation = operation

    async def __call__(self, core: Core, caller: Caller, request: Request) -> Answer:
        raise unsupported(self._operation)
