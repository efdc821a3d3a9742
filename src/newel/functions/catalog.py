"""The functions' durable home: one folder each, with a JSON file that is replaced atomically and code by digest.

    ROOT/ACCOUNT/REGION/NAME/function.json    the `Function`
    ROOT/ACCOUNT/REGION/NAME/code/DIGEST/     the unpacked package, written once and never changed
    ROOT/ACCOUNT/REGION/NAME/code/DIGEST.zip  the package as uploaded
    ROOT/ACCOUNT/REGION/NAME/logs/            log streams

A name that begins with a dot is something half done; it is removed on start.
"""

from __future__ import annotations

import base64
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from newel.functions import archive
from newel.functions.model import Code, Configuration, Function
from newel.functions.names import LATEST, FunctionName, not_found

_FILE: Final = "function.json"

logger = logging.getLogger(__name__)


def _folder_name(sha256: str) -> str:
    return base64.b64decode(sha256).hex()


def write_durably(path: Path, data: bytes) -> None:
    """Replace `path` so that a crash leaves the old or the new content, never a mixture."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Catalog:
    """All functions, in memory and on disk.

    `write`, `erase`, `add_code` and `collect_code` touch the disk alone and block: run them in a thread. The others
    touch the memory alone and belong to the event loop.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._functions: dict[tuple[str, str, str], Function] = {}

    def load(self) -> None:
        """Read everything back after a start; half-done work of a crash is removed."""
        self._root.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._root.glob("[0-9]*/*/*/")):
            if path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)
                continue
            try:
                function = msgspec.json.decode((path / _FILE).read_bytes(), type=Function)
            except FileNotFoundError:  # a crash before the first save: the creation was never answered
                shutil.rmtree(path, ignore_errors=True)
                continue
            except msgspec.DecodeError as error:  # not by a crash: leave it for its owner to look at
                logger.error("the function in %s cannot be read: %s", path, error)  # noqa: TRY400  (where says more)
                continue
            self._functions[function.key] = function
            self.collect_code(function)

    def find(self, name: FunctionName) -> Function | None:
        return self._functions.get((name.account, name.region, name.name))

    def get(self, name: FunctionName) -> Function:
        """Raises `ServiceError` ResourceNotFoundException."""
        function = self.find(name)
        if function is None:
            raise not_found(name)
        return function

    def all(self, account: str, region: str) -> list[Function]:
        """In order of name."""
        return [item for key, item in sorted(self._functions.items()) if key[:2] == (account, region)]

    def everything(self) -> Iterator[Function]:
        return iter(self._functions.values())

    def configuration(self, name: FunctionName) -> Configuration:
        """The configuration that a version or alias names. Raises `ServiceError` ResourceNotFoundException."""
        function = self.get(name)
        qualifier = name.qualifier
        if qualifier in (None, LATEST):
            return function.latest
        assert qualifier is not None
        alias = function.aliases.get(qualifier)
        version = function.versions.get(alias.version if alias else qualifier)
        if version is not None:
            return version
        if alias is not None and alias.version == LATEST:
            return function.latest
        raise not_found(name)

    def write(self, function: Function) -> None:
        """Store a function on disk; durable when this returns. `remember` makes it known."""
        folder = self.folder(function)
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / _FILE, msgspec.json.encode(function))

    def remember(self, function: Function) -> None:
        self._functions[function.key] = function

    def forget(self, function: Function) -> None:
        del self._functions[function.key]

    def erase(self, function: Function) -> None:
        """Remove a function's folder with its code and logs; a crash leaves it whole or gone."""
        folder = self.folder(function)
        grave = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".deleted-"))
        folder.rename(grave / "function")
        _sync_folder(folder.parent)
        shutil.rmtree(grave, ignore_errors=True)

    def folder(self, function: Function) -> Path:
        return self._root / function.account / function.region / function.name

    def logs(self, function: Function) -> Path:
        path = self.folder(function) / "logs"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def code_folder(self, function: Function, code: Code) -> Path:
        """Where the version's unpacked code lies."""
        if code.directory is not None:
            return Path(code.directory)
        return self.folder(function) / "code" / _folder_name(code.sha256)

    def package(self, function: Function, code: Code) -> Path:
        """The package as uploaded."""
        return self.folder(function) / "code" / f"{_folder_name(code.sha256)}.zip"

    def add_code(self, name: FunctionName, data: bytes) -> Code:
        """Unpack a package for a function, new or not. Raises `ServiceError` for a bad package."""
        code = Code(archive.digest(data), len(data))
        home = self._root / name.account / name.region / name.name / "code"
        folder = home / _folder_name(code.sha256)
        if folder.exists():
            return code
        home.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=home, prefix="."))
        try:
            archive.extract(data, temporary / "code")
            (temporary / "code").rename(folder)
            write_durably(home / f"{folder.name}.zip", data)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            self._forget_empty(name)
        return code

    @staticmethod
    def linked_code(directory: Path) -> Code:
        """Code that stays where it is: its owner edits it in place."""
        resolved = str(directory.resolve())
        return Code(archive.digest(resolved.encode()), 0, resolved)

    def _forget_empty(self, name: FunctionName) -> None:
        """A refused package of a new function leaves no folder behind."""
        home = self._root / name.account / name.region / name.name
        if self.find(name) is None and not any((home / "code").iterdir()):
            shutil.rmtree(home, ignore_errors=True)

    def collect_code(self, function: Function, keep: frozenset[str] = frozenset()) -> None:
        """Remove code that no version uses; `keep` holds digests that running processes still use."""
        home = self.folder(function) / "code"
        if not home.is_dir():
            return
        used = {_folder_name(sha256) for sha256 in function.codes() | keep}
        for path in home.iterdir():
            if path.name.removesuffix(".zip") not in used:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
