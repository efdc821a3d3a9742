"""YAML -> JSON value, with JSON's scalar types and the place of every key.

The text is composed to nodes by PyYAML (its C parser where present) and read from there, so that no tag runs code.
Aliases and merge keys work; an alias that grows the document beyond `NODES_MAX` nodes, a cycle, a second key of the
same name and a tag of one's own are refused.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

import yaml

from newel.json import Json
from newel.language.diagnostics import DefinitionError, error
from newel.language.jackson import Path

#: More nodes than any definition of 1 MiB can hold without aliases of aliases.
NODES_MAX: Final = 300_000

Places = dict[Path, tuple[int, int]]

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _JsonTypes(_Parser):  # type: ignore[misc]
    """PyYAML's loader with JSON's implicit types instead of YAML 1.1's."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_NULL: Final = "tag:yaml.org,2002:null"
_BOOL: Final = "tag:yaml.org,2002:bool"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_STR: Final = "tag:yaml.org,2002:str"
_SEQUENCE: Final = "tag:yaml.org,2002:seq"
_MAPPING: Final = "tag:yaml.org,2002:map"
_MERGE: Final = "tag:yaml.org,2002:merge"

_JsonTypes.add_implicit_resolver(_NULL, re.compile(r"^(?:null|Null|NULL|~|)$"), ["n", "N", "~", ""])
_JsonTypes.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_JsonTypes.add_implicit_resolver(_INT, re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_JsonTypes.add_implicit_resolver(
    _FLOAT, re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)$"), list("-0123456789")
)
_JsonTypes.add_implicit_resolver(_MERGE, re.compile(r"^<<$"), ["<"])


def read_yaml(text: str, depth_max: int) -> tuple[Json, Places]:
    """The JSON value of one YAML document and the one-based (line, column) of its keys and items.

    Raises `DefinitionError` with code INVALID_JSON_DESCRIPTION.
    """
    try:
        node = yaml.compose(text, Loader=_JsonTypes)
    except (yaml.YAMLError, RecursionError, ValueError) as failure:
        raise _refused(_words(failure)) from None
    if node is None:
        return None, {}
    reader = _Reader(depth_max)
    value = reader.value(node, ())
    return value, {(): _place(node), **reader.places}


def _refused(message: str, node: yaml.Node | None = None) -> DefinitionError:
    where = "" if node is None else " at line {}, column {}".format(*_place(node))
    return DefinitionError([error(f"Invalid YAML: {message}{where}", None, "INVALID_JSON_DESCRIPTION")])


def _words(failure: Exception) -> str:
    if isinstance(failure, yaml.MarkedYAMLError) and failure.problem_mark is not None:
        mark = failure.problem_mark
        context = f"{failure.context}: " if failure.context else ""
        return f"{context}{failure.problem} at line {mark.line + 1}, column {mark.column + 1}"
    return str(failure).partition("\n")[0] or type(failure).__name__


def _place(node: yaml.Node) -> tuple[int, int]:
    mark = node.start_mark
    return mark.line + 1, mark.column + 1


class _Reader:
    """Nodes -> JSON. A node that aliases share is read once for each place where it stands."""

    def __init__(self, depth_max: int) -> None:
        self.places: Places = {}
        self._depth_max = depth_max
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Json:
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise _refused("aliases make the document too large", node)
        if len(path) > self._depth_max:
            raise _refused("the document is nested too deeply", node)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if node.tag not in (_SEQUENCE, _MAPPING):
            raise _refused(f"the tag {node.tag} is not supported in a definition", node)
        if isinstance(node, yaml.SequenceNode):
            return [self._item(item, (*path, n)) for n, item in enumerate(node.value)]
        assert isinstance(node, yaml.MappingNode)
        return self._mapping(node, path)

    def _item(self, node: yaml.Node, path: Path) -> Json:
        self.places[path] = _place(node)
        return self.value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        own: dict[str, Json] = {}
        for key_node, value_node in node.value:
            if key_node.tag == _MERGE:
                merged = {**self._merged(value_node, path), **merged}
                continue
            key = _key(key_node)
            if key in own:
                raise _refused(f"the key '{key}' appears twice", key_node)
            where = (*path, key)
            self.places[where] = _place(key_node)
            own[key] = self.value(value_node, where)
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: Path) -> dict[str, Json]:
        """The fields of `<<: *a` or `<<: [*a, *b]`, earlier ones first."""
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        fields: dict[str, Json] = {}
        for source in sources:
            if not isinstance(source, yaml.MappingNode):
                raise _refused("a merge key takes a mapping", source)
            self._nodes += 1
            fields = {**cast("dict[str, Json]", self.value(source, (*path, "<<"))), **fields}
        return fields


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _refused("a key must be text", node)
    return cast("str", node.value)


def _scalar(node: yaml.ScalarNode) -> Json:
    text = cast("str", node.value)
    match node.tag:
        case "tag:yaml.org,2002:str":
            return text
        case "tag:yaml.org,2002:null":
            return None
        case "tag:yaml.org,2002:bool":
            return _typed(node, text.lower() == "true", text.lower() in ("true", "false"))
        case "tag:yaml.org,2002:int" | "tag:yaml.org,2002:float":
            return _number(node, text)
        case tag:
            raise _refused(f"the tag {tag} is not supported in a definition", node)


def _typed(node: yaml.Node, value: Json, fits: bool) -> Json:
    if not fits:
        raise _refused("the value does not fit its tag", node)
    return value


def _number(node: yaml.Node, text: str) -> int | float:
    try:
        value = int(text) if node.tag == _INT else float(text)
    except ValueError:
        raise _refused("the value does not fit its tag", node) from None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise _refused("the number is out of range", node)
    return value
