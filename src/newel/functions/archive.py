"""Deployment packages: a zip is checked as a whole before a byte of it is written."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Final

from newel.errors import ServiceError
from newel.functions.model import CODE_UNZIPPED_BYTES_MAX, CODE_ZIPPED_BYTES_MAX

_CHUNK_BYTES: Final = 1 << 20
_ENTRIES_MAX: Final = 100_000
_OUR_TROUBLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE})


def _refused(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message)


def _too_large() -> ServiceError:
    return _refused(f"Unzipped size must be smaller than {CODE_UNZIPPED_BYTES_MAX} bytes")


def _unreadable() -> ServiceError:
    return _refused("Could not unzip uploaded file. Please check your file, then try to upload again.")


def digest(data: bytes) -> str:
    """CodeSha256: base64 of the SHA-256 of the package."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def extract(data: bytes, target: Path) -> None:
    """Unpack a package into the new folder `target`.

    Raises `ServiceError` InvalidParameterValueException for what is no zip, for names that leave the folder, for links
    that point outside it, and for sizes over Lambda's quotas. `target` is then left behind half filled.
    """
    if len(data) > CODE_ZIPPED_BYTES_MAX:
        raise ServiceError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {CODE_ZIPPED_BYTES_MAX} bytes for the CreateFunction operation",
            status=413,
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _extract_all(archive, target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise _unreadable() from None
    except OSError as error:
        if error.errno in _OUR_TROUBLE:
            raise
        raise _unreadable() from None  # a name that is too long, a file where a folder must be


def _extract_all(archive: zipfile.ZipFile, target: Path) -> None:
    entries = archive.infolist()
    if not entries:
        raise _refused("Uploaded file must be a non-empty zip")
    if len(entries) > _ENTRIES_MAX:
        raise _refused(f"The package holds more than {_ENTRIES_MAX} files")
    if sum(entry.file_size for entry in entries) > CODE_UNZIPPED_BYTES_MAX:
        raise _too_large()
    for entry in entries:
        _check_name(entry.filename)
    target.mkdir(parents=True)
    links = [entry for entry in entries if stat.S_ISLNK(entry.external_attr >> 16)]
    budget = CODE_UNZIPPED_BYTES_MAX
    for entry in entries:
        if entry not in links:
            budget -= _write(archive, entry, target, budget)
    for entry in links:  # last, so that no file is ever written through a link
        _link(archive, entry, target)


def _check_name(name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    drive = len(name) > 1 and name[1] == ":"
    if not name or "\0" in name or path.is_absolute() or drive or ".." in path.parts:
        raise _refused(f"The package holds a file name that leaves the function's folder: {name!r}")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, budget: int) -> int:
    """Write one entry and return its real size, which a forged header may understate."""
    path = target / entry.filename
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with archive.open(entry) as source, path.open("wb") as sink:
        while chunk := source.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > budget:
                raise _too_large()
            sink.write(chunk)
    mode = (entry.external_attr >> 16) & 0o777
    path.chmod((mode or 0o644) | 0o600)
    return size


def _link(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    destination = archive.read(entry)[:4096].decode()
    path = target / entry.filename
    path.parent.mkdir(parents=True, exist_ok=True)
    root = target.resolve()
    if destination.startswith("/") or not (path.parent.resolve() / destination).resolve().is_relative_to(root):
        raise _refused(f"The package holds a link that leaves the function's folder: {entry.filename!r}")
    os.symlink(destination, path)  # noqa: PTH211  (checked above)
