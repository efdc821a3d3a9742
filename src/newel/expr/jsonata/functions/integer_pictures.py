"""Pictures of whole numbers: digits with grouping, letters, roman numerals, words. Shared by numbers and dates."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.number_format import regular_interval
from newel.expr.jsonata.numbers import SAFE, normal, number_text, to_double
from newel.expr.jsonata.regexes import to_units
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_FEW: Final = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
]
_ORDINALS: Final = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
]
_DECADES: Final = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety", "Hundred"]
_MAGNITUDES: Final = ["Thousand", "Million", "Billion", "Trillion"]
_ROMAN: Final = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ROMAN_VALUES: Final = {"M": 1000, "D": 500, "C": 100, "L": 50, "X": 10, "V": 5, "I": 1}
#: The zeros of Unicode's families of decimal digits.
_ZEROS: Final = (
    0x30, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
    0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
)  # fmt: skip
_LEADING_INT: Final = re.compile(r"\s*[-+]?\d+")
_WORD_SEPARATOR: Final = re.compile(r",\s|\sand\s|[\s\\-]")
_ROMAN_MAX: Final = 10_000_000
_WIDTH_MAX: Final = 1_000_000


@dataclass(slots=True)
class IntegerFormat:
    """``primary`` is decimal, letters, roman, words or sequence; ``case`` is lower, upper or title."""

    primary: str = "decimal"
    case: str = "lower"
    ordinal: bool = False
    zero: int = 0x30
    mandatory: int = 0
    optional: int = 0
    #: The interval of a regular grouping, or 0; and the separators with their distance from the right.
    regular: int = 0
    separators: list[tuple[int, str]] = field(default_factory=list)
    token: str = ""
    parse_width: int = 0


_NAMED: Final = {
    "A": ("letters", "upper"),
    "a": ("letters", "lower"),
    "I": ("roman", "upper"),
    "i": ("roman", "lower"),
    "W": ("words", "upper"),
    "Ww": ("words", "title"),
    "w": ("words", "lower"),
}


def analyse_integer(picture: str) -> IntegerFormat:
    """The format a picture stands for.

    Raises:
        JsonataError: D3131 for digits of different families.
    """
    primary, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        primary, modifier = picture, ""
    result = IntegerFormat(ordinal=modifier.startswith("o"))
    if primary in _NAMED:
        result.primary, result.case = _NAMED[primary]
        return result
    zeros: set[int] = set()
    position = 0
    for character in reversed(primary):
        zero = _zero_of(ord(character))
        if zero is not None:
            zeros.add(zero)
            result.mandatory += 1
            position += 1
            if len(zeros) > 1:
                raise JsonataError("D3131")
        elif character == "#":
            result.optional += 1
            position += 1
        else:
            result.separators.append((position, character))
    if not zeros:
        result.primary, result.token = "sequence", primary
        return result
    result.zero = zeros.pop()
    if len({character for _, character in result.separators}) == 1:
        result.regular = regular_interval([position for position, _ in result.separators])
    return result


def _zero_of(code: int) -> int | None:
    return next((zero for zero in _ZEROS if zero <= code <= zero + 9), None)


def format_whole(value: Any, picture: IntegerFormat) -> str:
    """A whole number by its format.

    Raises:
        JsonataError: D3130 for a numbering sequence.
    """
    negative = value < 0
    value = abs(value)
    if not math.isfinite(value) and picture.primary in ("letters", "roman", "words"):
        raise JsonataError("", message="Maximum call stack size exceeded")
    if picture.primary == "letters":
        text = _letters(value, "A" if picture.case == "upper" else "a")
    elif picture.primary == "roman":
        text = _roman(value)
        text = text.upper() if picture.case == "upper" else text
    elif picture.primary == "words":
        text = _in_words(to_double(value) if value > SAFE else value, picture.ordinal)
        text = {"upper": text.upper(), "lower": text.lower()}.get(picture.case, text)
    elif picture.primary == "decimal":
        text = _decimal(value, picture)
    else:
        raise JsonataError("D3130", value=picture.token)
    return f"-{text}" if negative else text


def _decimal(value: Any, picture: IntegerFormat) -> str:
    if picture.mandatory > _WIDTH_MAX:
        raise JsonataError("D2016", value=_WIDTH_MAX)
    text = number_text(value).rjust(picture.mandatory, "0")
    if picture.zero != 0x30:
        text = "".join(chr(ord(digit) + picture.zero - 0x30) for digit in text)
    if picture.regular:
        character = picture.separators[0][1]
        for number in range((len(text) - 1) // picture.regular, 0, -1):
            at = len(text) - number * picture.regular
            text = text[:at] + character + text[at:]
    else:
        # JavaScript reverses the list in place, so each use of one picture turns it round.
        for position, character in reversed(picture.separators):
            at = len(text) - position
            text = text[:at] + character + text[at:] if at >= 0 else character + text
    if picture.ordinal:
        suffix = {"1": "st", "2": "nd", "3": "rd"}.get(text[-1:], "th")
        text += "th" if text[-2:-1] == "1" else suffix
    return text


def _letters(value: Any, first: str) -> str:
    letters = []
    while value > 0:
        letters.append(chr(int(math.fmod(value - 1, 26)) + ord(first)))
        value = math.floor((value - 1) / 26)
    return "".join(reversed(letters))


def _roman(value: Any) -> str:
    if value > _ROMAN_MAX:
        raise JsonataError("D1011")
    out = []
    for amount, numeral in _ROMAN:
        times, value = divmod(value, amount)
        out.append(numeral * int(times))
    return "".join(out)


def _in_words(value: Any, ordinal: bool) -> str:
    return _words(value, follows=False, ordinal=ordinal)


def _words(number: Any, *, follows: bool, ordinal: bool) -> str:
    if number <= 19:
        return (" and " if follows else "") + (_ORDINALS if ordinal else _FEW)[int(number)]
    if number < 100:
        tens, rest = divmod(int(number), 10)
        words = (" and " if follows else "") + _DECADES[tens - 2]
        if rest:
            return f"{words}-{_words(rest, follows=False, ordinal=ordinal)}"
        return words[:-1] + "ieth" if ordinal else words
    if number < 1000:
        hundreds, rest = divmod(int(number), 100)
        words = (", " if follows else "") + _FEW[hundreds] + " Hundred"
    else:
        magnitude = min(math.floor(math.log10(number) / 3), len(_MAGNITUDES))
        factor = 10 ** (magnitude * 3)
        amount = math.floor(number / factor)
        rest = number - to_double(amount) * factor
        words = (
            (", " if follows else "") + _words(amount, follows=False, ordinal=False) + " " + _MAGNITUDES[magnitude - 1]
        )
    if rest > 0:
        return words + _words(rest, follows=True, ordinal=ordinal)
    return words + ("th" if ordinal else "")


def _word_values() -> dict[str, int]:
    values: dict[str, int] = {}
    for words in (_FEW, _ORDINALS):
        values.update({word.lower(): number for number, word in enumerate(words)})
    for number, word in enumerate(_DECADES):
        values[word.lower()] = (number + 2) * 10
        values[word.lower()[:-1] + "ieth"] = (number + 2) * 10
    values["hundredth"] = 100
    for number, word in enumerate(_MAGNITUDES):
        values[word.lower()] = values[word.lower() + "th"] = 10 ** ((number + 1) * 3)
    return values


WORD_VALUES: Final = _word_values()


def parse_words(text: str) -> Any:
    """The number that words stand for; NaN when one of them isn't a number."""
    segments: list[Any] = [0]
    for part in _WORD_SEPARATOR.split(text):
        value = WORD_VALUES.get(part)
        if value is None:
            segments[-1] = math.nan
        elif value < 100:
            top = segments.pop()
            if top >= 1000:
                segments.append(top)
                top = 0
            segments.append(top + value)
        else:
            segments[-1] *= value
    return normal(to_double(sum(segments)))


