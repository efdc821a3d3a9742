"""EventBridge connections through boto3's `events` client."""

import asyncio
import json
import threading
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from hypothesis import given
from hypothesis import strategies as st
from machines import fresh, refusal
from wire_server import ACCOUNT, REGION, ask, assemble, serving

from newel.api.events_api import EventsApi
from newel.api.shapes import _LINEAR, EVENTS, checker
from newel.errors import ServiceError, StatesError
from newel.ports.connections import ApiKey, AuthorizationError, BasicAuth, OAuthClient, Parameter
from newel.ports.store import StoreUnavailable
from newel.runtime.clock import SystemClock
from newel.service.connections import Connections

ONE = "1 validation error detected: "
RESOURCE = "arn:aws:vpc-lattice:us-east-1:000000000000:resourceconfiguration/rcfg-0123456789abcdefg"
BASIC = {"BasicAuthParameters": {"Username": "user", "Password": "basic-secret"}}
KEY = {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key", "ApiKeyValue": "key-secret"}}
OAUTH = {
    "OAuthParameters": {
        "ClientParameters": {"ClientID": "client", "ClientSecret": "client-secret"},
        "AuthorizationEndpoint": "https://auth.test/token",
        "HttpMethod": "POST",
        "OAuthHttpParameters": {
            "BodyParameters": [
                {"Key": "audience", "Value": "shown", "IsValueSecret": False},
                {"Key": "hint", "Value": "hint-secret", "IsValueSecret": True},
            ]
        },
    }
}
EXTRA = {
    "InvocationHttpParameters": {
        "HeaderParameters": [{"Key": "X-Tenant", "Value": "header-secret", "IsValueSecret": True}],
        "QueryStringParameters": [{"Key": "Action", "Value": "Forecast"}],
    }
}
SECRETS = ("basic-secret", "key-secret", "client-secret", "hint-secret", "header-secret", "another-secret")


class Authorizer:
    """Grants tokens when told to."""

    def __init__(self):
        self.granted = threading.Event()
        self.error = None
        self.asked = []
        self.forgotten = []

    async def authorize(self, connection):
        self.asked.append(connection)
        while not self.granted.is_set():
            await asyncio.sleep(0.005)
        if self.error is not None:
            raise self.error

    def reaches(self, resource_configuration):
        return resource_configuration == RESOURCE

    def forget(self, arn):
        self.forgotten.append(arn)


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authorizer = Authorizer()
        self.connections = Connections(folder, SystemClock(), self.authorizer)
        self.app = assemble(folder, events=EventsApi(self.connections)).app


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    return Server(tmp_path_factory.mktemp("events"))


@pytest.fixture(scope="module")
def client_at(server):
    made = []
    with serving(server.app) as url:

        def make(access_key="test", *, validated=True):
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=validated)
            keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "secret"}
            client = boto3.client("events", endpoint_url=url, region_name=REGION, config=config, **keys)
            made.append(client)
            return client

        yield make
        for client in made:
            client.close()


@pytest.fixture(scope="module")
def events(client_at):
    return client_at()


@pytest.fixture
def authorizer(server):
    server.authorizer.granted.set()
    server.authorizer.error = None
    return server.authorizer


def create(events, kind="API_KEY", parameters=KEY, **more):
    name = more.pop("Name", None) or fresh("connection")
    return name, events.create_connection(Name=name, AuthorizationType=kind, AuthParameters=parameters, **more)


def settled(events, name):
    deadline = time.monotonic() + 10
    while (found := events.describe_connection(Name=name))["ConnectionState"] == "AUTHORIZING":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_create_and_describe(events):
    name, made = create(events, "BASIC", {**BASIC, **EXTRA}, Description="about it")
    start = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/{name}/"
    assert made["ConnectionArn"].startswith(start)
    assert made["ConnectionState"] == "AUTHORIZED"
    identity = made["ConnectionArn"].removeprefix(start)
    found = events.describe_connection(Name=name)
    del found["ResponseMetadata"]
    secret = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:events!connection/{name}/{identity}-"
    assert found.pop("SecretArn").startswith(secret)
    assert found.pop("CreationTime") == found.pop("LastAuthorizedTime") == made["CreationTime"]
    assert found.pop("LastModifiedTime") == made["LastModifiedTime"]
    assert found == {
        "ConnectionArn": made["ConnectionArn"],
        "Name": name,
        "Description": "about it",
        "ConnectionState": "AUTHORIZED",
        "AuthorizationType": "BASIC",
        "AuthParameters": {
            "BasicAuthParameters": {"Username": "user"},
            "InvocationHttpParameters": {
                "HeaderParameters": [{"Key": "X-Tenant", "IsValueSecret": True}],
                "QueryStringParameters": [{"Key": "Action", "Value": "Forecast", "IsValueSecret": False}],
            },
        },
    }


