"""Which failed attempts are worth another, and when: the standard mode of the AWS SDKs."""

from __future__ import annotations

import random
from typing import Final

from newel.ports.aws import AwsError

_STATUSES: Final = frozenset({500, 502, 503, 504})
_TRANSIENT: Final = frozenset({"RequestTimeout", "RequestTimeoutException"})
_THROTTLED: Final = frozenset(
    """
    BandwidthLimitExceeded EC2ThrottledException PriorRequestNotComplete ProvisionedThroughputExceededException
    RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown ThrottledException Throttling
    ThrottlingException TooManyRequestsException TransactionInProgressException
    """.split()  # noqa: SIM905  (a table of words reads better)
)
_BACKOFF_SECONDS_MAX: Final = 20.0
_TOKENS: Final = 500
_RETRY_COST: Final = 5


def retryable(error: AwsError) -> bool:
    """Whether a request that was refused like this may succeed when it is sent again."""
    return error.status in _STATUSES or error.code in _TRANSIENT or error.code in _THROTTLED


def backoff_seconds(retry: int, rng: random.Random) -> float:
    """The wait before retry number `retry` (from 1): a random part of 1, 2, 4, … seconds."""
    return min(rng.random() * 2.0 ** (retry - 1), _BACKOFF_SECONDS_MAX)


class RetryQuota:
    """Tokens that retries to one service cost and successes give back, so that an outage is not fed by retries."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens = _TOKENS

    def take(self) -> bool:
        """Pay for a retry, if there is enough left."""
        if self._tokens < _RETRY_COST:
            return False
        self._tokens -= _RETRY_COST
        return True

    def succeeded(self, *, retried: bool) -> None:
        """Give back what a call's last retry cost, or one token for a call that needed none."""
        self._tokens = min(_TOKENS, self._tokens + (_RETRY_COST if retried else 1))
