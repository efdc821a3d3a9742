"""EventBridge, as far as it is performed here: connections. Everything else is left to whoever serves the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from newel.api.protocol import JSON_1_1, Reply, decode, encode_lenient
from newel.api.shapes import EVENTS, checker
from newel.service.core import Answer, Caller, Request

PREFIX: Final = b"AWSEvents."


class Service(Protocol):
    """A part of EventBridge: operations by name, in the model's spelling."""

    @property
    def operations(self) -> Mapping[str, Callable[[Caller, Request], Answer]]: ...


class EventsApi:
    """Answers `X-Amz-Target: AWSEvents.<Operation>` for the operations in `targets`."""

    def __init__(self, *services: Service) -> None:
        operations = {name: operation for service in services for name, operation in service.operations.items()}
        self._routes = {
            PREFIX + name.encode(): _route(checker(name, EVENTS), operation) for name, operation in operations.items()
        }
        #: The values of `X-Amz-Target` that are ours.
        self.targets = frozenset(self._routes)

    def call(self, target: bytes, caller: Caller, body: bytes) -> Reply:
        """One request with a target of ours. Errors leave as `ServiceError`."""
        return self._routes[target](caller, body)


def _route(
    check: Callable[[Any], Request], operation: Callable[[Caller, Request], Answer]
) -> Callable[[Caller, bytes], Reply]:
    def route(caller: Caller, body: bytes) -> Reply:
        return Reply(200, encode_lenient(operation(caller, check(decode(body)))), JSON_1_1)

    return route
