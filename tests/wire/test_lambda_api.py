"""Lambda's API through boto3: the control operations, Invoke, and what is refused."""

import base64
import contextlib
import hashlib
import io
import json
import re
import urllib.request
import zipfile
from urllib.error import HTTPError

import boto3
import msgspec
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from wire_server import ACCOUNT, REGION, assemble, serving

from newel.api.lambda_rest import LambdaApi
from newel.functions.host import FunctionHost
from newel.functions.settings import HostSettings

ROLE = "arn:aws:iam::000000000000:role/lambda"
ECHO = "def handler(event, context):\n    return event\n"


class Application:
    """The endpoint with a host that lives as long as the server does."""

    def __init__(self, folder):
        self.host = FunctionHost(folder / "functions", HostSettings(event_retry_seconds=()))
        self.app = assemble(folder, lambda_=LambdaApi(self.host)).app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "lifespan":
            await self.app(scope, receive, send)
            return
        await receive()
        await self.host.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.host.close()
        await send({"type": "lifespan.shutdown.complete"})


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    application = Application(tmp_path_factory.mktemp("lambda"))
    with serving(application) as url:
        application.host.settings = msgspec.structs.replace(application.host.settings, endpoint_url=url)
        yield url


def client_at(endpoint, **options):
    return boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}, **options),
    )


@pytest.fixture(scope="module")
def api(endpoint):
    client = client_at(endpoint)
    yield client
    client.close()


@pytest.fixture(scope="module")
def loose(endpoint):
    client = client_at(endpoint, parameter_validation=False)
    yield client
    client.close()


@pytest.fixture
def name(request, api):
    """A function name of the test's own; what it names is deleted afterwards."""
    made = re.sub(r"\W", "-", request.node.name)[:60]
    yield made
    with contextlib.suppress(api.exceptions.ResourceNotFoundException):
        api.delete_function(FunctionName=made)


def package(source=ECHO, file="handler.py"):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, source)
    return buffer.getvalue()


def create(api, name, source=ECHO, **options):
    given = {"Runtime": "python3.12", "Handler": "handler.handler", "Role": ROLE, "Code": {"ZipFile": package(source)}}
    return api.create_function(FunctionName=name, **given | options)


def failure(call, *arguments, **options):
    """(code, message, status) of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **options)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def arn(name):
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def test_a_function_from_creation_to_deletion(api, name):
    data = package()
    made = create(
        api,
        name,
        Code={"ZipFile": data},
        Description="d",
        Timeout=7,
        MemorySize=256,
        Environment={"Variables": {"AA": "1"}},
        Tags={"team": "a"},
        EphemeralStorage={"Size": 1024},
        Architectures=["arm64"],
    )
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert made["FunctionArn"] == arn(name)
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert made["CodeSize"] == len(data)
    assert (made["State"], made["LastUpdateStatus"], made["Version"]) == ("Active", "Successful", "$LATEST")
    assert (made["Timeout"], made["MemorySize"], made["Description"]) == (7, 256, "d")
    assert made["Environment"] == {"Variables": {"AA": "1"}}
    assert made["EphemeralStorage"] == {"Size": 1024}
    assert made["Architectures"] == ["arm64"]
    assert made["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", made["LastModified"])
    api.get_waiter("function_active_v2").wait(FunctionName=name)
    got = api.get_function(FunctionName=name)
    assert got["Tags"] == {"team": "a"}
    assert urllib.request.urlopen(got["Code"]["Location"]).read() == data
    made.pop("ResponseMetadata")
    assert got["Configuration"] == made
    by_arn = api.get_function_configuration(FunctionName=arn(name), Qualifier="$LATEST")
    assert by_arn["FunctionArn"] == arn(name) + ":$LATEST"
    assert name in [item["FunctionName"] for item in api.list_functions()["Functions"]]
    assert api.delete_function(FunctionName=name)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert failure(api.get_function, FunctionName=name) == (
        "ResourceNotFoundException",
        f"Function not found: {arn(name)}",
        404,
    )


def test_invoke(api, name):
    create(api, name)
    answer = api.invoke(FunctionName=name, Payload=b'{"a": [1]}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert answer["Payload"].read() == b'{"a": [1]}'
    assert b"REPORT RequestId: " in base64.b64decode(answer["LogResult"])
    assert answer["ResponseMetadata"]["RequestId"].encode() in base64.b64decode(answer["LogResult"])
    assert api.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    event = api.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    assert (event["StatusCode"], event["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in event
    assert api.invoke_async(FunctionName=name, InvokeArgs=b"{}")["Status"] == 202


def test_invoke_with_an_error(api, name):
    create(api, name, "def handler(event, context):\n    raise KeyError('x')\n")
    answer = api.invoke(FunctionName=name)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"


def test_client_context(api, name):
    create(api, name, "def handler(event, context):\n    return context.client_context.custom\n")
    context = base64.b64encode(json.dumps({"custom": {"a": "é"}}, indent=1).encode()).decode()
    answer = api.invoke(FunctionName=name, ClientContext=context)
    assert json.loads(answer["Payload"].read()) == {"a": "é"}
    assert failure(api.invoke, FunctionName=name, ClientContext="!!")[0] == "InvalidRequestContentException"


def test_boto3_inside_a_function_talks_to_this_server(api, name):
    source = """
