"""Which AWS service an HTTP request is for, where the request itself must tell: signed by header or URL, or not at all.

Most requests name their service in the credential scope of Signature Version 4. Those of S3 may instead be signed in
the old way, or not at all (a public object, in the path or as part of the host), and those of SQS may come as a form
to the queue's URL.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qs

from newel.api.protocol import Scope

REGION_DEFAULT: Final = "us-east-1"
_CREDENTIAL: Final = re.compile(rb"Credential=([^,\s]+)")
#: A bucket in front of the host: always where `.s3` says so, else only if the request is signed for S3.
_S3_HOST: Final = re.compile(r"(.+)\.s3(?:[.-][a-z0-9-]+)?\.localhost")
_PLAIN_HOST: Final = re.compile(r"(.+)\.localhost")
_QUEUE_PATH: Final = re.compile(r"/\d{12}/[A-Za-z0-9_.-]{1,80}")
_FORM: Final = b"application/x-www-form-urlencoded"
_VERSIONS: Final = {"2012-11-05": "sqs", "2010-03-31": "sns"}


class Wanted(NamedTuple):
    """The service by the name it signs with, its region, and the path as the service itself would see it."""

    service: str
    region: str
    path: str


def wanted(scope: Scope) -> Wanted | None:
    """What a request says of its service; None if nothing."""
    headers = dict(scope["headers"])
    query: bytes = scope["query_string"]
    path = raw_path(scope)
    service, region = _signed(headers, query)
    bucket = _bucket(headers.get(b"host", b"").decode("latin-1"), signed=service == "s3")
    if service in ("", "s3") and bucket:
        return Wanted("s3", region, f"/{bucket}{path}")
    if service:
        return Wanted(service, region, path)
    return _unsigned(headers, query, path)


def raw_path(scope: Scope) -> str:
    """The path as it was sent, escapes and all, without the query."""
    raw: bytes | None = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else str(scope["path"])


def _signed(headers: dict[bytes, bytes], query: bytes) -> tuple[str, str]:
    """(service, region) of a signature; empty service without one."""
    authorization = headers.get(b"authorization", b"")
    found = _CREDENTIAL.search(authorization)
    if found is not None:
        return _scope(found[1].decode("latin-1"))
    if b"X-Amz-Credential=" in query:
        return _scope(parse_qs(query.decode("latin-1"))["X-Amz-Credential"][0])
    if authorization.startswith(b"AWS ") or (b"AWSAccessKeyId=" in query and b"Signature=" in query):
        return "s3", REGION_DEFAULT
    return "", REGION_DEFAULT


def _scope(credential: str) -> tuple[str, str]:
    """`<access key>/<date>/<region>/<service>/aws4_request`."""
    parts = credential.split("/")
    if len(parts) < 5:
        return "", REGION_DEFAULT
    return parts[-2], parts[-3] or REGION_DEFAULT


def _bucket(host: str, *, signed: bool) -> str:
    name = host.rpartition(":")[0] or host
    found = _S3_HOST.fullmatch(name) or (_PLAIN_HOST.fullmatch(name) if signed else None)
    return "" if found is None or found[1] == "s3" or found[1].startswith("s3.") else found[1]


def _unsigned(headers: dict[bytes, bytes], query: bytes, path: str) -> Wanted | None:
    form = headers.get(b"content-type", b"").startswith(_FORM)
    if _QUEUE_PATH.fullmatch(path) and (form or b"Action=" in query):
        return Wanted("sqs", REGION_DEFAULT, path)
    if headers.get(b"x-amz-target", b"").startswith(b"AmazonSQS."):
        return Wanted("sqs", REGION_DEFAULT, path)
    version = parse_qs(query.decode("latin-1")).get("Version", [""])[0] if b"Version=" in query else ""
    service = _VERSIONS.get(version)
    return None if service is None else Wanted(service, REGION_DEFAULT, path)