def test_an_api_key(events, server):
    name, made = create(events)
    found = events.describe_connection(Name=name)
    assert found["AuthParameters"] == {"ApiKeyAuthParameters": {"ApiKeyName": "x-api-key"}}
    assert server.connections.use(made["ConnectionArn"]).credentials == ApiKey("x-api-key", "key-secret")


def test_oauth_is_authorized_in_the_background(events, server, authorizer):
    authorizer.granted.clear()
    name, made = create(events, "OAUTH_CLIENT_CREDENTIALS", {**OAUTH, **EXTRA})
    assert made["ConnectionState"] == "AUTHORIZING"
    assert "LastAuthorizedTime" not in made
    with pytest.raises(StatesError) as caught:
        server.connections.use(made["ConnectionArn"])
    assert caught.value.error == "Events.ConnectionResource.AuthInProgress"
    authorizer.granted.set()
    found = settled(events, name)
    assert found["ConnectionState"] == "AUTHORIZED"
    assert found["LastAuthorizedTime"] >= made["CreationTime"]
    assert found["AuthParameters"]["OAuthParameters"] == {
        "ClientParameters": {"ClientID": "client"},
        "AuthorizationEndpoint": "https://auth.test/token",
        "HttpMethod": "POST",
        "OAuthHttpParameters": {
            "BodyParameters": [
                {"Key": "audience", "Value": "shown", "IsValueSecret": False},
                {"Key": "hint", "IsValueSecret": True},
            ]
        },
    }
    used = server.connections.use(made["ConnectionArn"])
    assert isinstance(used.credentials, OAuthClient)
    assert used.credentials.client_secret == "client-secret"
    assert used.credentials.parameters.body == (Parameter("audience", "shown"), Parameter("hint", "hint-secret", True))
    assert used.parameters.headers == (Parameter("X-Tenant", "header-secret", True),)


def test_oauth_that_is_refused(events, server, authorizer):
    authorizer.error = AuthorizationError("The authorization endpoint answered with status 401", rejected=True)
    name, made = create(events, "OAUTH_CLIENT_CREDENTIALS", OAUTH)
    found = settled(events, name)
    assert found["ConnectionState"] == "DEAUTHORIZED"
    assert found["StateReason"] == "The authorization endpoint answered with status 401"
    with pytest.raises(StatesError) as caught:
        server.connections.use(made["ConnectionArn"])
    assert caught.value.error == "Events.ConnectionResource.InvalidConnectionState"
    authorizer.error = None
    change = {"OAuthParameters": {"ClientParameters": {"ClientSecret": "another-secret"}}}
    assert events.update_connection(Name=name, AuthParameters=change)["ConnectionState"] == "AUTHORIZING"
    assert settled(events, name)["ConnectionState"] == "AUTHORIZED"
    client = server.connections.use(made["ConnectionArn"]).credentials
    assert (client.client_id, client.client_secret) == ("client", "another-secret")


def test_update_changes_what_it_names(events, server, authorizer):
    name, made = create(events, "BASIC", {**BASIC, **EXTRA})
    arn = made["ConnectionArn"]
    first = server.connections.use(arn)
    events.update_connection(Name=name, Description="only this")
    assert server.connections.use(arn).revision == first.revision
    events.update_connection(Name=name, AuthParameters={"BasicAuthParameters": {"Password": "another-secret"}})
    second = server.connections.use(arn)
    assert second.credentials == BasicAuth("user", "another-secret")
    assert second.parameters == first.parameters
    assert second.revision != first.revision
    assert arn in authorizer.forgotten
    events.update_connection(Name=name, AuthorizationType="API_KEY", AuthParameters=KEY)
    assert server.connections.use(arn).credentials == ApiKey("x-api-key", "key-secret")
    found = events.describe_connection(Name=name)
    assert found["Description"] == "only this"
    assert found["ConnectionArn"] == arn
    assert set(found["AuthParameters"]) == {"ApiKeyAuthParameters", "InvocationHttpParameters"}