import boto3
def handler(event, context):
    found = boto3.client("lambda").get_function_configuration(FunctionName=context.function_name)
    return found["FunctionArn"]
"""
    create(api, name, source, Timeout=60, MemorySize=512)
    answer = api.invoke(FunctionName=name)
    assert json.loads(answer["Payload"].read()) == arn(name)


@pytest.mark.parametrize(
    ("options", "code", "message", "status"),
    [
        ({"InvocationType": "Sometimes"}, "ValidationException", "Member must satisfy enum value set", 400),
        ({"Payload": b"{nope"}, "InvalidRequestContentException", "Could not parse request body into json", 400),
        ({"Qualifier": "7"}, "ResourceNotFoundException", ":7", 404),
    ],
)
def test_invoke_refuses(api, loose, name, options, code, message, status):
    create(api, name)
    answer = failure(loose.invoke, FunctionName=name, **options)
    assert (answer[0], answer[2]) == (code, status)
    assert message in answer[1]


def test_invoke_of_nothing(api):
    assert failure(api.invoke, FunctionName="nobody") == (
        "ResourceNotFoundException",
        f"Function not found: {arn('nobody')}:$LATEST",
        404,
    )


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ({"Timeout": 0}, "ValidationException", "1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"),
        ({"Timeout": 901}, "ValidationException", "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900"),
        ({"MemorySize": 1, "Timeout": 0}, "ValidationException", "2 validation errors detected: Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1; Value '1' at 'memorySize'"),
        ({"Runtime": "cobol"}, "ValidationException", "1 validation error detected: Value 'cobol' at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["),
        ({"Runtime": "java21"}, "InvalidParameterValueException", "Newel cannot run the runtime java21"),
        ({"Role": "me"}, "ValidationException", "Value 'me' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "PackageType Image is not supported"),
        ({"Layers": ["arn:aws:lambda:us-east-1:1:layer:x:1"]}, "InvalidParameterValueException", "Newel does not support the member Layers of a function."),
        ({"DeadLetterConfig": {"TargetArn": "arn:aws:sqs:us-east-1:1:q"}}, "InvalidParameterValueException", "does not support the member DeadLetterConfig"),
        ({"Code": {"S3Bucket": "b", "S3Key": "k"}}, "InvalidParameterValueException", "it does not fetch it from S3"),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"Code": {"ZipFile": b"junk"}}, "InvalidParameterValueException", "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException", "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: AWS_REGION"),
        ({"Environment": {"Variables": {"A1": "x" * 4096}}}, "InvalidParameterValueException", "exceeded the 4KB limit"),
        ({"Environment": {"Variables": {"1A": "x"}}}, "ValidationException", "at 'environment.variables' failed to satisfy constraint"),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "InvalidParameterValueException", "LogFormat JSON is not supported"),
        ({"EphemeralStorage": {"Size": 1}}, "ValidationException", "Value '1' at 'ephemeralStorage.size'"),
        ({"Handler": ""}, "ValidationException", "Value '' at 'handler'"),
        ({"FunctionName": "a b"}, "ValidationException", "Value 'a b' at 'functionName' failed to satisfy constraint"),
        ({"Role": None}, "ValidationException", "Value null at 'role' failed to satisfy constraint: Member must not be null"),
        ({"Handler": None}, "InvalidParameterValueException", "Handler is mandatory for functions created with deployment packages."),
        ({"Nonsense": 1}, "InvalidParameterValueException", "does not support the member Nonsense"),
    ],
)  # fmt: skip
def test_create_refuses(endpoint, name, options, code, message):
    body = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Handler": "handler.handler",
        "Role": ROLE,
        "Code": {"ZipFile": package()},
    } | options
    body["Code"] = {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for key, value in body["Code"].items()
    }
    answer = raw(endpoint, "POST", "/2015-03-31/functions", body)
    assert answer[0] == 400
    assert answer[1]["x-amzn-errortype"] == code
    assert json.loads(answer[2])["Type"] == "User"
    assert message in json.loads(answer[2])["message"]


def raw(endpoint, method, path, body=None):
    """An unsigned request; (status, headers, body)."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + path, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_what_is_not_served_says_so(endpoint, api):
    status, headers, body = raw(endpoint, "GET", "/2021-10-31/functions/f/url")
    assert (status, headers["x-amzn-errortype"]) == (404, "UnknownOperationException")
    assert "GET /2021-10-31/functions/f/url" in json.loads(body)["message"]
    assert failure(api.list_layers)[0] == "UnknownOperationException"


