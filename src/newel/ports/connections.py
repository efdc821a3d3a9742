"""Connections: how an HTTP endpoint is reached and what proves to it who calls (EventBridge's connections)."""

from __future__ import annotations

from typing import Final, Protocol

import msgspec

#: The prefix of the errors that a connection gives a Task (Developer Guide, "Connection errors").
ERROR_PREFIX: Final = "Events.ConnectionResource."


class _Private(msgspec.Struct, frozen=True):
    """Shows no member, so that no log line or traceback can carry a secret."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Parameter(_Private, frozen=True):
    """One header, query parameter or body member that a connection adds."""

    key: str
    value: str
    secret: bool = False


class HttpParameters(_Private, frozen=True):
    """What a connection adds to a request; its values win over the request's own."""

    headers: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    body: tuple[Parameter, ...] = ()


class BasicAuth(_Private, frozen=True):
    """HTTP Basic authentication."""

    username: str
    password: str


class ApiKey(_Private, frozen=True):
    """A header `name` whose value is the key."""

    name: str
    value: str


class OAuthClient(_Private, frozen=True):
    """A client that gets its access token from `endpoint` (client credentials grant, RFC 6749 §4.4).

    `parameters` go into the token request, with the HTTP method `method`. `resource_configuration` is the private
    resource through which the endpoint is reached.
    """

    client_id: str
    client_secret: str
    endpoint: str
    method: str
    parameters: HttpParameters = HttpParameters()
    resource_configuration: str | None = None


Credentials = BasicAuth | ApiKey | OAuthClient


class Connection(_Private, frozen=True, kw_only=True):
    """A connection as a caller of the endpoint needs it.

    `revision` changes whenever the connection is authorized anew. `resource_configuration` is the ARN of the private
    resource that the connection reaches; None: the public network.
    """

    arn: str
    revision: str
    credentials: Credentials
    parameters: HttpParameters = HttpParameters()
    resource_configuration: str | None = None


class AuthorizationError(Exception):
    """No access token could be had; the text carries no secret.

    `rejected` says that the authorization server refused the client, so that asking again will not help.
    """

    def __init__(self, reason: str, *, rejected: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.rejected = rejected


class Connections(Protocol):
    """Finds connections by ARN."""

    def use(self, arn: str) -> Connection:
        """The connection, ready to be used.

        Raises `StatesError` `Events.ConnectionResource.ResourceNotFound`, `.AuthInProgress` or
        `.InvalidConnectionState`.
        """
        ...

    def deauthorized(self, connection: Connection, reason: str) -> None:
        """The other side does not accept this revision's credentials any more."""
        ...


class Authorizer(Protocol):
    """Gets access tokens."""

    async def authorize(self, connection: Connection) -> None:
        """Get a first access token for a connection with an `OAuthClient`. Raises `AuthorizationError`."""
        ...

    def reaches(self, resource_configuration: str) -> bool:
        """Whether a private resource of this ARN is configured."""
        ...

    def forget(self, arn: str) -> None:
        """Drop the tokens of a connection that is gone or changed."""
        ...
