"""The action `http:invoke`."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import msgspec
from yarl import URL

from newel.errors import RuntimeFailure, StatesError
from newel.integrations.http_task.answer import task_result
from newel.integrations.http_task.egress import Egress, EgressRefusalError
from newel.integrations.http_task.exchange import (
    SOCKET_ERROR,
    NoResponseError,
    TooLargeError,
    exchange,
    socket_failure,
    too_large,
)
from newel.integrations.http_task.messages import Exchange, HttpRequest, HttpResponse
from newel.integrations.http_task.oauth import OAuthTokens
from newel.integrations.http_task.request import additions, build_request, endpoint, hidden
from newel.language.http_parameters import check_http_parameters, connection_arn
from newel.ports.connections import ERROR_PREFIX, AuthorizationError, Connection, Connections, OAuthClient
from newel.ports.tasks import TaskRequest

_REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


class HttpTaskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`seconds_max` is AWS's hard limit for one request.

    `deauthorize_refused`: a 401 or 407 deauthorizes a connection with BASIC or API_KEY credentials, as EventBridge
    does, until it is updated. Off by default, so that a Retry meets the endpoint's own answer.
    """

    seconds_max: float = 60.0
    deauthorize_refused: bool = False


class HttpInvoke:
    """Request/response to an HTTPS endpoint, authorized by a connection."""

    def __init__(
        self,
        connections: Connections,
        egress: Egress,
        tokens: OAuthTokens,
        settings: HttpTaskSettings = HttpTaskSettings(),  # noqa: B008  (frozen)
        observe: Callable[[Exchange], None] | None = None,
    ) -> None:
        """`observe` is given every exchange, also one that got no response."""
        self._connections = connections
        self._egress = egress
        self._tokens = tokens
        self._settings = settings
        self._observe = observe

    def observed(self, observe: Callable[[Exchange], None]) -> HttpInvoke:
        """The same action, reporting its exchanges: how TestState sees them."""
        return HttpInvoke(self._connections, self._egress, self._tokens, self._settings, observe)

    async def call(self, request: TaskRequest) -> str:
        """Send the request; the result as JSON text. Raises `StatesError`."""
        given = check_http_parameters(request.parameters)
        connection = self._connections.use(connection_arn(given))
        url = endpoint(given["ApiEndpoint"])
        self._check_way(url, connection)
        token = await self._token(connection)
        added = additions(connection, token)
        sent = build_request(given, added, request.region)
        masked = build_request(given, hidden(added), request.region) if self._observe else sent
        response = await self._response(url, connection, sent, masked)
        if response.status in _REFUSED:
            self._credentials_refused(connection, token, response.status)
        return task_result(response)

    def _check_way(self, url: URL, connection: Connection) -> None:
        try:
            self._egress.client(url, connection.resource_configuration)
        except EgressRefusalError as error:
            raise _refusal(error, url) from None

    async def _token(self, connection: Connection) -> str | None:
        if not isinstance(connection.credentials, OAuthClient):
            return None
        try:
            return await self._tokens.header(connection)
        except AuthorizationError as error:
            if error.rejected:
                self._connections.deauthorized(connection, error.reason)
                raise StatesError(f"{ERROR_PREFIX}InvalidConnectionState", error.reason) from None
            raise StatesError(f"{ERROR_PREFIX}InternalError", error.reason) from None

    async def _response(self, url: URL, connection: Connection, sent: HttpRequest, masked: HttpRequest) -> HttpResponse:
        response = None
        try:
            client = self._egress.client(url, connection.resource_configuration)
            response = await exchange(client, sent, seconds=self._settings.seconds_max)
        except NoResponseError as error:
            raise socket_failure(error) from None
        except TooLargeError:
            raise too_large() from None
        finally:
            if self._observe is not None:
                self._observe(Exchange(request=sent, hidden=masked, response=response))
        return response

    def _credentials_refused(self, connection: Connection, token: str | None, status: int) -> None:
        """An OAuth token is got anew by the next attempt; other credentials only an update can change."""
        if token is not None:
            self._tokens.refused(connection.arn, token)
        elif self._settings.deauthorize_refused:
            self._connections.deauthorized(connection, f"The endpoint answered with status {status}")


def _refusal(error: EgressRefusalError, url: URL) -> StatesError:
    if error.private:
        return StatesError(f"{ERROR_PREFIX}InvalidPrivateConnectionState", f"The endpoint cannot be reached: {error}")
    if url.scheme != "https":
        return RuntimeFailure(f"The value of the field 'ApiEndpoint' is not supported: {error}")
    return StatesError(SOCKET_ERROR, f"The endpoint cannot be reached: {error}")
