"""The names of a Map Run's child workflows: the same each time, so that a restart finds what was started."""

from __future__ import annotations

from typing import Final, NamedTuple
from uuid import UUID, uuid5

import msgspec

from newel.json import InvalidJson, dumps, loads

_NAMESPACE: Final = UUID("6f0f5a1e-7d0c-4a53-9b1d-0d3f0a5c9e11")
_PREFIX: Final = "map:"


class ChildParent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a child's record says of its Map Run: whose `index`-th child it is, how many items it has, and which part
    of the definition it runs (scope and name of the Map state, also where that is in a child's part).
    """

    map_run_arn: str
    index: int
    items: int
    scope: str
    state_name: str


class ParentTexts:
    """`Execution.parent` of the children of one Map Run."""

    def __init__(self, map_run_arn: str, scope: str, state_name: str) -> None:
        text = _PREFIX + dumps([map_run_arn, 0, 0, scope, state_name])
        self._before, _, self._after = text.partition(",0,0,")  # no ARN has a comma

    def text(self, index: int, items: int) -> str:
        """What `parse_parent` reads."""
        return f"{self._before},{index},{items},{self._after}"


def parse_parent(text: str | None) -> ChildParent | None:
    """Reads `Execution.parent`; None for an execution that is not a Map Run's child."""
    if text is None or not text.startswith(_PREFIX):
        return None
    try:
        return msgspec.convert(loads(text[len(_PREFIX) :]), ChildParent)
    except (InvalidJson, msgspec.ValidationError):
        return None


class Labelled(NamedTuple):
    """A Map Run's ARN, `…:mapRun:<machine>/<label>:<uuid>`, taken apart."""

    prefix: str
    machine: str
    label: str

    @property
    def machine_arn(self) -> str:
        return f"{self.prefix}:stateMachine:{self.machine}/{self.label}"


def parse_map_run_arn(arn: str) -> Labelled:
    """Raises ValueError for what is not a Map Run's ARN."""
    prefix, _, rest = arn.partition(":mapRun:")
    name, _, _ = rest.rpartition(":")
    machine, separator, label = name.rpartition("/")
    if not separator:
        raise ValueError(arn)
    return Labelled(prefix, machine, label)


class ChildNames:
    """Names and ARNs of a Map Run's children.

    A name looks like a UUID: digits of the Map Run's ARN, then the child's index. In the order of their names, one Map
    Run's children stand side by side and go up with the index, and so a store that sorts by ARN writes them.
    """

    def __init__(self, map_run_arn: str, *, express: bool) -> None:
        labelled = parse_map_run_arn(map_run_arn)
        self._express = express
        self.machine_arn = labelled.machine_arn
        digits = uuid5(_NAMESPACE, map_run_arn).hex
        self._head = f"{digits[:8]}-{digits[8:12]}-5{digits[12:15]}-a{digits[15:18]}"
        kind = "express" if express else "execution"
        self.prefix = f"{labelled.prefix}:{kind}:{labelled.machine}/{labelled.label}:"

    def name(self, index: int) -> str:
        return f"{self._head}-{index:012x}"

    def arn(self, index: int) -> str:
        """The ARN of the `index`-th child."""
        return self.arn_of(self.name(index))

    def arn_of(self, name: str) -> str:
        """The ARN of the child of this name."""
        return f"{self.prefix}{name}:{name}" if self._express else f"{self.prefix}{name}"
