"""Where a service is called: at an address that is configured, at this server, or at AWS."""

from __future__ import annotations

from typing import Final

import msgspec

from newel.integrations.aws.settings import AwsSettings
from newel.integrations.aws.signing_names import is_at

#: The services that this server serves itself, by botocore's names.
OWN_SERVICES: Final = frozenset({"lambda", "logs", "stepfunctions"})


class Endpoint(msgspec.Struct, frozen=True):
    """`url` is None for AWS's own endpoints; `own` is true for this server, which takes an account as access key."""

    url: str | None
    own: bool = False


def endpoint_of(settings: AwsSettings, service: str, service_id: str) -> Endpoint:
    """The endpoint of a service, by botocore's name and its model's service id.

    `AWS_ENDPOINT_URL_<SERVICE>` comes first. The services of this server are called at its own address whatever
    `AWS_ENDPOINT_URL` says, since a Task that starts an execution means one of this server.
    """
    single = settings.endpoint_urls.get(service_id.replace(" ", "_").upper())
    if single is not None:
        return Endpoint(single, own=is_at(single, settings.own_url))
    if service in OWN_SERVICES:
        return Endpoint(settings.own_url, own=True)
    return Endpoint(settings.endpoint_url, own=is_at(settings.endpoint_url, settings.own_url))