def test_a_body_that_is_not_json(endpoint):
    for body in (b"{", b"[]"):
        status, headers, _ = raw(endpoint, "POST", "/2015-03-31/functions", body)
        assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


def test_a_name_is_taken_once(api, name):
    create(api, name)
    assert failure(create, api, name) == ("ResourceConflictException", f"Function already exist: {name}", 409)


def test_what_tools_send_empty_is_accepted(api, name):
    made = create(
        api,
        name,
        VpcConfig={"SubnetIds": [], "SecurityGroupIds": []},
        DeadLetterConfig={"TargetArn": ""},
        TracingConfig={"Mode": "Active"},
        Layers=[],
        SnapStart={"ApplyOn": "None"},
    )
    assert made["TracingConfig"] == {"Mode": "Active"}
    assert "CodeSigningConfigArn" not in api.get_function_code_signing_config(FunctionName=name)


def test_updates(api, name):
    first = create(api, name)
    changed = api.update_function_code(
        FunctionName=name,
        ZipFile=package("def handler(e, c):\n    import os\n    return os.environ.get('VV', 'new')\n"),
    )
    assert changed["CodeSha256"] != first["CodeSha256"]
    assert changed["RevisionId"] != first["RevisionId"]
    assert api.invoke(FunctionName=name)["Payload"].read() == b'"new"'
    api.update_function_configuration(FunctionName=name, Environment={"Variables": {"VV": "2"}}, Timeout=9)
    api.get_waiter("function_updated_v2").wait(FunctionName=name)
    assert api.invoke(FunctionName=name)["Payload"].read() == b'"2"'
    got = api.get_function_configuration(FunctionName=name)
    assert (got["Timeout"], got["MemorySize"], got["CodeSha256"]) == (9, 128, changed["CodeSha256"])
    dry = api.update_function_code(FunctionName=name, ZipFile=package("x = 1"), DryRun=True)
    assert dry["CodeSha256"] != changed["CodeSha256"]
    assert api.get_function_configuration(FunctionName=name)["CodeSha256"] == changed["CodeSha256"]
    code, message, status = failure(api.update_function_configuration, FunctionName=name, RevisionId="old")
    assert (code, status) == ("PreconditionFailedException", 412)
    assert message.startswith("The Revision Id provided does not match the latest Revision Id.")


