"""The functions of `States.`, each over its evaluated arguments. A `ValueError` means the arguments are refused.

Numbers that should be integers are rounded as Java does (halves up). Limits are AWS's.
"""

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import Any, Final

from newel.expr.env import Environment
from newel.expr.java import INT_MAX, INT_MIN, Random, hash_order, round_half_up, to_string
from newel.json import InvalidJson, Json, dumps, loads
from newel.limits import ARRAY_RANGE_ITEMS_MAX, BASE64_CHARS_MAX, HASH_CHARS_MAX

_ALGORITHMS: Final[dict[str, Callable[[bytes], Any]]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False),
    "SHA-1": lambda data: hashlib.sha1(data, usedforsecurity=False),
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def format_text(template: Json, *values: Json) -> str:
    """`States.Format` with a template known only now; `pieces` splits it."""
    return fill(pieces(_text(template)), values)


def pieces(template: str) -> tuple[str, ...]:
    """The constant parts around each `{}`. A backslash makes the next `'`, `{`, `}` or backslash ordinary."""
    parts: list[str] = []
    part: list[str] = []
    position = 0
    while position < len(template):
        char = template[position]
        if char == "\\" and template[position + 1 : position + 2] in ("'", "{", "}", "\\"):
            part.append(template[position + 1])
            position += 2
        elif char == "{" and template.startswith("{}", position):
            parts.append("".join(part))
            part = []
            position += 2
        else:
            part.append(char)
            position += 1
    return (*parts, "".join(part))


def fill(parts: tuple[str, ...], values: tuple[Json, ...]) -> str:
    """Put the values, printed as Java does, between the parts of a template."""
    if len(values) != len(parts) - 1:
        raise ValueError("number of arguments do not match the occurrences of {}")
    out = [parts[0]]
    for value, part in zip(values, parts[1:], strict=True):
        out.append(value if type(value) is str else to_string(value))
        out.append(part)
    return "".join(out)


def string_to_json(text: Json) -> Json:
    """A blank text is null, as recorded from AWS."""
    text = _text(text)
    if not text.strip():
        return None
    try:
        return loads(text)
    except InvalidJson as error:
        raise ValueError(str(error)) from None


def json_to_string(value: Json) -> str:
    return dumps(value)


def array(*items: Json) -> list[Json]:
    return list(items)


def array_partition(items: Json, size: Json) -> list[Json]:
    items, size = _array(items), _integer(size)
    if size <= 0:
        raise ValueError("the size must be positive")
    return [items[start : start + size] for start in range(0, len(items), size)]


def array_contains(items: Json, value: Json) -> bool:
    return any(same(item, value) for item in _array(items))


def array_range(first: Json, last: Json, step: Json) -> list[int]:
    """Both ends included where the step lands on them."""
    first, last, step = _integer(first), _integer(last), _integer(step)
    if step == 0:
        raise ValueError("the step must not be zero")
    items = range(first, last + (1 if step > 0 else -1), step)
    if len(items) > ARRAY_RANGE_ITEMS_MAX:
        raise ValueError(f"more than {ARRAY_RANGE_ITEMS_MAX} elements")
    return list(items)


def array_get_item(items: Json, index: Json) -> Json:
    items, index = _array(items), _integer(index)
    if not 0 <= index < len(items):
        raise ValueError("the index is outside the array")
    return items[index]


def array_length(items: Json) -> int:
    return len(_array(items))


def array_unique(items: Json) -> list[Json]:
    """First occurrences, in order."""
    seen: set[str] = set()
    unique: list[Json] = []
    for item in _array(items):
        key = _identity(item)
        if key not in seen:
            seen.add(key)
            unique.append(item)
    return unique


def base64_encode(text: Json) -> str:
    return base64.b64encode(_bytes(_limited(text, BASE64_CHARS_MAX))).decode()


def base64_decode(text: Json) -> str:
    """Java's basic decoder: the alphabet of RFC 4648, padding optional."""
    text = _limited(text, BASE64_CHARS_MAX)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4) if "=" not in text else text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(str(error)) from None
    return data.decode("utf-8", "replace")


def hash_text(text: Json, algorithm: Json) -> str:
    text = _limited(text, HASH_CHARS_MAX)
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise ValueError("unknown algorithm")
    return str(_ALGORITHMS[algorithm](_bytes(text)).hexdigest())


def json_merge(first: Json, second: Json, deep: Json) -> Json:
    """Shallow only: AWS takes `false` alone for the third argument. Members come in the order of a hash map."""
    if not isinstance(first, dict) or not isinstance(second, dict) or deep is not False:
        raise ValueError("two objects and false are needed")
    merged = {**first, **second}
    return {key: merged[key] for key in hash_order(merged)}


def math_add(first: Json, second: Json) -> int:
    return _int32(_int32(_integer(first)) + _int32(_integer(second)))


def math_random(env: Environment, start: Json, end: Json, seed: Json = None) -> int:
    """An integer from `start` to `end` (excluded); AWS refuses an interval of one. A seed fixes the result."""
    first, last = _int32(_integer(start)), _int32(_integer(end))
    bound = last - first
    if not 1 < bound <= INT_MAX:
        raise ValueError("the interval is empty or too large")
    if seed is not None:
        return first + Random(_integer(seed)).next_int(bound)
    return first + min(int(env.random() * bound), bound - 1)


def string_split(text: Json, separators: Json) -> list[str]:
    """Every character of `separators` separates; empty parts are dropped."""
    text, separators = _text(text), _text(separators)
    if len(separators) > 1:
        table = {ord(char): separators[0] for char in separators}
        text = text.translate(table)
    if not separators:
        return [text] if text else []
    return [part for part in text.split(separators[0]) if part]


def uuid(env: Environment) -> str:
    return env.uuid()


def same(left: Json, right: Json) -> bool:
    """Equality of JSON values as Jackson has it: 1, 1.0 and true are three values."""
    return _identity(left) == _identity(right)


def _identity(value: Json) -> str:
    return dumps(_ordered(value))


def _ordered(value: Json) -> Json:
    """Objects with sorted keys, so equal objects have one text."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value)}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("a string is needed")  # noqa: TRY004  (one family for refused arguments)
    return value


def _limited(value: Json, chars_max: int) -> str:
    text = _text(value)
    if len(text) > chars_max:
        raise ValueError(f"more than {chars_max} characters")
    return text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _array(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise ValueError("an array is needed")  # noqa: TRY004
    return value


def _integer(value: Json) -> int:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError("a number is needed")  # noqa: TRY004
    return round_half_up(value)


def _int32(value: int) -> int:
    if not INT_MIN <= value <= INT_MAX:
        raise ValueError("outside the range of a 32-bit integer")
    return value