def parse_roman(text: str) -> Any:
    """The number a roman numeral stands for; NaN for other letters."""
    total, most = 0, 1
    for letter in reversed(text):
        value = _ROMAN_VALUES.get(letter)
        if value is None:
            return math.nan
        if value < most:
            total -= value
        else:
            most = value
            total += value
    return total


def parse_letters(text: str, first: str) -> Any:
    """The number letters stand for (a, b, ... z, aa)."""
    total = 0.0
    for place, letter in enumerate(reversed(to_units(text))):
        total += (ord(letter) - ord(first) + 1) * 26.0**place
    return normal(total)


def parse_digits(text: str, picture: IntegerFormat) -> Any:
    """The number digits stand for, separators and ordinal suffix taken off; NaN when there are none."""
    digits = text[:-2] if picture.ordinal else text
    for character in [","] if picture.regular else [character for _, character in picture.separators]:
        digits = digits.replace(character, "")
    if picture.zero != 0x30:
        shifted = [ord(character) - picture.zero + 0x30 for character in digits]
        if any(code < 0 for code in shifted):
            raise JsonataError("", message="Invalid code point")
        digits = "".join(map(chr, shifted))
    return parse_int(digits)


def parse_int(text: str) -> Any:
    """``parseInt``; NaN without leading digits."""
    hexadecimal = re.match(r"\s*[-+]?0[xX][0-9a-fA-F]+", text)
    if hexadecimal:
        return normal(to_double(int(hexadecimal.group().strip(), 16)))
    if re.match(r"\s*[-+]?0[xX]", text):
        return math.nan
    found = _LEADING_INT.match(text)
    return normal(to_double(int(found.group()))) if found else math.nan


def parse_whole(text: str, picture: IntegerFormat) -> Any:
    """A whole number read by its format.

    Raises:
        JsonataError: D3130 for a numbering sequence.
    """
    upper = picture.case == "upper"
    if picture.primary == "letters":
        return parse_letters(text, "A" if upper else "a")
    if picture.primary == "roman":
        return parse_roman(text if upper else text.upper())
    if picture.primary == "words":
        return parse_words(text.lower())
    if picture.primary == "decimal":
        return parse_digits(text, picture)
    raise JsonataError("D3130", value=picture.token)


def format_integer(_: Runtime, value: Any, picture: Any) -> Any:
    """``$formatInteger(number, picture)``."""
    if value is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        raise JsonataError("", message="Cannot read properties of undefined (reading 'lastIndexOf')")
    whole = math.floor(value) if math.isfinite(value) else value
    return format_whole(normal(to_double(whole)), analyse_integer(picture))


def parse_integer(_: Runtime, text: Any, picture: Any) -> Any:
    """``$parseInteger(string, picture)``."""
    if text is UNDEFINED:
        return UNDEFINED
    if picture is UNDEFINED:
        raise JsonataError("", message="Cannot read properties of undefined (reading 'lastIndexOf')")
    return parse_whole(text, analyse_integer(picture))
