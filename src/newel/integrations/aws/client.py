"""`AwsCaller`: any operation of any service in botocore's models, without a thread for a call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import msgspec
from botocore.credentials import ReadOnlyCredentials  # type: ignore[import-untyped]
from botocore.model import ServiceModel  # type: ignore[import-untyped]

from newel.integrations.aws import models
from newel.integrations.aws.bound import BoundService, Call, client_error, create_client, new_session
from newel.integrations.aws.credentials import CredentialSource
from newel.integrations.aws.endpoints import Endpoint, endpoint_of
from newel.integrations.aws.retry import RetryQuota, backoff_seconds, retryable
from newel.integrations.aws.settings import READ_SECONDS, AwsSettings
from newel.integrations.aws.transport import AnswerTooLargeError, NoAnswerError, Transport
from newel.ports.aws import AwsAnswer, AwsError
from newel.ports.clock import Clock


class AnswerTooLarge(AwsError):  # noqa: N818  (an AwsError like the others)
    """The answer is larger than any Task's result may be; it was not read to its end."""

    def __init__(self) -> None:
        super().__init__("SdkClientException", "The answer is too large.", connection=True)


class _Bound(msgspec.Struct, frozen=True):
    service: BoundService
    endpoint: Endpoint
    quota: RetryQuota


class AwsClient:
    """Calls AWS APIs.

    What a service needs (its model, rules and serializer) is made at its first call, in a thread. `rng` draws the
    jitter of retries.
    """

    def __init__(self, settings: AwsSettings, clock: Clock, rng: random.Random | None = None) -> None:
        self._settings = settings
        self._rng = rng or random.Random()
        self._session = new_session()
        self._transport = Transport(settings, self._session.get_config_variable("ca_bundle"))
        self._credentials = CredentialSource(self._session, self._assume_role, clock)
        self._services: dict[tuple[str, str], _Bound] = {}
        self._binding: dict[tuple[str, str], asyncio.Task[_Bound]] = {}
        self._creating = asyncio.Lock()  # a botocore session makes one client at a time

    async def call(
        self,
        service: str,
        operation: str,
        parameters: Mapping[str, Any],
        *,
        account: str,
        region: str,
        role_arn: str | None = None,
    ) -> AwsAnswer:
        """See `ports.aws.AwsCaller`. Raises `RoleRefusedError`, an `AwsError`, where the role cannot be assumed."""
        bound = await self._bound(service, region)
        models.operation_model(bound.service.model, operation)
        credentials = await self._credentials.of(bound.endpoint, account, region, role_arn)
        if bound.service.discovers:
            call = await asyncio.to_thread(bound.service.call, operation, parameters, credentials)
        else:
            call = bound.service.call(operation, parameters, credentials)
        return await self._attempts(bound, call)

    async def credentials(
        self, service: str, *, account: str, region: str, role_arn: str | None = None
    ) -> ReadOnlyCredentials:
        """What requests that others send to a service are signed with. Raises `AwsError`."""
        bound = await self._bound(service, region)
        return await self._credentials.of(bound.endpoint, account, region, role_arn)

    async def close(self) -> None:
        """Close all connections; calls under way fail."""
        for task in list(self._binding.values()):
            task.cancel()
        await asyncio.gather(*self._binding.values(), return_exceptions=True)
        await self._credentials.close()
        await self._transport.close()

    async def _attempts(self, bound: _Bound, call: Call) -> AwsAnswer:
        attempt = 1
        while True:
            last = attempt >= self._settings.attempts
            try:
                answer = await self._attempt(bound.service, call)
            except NoAnswerError as error:
                if last or not bound.quota.take():
                    raise client_error(error.message) from error
            except AwsError as error:
                if last or not retryable(error) or not bound.quota.take():
                    raise
            else:
                bound.quota.succeeded(retried=attempt > 1)
                return answer
            await asyncio.sleep(backoff_seconds(attempt, self._rng))
            attempt += 1

    async def _attempt(self, service: BoundService, call: Call) -> AwsAnswer:
        key = (service.model.service_name, call.operation.name)
        seconds = READ_SECONDS.get(key, self._settings.read_seconds)
        try:
            received = await self._transport.send(service.signed(call), seconds)
        except AnswerTooLargeError as error:
            raise AnswerTooLarge from error
        return service.answer(call, received)

    async def _bound(self, service: str, region: str) -> _Bound:
        """The service in a region; whoever asks first has it made, and a caller that is cancelled stops nobody else."""
        key = (service, region)
        found = self._services.get(key)
        if found is not None:
            return found
        binding = self._binding.get(key)
        if binding is None:
            binding = self._binding[key] = asyncio.get_running_loop().create_task(self._bind(service, region))
            binding.add_done_callback(lambda _task: self._binding.pop(key, None))
        return await asyncio.shield(binding)

    async def _bind(self, service: str, region: str) -> _Bound:
        model: ServiceModel = await models.load(service)
        endpoint = endpoint_of(self._settings, service, str(model.service_id))
        # A client of a custom endpoint never signs by itself; AWS's may, to ask a service for its address.
        anonymous = endpoint.url is not None or await self._credentials.configured() is None
        async with self._creating:
            client = await asyncio.to_thread(
                create_client, self._session, service, region, endpoint.url, anonymous=anonymous
            )
        bound = self._services[service, region] = _Bound(BoundService(client, endpoint.url), endpoint, RetryQuota())
        return bound

    async def _assume_role(self, region: str, parameters: Mapping[str, Any]) -> AwsAnswer:
        """AssumeRole with the server's own credentials."""
        return await self.call("sts", "AssumeRole", parameters, account="", region=region)
