"""Base64 and URL encoding."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.regexes import to_units
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_MARKS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
_RESERVED: Final = ";/?:@&=+$,#"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


def base64_encode(_: Runtime, text: Any) -> Any:
    """``$base64encode(str)``: of the low byte of each UTF-16 unit."""
    if text is UNDEFINED:
        return UNDEFINED
    return base64.b64encode(bytes(ord(unit) & 0xFF for unit in to_units(text))).decode("ascii")


def base64_decode(_: Runtime, text: Any) -> Any:
    """``$base64decode(str)``: each byte becomes a character; what isn't base64 is skipped."""
    if text is UNDEFINED:
        return UNDEFINED
    if not text.isascii():
        # Node goes by the low byte of each unit.
        text = "".join(chr(ord(unit) & 0xFF) for unit in to_units(text))
    digits = _NOT_BASE64.sub("", text.partition("=")[0].replace("-", "+").replace("_", "/"))
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode("latin-1")


def _encode(text: Any, safe: str, function: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        return "".join(
            character if character in safe else "".join(f"%{byte:02X}" for byte in character.encode())
            for character in text
        )
    except UnicodeEncodeError:
        raise JsonataError("D3140", value=text, functionName=function) from None


def _decode(text: Any, kept: str, function: str) -> Any:
    if text is UNDEFINED:
        return UNDEFINED

    def run(match: re.Match[str]) -> str:
        raw = bytes.fromhex(match.group().replace("%", ""))
        characters = raw.decode("utf-8")
        if not kept:
            return characters
        out, at = [], 0
        for character in characters:
            size = len(character.encode()) * 3
            out.append(match.group()[at : at + size] if character in kept else character)
            at += size
        return "".join(out)

    if _BAD_ESCAPE.search(text):
        raise JsonataError("D3140", value=text, functionName=function)
    try:
        return _ESCAPES.sub(run, text)
    except ValueError:
        raise JsonataError("D3140", value=text, functionName=function) from None


def encode_url_component(_: Runtime, text: Any) -> Any:
    """``$encodeUrlComponent(str)``."""
    return _encode(text, _MARKS, "encodeUrlComponent")


def encode_url(_: Runtime, text: Any) -> Any:
    """``$encodeUrl(str)``."""
    return _encode(text, _MARKS + _RESERVED, "encodeUrl")


def decode_url_component(_: Runtime, text: Any) -> Any:
    """``$decodeUrlComponent(str)``."""
    return _decode(text, "", "decodeUrlComponent")


def decode_url(_: Runtime, text: Any) -> Any:
    """``$decodeUrl(str)``."""
    return _decode(text, _RESERVED, "decodeUrl")
