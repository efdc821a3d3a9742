"""Texts that many rows share, as numbers."""

from __future__ import annotations

import sqlite3
from typing import Final

from newel.store.sqlite.statements import JOURNAL

_CACHED_MAX: Final = 50_000


class Words:
    """The `word` table seen through one connection, with a cache. Words are never changed or removed."""

    __slots__ = ("_connection", "_groups", "_ids", "_texts")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._texts: dict[int, str] = {}
        self._groups: dict[tuple[str | None, ...], tuple[int, ...]] = {}

    def find(self, text: str) -> int | None:
        """The number of a text, None if no row ever used it."""
        number = self._ids.get(text)
        if number is None:
            row = self._connection.execute(JOURNAL["word_id"], (text,)).fetchone()
            if row is None:
                return None
            number = self._remember(text, row[0])
        return number

    def number(self, text: str) -> int:
        """The number of a text, given one now if it is new (in the open transaction)."""
        number = self._ids.get(text) or self.find(text)
        if number is None:
            number = self._connection.execute(JOURNAL["insert_word"], (text,)).lastrowid
            assert number is not None
            self._remember(text, number)
        return number

    def numbers(self, texts: tuple[str | None, ...]) -> tuple[int, ...]:
        """The numbers of texts that usually come together; None is 0."""
        numbers = self._groups.get(texts)
        if numbers is None:
            numbers = tuple(0 if text is None else self.number(text) for text in texts)
            if len(self._groups) >= _CACHED_MAX:
                self._groups.clear()
            self._groups[texts] = numbers
        return numbers

    def text(self, number: int) -> str:
        text = self._texts.get(number)
        if text is None:
            text = self._connection.execute(JOURNAL["word_text"], (number,)).fetchone()[0]
            self._remember(text, number)
        return text

    def forget(self) -> None:
        """Drop the cache: a rollback took back the words of its transaction."""
        self._ids.clear()
        self._groups.clear()
        self._texts.clear()

    def _remember(self, text: str, number: int) -> int:
        if len(self._ids) >= _CACHED_MAX:
            self.forget()
        self._ids[text] = number
        self._texts[number] = text
        return number
