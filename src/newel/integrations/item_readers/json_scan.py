"""Finds the parts of a JSON document that arrives in pieces, without decoding more than one part at a time.

Brackets and strings are followed by regular expressions in C; what they enclose is left to the decoder.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from newel.integrations.item_readers.blocks import ITEM_BYTES_MAX, reader_failed, too_large
from newel.json import InvalidJson, loads

_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT: Final = rb'[^{}\[\]"]*+(?:' + _STRING + rb'[^{}\[\]"]*+)*+'
# Groups: 1 a string, or an object or array without others inside; 2 comma; 3 close; 4 open; 5 a string that is cut off.
_TOKEN: Final = re.compile(
    rb"(\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\]|" + _STRING + rb')|(,)|([}\]])|([{\[])|(")', re.DOTALL
)
_ONE_STRING: Final = re.compile(_STRING, re.DOTALL)
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_COMMA, _CLOSE, _OPEN, _CUT_OFF = 2, 3, 4, 5


class Cursor:
    """A place in a document. `offset` is that of `buffer[0]`, `at` the place in the buffer."""

    def __init__(self, pieces: AsyncIterator[bytes], offset: int) -> None:
        self._pieces = pieces
        self.offset = offset
        self.buffer = b""
        self.at = 0

    @property
    def place(self) -> int:
        """The offset in the document."""
        return self.offset + self.at

    async def more(self) -> bool:
        """Forget what is passed and get another piece; False at the end."""
        piece = await anext(self._pieces, None)
        if piece is None:
            return False
        kept = self.buffer[self.at :]
        if len(kept) > ITEM_BYTES_MAX:
            raise too_large(f"The value at byte {self.place}")
        self.offset += self.at
        self.at = 0
        self.buffer = kept + piece
        return True

    async def peek(self) -> bytes:
        """The next byte that is no white space; empty at the end."""
        while True:
            found = _SPACE.match(self.buffer, self.at)
            assert found is not None
            self.at = found.end()
            if self.at < len(self.buffer):
                return self.buffer[self.at : self.at + 1]
            if not await self.more():
                return b""

    async def take(self, wanted: bytes) -> None:
        """Pass one byte, which must be that one."""
        if await self.peek() != wanted:
            raise self.invalid(f"'{wanted.decode()}' expected")
        self.at += 1

    async def string(self) -> str:
        """Pass a string."""
        if await self.peek() != b'"':
            raise self.invalid("a string expected")
        while (found := _ONE_STRING.match(self.buffer, self.at)) is None:
            if not await self.more():
                raise self.invalid("the document ends in a string")
        try:
            text: str = loads(found.group())
        except InvalidJson as error:
            raise self.invalid(str(error)) from None
        self.at = found.end()
        return text

    async def skip(self) -> None:
        """Pass a value of any size."""
        depth = 0
        if await self.peek() not in (b"{", b"[", b'"'):
            await self._skip_scalar()
            return
        while True:
            found = _TOKEN.search(self.buffer, self.at)
            if found is None or found.lastindex == _CUT_OFF:
                self.at = len(self.buffer) if found is None else found.start()
                if not await self.more():
                    raise self.invalid("the document ends in a value")
                continue
            self.at = found.end()
            depth += (found.lastindex == _OPEN) - (found.lastindex == _CLOSE)
            if depth == 0 and found.lastindex != _COMMA:
                return

    async def _skip_scalar(self) -> None:
        while (found := _DELIMITER.search(self.buffer, self.at)) is None:
            self.at = len(self.buffer)
            if not await self.more():
                return
        self.at = found.start()

    def invalid(self, message: str) -> Exception:
        """`States.ItemReaderFailed` for a document that is no JSON."""
        return reader_failed(f"The object is not valid JSON: {message} (byte {self.place})")


_DELIMITER: Final = re.compile(rb"[,}\] \t\r\n]")


class Parts:
    """The elements of an array or the members of an object, told apart by the commas between them.

    After `find`, `ends` are the places in the buffer of the commas behind complete parts, the first of which begins at
    the cursor; `closed` is true when the last of `ends` is the closing bracket.
    """

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._depth = 0
        self._scanned = 0  # from the cursor on
        self.ends: list[int] = []
        self.closed = False

    async def find(self) -> None:
        """Read on until at least one part is complete. Raises `StatesError` where the document ends too early."""
        while True:
            self._scan()
            if self.ends:
                return
            if not await self._cursor.more():
                raise self._cursor.invalid("the document ends too early")

    def passed(self) -> None:
        """The parts found are done with: the cursor goes on behind the last."""
        end = self.ends[-1] + 1
        self._scanned -= end - self._cursor.at
        self._cursor.at = end
        self.ends = []

    def _scan(self) -> None:
        buffer, at, depth = self._cursor.buffer, self._cursor.at + self._scanned, self._depth
        ends = self.ends
        for found in _TOKEN.finditer(buffer, at):
            kind = found.lastindex
            if kind == _COMMA:
                if depth == 0:
                    ends.append(found.start())
            elif kind == _OPEN:
                depth += 1
            elif kind == _CLOSE:
                depth -= 1
                if depth < 0:
                    ends.append(found.start())
                    self.closed = True
                    return
            elif kind == _CUT_OFF:
                at = found.start()
                break
            at = found.end()
        else:
            at = len(buffer)
        self._depth = depth
        self._scanned = at - self._cursor.at
