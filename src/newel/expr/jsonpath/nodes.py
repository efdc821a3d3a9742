"""The parts of a parsed path. Plain frozen data; `compile` turns them into closures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from newel.json import Json


@dataclass(frozen=True, slots=True)
class Name:
    """`.name` or `['name']`."""

    name: str


@dataclass(frozen=True, slots=True)
class Names:
    """`['a','b']`: at the end of a path an object with these members, else each member in turn."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`[n]`; negative counts from the end."""

    index: int


@dataclass(frozen=True, slots=True)
class Indexes:
    """`[0,2]`."""

    indexes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[from:to]`, either may be absent."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`*` or `[*]`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`."""

    predicate: Predicate


@dataclass(frozen=True, slots=True)
class Scan:
    """`..step`: the step applied to every object and array below, the node itself first."""

    step: Name | Names | Index | Indexes | Slice | Wildcard | Filter


@dataclass(frozen=True, slots=True)
class Function:
    """`.name(arguments)` at the end of a path."""

    name: str
    arguments: tuple[Operand, ...]


Step = Name | Names | Index | Indexes | Slice | Wildcard | Filter | Scan | Function


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant in a filter or an argument."""

    value: Json


@dataclass(frozen=True, slots=True)
class Regex:
    """`/pattern/flags`."""

    pattern: str
    flags: str


@dataclass(frozen=True, slots=True)
class SubPath:
    """A path inside a filter: from the tested item (`@`) or from the document (`$`)."""

    root: Literal["@", "$"]
    steps: tuple[Step, ...]


Operand = Fixed | Regex | SubPath


@dataclass(frozen=True, slots=True)
class Exists:
    """A path alone: true when it finds something."""

    path: SubPath


@dataclass(frozen=True, slots=True)
class Compare:
    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


Predicate = Exists | Compare | All | AnyOf | Not | Constant


def fragment(step: Step) -> str:
    """The step as messages print it: `['a']`, `[0]`."""
    match step:
        case Name(name):
            return f"['{name}']"
        case Names(names):
            return "[" + ",".join(f"'{name}'" for name in names) + "]"
        case Index(index):
            return f"[{index}]"
        case Function(name, _):
            return f".{name}()"
        case _:
            return "[*]"


def is_definite(steps: tuple[Step, ...]) -> bool:
    """Whether the path can give one value only (Jayway): names and single indexes, `['a','b']` last, or a function."""
    if steps and isinstance(steps[-1], Function):
        return True
    plain = all(isinstance(step, (Name, Index)) for step in steps[:-1])
    return plain and (not steps or isinstance(steps[-1], (Name, Index, Names)))
