#!/usr/bin/env python
"""Write `shapes.json` and `events_shapes.json` of `src/newel/api` from the service models that botocore carries.

Only facts go in: which members an operation takes, which are required, and the constraints of their types. Run it
after botocore is raised; `tests/wire/test_shapes.py` fails while a file differs from the installed model.
"""

import json
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

API = Path(__file__).parents[1] / "src" / "newel" / "api"
TARGET = API / "shapes.json"
EVENTS_TARGET = API / "events_shapes.json"
#: The operations of EventBridge that Newel performs.
EVENTS_OPERATIONS = (
    "CreateConnection",
    "DeauthorizeConnection",
    "DeleteConnection",
    "DescribeConnection",
    "ListConnections",
    "UpdateConnection",
)
FACTS = ("type", "required", "min", "max", "pattern", "enum", "sensitive")


def facts(shape: dict[str, Any]) -> dict[str, Any]:
    """The constraints of one shape, without documentation."""
    found = {key: shape[key] for key in FACTS if key in shape}
    if "members" in shape:
        found["members"] = {name: member["shape"] for name, member in shape["members"].items()}
    if "member" in shape:
        found["member"] = shape["member"]["shape"]
    return found


def reachable(shapes: dict[str, Any], name: str, seen: set[str]) -> set[str]:
    """`name` and every shape it refers to."""
    if name in seen:
        return seen
    seen.add(name)
    shape = shapes[name]
    for member in (*shape.get("members", {}).values(), *([shape["member"]] if "member" in shape else [])):
        reachable(shapes, member["shape"], seen)
    return seen


def model(name: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    """The facts of the wanted (none: of all) operations' inputs."""
    service = Loader().load_service_model(name, "service-2")
    operations = {
        operation: found["input"]["shape"]
        for operation, found in sorted(service["operations"].items())
        if not wanted or operation in wanted
    }
    names: set[str] = set()
    for shape in operations.values():
        reachable(service["shapes"], shape, names)
    return {"operations": operations, "shapes": {name: facts(service["shapes"][name]) for name in sorted(names)}}


def text(service: str = "stepfunctions", wanted: tuple[str, ...] = ()) -> str:
    """One shape a line, so that a change reads well."""
    found = model(service, wanted)
    operations = json.dumps(found["operations"], indent=1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(shape)}" for name, shape in found["shapes"].items())
    return f'{{"operations": {operations},\n"shapes": {{\n{lines}\n}}}}\n'


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    EVENTS_TARGET.write_text(text("events", EVENTS_OPERATIONS), encoding="utf-8")
