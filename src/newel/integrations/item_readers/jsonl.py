"""JSON Lines: one item in a line, of any JSON type. Empty lines are none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from newel.integrations.item_readers.blocks import ITEM_BYTES_MAX, Block, reader_failed, too_large
from newel.integrations.item_readers.source import Source, text_from
from newel.json import InvalidJson, Json, loads

_decoder: Final = msgspec.json.Decoder()


async def read_jsonl(source: Source, place: Json) -> AsyncIterator[Block]:
    """A place is the offset of a line."""
    start = 0 if place is None else int(place)
    offset, pieces = await text_from(source, start)
    rest: list[bytes] = []  # the beginning of a line
    size = 0
    async for piece in pieces:
        cut = piece.rfind(b"\n") + 1
        if not cut:
            rest.append(piece)
            size += len(piece)
            if size > ITEM_BYTES_MAX:
                raise too_large(f"The line at byte {offset}")
            continue
        lines = b"".join((*rest, piece[:cut]))
        rest, size = [piece[cut:]], len(piece) - cut
        yield Block(values=_decoded(lines, offset), place=offset)
        offset += len(lines)
    if size:
        yield Block(values=_decoded(b"".join(rest), offset), place=offset)


def _decoded(lines: bytes, offset: int) -> list[Json]:
    decode = _decoder.decode
    try:
        return [decode(line) for line in lines.split(b"\n") if line and not line.isspace()]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _first_bad(lines, offset) from None


def _first_bad(lines: bytes, offset: int) -> Exception:
    """Which line it is that is no JSON."""
    for line in lines.split(b"\n"):
        try:
            if line.strip():
                loads(line)
        except InvalidJson as error:
            return reader_failed(f"The line at byte {offset} is not valid JSON: {error}")
        offset += len(line) + 1
    raise AssertionError(lines)
