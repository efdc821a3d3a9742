"""Reading what a command line names: definitions, JSON given as text or as `@file`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, NamedTuple

from newel.cli.output import fail
from newel.json import InvalidJson, Json, dumps, loads
from newel.language.loader import load_definition, load_yaml

YAML_SUFFIXES: Final = (".yaml", ".yml")


class Definition(NamedTuple):
    """A definition's file: `name` as given (`-` is stdin), its text, and whether that is YAML."""

    name: str
    text: str
    yaml: bool

    def load(self) -> dict[str, Json]:
        """The definition as a JSON object. Raises `DefinitionError`."""
        return load_yaml(self.text) if self.yaml else load_definition(self.text)

    def json(self) -> str:
        """The definition as JSON text, unchecked if it is JSON. Raises `DefinitionError`."""
        return dumps(load_yaml(self.text)) if self.yaml else self.text


def read_definition(name: str) -> Definition:
    """A definition from a file, or from stdin for `-`. YAML is known by its suffix, on stdin by not being JSON."""
    text = read_text(name)
    if name == "-":
        return Definition(name, text, not text.lstrip().startswith("{"))
    return Definition(name, text, Path(name).suffix.lower() in YAML_SUFFIXES)


def read_text(name: str) -> str:
    """A file's text; `-` is stdin. Ends the command if it cannot be read."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return data.decode()
    except OSError as error:
        fail(f"cannot read {name}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"cannot read {name}: it is not UTF-8 text")


def json_argument(given: str, option: str) -> tuple[str, Json]:
    """The text and value of an option that takes JSON, `@FILE`, or `@-` for stdin."""
    text = read_text(given[1:]) if given.startswith("@") else given
    try:
        return text, loads(text)
    except InvalidJson as error:
        fail(f"{option} is not JSON: {error}")
