"""Signing requests with AWS Signature Version 4, as every AWS client does."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit


class Credentials(NamedTuple):
    """An access key; `token` is that of temporary credentials."""

    access_key: str
    secret_key: str
    token: str | None = None


def credentials_from_environment(environment: Mapping[str, str] = os.environ) -> Credentials:
    """The AWS variables, or `test`/`test`, which a server on the loopback interface accepts."""
    return Credentials(
        environment.get("AWS_ACCESS_KEY_ID") or "test",
        environment.get("AWS_SECRET_ACCESS_KEY") or "test",
        environment.get("AWS_SESSION_TOKEN") or None,
    )


def signed_headers(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: Credentials,
    region: str,
    service: str,
    now: datetime,
) -> dict[str, str]:
    """The headers of a POST to `url` with `Host`, `X-Amz-Date` and `Authorization` added; the path is sent as is."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    complete = {**headers, "Host": parts.netloc, "X-Amz-Date": stamp}
    if credentials.token is not None:
        complete["X-Amz-Security-Token"] = credentials.token
    canonical = {name.lower(): " ".join(value.split()) for name, value in sorted(complete.items(), key=_lower_name)}
    names = ";".join(canonical)
    request = "\n".join(
        [
            "POST",
            parts.path or "/",
            parts.query,
            *(f"{name}:{value}" for name, value in canonical.items()),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(_signing_key(credentials, scope), to_sign.encode(), hashlib.sha256).hexdigest()
    complete["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return complete


def _lower_name(header: tuple[str, str]) -> str:
    return header[0].lower()


def _signing_key(credentials: Credentials, scope: str) -> bytes:
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
