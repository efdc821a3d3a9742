"""A cursor over the text of a path; every complaint is a `PathSyntaxError` that names the position."""

from typing import NoReturn

from newel.expr.syntax import PathSyntaxError

_BLANKS = " \t\r\n"


class Scanner:
    """Text and a position. Nothing is consumed unless a method says so."""

    __slots__ = ("position", "text")

    def __init__(self, text: str, position: int = 0) -> None:
        self.text = text
        self.position = position

    @property
    def ended(self) -> bool:
        return self.position >= len(self.text)

    def peek(self, offset: int = 0) -> str:
        """The character at the cursor, empty at the end."""
        at = self.position + offset
        return self.text[at] if at < len(self.text) else ""

    def skip_blanks(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in _BLANKS:
            self.position += 1

    def take(self, token: str) -> bool:
        """Consume `token` if it is next."""
        if self.text.startswith(token, self.position):
            self.position += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        """Consume blanks and `token`, or fail."""
        self.skip_blanks()
        if not self.take(token):
            found = self.peek() or "the end"
            self.fail(f"expected '{token}' but found '{found}'")

    def take_until(self, stops: str) -> str:
        """Consume and return what stands before the first character of `stops` or the end."""
        start = self.position
        while self.position < len(self.text) and self.text[self.position] not in stops:
            self.position += 1
        return self.text[start : self.position]

    def take_quoted(self) -> str:
        """Consume a string in `'` or `"`. A backslash escapes the quote and itself; before others it stays (AWS)."""
        quote = self.peek()
        self.position += 1
        out: list[str] = []
        while not self.ended:
            char = self.text[self.position]
            if char == "\\" and self.peek(1) in (quote, "\\"):
                out.append(self.peek(1))
                self.position += 2
                continue
            self.position += 1
            if char == quote:
                return "".join(out)
            out.append(char)
        return self.fail("a string is not closed")

    def fail(self, detail: str) -> NoReturn:
        raise PathSyntaxError(f"Invalid JSONPath '{self.text}': {detail} at position {self.position}")
