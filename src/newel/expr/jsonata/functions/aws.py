"""The functions that Step Functions adds to the language. Whole-number arguments are truncated."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, Final

from newel.expr.jsonata.errors import JsonataError
from newel.expr.jsonata.functions.strings import to_integer
from newel.expr.jsonata.runtime.state import Runtime
from newel.expr.jsonata.values import UNDEFINED

_ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
_MULTIPLIER: Final = 0x5DEECE66D
_MASK: Final = (1 << 48) - 1


def partition(runtime: Runtime, values: Any, size: Any) -> Any:
    """``$partition(array, size)``: the array in pieces of a size, the last one shorter.

    Raises:
        JsonataError: D3151 for a size below 1.
    """
    if values is UNDEFINED or size is UNDEFINED:
        return UNDEFINED
    length = to_integer(size)
    if length < 1:
        raise JsonataError("D3151", value=size)
    runtime.charge(len(values))
    return [list(values[at : at + length]) for at in range(0, len(values), length)]


def span(runtime: Runtime, start: Any, end: Any, step: Any) -> Any:
    """``$range(start, end, step)``: whole numbers from start to end, which is included when a step hits it.

    Raises:
        JsonataError: D3152 for a step of 0, D2015 for too many.
    """
    if UNDEFINED in (start, end, step):
        return UNDEFINED
    first, last, by = to_integer(start), to_integer(end), to_integer(step)
    if by == 0:
        raise JsonataError("D3152")
    numbers = range(first, last + (1 if by > 0 else -1), by)
    runtime.check_length(len(numbers))
    runtime.charge(len(numbers))
    return list(numbers)


def digest(_: Runtime, text: Any, algorithm: Any) -> Any:
    """``$hash(str, algorithm)``: the hash of the UTF-8 bytes in hexadecimal.

    Raises:
        JsonataError: D3153 for an unknown algorithm.
    """
    if text is UNDEFINED or algorithm is UNDEFINED:
        return UNDEFINED
    name = _ALGORITHMS.get(algorithm)
    if name is None:
        raise JsonataError("D3153", value=algorithm)
    return hashlib.new(name, text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def java_random(seed: int) -> float:
    """``new java.util.Random(seed).nextDouble()``, bit for bit."""
    state = (seed ^ _MULTIPLIER) & _MASK
    state = (state * _MULTIPLIER + 0xB) & _MASK
    high = state >> (48 - 26)
    state = (state * _MULTIPLIER + 0xB) & _MASK
    low = state >> (48 - 27)
    return float((high << 27) + low) * 2.0**-53


def random(runtime: Runtime, seed: Any = UNDEFINED) -> float:
    """``$random(seed)``: the same number for the same seed; without one, from the environment."""
    if seed is UNDEFINED:
        return runtime.needed("random").random()
    return java_random(0 if not math.isfinite(seed) else int(seed))


def uuid(runtime: Runtime) -> str:
    """``$uuid()``: a version 4 UUID from the environment."""
    return runtime.needed("uuid").uuid()


def parse(_: Runtime, text: Any) -> Any:
    """``$parse(str)``: a value from its JSON text.

    Raises:
        JsonataError: D3154.
    """
    if text is UNDEFINED:
        return UNDEFINED
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise JsonataError("D3154", message=str(error)) from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
