"""A JSON document: the elements of its array, or of the array or object that ItemsPointer (RFC 6901) leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from newel.integrations.item_readers.blocks import Block, reader_failed
from newel.integrations.item_readers.json_scan import Cursor, Parts
from newel.integrations.item_readers.source import Source, text_from
from newel.json import InvalidJson, Json, loads

_NOT_ITERABLE: Final = "Attempting to map over non-iterable node."


async def read_json(source: Source, place: Json, pointer: str | None) -> AsyncIterator[Block]:
    """A place is (the kind of what is iterated, the offset of a part, whether others come before it).

    An object is iterated only where a pointer leads to it: one that is the whole document is refused (recorded).
    """
    if place is None:
        offset, pieces = await text_from(source, 0)
        cursor = Cursor(pieces, offset)
        kind, later = await _entered(cursor, pointer), False
    else:
        kind, offset, later = place
        cursor = Cursor(source.pieces(offset), offset)
    blocks = _elements(cursor, later) if kind == "[" else _members(cursor, later)
    async for block in blocks:
        yield block
    if not pointer and await cursor.peek():
        raise cursor.invalid("the document goes on after its end")


async def _entered(cursor: Cursor, pointer: str | None) -> str:
    """Go to what is iterated and into it."""
    for step in (pointer or "").split("/")[1:]:
        await _step(cursor, step.replace("~1", "/").replace("~0", "~"), str(pointer))
    kind = await cursor.peek()
    if kind != b"[" and (kind != b"{" or pointer is None):
        raise reader_failed(_NOT_ITERABLE)
    cursor.at += 1
    return kind.decode()


async def _step(cursor: Cursor, name: str, pointer: str) -> None:
    kind = await cursor.peek()
    nothing = reader_failed(f"The ItemsPointer '{pointer}' leads to nothing in the object.")
    if kind == b"[" and name.isdecimal() and name.isascii() and (name == "0" or name[0] != "0"):
        cursor.at += 1
        for _ in range(int(name)):
            if await cursor.peek() == b"]":
                raise nothing
            await cursor.skip()
            if await cursor.peek() != b",":
                raise nothing
            cursor.at += 1
        if await cursor.peek() == b"]":
            raise nothing
        return
    if kind != b"{":
        raise nothing
    cursor.at += 1
    while await cursor.peek() != b"}":
        key = await cursor.string()
        await cursor.take(b":")
        if key == name:
            return
        await cursor.skip()
        if await cursor.peek() == b",":
            cursor.at += 1
    raise nothing


async def _elements(cursor: Cursor, later: bool) -> AsyncIterator[Block]:
    """The elements of an array, decoded many at a time."""
    parts = Parts(cursor)
    while not parts.closed:
        await parts.find()
        place = ["[", cursor.place, later]
        text = cursor.buffer[cursor.at : parts.ends[-1]]
        _check_end(cursor, parts, b"]")
        values = _decoded(cursor, b"[" + text + b"]")
        if not values and (later or not parts.closed):
            raise cursor.invalid("a value expected")
        parts.passed()
        later = True
        yield Block(values=values, place=place)


async def _members(cursor: Cursor, later: bool) -> AsyncIterator[Block]:
    """The members of an object, one at a time, so that equal keys do not depend on how the object is cut."""
    parts = Parts(cursor)
    while not parts.closed:
        await parts.find()
        place = ["{", cursor.place, later]
        _check_end(cursor, parts, b"}")
        keys: list[str] = []
        values: list[Json] = []
        at = cursor.at
        for end in parts.ends:
            member: dict[str, Json] = _decoded(cursor, b"{" + cursor.buffer[at:end] + b"}")
            if not member and (later or keys or not parts.closed):
                raise cursor.invalid("a member expected")
            for key, value in member.items():
                keys.append(key)
                values.append(value)
            at = end + 1
        parts.passed()
        later = True
        yield Block(values=values, keys=keys, place=place)


def _check_end(cursor: Cursor, parts: Parts, closing: bytes) -> None:
    if parts.closed and cursor.buffer[parts.ends[-1] : parts.ends[-1] + 1] != closing:
        raise cursor.invalid(f"'{closing.decode()}' expected")


def _decoded(cursor: Cursor, text: bytes) -> Json:
    try:
        return loads(text)
    except InvalidJson as error:
        raise cursor.invalid(f"{error}, from there on") from None
