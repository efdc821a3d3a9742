"""botocore's service models, loaded once and shared by everybody who asks.

Reading a model takes up to 100 ms (EC2), so code on the event loop awaits `load`.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Final

from botocore.exceptions import UnknownServiceError  # type: ignore[import-untyped]
from botocore.loaders import Loader  # type: ignore[import-untyped]
from botocore.model import OperationModel, ServiceModel  # type: ignore[import-untyped]

LOADER: Final = Loader()
_loaded: dict[str, ServiceModel] = {}


@cache
def services() -> frozenset[str]:
    """The names of all services in botocore (`dynamodb`, `stepfunctions`, `cognito-idp`)."""
    return frozenset(LOADER.list_available_services("service-2"))


def service_model(service: str) -> ServiceModel:
    """The model of a service, by botocore's name. Raises ValueError for an unknown one."""
    found = _loaded.get(service)
    if found is not None:
        return found
    try:
        document = LOADER.load_service_model(service, "service-2")
    except UnknownServiceError:
        raise ValueError(f"Unknown AWS service: {service}") from None
    return _loaded.setdefault(service, ServiceModel(document, service))


async def load(service: str) -> ServiceModel:
    """The same without blocking the event loop. Raises ValueError."""
    found = _loaded.get(service)
    return found if found is not None else await asyncio.to_thread(service_model, service)


def operation_model(model: ServiceModel, operation: str) -> OperationModel:
    """One operation (`PutItem`). Raises ValueError for an unknown one."""
    if operation not in model.operation_names:
        raise ValueError(f"Unknown operation of the AWS service {model.service_name}: {operation}")
    return model.operation_model(operation)