def test_deauthorize_removes_the_secret(events, server):
    name, made = create(events)
    answer = events.deauthorize_connection(Name=name)
    assert (answer["ConnectionArn"], answer["ConnectionState"]) == (made["ConnectionArn"], "DEAUTHORIZING")
    found = events.describe_connection(Name=name)
    assert found["ConnectionState"] == "DEAUTHORIZED"
    assert "SecretArn" not in found
    assert "AuthParameters" not in found
    with pytest.raises(StatesError):
        server.connections.use(made["ConnectionArn"])
    code, message = refusal(events.update_connection, Name=name, AuthParameters=EXTRA)
    assert code == "ValidationException"
    assert "ApiKeyAuthParameters" in message
    events.update_connection(Name=name, AuthParameters=KEY)
    assert events.describe_connection(Name=name)["ConnectionState"] == "AUTHORIZED"


def test_delete(events, server):
    name, made = create(events)
    assert events.delete_connection(Name=name)["ConnectionState"] == "DELETING"
    gone = f"Failed to describe the connection(s). Connection '{name}' does not exist."
    for operation in ("describe", "delete", "update", "deauthorize"):
        call = getattr(events, f"{operation}_connection")
        assert refusal(call, Name=name) == ("ResourceNotFoundException", gone)
    with pytest.raises(StatesError) as caught:
        server.connections.use(made["ConnectionArn"])
    assert caught.value.error == "Events.ConnectionResource.ResourceNotFound"
    again = create(events, Name=name)[1]
    assert again["ConnectionArn"] != made["ConnectionArn"]


@pytest.mark.parametrize(
    "arn", ["", "c", "arn:aws:events:us-east-1:000000000000:connection/a/b", "arn:aws:events:x:y:z"]
)
def test_arns_of_nothing(server, arn):
    with pytest.raises(StatesError, match="ResourceNotFound"):
        server.connections.use(arn)


def test_a_name_is_taken_once_per_account(events, client_at):
    name, _ = create(events)
    request = {"Name": name, "AuthorizationType": "BASIC", "AuthParameters": BASIC}
    message = f"Connection {name} already exists."
    assert refusal(events.create_connection, **request) == ("ResourceAlreadyExistsException", message)
    other = client_at("000000000002").create_connection(**request)
    assert ":000000000002:connection/" in other["ConnectionArn"]


def test_lists_page_by_page(client_at):
    events = client_at("000000000003")
    names = sorted(create(events, Name=f"{prefix}-{fresh('x')}")[0] for prefix in ("a", "a", "b", "a"))
    first = events.list_connections(Limit=3)
    assert [item["Name"] for item in first["Connections"]] == names[:3]
    second = events.list_connections(Limit=3, NextToken=first["NextToken"])
    assert [item["Name"] for item in second["Connections"]] == names[3:]
    assert "NextToken" not in second
    assert set(first["Connections"][0]) == {
        "ConnectionArn",
        "Name",
        "ConnectionState",
        "AuthorizationType",
        "CreationTime",
        "LastModifiedTime",
        "LastAuthorizedTime",
    }
    found = events.list_connections(NamePrefix="a-")["Connections"]
    assert [item["Name"] for item in found] == names[:3]
    events.deauthorize_connection(Name=names[0])
    found = events.list_connections(ConnectionState="DEAUTHORIZED")["Connections"]
    assert [item["Name"] for item in found] == names[:1]
    assert refusal(events.list_connections, NamePrefix="a", NextToken=first["NextToken"])[0] == "ValidationException"


def test_private_resources(events, server):
    connectivity = {"ResourceParameters": {"ResourceConfigurationArn": RESOURCE}}
    name, made = create(events, InvocationConnectivityParameters=connectivity)
    assert server.connections.use(made["ConnectionArn"]).resource_configuration == RESOURCE
    shown = events.describe_connection(Name=name)["InvocationConnectivityParameters"]["ResourceParameters"]
    assert shown["ResourceConfigurationArn"] == RESOURCE
    assert ":servicenetworkresourceassociation/snra-" in shown["ResourceAssociationArn"]
    none = {"ResourceParameters": {"ResourceConfigurationArn": ""}}
    events.update_connection(Name=name, InvocationConnectivityParameters=none)
    assert server.connections.use(made["ConnectionArn"]).resource_configuration is None
    other = {"ResourceParameters": {"ResourceConfigurationArn": RESOURCE.replace("rcfg-0", "rcfg-1")}}
    request = {"Name": fresh(), "AuthorizationType": "API_KEY", "AuthParameters": KEY}
    code, _ = refusal(events.create_connection, **request, InvocationConnectivityParameters=other)
    assert code == "ResourceNotFoundException"
    code, _ = refusal(events.update_connection, Name=name, InvocationConnectivityParameters=other)
    assert code == "ResourceNotFoundException"


