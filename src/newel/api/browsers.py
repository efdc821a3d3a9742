"""Keeps web pages of strangers away from an endpoint that accepts any credentials.

SDKs and command lines never send `Origin` or `Sec-Fetch-Site`; browsers do, and a page cannot forge them. Without this
rule any page a developer looks at could create a Lambda function on the developer's machine and run it: such requests
need no preflight. DNS rebinding (a stranger's name that points at loopback) is why the host is looked at as well.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from newel.errors import ServiceError


def check_browser(origin: bytes, host: bytes, names: Collection[str]) -> None:
    """Refuse a browser's request unless it comes from our own pages under a name of this machine.

    `names` are further host names under which pages may be used. Raises AccessDeniedException (403).
    """
    place = host.decode("latin-1").lower()
    if not _is_ours(place, names):
        raise ServiceError("AccessDeniedException", f"Browsers may not use this endpoint as {place}.", status=403)
    if origin and urlsplit(origin.decode("latin-1").lower()).netloc != place:
        message = f"Pages of {origin.decode('latin-1')} may not use this endpoint."
        raise ServiceError("AccessDeniedException", message, status=403)


def _is_ours(place: str, names: Collection[str]) -> bool:
    """Whether a `Host` is an address, a loopback name, or one that was allowed."""
    name = place.removesuffix("]").removeprefix("[") if place.endswith("]") else place.rpartition(":")[0] or place
    name = name.removesuffix("]").removeprefix("[")
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
