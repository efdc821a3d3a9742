"""Text -> JSON value of a definition: JSON as AWS reads it, YAML with JSON's types, substitutions, positions.

Broken JSON is reported in Jackson's words (`INVALID_JSON_DESCRIPTION`). YAML is read with JSON's scalar rules: `on`,
`yes`, dates, `012` and `1_000` are text, as an author of JSON expects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from newel.json import InvalidJson, Json, dumps, loads
from newel.language.diagnostics import DefinitionError, Diagnostic, error, warning
from newel.language.jackson import JacksonError, JsonScan, Lines, Path
from newel.language.yaml_text import read_yaml

NOT_AN_OBJECT: Final = "Definition must be a valid JSON object"
#: Deeper JSON is refused: everything above walks a definition recursively. AWS has a bound too (TOO_DEEPLY_NESTED).
DEFINITION_DEPTH_MAX: Final = 120

_SUBSTITUTION: Final = re.compile(r"\$\{([A-Za-z0-9_.:\-]+)\}")
_QUOTED_SUBSTITUTION: Final = re.compile(r'"\$\{([A-Za-z0-9_.:\-]+)\}"')


def load_definition(text: str) -> dict[str, Json]:
    """The JSON object of a definition. Raises `DefinitionError` as AWS does for text that is none."""
    if not text.strip():
        raise DefinitionError([error(NOT_AN_OBJECT)])
    try:
        value = loads(text)
    except InvalidJson as failure:
        raise DefinitionError([_broken(text, failure)]) from None
    return _definition(value)


def load_yaml(text: str) -> dict[str, Json]:
    """The same from YAML text (of which JSON is a subset). Raises `DefinitionError`."""
    value, _ = read_yaml(text, DEFINITION_DEPTH_MAX)
    return _definition(value)


def duplicate_fields(text: str) -> list[Diagnostic]:
    """A warning for every field that is given twice in one object of valid JSON text.

    Jackson, and so AWS, silently keeps the last one.
    """
    return [
        warning("DUPLICATE_FIELD", f"The field '{path[-1]}' appears more than once; the last one is used", at(path))
        for path in JsonScan(text).run().duplicates
    ]


def position_map(text: str, *, yaml: bool = False) -> dict[str, tuple[int, int]]:
    """Location -> one-based (line, column) of the key, or of the item, it names.

    Both spellings of a location are there: AWS's (`/States/C/Choices[0]`) and the model's pointer
    (`/States/C/Choices/0`). `/` and the empty pointer are the definition itself. Raises `DefinitionError`.
    """
    if yaml:
        _, places = read_yaml(text, DEFINITION_DEPTH_MAX)
    else:
        places = _json_places(text)
    found: dict[str, tuple[int, int]] = {}
    for path, place in places.items():
        found[at(path)] = found["".join(f"/{step}" for step in path)] = place
    return found


def at(path: Path) -> str:
    """A path as AWS writes a location: `/States/C/Choices[0]/Next`, `/` for the empty path."""
    return "".join(f"[{step}]" if isinstance(step, int) else f"/{step}" for step in path) or "/"


def substitute(definition: Json, mapping: Mapping[str, Json]) -> Json:
    """Replace `${Name}` in a definition, given as text or as JSON (then in keys and strings); unknown names stay.

    A string that is nothing but `"${Name}"` becomes the value itself where that is not text, so `"Seconds": "${N}"`
    with a number gives a number.
    """
    if isinstance(definition, str):
        whole = _QUOTED_SUBSTITUTION.sub(lambda found: _typed(found, mapping), definition)
        return _SUBSTITUTION.sub(lambda found: _inserted(found, mapping), whole)
    return _substituted(definition, mapping)


def unresolved_substitutions(text: str) -> set[str]:
    """Names of the `${Name}` still in a text."""
    return set(_SUBSTITUTION.findall(text))


def _substituted(value: Json, mapping: Mapping[str, Json]) -> Json:
    if isinstance(value, dict):
        return {_in_text(key, mapping): _substituted(item, mapping) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item, mapping) for item in value]
    if isinstance(value, str):
        whole = _SUBSTITUTION.fullmatch(value)
        if whole is not None and whole[1] in mapping:
            return mapping[whole[1]]
        return _in_text(value, mapping)
    return value


def _in_text(text: str, mapping: Mapping[str, Json]) -> str:
    return _SUBSTITUTION.sub(lambda found: _inserted(found, mapping), text)


def _inserted(found: re.Match[str], mapping: Mapping[str, Json]) -> str:
    if found[1] not in mapping:
        return found.group()
    value = mapping[found[1]]
    return value if isinstance(value, str) else dumps(value)


def _typed(found: re.Match[str], mapping: Mapping[str, Json]) -> str:
    value = mapping.get(found[1], "")
    return found.group() if isinstance(value, str) else dumps(value)


def _definition(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise DefinitionError([error(NOT_AN_OBJECT)])
    if _is_deeper(value, DEFINITION_DEPTH_MAX):
        raise DefinitionError([error("The states are too deeply nested", None, "TOO_DEEPLY_NESTED")])
    return value


def _is_deeper(value: Json, depth: int) -> bool:
    """Level by level, so that depth costs no stack."""
    level = [value]
    for _ in range(depth):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def _broken(text: str, failure: InvalidJson) -> Diagnostic:
    try:
        JsonScan(text).run()
    except JacksonError as broken:
        return error(str(broken), broken.source, "INVALID_JSON_DESCRIPTION")
    # JSON that Jackson would read and our codec does not: a lone surrogate, or nesting beyond its stack.
    return error(str(failure), None, "INVALID_JSON_DESCRIPTION")


def _json_places(text: str) -> dict[Path, tuple[int, int]]:
    try:
        positions = JsonScan(text, record=True).run().positions
    except JacksonError as broken:
        raise DefinitionError([error(str(broken), broken.source, "INVALID_JSON_DESCRIPTION")]) from None
    lines = Lines(text)
    return {path: lines.at(offset) for path, offset in positions.items()}
