"""Whatever is sent, the answer is one of AWS's errors or an answer: never a 5xx, a traceback or silence."""

import json
from importlib.resources import files
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import ENDS, ROLE
from wire_server import ask, assemble

from newel.api.shapes import OPERATION_NAMES, checker
from newel.errors import ServiceError

MODEL = json.loads(files("newel.api").joinpath("shapes.json").read_text())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ARNS = st.sampled_from(
    [
        "arn:aws:states:us-east-1:000000000000:stateMachine:m",
        "arn:aws:states:us-east-1:000000000000:stateMachine:m:1",
        "arn:aws:states:us-east-1:000000000000:stateMachine:m:alias",
        "arn:aws:states:us-east-1:000000000000:stateMachine:m/label",
        "arn:aws:states:us-east-1:000000000000:stateMachine:m:²",
        "arn:aws:states:us-east-1:000000000000:stateMachine:m:99999999999999999999",
        "arn:aws:states:us-east-1:000000000000:execution:m:run",
        "arn:aws:states:us-east-1:000000000000:express:m:run:id",
        "arn:aws:states:us-east-1:000000000000:activity:a",
        "arn:aws:states:::",
        "",
    ]
)
ROUTES = [{"stateMachineVersionArn": "arn:aws:states:us-east-1:000000000000:stateMachine:m:1", "weight": 100}]
NAMES = st.sampled_from(["m", "a", "run", "alias", "b c", "x" * 80, "é"])
TEXTS = st.text(max_size=20)
VALUES = {
    "definition": st.sampled_from([ENDS, "{}", "", "["]) | TEXTS,
    "description": TEXTS,
    "encryptionConfiguration": st.sampled_from([{"type": "AWS_OWNED_KEY"}, {"type": "CUSTOMER_MANAGED_KMS_KEY"}]),
    "executionArn": ARNS,
    "includeExecutionData": st.booleans(),
    "includedData": st.sampled_from(["ALL_DATA", "METADATA_ONLY"]),
    "input": st.sampled_from(["{}", "1", "nope"]) | TEXTS,
    "loggingConfiguration": st.sampled_from([{}, {"level": "ALL"}, {"level": "OFF", "destinations": [{}]}]),
    "maxResults": st.integers(0, 3),
    "name": NAMES,
    "output": st.sampled_from(["{}", "nope"]),
    "publish": st.booleans(),
    "reverseOrder": st.booleans(),
    "revisionId": st.sampled_from(["INITIAL", "x"]),
    "roleArn": st.just(ROLE) | TEXTS,
    "routingConfiguration": st.sampled_from([ROUTES, ROUTES * 2, []]),
    "statusFilter": st.sampled_from(["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"]),
    "tagKeys": st.lists(TEXTS, max_size=2),
    "tags": st.lists(st.fixed_dictionaries({}, optional={"key": TEXTS, "value": TEXTS}), max_size=2),
    "tracingConfiguration": st.sampled_from([{}, {"enabled": True}]),
    "type": st.sampled_from(["STANDARD", "EXPRESS"]),
    "versionDescription": TEXTS,
}


def requests_of(operation):
    """Requests that have what the operation needs, mostly of the right type."""
    shape = MODEL["shapes"][MODEL["operations"][operation]]
    members = {
        name: ARNS if name.endswith("Arn") and name != "roleArn" else VALUES.get(name, TEXTS)
        for name in shape["members"]
    }
    required = {name: members.pop(name) for name in shape.get("required", ())}
    return st.fixed_dictionaries(required, optional={name: value | JSON for name, value in members.items()})


OPERATIONS = st.sampled_from([name for name in OPERATION_NAMES if name != "DeleteStateMachine"])
REQUESTS = OPERATIONS.flatmap(lambda operation: st.tuples(st.just(operation), requests_of(operation)))
TARGETS = st.sampled_from(["AWSStepFunctions." + name for name in OPERATION_NAMES])


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    parts = assemble(tmp_path_factory.mktemp("fuzz"))
    parts.runtime.poll_seconds = 0
    for operation, request_ in (
        ("CreateStateMachine", {"name": "m", "definition": ENDS, "roleArn": ROLE, "publish": True}),
        ("CreateStateMachineAlias", {"name": "alias", "routingConfiguration": ROUTES}),
        ("CreateActivity", {"name": "a"}),
        ("StartExecution", {"stateMachineArn": ROUTES[0]["stateMachineVersionArn"], "name": "run"}),
    ):
        assert ask(parts.app, json.dumps(request_).encode(), target="AWSStepFunctions." + operation)[0] == 200
    return parts


