"""Servers and clients for the wire tests."""

import boto3
import pytest
from botocore.config import Config
from wire_server import REGION, assemble, serving


@pytest.fixture(scope="session")
def live_parts(tmp_path_factory):
    """What is behind the server at `url`."""
    return assemble(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def url(live_parts):
    with serving(live_parts.app) as url:
        yield url


@pytest.fixture(scope="session")
def client_of(url):
    """Make a boto3 client: `client_of("stepfunctions", access_key="000000000002")`."""
    made = []

    def make(service, *, access_key="test", region=REGION, **options):
        config = Config(inject_host_prefix=False, retries={"total_max_attempts": 1}, **options)
        client = boto3.client(
            service,
            endpoint_url=url,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key="secret",
            config=config,
        )
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def sfn(client_of):
    return client_of("stepfunctions")


@pytest.fixture
def unchecked(client_of):
    """A client that sends what the model forbids."""
    return client_of("stepfunctions", parameter_validation=False)
