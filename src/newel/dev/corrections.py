"""Where moto answers otherwise than AWS does, as far as a workflow can see it."""

from __future__ import annotations

import json
import re
import secrets
import string
import uuid
from collections.abc import Mapping
from typing import Any, Final

from newel.api.unsigned import Wanted
from newel.errors import ServiceError

Headers = list[tuple[str, str]]

_REQUEST_IDS: Final = ("x-amzn-requestid", "x-amz-request-id")
_LONG_ID: Final = string.ascii_uppercase + string.digits
_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
_CHECKSUM: Final = "x-amz-checksum-"


def check_request(target: str, body: bytes) -> None:
    """Refuse what AWS refuses and moto accepts. Raises `ServiceError`."""
    if target == "secretsmanager.CreateSecret":
        name = _member(body, "Name")
        if isinstance(name, str) and not _SECRET_NAME.fullmatch(name):
            message = (
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: "
                "-/_+=.@!"
            )
            raise ServiceError("ValidationException", message)


def corrected(method: str, want: Wanted, status: int, headers: Mapping[str, Any], body: bytes) -> tuple[Headers, bytes]:
    """The headers (names in lower case) and the body as AWS would send them."""
    found = [(name.lower(), str(value)) for name, value in headers.items()]
    found, body = _with_request_id(want, found, body)
    if want.service == "s3":
        found += _of_object(method, want, status, found)
    return found, body


def _with_request_id(want: Wanted, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """A request id of AWS's form, everywhere: a UUID, in DynamoDB 52 letters and digits."""
    old = next((value for name, value in headers if name in _REQUEST_IDS), "")
    if not old:
        return headers, body
    new = "".join(secrets.choice(_LONG_ID) for _ in range(52)) if want.service == "dynamodb" else str(uuid.uuid4())
    if want.service == "s3":
        new = "".join(secrets.choice(_LONG_ID) for _ in range(16))
        headers = [("x-amz-request-id" if name in _REQUEST_IDS else name, value) for name, value in headers]
    renamed = [(name, new if value == old else value) for name, value in headers]
    small = len(body) < 65_536
    return renamed, body.replace(old.encode(), new.encode()) if small else body


def _of_object(method: str, want: Wanted, status: int, headers: Headers) -> Headers:
    """Objects are encrypted by S3 since 2023, and a checksum says what it is of since 2024."""
    is_object = len(want.path.strip("/").split("/", 1)) == 2
    if status not in (200, 206) or not is_object or method == "DELETE":
        return []
    names = {name for name, _ in headers}
    more = []
    if "x-amz-server-side-encryption" not in names:
        more.append(("x-amz-server-side-encryption", "AES256"))
    if "x-amz-checksum-type" not in names and any(name.startswith(_CHECKSUM) for name in names):
        more.append(("x-amz-checksum-type", "FULL_OBJECT"))
    return more


def _member(body: bytes, name: str) -> Any:
    try:
        document = json.loads(body)
    except ValueError:
        return None
    return document.get(name) if isinstance(document, dict) else None
