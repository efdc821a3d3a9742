"""CSV: a row is an object of strings.

Rows (recorded, Developer Guide): a quote in a quoted field is doubled; a backslash escapes itself, a quote and the
delimiter, and is dropped before anything else; short rows are filled with "", what long rows have too much is left out,
empty lines are no rows. The members of an item stand in the order of a Java HashMap (recorded).
"""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from operator import itemgetter
from typing import Final

from newel.expr.java import hash_order
from newel.integrations.item_readers.blocks import ITEM_BYTES_MAX, Block, reader_failed, too_large
from newel.integrations.item_readers.source import Source, text_from
from newel.json import Json

#: A last line of our own: a row of its own if what stands before it was complete.
_END: Final = "\0end"
_UNLIMITED: Final = 2**31 - 1

# The module's own limit of 128 KiB for a field is the process's; ITEM_BYTES_MAX bounds rows here.
csv.field_size_limit(_UNLIMITED)


async def read_csv(
    source: Source, place: Json, *, delimiter: str, headers: Sequence[str] | None
) -> AsyncIterator[Block]:
    """A place is the offset of a row. `headers` None: the first row has them."""
    start = 0 if place is None else int(place)
    names = headers
    if names is None and start > 0:
        names = await _first_row(source, delimiter)
    to_item = None if names is None else _items_of(names)
    async for offset, rows in _rows(source, start, delimiter):
        if to_item is None:
            to_item, rows = _items_of(rows[0]), rows[1:]
        yield Block(values=[to_item(row) for row in rows], place=offset)


async def first_columns(source: Source) -> list[str]:
    """The first field of every row of a CSV file without headers."""
    return [row[0] async for _, rows in _rows(source, 0, ",") for row in rows]


async def _first_row(source: Source, delimiter: str) -> list[str]:
    async with aclosing(_rows(source, 0, delimiter)) as blocks:
        async for _, rows in blocks:
            return rows[0]
    return []


async def _rows(source: Source, start: int, delimiter: str) -> AsyncGenerator[tuple[int, list[list[str]]]]:
    """Rows in blocks, none of them empty, each with the offset at which reading it again gives the same."""
    place = start  # of the block; 0 stands before a byte order mark
    offset, pieces = await text_from(source, start)
    rest = b""
    wanted = 0  # a row that was found incomplete is looked at again when there is twice as much of it
    async for piece in pieces:
        rest += piece
        if len(rest) < wanted:
            continue
        cut = _line_end(rest)
        rows, used = _parsed(rest[:cut], delimiter, offset) if cut else ([], 0)
        if used:
            rest, wanted = rest[used:], 0
            offset += used
            if rows:
                yield place, rows
                place = offset
        elif len(rest) > ITEM_BYTES_MAX:
            raise too_large(f"The row at byte {offset}")
        else:
            wanted = min(2 * len(rest), ITEM_BYTES_MAX + 1)
    rows = [row for row in _reader(io.StringIO(_text(rest, offset), newline=""), delimiter, offset) if row]
    if rows:
        yield place, rows


def _line_end(text: bytes) -> int:
    """Where the last complete line ends; a carriage return at the very end may be half of a line's end."""
    return text.rfind(b"\n") + 1 or text.rfind(b"\r", 0, len(text) - 1) + 1


def _parsed(text: bytes, delimiter: str, offset: int) -> tuple[list[list[str]], int]:
    """The complete rows at the beginning of some lines, and how many bytes they take."""
    lines = io.StringIO(_text(text, offset) + _END, newline="")
    rows = list(_reader(lines, delimiter, offset))
    if rows[-1] == [_END]:
        return [row for row in rows[:-1] if row], len(text)
    complete = rows[:-1]
    if not complete:
        return [], 0
    reader = csv.reader(io.StringIO(lines.getvalue(), newline=""), delimiter=delimiter, escapechar="\\")
    for _ in complete:
        next(reader)
    lines.seek(0)
    used = sum(len(lines.readline().encode()) for _ in range(reader.line_num))
    return [row for row in complete if row], used


def _reader(lines: io.StringIO, delimiter: str, offset: int) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter, escapechar="\\"))
    except csv.Error as error:
        raise reader_failed(f"The rows from byte {offset} on are not valid CSV: {error}") from None


def _text(text: bytes, offset: int) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise reader_failed(f"The CSV file is not UTF-8 at byte {offset + error.start}.") from None


def _items_of(headers: Sequence[str]) -> Callable[[list[str]], dict[str, str]]:
    """Makes an item of a row."""
    if len(set(headers)) < len(headers):
        raise reader_failed("CSV headers cannot contain duplicates.")
    width = len(headers)
    names = hash_order(headers)
    columns = [headers.index(name) for name in names]
    pick: Callable[[list[str]], Iterable[str]] = itemgetter(*columns) if width > 1 else lambda row: row
    if columns == list(range(width)):
        pick = lambda row: row

    def item(row: list[str]) -> dict[str, str]:
        if len(row) < width:
            row += [""] * (width - len(row))
        return dict(zip(names, pick(row), strict=False))  # a long row is cut

    return item
