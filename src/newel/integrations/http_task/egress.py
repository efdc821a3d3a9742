"""Outgoing HTTP under the egress policy: one client for the public network, and one for each private route."""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver
from yarl import URL

from newel.integrations.http_task.egress_settings import EgressRoute, EgressSettings, check_settings, origin
from newel.integrations.http_task.guard import guarded_sockets
from newel.integrations.http_task.resolver import FixedResolver, SystemResolver

_UNSENT: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class EgressRefusalError(Exception):
    """The policy does not let a request out; the text says why.

    `private` says that the connection's private resource is at fault.
    """

    def __init__(self, reason: str, *, private: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.private = private


class _Route(msgspec.Struct, frozen=True):
    settings: EgressRoute
    origins: frozenset[tuple[str, int]]


class Egress:
    """Chooses the client for a request. Clients are made when first needed, on the running event loop."""

    def __init__(self, settings: EgressSettings = EgressSettings(), resolver: AbstractResolver | None = None) -> None:  # noqa: B008  (frozen)
        """`resolver` takes the place of DNS. Raises `ValueError` for settings that make no sense."""
        check_settings(settings)
        self._settings = settings
        self._resolver = resolver or SystemResolver()
        self._routes = [_Route(route, frozenset(map(origin, route.hosts))) for route in settings.routes]
        self._clients: dict[EgressRoute | None, aiohttp.ClientSession] = {}

    def reaches(self, resource_configuration: str) -> bool:
        """Whether a route to this private resource is configured."""
        return any(route.settings.resource_configuration == resource_configuration for route in self._routes)

    def client(self, url: URL, resource_configuration: str | None = None) -> aiohttp.ClientSession:
        """The client that may request `url`. Raises `EgressRefusalError`."""
        route = self._route(url, resource_configuration)
        if url.scheme != "https" and not (url.scheme == "http" and route is not None and route.plain_http):
            raise EgressRefusalError(f"only HTTPS endpoints are supported, and this is {url.scheme or 'no URL'}")
        client = self._clients.get(route)
        if client is None:
            client = self._clients[route] = self._made(route)
        return client

    async def close(self) -> None:
        """Close every client and its connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()
        await self._resolver.close()

    def _route(self, url: URL, resource_configuration: str | None) -> EgressRoute | None:
        wanted = ((url.host or "").lower().rstrip("."), url.port)
        bound = [route for route in self._routes if route.settings.resource_configuration == resource_configuration]
        for route in bound:
            if wanted in route.origins:
                return route.settings
        if resource_configuration is None:
            return None
        if not bound:
            reason = f"no egress route is configured for the resource configuration {resource_configuration}"
            raise EgressRefusalError(reason, private=True)
        raise EgressRefusalError(f"{wanted[0]}:{wanted[1]} is not in the resource configuration of the connection")

    def _made(self, route: EgressRoute | None) -> aiohttp.ClientSession:
        if route is None:
            connector = aiohttp.TCPConnector(
                ssl=_trust(self._settings.ca_file),
                resolver=self._resolver,
                socket_factory=guarded_sockets(self._settings.allow_networks),
                limit=0,
                limit_per_host=self._settings.connections_per_host_max,
            )
        else:
            connector = aiohttp.TCPConnector(
                ssl=_trust(route.ca_file or self._settings.ca_file),
                resolver=self._resolver if route.address is None else FixedResolver(route.address),
                limit=0,
                limit_per_host=self._settings.connections_per_host_max,
            )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_UNSENT,
            raise_for_status=False,
            trust_env=False,
        )


def _trust(ca_file: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
