"""Functions of a folder, found by the names of its files.

`DIR/NAME.py` (or `.mjs`, `.js`, `.cjs`) is the function NAME, and so is a folder `DIR/NAME/` with one of the usual
entry files (`lambda_function`, `app`, `index`, `handler`, `main`) or an executable `bootstrap`. The handler is the
`lambda_handler` or `handler` of that file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

_ENTRY_FILES: Final = ("lambda_function", "app", "index", "handler", "main")
_PYTHON: Final = f"python3.{sys.version_info.minor}"
_RUNTIMES: Final = {".py": _PYTHON, ".mjs": "nodejs22.x", ".js": "nodejs22.x", ".cjs": "nodejs22.x"}
_HANDLER: Final = re.compile(
    r"^(?:async def|def|export (?:async function|function|const)|exports\.)\s*(lambda_handler|handler)\b", re.MULTILINE
)


class FoundFunction(NamedTuple):
    """A function as the folder has it."""

    name: str
    directory: Path
    runtime: str
    handler: str


def find_functions(folder: Path) -> Iterator[FoundFunction]:
    """The functions of a folder, by name."""
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "_")):
            continue
        found = function_at(path.stem if path.is_file() else path.name, path)
        if found is not None:
            yield found


def _in_folder(folder: Path) -> FoundFunction | None:
    if (folder / "bootstrap").is_file():
        return FoundFunction(folder.name, folder, "provided.al2023", "bootstrap")
    for stem in _ENTRY_FILES:
        for suffix, runtime in _RUNTIMES.items():
            path = folder / f"{stem}{suffix}"
            if path.is_file():
                return FoundFunction(folder.name, folder, runtime, f"{stem}.{_handler(path)}")
    return None


def _handler(path: Path) -> str:
    """The handler's name in a source file; Lambda's own default where the file shows none."""
    found = _HANDLER.search(path.read_text("utf-8", "replace"))
    if found is not None:
        return found[1]
    return "lambda_handler" if path.suffix == ".py" else "handler"


def function_at(name: str, path: Path) -> FoundFunction | None:
    """The function of one source file or folder, under a name of its own; None if there is none."""
    if path.is_file() and path.suffix in _RUNTIMES:
        return FoundFunction(name, path.parent, _RUNTIMES[path.suffix], f"{path.stem}.{_handler(path)}")
    found = _in_folder(path) if path.is_dir() else None
    return None if found is None else found._replace(name=name)