def test_a_private_authorization_endpoint(events, server, authorizer):
    connectivity = {"ConnectivityParameters": {"ResourceParameters": {"ResourceConfigurationArn": RESOURCE}}}
    name, made = create(events, "OAUTH_CLIENT_CREDENTIALS", {**OAUTH, **connectivity})
    shown = settled(events, name)["AuthParameters"]["ConnectivityParameters"]["ResourceParameters"]
    assert shown["ResourceConfigurationArn"] == RESOURCE
    used = server.connections.use(made["ConnectionArn"])
    assert (used.resource_configuration, used.credentials.resource_configuration) == (None, RESOURCE)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, ONE + "Value null at 'authParameters' failed to satisfy constraint: Member must not be null"),
        (
            {"Name": "a b", "AuthParameters": KEY},
            ONE + "Value 'a b' at 'name' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+",
        ),
        (
            {"AuthorizationType": "NONE", "AuthParameters": KEY},
            ONE + "Value 'NONE' at 'authorizationType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [BASIC, OAUTH_CLIENT_CREDENTIALS, API_KEY]",
        ),
        (
            {"AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k", "ApiKeyValue": "a:key-secret"}}},
            ONE
            + "Value at 'authParameters.apiKeyAuthParameters.apiKeyValue' failed to satisfy constraint: Member must "
            r"satisfy regular expression pattern: ^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$",
        ),
        (
            {"AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": "k"}}},
            ONE + "Value null at 'authParameters.apiKeyAuthParameters.apiKeyValue' failed to satisfy constraint: "
            "Member must not be null",
        ),
        (
            {"AuthParameters": BASIC},
            "AuthParameters.ApiKeyAuthParameters must be specified when AuthorizationType is API_KEY.",
        ),
        (
            {"AuthParameters": {**KEY, **BASIC}},
            "AuthParameters.BasicAuthParameters cannot be specified when AuthorizationType is API_KEY.",
        ),
        (
            {
                "AuthorizationType": "OAUTH_CLIENT_CREDENTIALS",
                "AuthParameters": {
                    "OAuthParameters": {**OAUTH["OAuthParameters"], "AuthorizationEndpoint": "ftp://a/"},
                },
            },
            "AuthParameters.OAuthParameters.AuthorizationEndpoint must be an HTTPS URL.",
        ),
        (
            {"AuthParameters": {**KEY, "InvocationHttpParameters": {"BodyParameters": [{"Value": "key-secret"}]}}},
            "AuthParameters.InvocationHttpParameters.BodyParameters has a parameter without a Key.",
        ),
    ],
)
def test_requests_that_are_refused(client_at, request_, message):
    unchecked = client_at(validated=False)
    code, text = refusal(unchecked.create_connection, **{"Name": fresh(), "AuthorizationType": "API_KEY", **request_})
    assert (code, text) == ("ValidationException", message)
    assert not [secret for secret in SECRETS if secret in text]


