"""Who asks, and for which service and region: read from the credential scope of a request, not verified."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs

import msgspec

from newel.service.core import Caller

_CREDENTIAL: Final = b"Credential="
_ACCOUNT: Final = re.compile(r"\d{12}")
_ISSUED: Final = re.compile(r"ASIA[A-Z0-9]{4}(\d{12})")
_REGION: Final = re.compile(r"[a-z]{2}(?:-[a-z]+)+-\d")
_REMEMBERED: Final = 1024
_PARTITIONS: Final = (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"))


class Identity(msgspec.Struct, frozen=True):
    """The caller, the service the request was signed for (empty if it was not signed), and the access key id."""

    caller: Caller
    service: str
    access_key: str


class Credentials:
    """Reads identities. An access key id of 12 digits is an account; any other belongs to `account`."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self.anonymous = Identity(_caller(account, region), "", "")
        self._known: dict[bytes, Identity] = {}

    def of(self, authorization: bytes, query: bytes) -> Identity:
        """From the Authorization header, or from the `X-Amz-Credential` of a presigned request."""
        start = authorization.find(_CREDENTIAL)
        if start >= 0:
            end = authorization.find(b",", start)
            scope = authorization[start + len(_CREDENTIAL) : end if end >= 0 else None].strip()
        elif b"X-Amz-Credential=" in query:
            scope = parse_qs(query)[b"X-Amz-Credential"][0]
        else:
            return self.anonymous
        known = self._known.get(scope)
        return known if known is not None else self._remember(scope)

    def _remember(self, scope: bytes) -> Identity:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        identity = self._known[scope] = self._parse(scope.decode("latin-1"))
        return identity

    def _parse(self, scope: str) -> Identity:
        """`<access key>/<date>/<region>/<service>/aws4_request`."""
        parts = scope.split("/")
        if len(parts) < 5:
            return self.anonymous
        key, region, service = "/".join(parts[:-4]), parts[-3], parts[-2]
        if not _REGION.fullmatch(region):
            region = self.anonymous.caller.region
        return Identity(_caller(account_of(key) or self._account, region), service, key)


def _caller(account: str, region: str) -> Caller:
    partition = next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")
    return Caller(account, region, partition)


def account_of(access_key: str) -> str | None:
    """The account that an access key id names: 12 digits, or the end of an id that AssumeRole gave out."""
    if _ACCOUNT.fullmatch(access_key):
        return access_key
    issued = _ISSUED.fullmatch(access_key)
    return issued[1] if issued else None
