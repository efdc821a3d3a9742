import random

import pytest

from newel.integrations.aws.retry import RetryQuota, backoff_seconds, retryable
from newel.ports.aws import AwsError


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (AwsError("InternalError", "", status=500), True),
        (AwsError("SlowDown", "", status=400), True),
        (AwsError("RequestTimeout", "", status=400), True),
        (AwsError("SdkClientException", "", connection=True), False),
        (AwsError("ValidationException", "", status=400), False),
        (AwsError("NotImplemented", "", status=501), False),
    ],
)
def test_what_is_worth_another_attempt(error, again):
    assert retryable(error) is again


def test_waits_double_up_to_a_bound():
    class One(random.Random):
        def random(self):
            return 1.0

    assert [backoff_seconds(retry, One()) for retry in (1, 2, 3, 4, 9)] == [1, 2, 4, 8, 20]


def test_retries_run_out_and_successes_bring_them_back():
    quota = RetryQuota()
    assert sum(quota.take() for _ in range(200)) == 100
    quota.succeeded(retried=True)
    assert quota.take()
    assert not quota.take()
    for _ in range(5):
        quota.succeeded(retried=False)
    assert quota.take()
    quota = RetryQuota()
    quota.succeeded(retried=True)
    assert sum(quota.take() for _ in range(200)) == 100
