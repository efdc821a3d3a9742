"""The companion's edges: what AWS does otherwise than moto, errors of our own, moto that is not there."""

import json
import re
import sys
import uuid

import pytest

from newel.api.refusals import refusal
from newel.api.unsigned import Wanted
from newel.dev.companion import Companion, CompanionMissingError
from newel.dev.corrections import check_request, corrected
from newel.errors import ServiceError


def test_without_moto_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.setitem(sys.modules, "moto.backends", None)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", "000000000000")
    with pytest.raises(CompanionMissingError, match=re.escape("pip install 'newel[companion]'")):
        Companion("000000000000")


def test_a_request_id_has_the_services_form_everywhere():
    headers, body = corrected("POST", Wanted("sns", "r", "/"), 200, {"x-amzn-RequestId": "OLD"}, b"<Id>OLD</Id>")
    ((name, value),) = headers
    assert (name, body) == ("x-amzn-requestid", f"<Id>{value}</Id>".encode())
    assert str(uuid.UUID(value)) == value
    headers, _ = corrected("POST", Wanted("dynamodb", "r", "/"), 200, {"x-amzn-RequestId": "OLD"}, b"")
    assert re.fullmatch("[A-Z0-9]{52}", headers[0][1])


@pytest.mark.parametrize(
    ("method", "path", "status", "encrypted"),
    [
        ("GET", "/b/k", 200, True),
        ("GET", "/b/a/folder/k", 206, True),
        ("PUT", "/b/k", 200, True),
        ("GET", "/b/k", 404, False),
        ("GET", "/b/", 200, False),
        ("DELETE", "/b/k", 200, False),
    ],
)
def test_objects_say_that_they_are_encrypted(method, path, status, encrypted):
    headers, _ = corrected(method, Wanted("s3", "r", path), status, {"x-amz-checksum-crc32": "AAAA"}, b"")
    assert (dict(headers).get("x-amz-server-side-encryption") == "AES256") is encrypted
    assert (dict(headers).get("x-amz-checksum-type") == "FULL_OBJECT") is encrypted


def test_a_secrets_name_is_checked():
    check_request("secretsmanager.CreateSecret", b'{"Name": "db/pass_word+=.@!-1"}')
    check_request("secretsmanager.GetSecretValue", b'{"Name": "not a name"}')
    with pytest.raises(ServiceError, match="Must be a valid name"):
        check_request("secretsmanager.CreateSecret", b'{"Name": "not a name"}')


ERROR = ServiceError("Busy", "come <later>", status=503)


def scope(content_type):
    return {"method": "POST", "headers": [(b"content-type", content_type)]}


def test_a_refusal_in_json():
    reply = refusal(scope(b"application/x-amz-json-1.1"), "glue", ERROR)
    assert (reply.status, json.loads(reply.body)) == (503, {"__type": "Busy", "message": "come <later>"})
    assert (b"x-amzn-errortype", b"Busy") in reply.headers


@pytest.mark.parametrize(
    ("content_type", "service", "root"),
    [
        (b"application/x-www-form-urlencoded; charset=utf-8", "cloudformation", "ErrorResponse"),
        (b"application/xml", "s3", "Error"),
        (b"application/x-www-form-urlencoded", "s3", "Error"),
    ],
)
def test_a_refusal_in_xml(content_type, service, root):
    reply = refusal(scope(content_type), service, ERROR)
    text = reply.body.decode()
    assert reply.status == 503
    assert f"<{root}" in text
    assert "<Code>Busy</Code><Message>come &lt;later&gt;</Message>" in text
