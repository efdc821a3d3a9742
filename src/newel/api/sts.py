"""STS: who am I, and credentials for a role."""

from __future__ import annotations

import re
import secrets
import string
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from newel.api.credentials import Identity
from newel.api.query import Parameters, QueryApi, need
from newel.errors import ServiceError
from newel.ports.clock import Clock

NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE: Final = re.compile(r"arn:(aws[a-z-]*):iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]+)")
_SESSION: Final = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_CHARACTERS: Final = string.ascii_uppercase + string.digits
_SESSIONS_MAX: Final = 4096


def sts_api(clock: Clock) -> QueryApi:
    """GetCallerIdentity, AssumeRole and GetSessionToken."""
    sts = _Sts(clock)
    actions = {
        "GetCallerIdentity": sts.get_caller_identity,
        "AssumeRole": sts.assume_role,
        "GetSessionToken": sts.get_session_token,
    }
    return QueryApi("STS", NAMESPACE, actions)


class _Sts:
    """Remembers which role the credentials it gave out stand for; their access key ids carry the account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._assumed: dict[str, tuple[str, str]] = {}

    def get_caller_identity(self, identity: Identity, parameters: Parameters) -> Mapping[str, Any]:
        account, partition = identity.caller.account, identity.caller.partition
        arn, user = self._assumed.get(identity.access_key, (f"arn:{partition}:iam::{account}:root", account))
        return {"Arn": arn, "UserId": user, "Account": account}

    def assume_role(self, identity: Identity, parameters: Parameters) -> Mapping[str, Any]:
        """Anybody may assume any role: on a loopback server all credentials are trusted."""
        role, session = need(parameters, "RoleArn"), need(parameters, "RoleSessionName")
        match = _ROLE.fullmatch(role)
        if match is None:
            raise ServiceError("ValidationError", f"{role} is invalid")
        if not _SESSION.fullmatch(session):
            raise ServiceError("ValidationError", f"The role session name is not valid: {session}")
        partition, account, name = match.groups()
        credentials = self._credentials(account, parameters, 3600)
        user = f"AROA{secrets.token_hex(8).upper()}:{session}"
        arn = f"arn:{partition}:sts::{account}:assumed-role/{name}/{session}"
        if len(self._assumed) >= _SESSIONS_MAX:
            del self._assumed[next(iter(self._assumed))]
        self._assumed[credentials["AccessKeyId"]] = (arn, user)
        return {
            "Credentials": credentials,
            "AssumedRoleUser": {"AssumedRoleId": user, "Arn": arn},
            "PackedPolicySize": 0,
        }

    def get_session_token(self, identity: Identity, parameters: Parameters) -> Mapping[str, Any]:
        return {"Credentials": self._credentials(identity.caller.account, parameters, 43_200)}

    def _credentials(self, account: str, parameters: Parameters, default_seconds: int) -> dict[str, str]:
        given = parameters.get("DurationSeconds", str(default_seconds))
        if not (given.isdecimal() and 900 <= int(given[:9]) <= 129_600):
            raise ServiceError("ValidationError", f"The requested DurationSeconds is not valid: {given}")
        expires = datetime.fromtimestamp(self._clock.now_ms() / 1000 + int(given), UTC)
        return {
            "AccessKeyId": "ASIA" + "".join(secrets.choice(_CHARACTERS) for _ in range(4)) + account,
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": secrets.token_urlsafe(96),
            "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
