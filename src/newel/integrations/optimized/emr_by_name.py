"""`elasticmapreduce:modifyInstanceFleetByName` and `modifyInstanceGroupByName`: EMR takes ids, which AWS looks up.

Source: Developer Guide, "Amazon EMR".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from newel.errors import StatesError
from newel.integrations.optimized.operations import Operation, OperationAction, Sent
from newel.integrations.optimized.services import EMR
from newel.json import Json
from newel.ports.aws import AwsCaller
from newel.ports.tasks import TaskRequest


class ByName(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of resource: the Task's parameters and how the cluster lists it."""

    operation: Operation
    name: str
    change: str
    listing: str
    listed: str
    id: str


FLEET: Final = ByName(
    operation=Operation(service=EMR, name="ModifyInstanceFleet"),
    name="InstanceFleetName",
    change="InstanceFleet",
    listing="ListInstanceFleets",
    listed="InstanceFleets",
    id="InstanceFleetId",
)
GROUP: Final = ByName(
    operation=Operation(service=EMR, name="ModifyInstanceGroups"),
    name="InstanceGroupName",
    change="InstanceGroup",
    listing="ListInstanceGroups",
    listed="InstanceGroups",
    id="InstanceGroupId",
)


class ModifyByName(OperationAction):
    """Find the fleet or group that the cluster calls by that name, and modify it."""

    def __init__(self, kind: ByName, aws: AwsCaller) -> None:
        super().__init__(kind.operation, aws)
        self._kind = kind

    async def send(self, request: TaskRequest, given: Mapping[str, Json]) -> Sent:
        kind = self._kind
        found = await self._find(request, given["ClusterId"], given[kind.name])
        change = {**(given.get(kind.change) or {}), kind.id: found}
        changes = change if kind is FLEET else [change]
        member = kind.change if kind is FLEET else f"{kind.change}s"
        return await super().send(request, {"ClusterId": given["ClusterId"], member: changes})

    async def _find(self, request: TaskRequest, cluster: str, name: str) -> str:
        parameters: dict[str, Any] = {"ClusterId": cluster}
        while True:
            answer = await self.ask(request, self._kind.listing, parameters)
            for listed in answer.result.get(self._kind.listed, ()):
                if listed.get("Name") == name:
                    return str(listed["Id"])
            if not answer.result.get("Marker"):
                break
            parameters["Marker"] = answer.result["Marker"]
        cause = f"{self._kind.change} with name {name} was not found in the cluster {cluster}."
        raise StatesError(f"{EMR.prefix}.{EMR.base}", cause)
