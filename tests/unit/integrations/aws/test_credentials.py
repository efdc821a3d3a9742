import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError, InvalidConfigError

from newel.integrations.aws.credentials import CredentialSource, RoleRefusedError
from newel.integrations.aws.endpoints import Endpoint
from newel.ports.aws import AwsAnswer, AwsError

ACCOUNT = "123456789012"
REGION = "eu-west-1"
ROLE = "arn:aws:iam::210987654321:role/path/other"
AWS, ELSEWHERE, HERE = Endpoint(None), Endpoint("http://127.0.0.1:9"), Endpoint("http://127.0.0.1:8083", own=True)
HOUR = timedelta(hours=1)


class Session:
    """A botocore session that finds `found`, or raises it."""

    def __init__(self, found=None):
        self.found = found
        self.threads = []

    def get_credentials(self):
        self.threads.append(threading.current_thread())
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


class Sts:
    """AssumeRole: answers with one key after the other, or raises."""

    def __init__(self, clock, error=None):
        self.clock = clock
        self.error = error
        self.asked = []

    async def __call__(self, region, parameters):
        self.asked.append((region, parameters["RoleArn"]))
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        expires = datetime.fromtimestamp(self.clock.now_ms() / 1000, UTC) + HOUR
        given = {
            "AccessKeyId": f"ROLE{len(self.asked)}",
            "SecretAccessKey": "s",
            "SessionToken": "t",
            "Expiration": expires,
        }
        return AwsAnswer(result={"Credentials": given}, status=200, headers={}, request_id="r")


def keys(session, clock, *calls, sts=None):
    """The access keys of calls (endpoint, role) one after the other."""

    async def run():
        source = CredentialSource(session, sts or Sts(clock), clock)
        found = []
        for endpoint, role in calls:
            found.append((await source.of(endpoint, ACCOUNT, REGION, role)).access_key)
        await source.close()
        return found

    return asyncio.run(run())


def refusal(session, clock, call, sts=None):
    with pytest.raises(AwsError) as error:
        keys(session, clock, call, sts=sts)
    return error.value


CONFIGURED = Credentials("AKID", "s")


def test_who_calls(clock):
    calls = [(HERE, None), (HERE, ROLE), (ELSEWHERE, None), (ELSEWHERE, ROLE)]
    assert keys(Session(), clock, *calls) == [ACCOUNT, "210987654321", ACCOUNT, "210987654321"]
    assert keys(Session(CONFIGURED), clock, *calls) == [ACCOUNT, "210987654321", "AKID", "ROLE1"]
    assert keys(Session(CONFIGURED), clock, (AWS, None), (AWS, ROLE)) == ["AKID", "ROLE1"]


def test_a_role_that_names_no_account_acts_in_the_executions(clock):
    assert keys(Session(), clock, (HERE, "nonsense")) == [ACCOUNT]


def test_credentials_are_looked_for_once_and_off_the_loop(clock):
    session = Session(CONFIGURED)
    keys(session, clock, (AWS, None), (AWS, None), (AWS, ROLE))
    assert len(session.threads) == 1
    assert session.threads[0] is not threading.current_thread()


def test_aws_without_credentials(clock):
    assert refusal(Session(), clock, (AWS, None)).connection


def test_a_broken_configuration_says_so(clock):
    error = refusal(Session(InvalidConfigError(error_msg="no such profile")), clock, (AWS, None))
    assert error.connection
    assert "no such profile" in error.message


def test_a_broken_configuration_is_read_again(clock):
    async def run():
        session = Session(InvalidConfigError(error_msg="no such profile"))
        source = CredentialSource(session, Sts(clock), clock)
        with pytest.raises(AwsError):
            await source.of(AWS, ACCOUNT, REGION, None)
        session.found = CONFIGURED
        return (await source.of(AWS, ACCOUNT, REGION, None)).access_key

    assert asyncio.run(run()) == "AKID"


def refreshable(refresh):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    return RefreshableCredentials("OLD", "s", "t", soon, refresh, "test")


def test_credentials_that_run_out_are_fetched_off_the_loop(clock):
    threads = []

    def refresh():
        threads.append(threading.current_thread())
        later = (datetime.now(UTC) + HOUR).isoformat()
        return {"access_key": "NEW", "secret_key": "s", "token": "t", "expiry_time": later}

    assert keys(Session(refreshable(refresh)), clock, (AWS, None), (AWS, None)) == ["NEW", "NEW"]
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


def test_credentials_that_cannot_be_fetched(clock):
    def refresh():
        raise CredentialRetrievalError(provider="test", error_msg="gone")

    assert "gone" in refusal(Session(refreshable(refresh)), clock, (AWS, None)).message


def test_a_refused_role(clock):
    sts = Sts(clock, AwsError("AccessDenied", "no", status=403, request_id="r"))
    error = refusal(Session(CONFIGURED), clock, (AWS, ROLE), sts)
    assert isinstance(error, RoleRefusedError)
    assert (error.role_arn, error.code, error.status, error.request_id) == (ROLE, "AccessDenied", 403, "r")


def test_an_sts_that_cannot_be_reached_has_refused_nothing(clock):
    sts = Sts(clock, AwsError("SdkClientException", "down", connection=True))
    error = refusal(Session(CONFIGURED), clock, (AWS, ROLE), sts)
    assert not isinstance(error, RoleRefusedError)


def test_roles_are_kept_by_region(clock):
    sts = Sts(clock)

    async def run():
        source = CredentialSource(Session(CONFIGURED), sts, clock)
        regions = ("eu-west-1", "us-east-1", "eu-west-1")
        return [(await source.of(AWS, ACCOUNT, region, ROLE)).access_key for region in regions]

    assert asyncio.run(run()) == ["ROLE1", "ROLE2", "ROLE1"]
    assert sts.asked == [("eu-west-1", ROLE), ("us-east-1", ROLE)]


def test_a_role_is_assumed_for_everybody_though_the_first_gives_up(clock):
    sts = Sts(clock)

    async def run():
        source = CredentialSource(Session(CONFIGURED), sts, clock)
        await source.configured()
        calls = [asyncio.create_task(source.of(AWS, ACCOUNT, REGION, ROLE)) for _ in range(3)]
        await asyncio.sleep(0)
        calls[0].cancel()
        return [(await call).access_key for call in calls[1:]]

    assert asyncio.run(run()) == ["ROLE1", "ROLE1"]
    assert len(sts.asked) == 1
