"""Where a key of a TOML document stands, so that a mistake in it can be pointed at: `tomllib` does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_HEADER: Final = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_KEY: Final = re.compile(r"""[A-Za-z0-9_-]+|"([^"]*)"|'([^']*)'""")


def line_of(text: str, path: Sequence[str]) -> int:
    """The line (from one) of the deepest part of `path` that the text shows; 1 if it shows none of it."""
    best, line = 0, 1
    table: tuple[str, ...] = ()
    for number, content in enumerate(text.splitlines(), 1):
        header = _HEADER.fullmatch(content)
        if header is not None:
            table = keys(header[1])
            found = table
        elif (assignment := _ASSIGNMENT.match(content)) is not None:
            found = (*table, *keys(assignment[1]))
        else:
            continue
        depth = _common(found, path)
        if depth > best:
            best, line = depth, number
    return line


def keys(dotted: str) -> tuple[str, ...]:
    """The parts of a dotted key, without quotes."""
    return tuple(match[1] or match[2] or match[0].strip("\"'") for match in _KEY.finditer(dotted))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many leading parts are the same."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