@pytest.fixture(scope="module")
def app(parts):
    return parts.app


def check(status, body):
    answer = json.loads(body)
    if status == 200:
        assert isinstance(answer, dict)
        return
    assert 400 <= status < 500 or answer["__type"] in ("NotSupportedYet", "UnsupportedService"), answer
    assert isinstance(answer["__type"], str)
    assert isinstance(answer["message"], str)
    assert "Traceback" not in answer["message"]


@given(TARGETS, st.binary(max_size=200))
def test_any_bytes_to_any_operation(app, target, body):
    status, _, reply = ask(app, body, target=target)
    check(status, reply)


@given(TARGETS, JSON)
def test_any_json_to_any_operation(app, target, value):
    status, _, reply = ask(app, json.dumps(value).encode(), target=target)
    check(status, reply)


@settings(max_examples=500)
@given(REQUESTS)
def test_plausible_requests(app, call):
    operation, request_ = call
    status, _, reply = ask(app, json.dumps(request_).encode(), target="AWSStepFunctions." + operation)
    check(status, reply)


@given(st.binary(max_size=40), st.binary(max_size=60), st.sampled_from(["GET", "POST", "PUT", "DELETE", "OPTIONS"]))
def test_any_target_and_body(app, target, body, method):
    status, _, reply = ask(app, body, target=target, method=method)
    check(status, reply)


LOGS = [
    "CreateLogGroup",
    "DescribeLogGroups",
    "DescribeLogStreams",
    "FilterLogEvents",
    "GetLogEvents",
    "DeleteLogGroup",
]
LOG_MEMBERS = st.sampled_from(
    [
        "descending", "endTime", "filterPattern", "limit", "logGroupIdentifier", "logGroupName", "logGroupNamePrefix",
        "logStreamName", "logStreamNames", "nextToken", "orderBy", "startFromHead", "startTime",
    ]
)  # fmt: skip
LOG_VALUES = JSON | st.sampled_from(["g", "s", "arn:aws:logs:us-east-1:000000000000:log-group:g:*", "f/1", "b/1", "1"])


@settings(max_examples=300)
@given(st.sampled_from(LOGS), JSON | st.dictionaries(LOG_MEMBERS, LOG_VALUES, max_size=5))
def test_any_request_for_logs(app, parts, operation, request_):
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    if not parts.core.log_groups.exists(arn):
        parts.core.log_groups.create("000000000000", "us-east-1", "g")
    parts.core.log_groups.write(arn, "s", [(1, {})])
    status, _, reply = ask(app, json.dumps(request_).encode(), target="Logs_20140328." + operation)
    check(status, reply)


@given(
    st.sampled_from(
        ["CreateRole", "GetRole", "ListRoles", "PutRolePolicy", "TagRole", "UpdateRole", "AssumeRole", "x"]
    ),
    st.dictionaries(
        st.sampled_from(["RoleName", "Path", "AssumeRolePolicyDocument", "MaxSessionDuration", "Tags.member.1.Key"])
        | st.sampled_from(["PolicyName", "PolicyDocument", "RoleArn", "RoleSessionName", "DurationSeconds"]),
        st.text(max_size=20) | st.sampled_from(["r", '{"Statement": []}', "3600", "arn:aws:iam::000000000001:role/r"]),
    ),
)
def test_any_form(app, action, parameters):
    version = "2011-06-15" if action == "AssumeRole" else "2010-05-08"
    body = urlencode({"Action": action, "Version": version, **parameters}).encode()
    status, _, reply = ask(app, body, headers={"content-type": "application/x-www-form-urlencoded"})
    root = ET.fromstring(reply)
    assert root.tag.endswith(f"{action}Response" if status == 200 else "ErrorResponse")
    assert status < 500


@given(
    st.text(st.characters(max_codepoint=255, blacklist_categories=("Cc",)), max_size=80),
    st.binary(max_size=80),
    st.binary(max_size=80),
)
def test_any_credential_and_query(app, authorization, query, body):
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=" + authorization}
    status, _, reply = ask(app, body, target="AWSStepFunctions.ListActivities", query=query, headers=headers)
    check(status, reply)
    status, _, _ = ask(app, body, query=query, headers={**headers, "content-type": "application/x-www-form-urlencoded"})
    assert status < 600


@given(REQUESTS | st.tuples(OPERATIONS, JSON))
def test_what_passes_the_check_passes_it_again(call):
    operation, value = call
    try:
        request = checker(operation)(value)
    except ServiceError as error:
        refused = error.code
    else:
        refused = None
        assert checker(operation)(request) == request
    assert refused in (None, "ValidationException", "SerializationException")