def test_versions_are_immutable(api, name):
    create(api, name, "def handler(e, c):\n    return c.function_version\n")
    one = api.publish_version(FunctionName=name, Description="first")
    assert (one["Version"], one["FunctionArn"], one["Description"]) == ("1", f"{arn(name)}:1", "first")
    assert api.publish_version(FunctionName=name)["Version"] == "1"  # nothing changed
    api.update_function_code(FunctionName=name, ZipFile=package("def handler(e, c):\n    return 'two'\n"), Publish=True)
    assert api.invoke(FunctionName=name, Qualifier="1")["Payload"].read() == b'"1"'
    second = api.invoke(FunctionName=f"{arn(name)}:2")
    assert (second["Payload"].read(), second["ExecutedVersion"]) == (b'"two"', "2")
    versions = api.list_versions_by_function(FunctionName=name)["Versions"]
    assert [item["Version"] for item in versions] == ["$LATEST", "1", "2"]
    assert versions[0]["FunctionArn"] == f"{arn(name)}:$LATEST"
    code, message, _ = failure(api.publish_version, FunctionName=name, CodeSha256="nope")
    assert code == "InvalidParameterValueException"
    assert message.startswith("CodeSHA256 (nope) is different from current CodeSHA256 in $LATEST (")
    api.delete_function(FunctionName=name, Qualifier="1")
    assert failure(api.get_function, FunctionName=name, Qualifier="1") == (
        "ResourceNotFoundException",
        f"Function not found: {arn(name)}:1",
        404,
    )
    assert failure(api.delete_function, FunctionName=name, Qualifier="$LATEST")[1] == (
        "$LATEST version cannot be deleted without deleting the function."
    )


