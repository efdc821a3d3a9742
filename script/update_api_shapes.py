#!/usr/bin/env python
"""Write `src/newel/api/shapes.json` from the service model that botocore carries.

Only facts go in: which members an operation takes, which are required, and the constraints of their types. Run it
after botocore is raised; `tests/wire/test_shapes.py` fails while the file differs from the installed model.
"""

import json
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

TARGET = Path(__file__).parents[1] / "src" / "newel" / "api" / "shapes.json"
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


def model() -> dict[str, Any]:
    """The facts of every operation's input."""
    service = Loader().load_service_model("stepfunctions", "service-2")
    operations = {name: operation["input"]["shape"] for name, operation in sorted(service["operations"].items())}
    names: set[str] = set()
    for shape in operations.values():
        reachable(service["shapes"], shape, names)
    return {"operations": operations, "shapes": {name: facts(service["shapes"][name]) for name in sorted(names)}}


def text() -> str:
    """One shape a line, so that a change reads well."""
    found = model()
    operations = json.dumps(found["operations"], indent=1)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(shape)}" for name, shape in found["shapes"].items())
    return f'{{"operations": {operations},\n"shapes": {{\n{lines}\n}}}}\n'


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
