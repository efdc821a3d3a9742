import pytest

from newel.integrations.aws.endpoints import Endpoint, endpoint_of
from newel.integrations.aws.settings import AwsCalls, AwsSettings, aws_calls, endpoints_from_environment

OWN = "http://127.0.0.1:8083"
OTHER = "http://127.0.0.1:4566"
MINIO = "http://127.0.0.1:9000"


def test_the_environments_endpoints():
    environment = {
        "AWS_ENDPOINT_URL": OTHER,
        "AWS_ENDPOINT_URL_S3": MINIO,
        "AWS_ENDPOINT_URL_SQS": "",
        "AWS_REGION": "eu-west-1",
    }
    assert endpoints_from_environment(environment) == (OTHER, {"S3": MINIO})
    assert endpoints_from_environment({}) == (None, {})
    assert endpoints_from_environment({"AWS_ENDPOINT_URL": ""}) == (None, {})
    assert endpoints_from_environment(environment | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "TRUE"}) == (None, {})


@pytest.mark.parametrize(
    ("service", "service_id", "settings", "endpoint"),
    [
        ("s3", "S3", {}, Endpoint(None)),
        ("s3", "S3", {"endpoint_url": OTHER}, Endpoint(OTHER)),
        ("s3", "S3", {"endpoint_url": OTHER, "endpoint_urls": {"S3": MINIO}}, Endpoint(MINIO)),
        ("secretsmanager", "Secrets Manager", {"endpoint_urls": {"SECRETS_MANAGER": OTHER}}, Endpoint(OTHER)),
        ("stepfunctions", "SFN", {}, Endpoint(OWN, own=True)),
        ("stepfunctions", "SFN", {"endpoint_url": OTHER}, Endpoint(OWN, own=True)),
        ("stepfunctions", "SFN", {"endpoint_urls": {"SFN": OTHER}}, Endpoint(OTHER)),
        ("lambda", "Lambda", {"endpoint_url": OTHER}, Endpoint(OWN, own=True)),
        ("logs", "CloudWatch Logs", {}, Endpoint(OWN, own=True)),
        ("s3", "S3", {"endpoint_url": OWN}, Endpoint(OWN, own=True)),
        ("s3", "S3", {"endpoint_url": "http://localhost:8083"}, Endpoint("http://localhost:8083", own=True)),
        ("s3", "S3", {"endpoint_urls": {"S3": OWN}}, Endpoint(OWN, own=True)),
    ],
)
def test_where_a_service_is(service, service_id, settings, endpoint):
    assert endpoint_of(AwsSettings(own_url=OWN, **settings), service, service_id) == endpoint


def test_what_calls_may_cost():
    assert aws_calls(None, {}) == AwsCalls()
    assert aws_calls({"attempts": 2}, {}).attempts == 2
    assert aws_calls({"attempts": 2}, {"NEWEL_AWS_CALLS": '{"read_seconds": 1}'}) == AwsCalls(read_seconds=1)


@pytest.mark.parametrize("given", ["{", "[]", '{"attempts": 0}', '{"connect_seconds": 0}', '{"tries": 1}'])
def test_costs_that_make_no_sense(given):
    with pytest.raises(ValueError, match=r"NEWEL_AWS_CALLS|aws: "):
        aws_calls(None, {"NEWEL_AWS_CALLS": given})