def test_aliases(api, name):
    create(api, name, "def handler(e, c):\n    return [c.function_version, c.invoked_function_arn]\n", Publish=True)
    made = api.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="d")
    assert made["AliasArn"] == f"{arn(name)}:live"
    assert api.get_function_configuration(FunctionName=name, Qualifier="live")["FunctionArn"] == f"{arn(name)}:live"
    answer = api.invoke(FunctionName=name, Qualifier="live")
    assert json.loads(answer["Payload"].read()) == ["1", f"{arn(name)}:live"]
    assert answer["ExecutedVersion"] == "1"
    assert failure(api.create_alias, FunctionName=name, Name="live", FunctionVersion="1") == (
        "ResourceConflictException",
        f"Alias already exists: {arn(name)}:live",
        409,
    )
    api.update_function_configuration(FunctionName=name, Description="changed")
    assert api.publish_version(FunctionName=name)["Version"] == "1"  # a description alone makes no version
    api.update_function_configuration(FunctionName=name, Timeout=8)
    assert api.publish_version(FunctionName=name)["Version"] == "2"
    moved = api.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert moved["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 1.0}}
    assert moved["Description"] == "d"
    assert api.invoke(FunctionName=name, Qualifier="live")["ExecutedVersion"] == "2"
    assert failure(api.delete_function, FunctionName=name, Qualifier="2")[0] == "ResourceConflictException"
    assert [item["Name"] for item in api.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    assert api.list_aliases(FunctionName=name, FunctionVersion="9")["Aliases"] == []
    api.delete_alias(FunctionName=name, Name="live")
    assert failure(api.get_alias, FunctionName=name, Name="live") == (
        "ResourceNotFoundException",
        f"Cannot find alias arn: {arn(name)}:live",
        404,
    )
    for options, code in (
        ({"Name": "123", "FunctionVersion": "1"}, "ValidationException"),
        ({"Name": "x", "FunctionVersion": "77"}, "ResourceNotFoundException"),
        (
            {"Name": "x", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "InvalidParameterValueException",
        ),
        (
            {"Name": "x", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 1.5}}},
            "InvalidParameterValueException",
        ),
        (
            {"Name": "x", "FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}},
            "InvalidParameterValueException",
        ),
    ):
        assert failure(api.create_alias, FunctionName=name, **options)[0] == code


def test_permissions(api, name):
    create(api, name)
    assert failure(api.get_policy, FunctionName=name) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
        404,
    )
    given = {
        "FunctionName": name,
        "StatementId": "s1",
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceArn": "arn:aws:events:us-east-1:000000000000:rule/r",
    }
    statement = json.loads(api.add_permission(**given)["Statement"])
    assert statement == {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn(name),
        "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:events:us-east-1:000000000000:rule/r"}},
    }
    assert failure(api.add_permission, **given)[0] == "ResourceConflictException"
    answer = api.get_policy(FunctionName=name)
    assert json.loads(answer["Policy"])["Statement"] == [statement]
    assert failure(api.remove_permission, FunctionName=name, StatementId="s1", RevisionId="x")[2] == 412
    api.remove_permission(FunctionName=name, StatementId="s1", RevisionId=answer["RevisionId"])
    assert failure(api.remove_permission, FunctionName=name, StatementId="s1")[0] == "ResourceNotFoundException"
    assert failure(api.add_permission, **given | {"Principal": "nobody at all"})[0] == "InvalidParameterValueException"
    assert failure(api.add_permission, **given, Qualifier="$LATEST")[1] == (
        "We currently do not support adding policies for $LATEST."
    )
    assert failure(api.add_permission, **given, Qualifier="9")[0] == "ResourceNotFoundException"
    account = api.add_permission(**given | {"Principal": "123456789012", "StatementId": "s2"})
    assert json.loads(account["Statement"])["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}


def test_tags(api, name):
    create(api, name, Tags={"a": "1"})
    api.tag_resource(Resource=arn(name), Tags={"b": "2", "c": "3"})
    assert api.list_tags(Resource=arn(name))["Tags"] == {"a": "1", "b": "2", "c": "3"}
    api.untag_resource(Resource=arn(name), TagKeys=["a", "c"])
    assert api.list_tags(Resource=arn(name))["Tags"] == {"b": "2"}


def test_concurrency(api, name):
    create(api, name)
    assert "ReservedConcurrentExecutions" not in api.get_function_concurrency(FunctionName=name)
    api.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    code, message, status = failure(api.invoke, FunctionName=name)
    assert (code, message, status) == ("TooManyRequestsException", "Rate Exceeded.", 429)
    with pytest.raises(ClientError) as caught:
        api.invoke(FunctionName=name)
    assert caught.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert api.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    assert api.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 1000
    assert failure(api.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=901)[1].endswith(
        "below its minimum value of [100]."
    )
    api.delete_function_concurrency(FunctionName=name)
    assert api.invoke(FunctionName=name)["StatusCode"] == 200


def pages(call, key, size, **options):
    """All items, a page of `size` at a time."""
    found, marker = [], None
    while True:
        answer = call(MaxItems=size, **options, **({"Marker": marker} if marker else {}))
        assert len(answer[key]) <= size
        found += answer[key]
        marker = answer.get("NextMarker")
        if marker is None:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages(api, size):
    names = ["page", "page-", "page-a", "page0", "pageA", "page_a", "pagea"]
    for item in names:
        create(api, item, Publish=True)
    try:
        seen = [item["FunctionName"] for item in pages(api.list_functions, "Functions", size)]
        assert [item for item in seen if item.startswith("page")] == sorted(names)
        every = pages(api.list_functions, "Functions", size, FunctionVersion="ALL")
        assert len([item for item in every if item["FunctionName"].startswith("page")]) == 2 * len(names)
        versions = pages(api.list_versions_by_function, "Versions", size, FunctionName="page")
        assert [item["Version"] for item in versions] == ["$LATEST", "1"]
    finally:
        for item in names:
            api.delete_function(FunctionName=item)


def test_a_marker_that_is_none_of_ours(loose):
    assert failure(loose.list_functions, Marker="ÿ")[0] == "InvalidParameterValueException"
    assert failure(loose.list_functions, MaxItems=0)[0] == "ValidationException"


def test_another_account_and_region_do_not_see_it(endpoint, api, name):
    create(api, name)
    other = boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="000000000002",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    assert failure(other.get_function, FunctionName=name)[1] == (
        f"Function not found: arn:aws:lambda:eu-west-1:000000000002:function:{name}"
    )
    other.close()
