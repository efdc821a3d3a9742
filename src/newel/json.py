"""The one JSON codec: integers of any size survive, text is compact, sizes are counted in UTF-8 bytes.

A `Payload` is a JSON document that travels as its text with the decoded value beside it. What a state passes on
unchanged keeps its text to the byte, as on AWS, and is neither decoded nor encoded again.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

#: Any JSON value: None, bool, int, float, str, list, dict with str keys.
Json = Any

_MISSING: Final = object()

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class InvalidJson(ValueError):  # noqa: N818  (reads as a noun beside StatesError)
    """Text that is not one JSON document; the message says where."""


def loads(text: str | bytes) -> Json:
    """Decode one JSON document. Raises `InvalidJson`."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidJson(str(error)) from None


def dumps(value: Json) -> str:
    """Encode to compact JSON text in insertion order. Raises `InvalidJson` for what is not JSON (NaN, surrogates)."""
    try:
        return _encoder.encode(value).decode()
    except (TypeError, ValueError, UnicodeError, RecursionError) as error:
        raise InvalidJson(str(error)) from None


def size_utf8(text: str) -> int:
    """Bytes of `text` in UTF-8, the unit of every payload limit of AWS."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Payload:
    """A JSON document as text and value; at least one is known, the other is made when first asked for.

    Values are immutable by convention: they are shared between states, variables and events.
    """

    __slots__ = ("_text", "_value")

    def __init__(self, text: str | None, value: Json = _MISSING) -> None:
        self._text = text
        self._value = value

    @classmethod
    def of(cls, value: Json) -> Payload:
        """A payload built or extracted by an expression; its text will be compact."""
        return cls(None, value)

    @property
    def text(self) -> str:
        text = self._text
        if text is None:
            text = self._text = dumps(self._value)
        return text

    @property
    def value(self) -> Json:
        value = self._value
        if value is _MISSING:
            value = self._value = loads(self._text)  # type: ignore[arg-type]
        return value

    def forget_value(self) -> None:
        """Keep the text alone (what a sleeping execution needs)."""
        _ = self.text
        self._value = _MISSING

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Payload) and (self is other or self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Payload({self.text!r})"