def test_other_operations_are_not_ours(events, server, tmp_path):
    assert refusal(events.list_rules)[0] == "UnknownOperationException"
    taken = []

    async def companion(scope, receive, send):
        taken.append(dict(scope["headers"])[b"x-amz-target"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    app = assemble(tmp_path, events=EventsApi(server.connections), companion=companion).app
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/events/aws4_request, Signature=x"}
    ask(app, target="AWSEvents.PutRule", headers=headers)
    assert taken == [b"AWSEvents.PutRule"]
    status, found, body = ask(app, target="AWSEvents.ListConnections", headers=headers)
    assert (status, found["content-type"]) == (200, "application/x-amz-json-1.1")
    assert b"Connections" in body
    assert len(taken) == 1


def test_a_restart_finds_everything(tmp_path):
    clock = SystemClock()

    async def work():
        authorizer = Authorizer()
        first = Connections(tmp_path, clock, authorizer)
        caller = _caller()
        arns = {}
        for kind, given_ in (("API_KEY", KEY), ("OAUTH_CLIENT_CREDENTIALS", OAUTH)):
            request = {"Name": kind, "AuthorizationType": kind, "AuthParameters": given_}
            arns[kind] = first.create(caller, request)["ConnectionArn"]
        await first.close()
        second = Connections(tmp_path, clock, authorizer)
        assert second.use(arns["API_KEY"]).credentials == ApiKey("x-api-key", "key-secret")
        with pytest.raises(StatesError, match="AuthInProgress"):
            second.use(arns["OAUTH_CLIENT_CREDENTIALS"])
        authorizer.granted.set()
        await second.open()
        await asyncio.gather(*second._background.values())
        assert second.use(arns["OAUTH_CLIENT_CREDENTIALS"]).credentials.client_id == "client"
        (tmp_path / "connections.key").unlink()
        third = Connections(tmp_path, clock, authorizer)
        with pytest.raises(StatesError, match="InvalidConnectionState"):
            third.use(arns["API_KEY"])
        assert "AuthParameters" not in third.describe(caller, {"Name": "API_KEY"})

    asyncio.run(work())


def test_files_are_private_and_sealed(tmp_path):
    connections = Connections(tmp_path, SystemClock(), Authorizer())
    connections.create(_caller(), {"Name": "a", "AuthorizationType": "API_KEY", "AuthParameters": {**KEY, **EXTRA}})
    files = {file.name: file for file in tmp_path.iterdir()}
    assert set(files) == {"connections.json", "connections.key"}
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o600}
    assert not [secret for secret in SECRETS for file in files.values() if secret.encode() in file.read_bytes()]


def test_a_sealed_secret_opens_for_its_connection_alone(tmp_path):
    connections = Connections(tmp_path, SystemClock(), Authorizer())
    caller = _caller()
    arns = [
        connections.create(caller, {"Name": name, "AuthorizationType": "API_KEY", "AuthParameters": KEY})[
            "ConnectionArn"
        ]
        for name in ("a", "b")
    ]
    file = tmp_path / "connections.json"
    records = json.loads(file.read_text())
    records[0]["sealed"], records[1]["sealed"] = records[1]["sealed"], records[0]["sealed"]
    file.write_text(json.dumps(records))
    swapped = Connections(tmp_path, SystemClock(), Authorizer())
    for arn in arns:
        with pytest.raises(StatesError, match="InvalidConnectionState"):
            swapped.use(arn)


def test_broken_files_stop_the_start(tmp_path):
    (tmp_path / "connections.json").write_text("[")
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        Connections(tmp_path, SystemClock(), Authorizer())
    (tmp_path / "connections.json").unlink()
    (tmp_path / "connections.key").write_bytes(b"short")
    with pytest.raises(StoreUnavailable, match="does not hold a key"):
        Connections(tmp_path, SystemClock(), Authorizer())


def _caller():
    from newel.service.core import Caller

    return Caller(ACCOUNT, REGION)


@given(st.text(st.sampled_from("a \t:\x00\x7fé\n"), max_size=9))
def test_patterns_written_anew_say_the_same(text):
    import re

    for pattern, linear in _LINEAR.items():
        assert bool(re.fullmatch(pattern, text)) == bool(re.fullmatch(linear, text)), pattern


def test_a_long_hostile_value_is_judged_at_once():
    check = checker("CreateConnection", EVENTS)
    request = {"Name": "a", "AuthorizationType": "BASIC"}
    hostile = {"BasicAuthParameters": {"Username": " " * 511 + ":", "Password": "p"}}
    with pytest.raises(ServiceError, match=r"basicAuthParameters\.username"):
        check({**request, "AuthParameters": hostile})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PARTS = st.fixed_dictionaries(
    {},
    optional={
        "BasicAuthParameters": st.sampled_from([BASIC["BasicAuthParameters"], {}, None]) | JSON,
        "ApiKeyAuthParameters": st.sampled_from([KEY["ApiKeyAuthParameters"], {}]) | JSON,
        "OAuthParameters": st.sampled_from([OAUTH["OAuthParameters"], {}]) | JSON,
        "InvocationHttpParameters": st.sampled_from([EXTRA["InvocationHttpParameters"], {}]) | JSON,
        "ConnectivityParameters": JSON,
    },
)


@given(
    st.sampled_from(["CreateConnection", "UpdateConnection", "DescribeConnection", "ListConnections"]),
    st.fixed_dictionaries(
        {},
        optional={
            "Name": st.sampled_from(["a", "b"]) | JSON,
            "AuthorizationType": st.sampled_from(["BASIC", "API_KEY"]) | JSON,
            "AuthParameters": PARTS | JSON,
            "NextToken": st.text(max_size=8) | JSON,
        },
    ),
)
def test_whatever_is_sent_the_answer_is_an_answer(server, operation, body):
    status, _, reply = ask(server.app, json.dumps(body).encode(), target=f"AWSEvents.{operation}")
    assert status in (200, 400), reply
    assert not [secret for secret in SECRETS if secret.encode() in reply]
