"""Objects that are compressed as a whole: gzip and Zstandard, told by the key's extension."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, Protocol

from newel.integrations.item_readers.blocks import reader_failed

_OUTPUT_BYTES: Final = 128 * 1024
_ZSTD_STEP: Final = 512
_GZIP: Final = 31  # zlib's window bits for a gzip wrapper


class Decompressor(Protocol):
    """Takes compressed bytes in any pieces, gives plain ones in pieces of bounded size."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The plain bytes that `piece` completes. Raises `StatesError` for bytes of another kind."""
        ...

    def finish(self) -> None:
        """There is no more. Raises `StatesError` for an object that was cut off."""
        ...


class _Gzip:
    """gzip; members that follow one another are one text."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        rest = piece
        while rest:
            if self._member.eof:
                rest = rest.lstrip(b"\0")  # padding between members
                if not rest:
                    return
                self._member = zlib.decompressobj(_GZIP)
            self._begun = True
            try:
                plain = self._member.decompress(rest, _OUTPUT_BYTES)
            except zlib.error as error:
                raise reader_failed(f"The object is not valid gzip: {error}") from None
            rest = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            if plain:
                yield plain

    def finish(self) -> None:
        if self._begun and not self._member.eof:
            raise reader_failed("The gzip object ends before its data does.")


class _Zstandard:
    """Zstandard by the `zstandard` package; frames that follow one another are one text."""

    def __init__(self, package: Any) -> None:
        self._package = package
        self._frame: Any = package.ZstdDecompressor().decompressobj()
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[bytes]:
        rest = piece
        while rest:
            if self._frame.eof:
                self._frame = self._package.ZstdDecompressor().decompressobj()
            self._begun = True
            # This interface cannot bound its output: a block of 4 bytes may stand for 128 KiB.
            step, rest = rest[:_ZSTD_STEP], rest[_ZSTD_STEP:]
            try:
                plain = self._frame.decompress(step)
            except self._package.ZstdError as error:
                raise reader_failed(f"The object is not valid Zstandard data: {error}") from None
            if self._frame.eof:
                rest = self._frame.unused_data + rest
            for at in range(0, len(plain), _OUTPUT_BYTES):
                yield plain[at : at + _OUTPUT_BYTES]

    def finish(self) -> None:
        if self._begun and not self._frame.eof:
            raise reader_failed("The Zstandard object ends before its data does.")


def decompressor(key: str) -> Decompressor | None:
    """What an object's key asks for; None for plain objects. Raises `StatesError` where Zstandard is not installed."""
    lowered = key.lower()
    if lowered.endswith((".gz", ".gzip")):
        return _Gzip()
    if lowered.endswith((".zst", ".zstd")):
        return _Zstandard(_zstandard())
    return None


def _zstandard() -> Any:
    """An optional dependency, so it is imported when an object needs it."""
    try:
        return importlib.import_module("zstandard")
    except ImportError:
        raise reader_failed(
            "Reading Zstandard objects needs the package zstandard: install newel with the extra 'zstd'."
        ) from None


async def decompressed(pieces: AsyncIterator[bytes], by: Decompressor, skip: int) -> AsyncIterator[bytes]:
    """Plain bytes from offset `skip` on: what comes before has to be read all the same."""
    async for piece in pieces:
        for plain in by.feed(piece):
            if skip >= len(plain):
                skip -= len(plain)
                continue
            yield plain[skip:] if skip else plain
            skip = 0
    by.finish()
