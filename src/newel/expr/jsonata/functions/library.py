"""The table of functions: name, signature, implementation, and the parameters' names as jsonata-js has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from newel.expr.jsonata.functions import (
    arrays,
    datetime,
    datetime_parse,
    encoding,
    higher_order,
    integer_pictures,
    matching,
    number_format,
    numbers,
    objects,
    strings,
)
from newel.expr.jsonata.signature import parse_signature
from newel.expr.jsonata.values import Builtin

__all__ = ["LIBRARY", "define"]


def define(name: str, signature: str, impl: Callable[..., Any], params: str, arity: int | None = None) -> Builtin:
    """A function of the library."""
    return Builtin(name, impl, parse_signature(signature), params, arity)


_TABLE: Final[tuple[tuple[str, str, Callable[..., Any], str], ...]] = (
    ("sum", "<a<n>:n>", arrays.summed, "args"),
    ("count", "<a:n>", arrays.count, "args"),
    ("max", "<a<n>:n>", arrays.maximum, "args"),
    ("min", "<a<n>:n>", arrays.minimum, "args"),
    ("average", "<a<n>:n>", arrays.average, "args"),
    ("substring", "<s-nn?:s>", strings.substring, "str start length"),
    ("substringBefore", "<s-s:s>", strings.substring_before, "str chars"),
    ("substringAfter", "<s-s:s>", strings.substring_after, "str chars"),
    ("lowercase", "<s-:s>", strings.lowercase, "str"),
    ("uppercase", "<s-:s>", strings.uppercase, "str"),
    ("length", "<s-:n>", strings.length, "str"),
    ("trim", "<s-:s>", strings.trim, "str"),
    ("pad", "<s-ns?:s>", strings.pad, "str width char"),
    ("match", "<s-f<s:o>n?:a<o>>", matching.match, "str regex limit"),
    ("contains", "<s-(sf):b>", matching.contains, "str token"),
    ("replace", "<s-(sf)(sf)n?:s>", matching.replace, "str pattern replacement limit"),
    ("split", "<s-(sf)n?:a<s>>", matching.split, "str separator limit"),
    ("join", "<a<s>s?:s>", strings.join, "strs separator"),
    ("formatNumber", "<n-so?:s>", number_format.format_number, "value picture options"),
    ("formatBase", "<n-n?:s>", numbers.format_base, "value radix"),
    ("formatInteger", "<n-s:s>", integer_pictures.format_integer, "value picture"),
    ("parseInteger", "<s-s:n>", integer_pictures.parse_integer, "value picture"),
    ("number", "<(nsb)-:n>", numbers.number, "arg"),
    ("floor", "<n-:n>", numbers.floor, "arg"),
    ("ceil", "<n-:n>", numbers.ceil, "arg"),
    ("round", "<n-n?:n>", numbers.rounded, "arg precision"),
    ("abs", "<n-:n>", numbers.absolute, "arg"),
    ("sqrt", "<n-:n>", numbers.sqrt, "arg"),
    ("power", "<n-n:n>", numbers.power, "arg exp"),
    ("random", "<:n>", numbers.random, ""),
    ("boolean", "<x-:b>", objects.to_boolean, "arg"),
    ("not", "<x-:b>", objects.negation, "arg"),
    ("map", "<af>", higher_order.mapped, "arr func"),
    ("filter", "<af>", higher_order.filtered, "arr func"),
    ("single", "<af?>", higher_order.single, "arr func"),
    ("reduce", "<afj?:j>", higher_order.reduced, "sequence func init"),
    ("sift", "<o-f?:o>", objects.sift, "arg func"),
    ("keys", "<x-:a<s>>", objects.keys, "arg"),
    ("lookup", "<x-s:x>", objects.look_up, "input key"),
    ("append", "<xx:a>", arrays.append, "arg1 arg2"),
    ("exists", "<x:b>", objects.exists, "arg"),
    ("spread", "<x-:a<o>>", objects.spread, "arg"),
    ("merge", "<a<o>:o>", objects.merge, "arg"),
    ("reverse", "<a:a>", arrays.reverse, "arr"),
    ("each", "<o-f:a>", objects.each, "obj func"),
    ("error", "<s?:x>", objects.error, "message"),
    ("assert", "<bs?:x>", objects.check, "condition message"),
    ("type", "<x:s>", objects.type_of, "value"),
    ("sort", "<af?:a>", arrays.sort, "arr comparator"),
    ("shuffle", "<a:a>", arrays.shuffle, "arr"),
    ("distinct", "<x:x>", arrays.distinct, "arr"),
    ("base64encode", "<s-:s>", encoding.base64_encode, "str"),
    ("base64decode", "<s-:s>", encoding.base64_decode, "str"),
    ("encodeUrlComponent", "<s-:s>", encoding.encode_url_component, "str"),
    ("encodeUrl", "<s-:s>", encoding.encode_url, "str"),
    ("decodeUrlComponent", "<s-:s>", encoding.decode_url_component, "str"),
    ("decodeUrl", "<s-:s>", encoding.decode_url, "str"),
    ("toMillis", "<s-s?:n>", datetime_parse.to_millis, "timestamp picture"),
    ("fromMillis", "<n-s?s?:s>", datetime.from_millis, "millis picture timezone"),
    ("clone", "<(oa)-:o>", objects.clone, "arg"),
    ("now", "<s?s?:s>", datetime.now, "picture timezone"),
    ("millis", "<:n>", datetime.millis, ""),
)

#: What both dialects share.
LIBRARY: Final[dict[str, Builtin]] = {
    **{name: define(name, signature, impl, params) for name, signature, impl, params in _TABLE},
    # JavaScript counts the parameters before the first default or rest parameter.
    "string": Builtin("string", strings.string, parse_signature("<x-b?:s>"), "", 1),
    "zip": define("zip", "<a+>", arrays.zipped, "", 0),
}
LIBRARY["string"].params = ("arg", "prettify = false")
