"""Where outgoing requests may go: the configuration of the egress policy.

As TOML (paths are relative to the file's folder):

    [egress]
    allow_networks = ["10.20.0.0/16"]     # private networks that any connection may reach
    ca_file = "corporate-ca.pem"          # in place of the system's certificate authorities

    [egress.routes.reviews]               # a private endpoint, by name
    hosts = ["reviews.internal:8443"]
    ca_file = "reviews-ca.pem"
    address = "127.0.0.2"                 # where the hosts are, in place of what DNS says
    plain_http = false
    resource_configuration = "arn:aws:vpc-lattice:us-east-1:000000000000:resourceconfiguration/rcfg-0a1b2c3d4e5f6g7h8"

The environment: `NEWEL_EGRESS_ALLOW_NETWORKS` (separated by commas), `NEWEL_EGRESS_CA_FILE`, and
`NEWEL_EGRESS_ROUTES`, a JSON object of the same tables as `egress.routes`; each replaces what the file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import msgspec
from yarl import URL

from newel.json import InvalidJson, loads


class EgressRoute(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A private endpoint that may be reached, whatever its address.

    `hosts` are `host:port`; `ca_file` holds the authorities that sign their certificates (none: the public ones).
    With a `resource_configuration` only connections to that resource may use the route, without one any connection.
    """

    hosts: tuple[str, ...]
    name: str = ""
    ca_file: str | None = None
    address: str | None = None
    plain_http: bool = False
    resource_configuration: str | None = None


class EgressSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The egress policy. Without routes and networks, only HTTPS to public addresses is allowed.

    `allow_networks` are CIDR blocks of special addresses that are allowed all the same. At most
    `connections_per_host_max` connections are open to one host; what is over waits within its time limit.
    """

    routes: tuple[EgressRoute, ...] = ()
    allow_networks: tuple[str, ...] = ()
    ca_file: str | None = None
    connections_per_host_max: int = 500


def egress_settings(
    table: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None, folder: Path = Path()
) -> EgressSettings:
    """Read the `[egress]` table and the environment. Raises `ValueError` saying what is wrong."""
    given: dict[str, Any] = {**(table or {}), **_from_environment(environ or {})}
    routes = given.pop("routes", {})
    if not isinstance(routes, Mapping) or not all(isinstance(route, Mapping) for route in routes.values()):
        raise ValueError("egress.routes must be tables, one for each route")
    try:
        made = [msgspec.convert({"name": name, **route}, EgressRoute) for name, route in routes.items()]
        settings = msgspec.structs.replace(msgspec.convert(given, EgressSettings), routes=tuple(made))
    except msgspec.ValidationError as error:
        raise ValueError(f"egress: {error}") from None
    settings = _placed(settings, folder)
    check_settings(settings)
    return settings


def check_settings(settings: EgressSettings) -> None:
    """Raises `ValueError` for networks, addresses, hosts and files that are none."""
    for network in settings.allow_networks:
        ip_network(network)
    for file in (settings.ca_file, *(route.ca_file for route in settings.routes)):
        if file is not None and not Path(file).is_file():
            raise ValueError(f"egress: there is no file {file}")
    for route in settings.routes:
        if not route.hosts:
            raise ValueError(f"egress route {route.name} has no hosts")
        for host in route.hosts:
            origin(host)
        if route.address is not None:
            ip_address(route.address)


def origin(host: str) -> tuple[str, int]:
    """`host:port` taken apart. Raises `ValueError`."""
    url = URL(f"https://{host}")
    if not url.host or url.explicit_port is None or url.raw_path != "/" or url.user is not None:
        raise ValueError(f"egress: {host} is not host:port")
    return url.host.lower().rstrip("."), url.explicit_port


def _placed(settings: EgressSettings, folder: Path) -> EgressSettings:
    """The same with files found from `folder`."""

    def place(file: str | None) -> str | None:
        return None if file is None else str(folder / file)

    routes = tuple(msgspec.structs.replace(route, ca_file=place(route.ca_file)) for route in settings.routes)
    return msgspec.structs.replace(settings, routes=routes, ca_file=place(settings.ca_file))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if networks := environ.get("NEWEL_EGRESS_ALLOW_NETWORKS"):
        found["allow_networks"] = [network.strip() for network in networks.split(",") if network.strip()]
    if file := environ.get("NEWEL_EGRESS_CA_FILE"):
        found["ca_file"] = str(Path(file).absolute())
    if routes := environ.get("NEWEL_EGRESS_ROUTES"):
        try:
            found["routes"] = loads(routes)
        except InvalidJson as error:
            raise ValueError(f"NEWEL_EGRESS_ROUTES is not JSON: {error}") from None
    return found
