"""Whose credentials a call is signed with.

- A call of this server names its account: the access key id is the account's 12 digits.
- Any other call uses what the AWS SDKs would find (environment, profile, container, instance), and where a role is to
  be assumed, that role's, got from STS and kept until shortly before they expire.
- Where nothing is configured, a call of a configured endpoint names the account as one of this server does; emulators
  take that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import msgspec
from botocore.credentials import Credentials, ReadOnlyCredentials, RefreshableCredentials  # type: ignore[import-untyped]
from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
from botocore.session import Session  # type: ignore[import-untyped]

from newel.integrations.aws.bound import client_error
from newel.integrations.aws.endpoints import Endpoint
from newel.ports.aws import AwsAnswer, AwsError
from newel.ports.clock import Clock

_EXPIRY_MARGIN_MS: Final = 120_000
_SESSION_NAME: Final = "newel"
_NONE_FOUND: Final = (
    "Unable to load credentials from any of the providers in the chain: set AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or AWS_ENDPOINT_URL to call something else than AWS."
)

AssumeRole = Callable[[str, Mapping[str, Any]], Awaitable[AwsAnswer]]


class RoleRefusedError(AwsError):
    """STS would not let the role be assumed; `role_arn` is the role."""

    def __init__(self, role_arn: str, refusal: AwsError) -> None:
        super().__init__(refusal.code, refusal.message, status=refusal.status, request_id=refusal.request_id)
        self.role_arn = role_arn


class Kept(msgspec.Struct, frozen=True):
    """A role's credentials and when they end."""

    credentials: ReadOnlyCredentials
    expires_ms: int


class CredentialSource:
    """Finds credentials; `assume_role` calls STS in a region with the server's own credentials."""

    def __init__(self, session: Session, assume_role: AssumeRole, clock: Clock) -> None:
        self._session = session
        self._assume_role = assume_role
        self._clock = clock
        self._configured: asyncio.Task[Credentials | None] | None = None
        self._roles: dict[tuple[str, str], Kept] = {}
        self._assuming: dict[tuple[str, str], asyncio.Task[Kept]] = {}

    async def of(self, endpoint: Endpoint, account: str, region: str, role_arn: str | None) -> ReadOnlyCredentials:
        """What a call is signed with. Raises `AwsError`, `RoleRefusedError`."""
        acting = account if role_arn is None else _account_of_role(role_arn) or account
        if endpoint.own:
            return _of_account(acting)
        configured = await self.configured()
        if configured is None:
            if endpoint.url is None:
                raise client_error(_NONE_FOUND)
            return _of_account(acting)
        if role_arn is None:
            return await _frozen(configured)
        return await self._of_role(role_arn, region)

    async def configured(self) -> Credentials | None:
        """What the environment configures; looked for once."""
        if self._configured is None:
            self._configured = asyncio.get_running_loop().create_task(asyncio.to_thread(self._session.get_credentials))
        try:
            return await asyncio.shield(self._configured)
        except BotoCoreError as error:
            self._configured = None
            raise client_error(str(error)) from error

    async def _of_role(self, role_arn: str, region: str) -> ReadOnlyCredentials:
        """The role's credentials. Everybody who needs a role that is being assumed waits for the same answer."""
        key = (role_arn, region)
        kept = self._roles.get(key)
        if kept is not None and kept.expires_ms - _EXPIRY_MARGIN_MS > self._clock.now_ms():
            return kept.credentials
        assuming = self._assuming.get(key)
        if assuming is None:
            assuming = asyncio.get_running_loop().create_task(self._assume(role_arn, region))
            self._assuming[key] = assuming
            assuming.add_done_callback(lambda task: self._assumed(key, task))
        return (await asyncio.shield(assuming)).credentials

    def _assumed(self, key: tuple[str, str], task: asyncio.Task[Kept]) -> None:
        del self._assuming[key]
        if not task.cancelled() and task.exception() is None:
            self._roles[key] = task.result()

    async def _assume(self, role_arn: str, region: str) -> Kept:
        try:
            answer = await self._assume_role(region, {"RoleArn": role_arn, "RoleSessionName": _SESSION_NAME})
        except AwsError as error:
            if error.connection:
                raise
            raise RoleRefusedError(role_arn, error) from error
        given = answer.result["Credentials"]
        credentials = ReadOnlyCredentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return Kept(credentials, int(given["Expiration"].timestamp() * 1000))

    async def close(self) -> None:
        """Stop what is under way."""
        tasks = [*self._assuming.values(), *([] if self._configured is None else [self._configured])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _of_account(account: str) -> ReadOnlyCredentials:
    return ReadOnlyCredentials(account, "newel", None)


def _account_of_role(role_arn: str) -> str | None:
    parts = role_arn.split(":", 5)  # arn:aws:iam::123456789012:role/name
    return parts[4] if len(parts) == 6 and parts[4] else None


async def _frozen(credentials: Credentials) -> ReadOnlyCredentials:
    """A snapshot. Credentials that run out are fetched anew over the network, so not on the event loop."""
    try:
        if isinstance(credentials, RefreshableCredentials) and credentials.refresh_needed():
            return await asyncio.to_thread(credentials.get_frozen_credentials)
        return credentials.get_frozen_credentials()
    except BotoCoreError as error:
        raise client_error(str(error)) from error
