"""The traces of AWS's implementation language that users can see in results and messages.

AWS runs Step Functions on the JVM: `States.Format` prints an object as `{a=1, b=[x, y]}`, rounding is
`Math.round`, and a seeded random number is that of `java.util.Random`. All of it is recorded from the service.
"""

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from newel.json import Json

INT_MIN: Final = -2_147_483_648
INT_MAX: Final = 2_147_483_647

_LCG_MULTIPLIER: Final = 0x5DEECE66D
_LCG_INCREMENT: Final = 0xB
_LCG_MASK: Final = (1 << 48) - 1


def to_string(value: Json) -> str:
    """`String.valueOf` of a JSON value: the text of a string itself, `{k=v}` for objects, `[a, b]` for arrays."""
    out: list[str] = []
    pending: list[Json] = [value]  # a loop, because data may be nested deeper than calls
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.append("}")
            for key, member in reversed(item.items()):
                pending.extend((member, f", {key}="))
            pending[-1] = "{" + pending[-1].removeprefix(", ") if item else "{}"
        elif isinstance(item, list):
            pending.append("]")
            for member in reversed(item):
                pending.extend((member, ", "))
            pending[-1] = "[" if item else "[]"
        else:
            out.append(_scalar_to_string(item))
    return "".join(out)


def _scalar_to_string(value: Json) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return double_to_string(value) if isinstance(value, float) else str(value)


def double_to_string(value: float) -> str:
    """`Double.toString`: plain digits from 10^-3 to 10^7, else a mantissa with one digit before the point and `E`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    parts = Decimal(repr(value)).normalize().as_tuple()
    digits = "".join(map(str, parts.digits))
    exponent = len(digits) - 1 + int(parts.exponent)
    return f"{'-' if parts.sign else ''}{digits[0]}.{digits[1:] or '0'}E{exponent}"


def round_half_up(value: float) -> int:
    """`Math.round`: the nearest integer, halves towards positive infinity (-1.5 gives -1)."""
    return value if isinstance(value, int) else math.floor(value + 0.5)


class Random:
    """`java.util.Random`: the 48-bit linear congruential generator of the Java specification."""

    __slots__ = ("_seed",)

    def __init__(self, seed: int) -> None:
        self._seed = (seed ^ _LCG_MULTIPLIER) & _LCG_MASK

    def next_bits(self, bits: int) -> int:
        """The next `bits` pseudo-random bits as a signed 32-bit integer."""
        self._seed = (self._seed * _LCG_MULTIPLIER + _LCG_INCREMENT) & _LCG_MASK
        value = self._seed >> (48 - bits)
        return value - (1 << 32) if value >= 1 << 31 else value

    def next_int(self, bound: int) -> int:
        """A uniform integer in [0, bound); bound is 1 to 2^31-1."""
        if bound & -bound == bound:
            return (bound * self.next_bits(31)) >> 31
        while True:
            bits = self.next_bits(31)
            value = bits % bound
            if bits - value + (bound - 1) <= INT_MAX:
                return value

    def next_double(self) -> float:
        """A uniform float in [0, 1)."""
        return float(((self.next_bits(26) << 27) + self.next_bits(27)) * 2.0**-53)


def hash_order(keys: Iterable[str]) -> list[str]:
    """The keys in the order in which a `HashMap` holding them lists them (collisions in order of insertion)."""
    distinct = list(dict.fromkeys(keys))
    buckets = 16
    while len(distinct) > buckets * 3 // 4:
        buckets *= 2
    return sorted(distinct, key=lambda key: _spread(key) & (buckets - 1))


def _spread(text: str) -> int:
    """`String.hashCode`, with its upper half folded in as HashMap does."""
    units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    code = 0
    for unit in units:
        code = (31 * code + unit) & 0xFFFFFFFF
    return code ^ (code >> 16)


def less(left: str, right: str) -> bool:
    """`left.compareTo(right) < 0`: order by UTF-16 code unit, which differs from code points above U+FFFF."""
    if left.isascii() and right.isascii():
        return left < right
    return left.encode("utf-16-be", "surrogatepass") < right.encode("utf-16-be", "surrogatepass")
