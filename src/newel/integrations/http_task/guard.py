"""Which addresses outgoing connections may be made to (protection against server-side request forgery).

A name is harmless; what it resolves to may not be. So the rule is applied to the very address of each connection, when
its socket is made, and a name that changes its address between a check and the connection gains nothing.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64: Final = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL: Final = IPv6Network("64:ff9b:1::/48")
_LOW_32_BITS: Final = 0xFFFF_FFFF


class RefusedAddressError(OSError):
    """The egress policy does not allow a connection to an address."""

    def __init__(self, address: str, kind: str) -> None:
        super().__init__(errno.EACCES, f"the egress policy refuses {address}, a {kind} address")


def forbidden_kind(text: str, allowed: Sequence[Network]) -> str | None:
    """Why an address may not be connected to; None if it may."""
    address = ip_address(text.partition("%")[0])
    if any(address in network for network in allowed):
        return None
    for inner in _embedded(address):
        if any(inner in network for network in allowed):
            return None
        kind = _special_kind(inner)
        if kind is not None:
            return kind
    return _special_kind(address)


def guarded_sockets(allowed: Sequence[str]) -> Callable[[Any], socket.socket]:
    """A socket factory for aiohttp that makes none for a forbidden address (raises `RefusedAddressError`)."""
    networks = [ip_network(network) for network in allowed]

    def make(info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, address = info
        forbidden = forbidden_kind(address[0], networks)
        if forbidden is not None:
            raise RefusedAddressError(address[0], forbidden)
        return socket.socket(family=family, type=kind, proto=protocol)

    return make


def _embedded(address: Address) -> list[IPv4Address]:
    """The IPv4 addresses that an IPv6 address leads to."""
    if not isinstance(address, IPv6Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(IPv4Address(int(address) & _LOW_32_BITS))
    return [inner for inner in found if inner is not None]


def _special_kind(address: Address) -> str | None:
    if address.is_unspecified:
        return "unspecified"
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    if address.is_multicast:
        return "multicast"
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _NAT64_LOCAL):
        return "private"
    if not address.is_global and not _leads_to_ipv4(address):
        return "private or reserved"
    return None


def _leads_to_ipv4(address: Address) -> bool:
    """Such an address is as public as the IPv4 address inside, which was looked at already."""
    return isinstance(address, IPv6Address) and (address.ipv4_mapped is not None or address in _NAT64)
