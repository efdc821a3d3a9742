"""Configured endpoints by the name a service signs its requests with, which is how a request is known at this port."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from newel.integrations.aws.models import service_model, services
from newel.integrations.aws.naming import sdk_service_name, sdk_services

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def by_signing_name(endpoint_urls: Mapping[str, str]) -> dict[str, str]:
    """`{"SECRETS_MANAGER": url}`, keyed as in `AWS_ENDPOINT_URL_<SERVICE>`, to `{"secretsmanager": url}`.

    Reads the model of every service that is named: not for the event loop. Unknown services are left out, as the AWS
    SDKs do with variables they do not know.
    """
    found = {}
    for key, url in endpoint_urls.items():
        service = sdk_services().get(sdk_service_name(key.replace("_", " ")))
        if service is not None:
            found[str(service_model(service).signing_name)] = url
    return found


def is_at(url: str | None, own_url: str) -> bool:
    """Whether a URL is this server's own address, under any of loopback's names."""
    if url is None:
        return False
    one, other = urlsplit(url), urlsplit(own_url)
    same_host = one.hostname == other.hostname or {one.hostname, other.hostname} <= _LOOPBACK
    return same_host and _port(url) == _port(own_url)


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def environment_key(service: str) -> str | None:
    """`SECRETS_MANAGER` for `secretsmanager`, `secrets-manager` or `SecretsManager`: the end of the variable that sets
    the service's endpoint. None for an unknown service. Reads the service's model: not for the event loop.
    """
    plain = service.lower()
    name = plain if plain in services() else sdk_services().get(plain.replace("-", "").replace("_", ""))
    return None if name is None else str(service_model(name).service_id).replace(" ", "_").upper()
