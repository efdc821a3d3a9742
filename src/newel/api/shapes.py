"""The constraints of every operation's input, compiled from the facts in `shapes.json` and `events_shapes.json`.

A request that fits is recognised by one predicate per member and passed on as it came. Only one that does not is
examined again, to say in AWS's words what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

from newel.errors import ServiceError, ValidationError
from newel.json import size_utf8

#: Strings whose limit AWS counts in UTF-8 bytes.
_BYTES: Final = frozenset({"SensitiveData", "SensitiveDataJobInput", "SensitiveError", "SensitiveCause"})
_INTEGERS: Final = ("integer", "long")
#: Patterns of the model that take exponential time to fail (a space fits two of their parts), and what says the same.
_LINEAR: Final = {
    r"^[ \t]*[^\x00-\x1F:\x7F]+([ \t]+[^\x00-\x1F:\x7F]+)*[ \t]*$": r"\t*[^\x00-\x1F:\x7F][^\x00-\x08\x0A-\x1F:\x7F]*",
    r"^[ \t]*[\x20-\x7E]+([ \t]+[\x20-\x7E]+)*[ \t]*$": r"\t*[\x20-\x7E][\t\x20-\x7E]*",
}

Predicate = Callable[[Any], bool]


class Shape(msgspec.Struct, frozen=True):
    """One shape of the service model; `member` is a list's."""

    type: str
    required: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    pattern: str | None = None
    enum: tuple[str, ...] = ()
    sensitive: bool = False
    members: dict[str, str] = {}
    member: str = ""


class Model(msgspec.Struct, frozen=True):
    """A service's inputs. In its messages members begin with a small letter, whatever the model's spelling."""

    operations: dict[str, str]
    shapes: dict[str, Shape]


def _model(file: str) -> Model:
    return msgspec.json.decode(files(__package__).joinpath(file).read_bytes(), type=Model)


STATES: Final = _model("shapes.json")
#: The operations of EventBridge that are performed here.
EVENTS: Final = _model("events_shapes.json")
#: The names of all operations of Step Functions.
OPERATION_NAMES: Final = tuple(STATES.operations)


def checker(operation: str, model: Model = STATES) -> Callable[[Any], Mapping[str, Any]]:
    """A function that gives back an operation's decoded input, or refuses it.

    Members that are null or not in the model are as good as absent. Raises SerializationException for a wrong JSON
    type and ValidationException, naming every violation, for a value out of bounds.
    """
    name = model.operations[operation]
    shape = model.shapes[name]
    members = {key: _predicate(model, member) for key, member in shape.members.items()}
    required = shape.required

    def check(value: Any) -> Mapping[str, Any]:
        if type(value) is dict:
            for key in required:
                if key not in value:
                    return _examined(model, name, value)
            for key, member in value.items():
                fits = members.get(key)
                if fits is None or not fits(member):
                    return _examined(model, name, value)
            return value
        return _examined(model, name, value)

    return check


# --- the fast way: does it fit?


def _predicate(model: Model, name: str) -> Predicate:
    shape = model.shapes[name]
    if shape.type == "structure":
        return _structure_fits(model, shape)
    if shape.type == "list":
        return _list_fits(model, shape)
    if shape.type == "string":
        return _string_fits(name, shape)
    if shape.type == "boolean":
        return lambda value: value is True or value is False
    return _number_fits(shape)


def _structure_fits(model: Model, shape: Shape) -> Predicate:
    members = {key: _predicate(model, member) for key, member in shape.members.items()}
    required = shape.required

    def fits(value: Any) -> bool:
        return (
            type(value) is dict
            and all(key in value for key in required)
            and all(key in members and members[key](member) for key, member in value.items())
        )

    return fits


def _list_fits(model: Model, shape: Shape) -> Predicate:
    item = _predicate(model, shape.member)
    low, high = shape.min or 0, _bound(shape.max)
    return lambda value: type(value) is list and low <= len(value) <= high and all(map(item, value))


def _string_fits(name: str, shape: Shape) -> Predicate:
    if shape.enum:
        allowed = frozenset(shape.enum)
        return lambda value: type(value) is str and value in allowed
    low, high = shape.min or 0, _bound(shape.max)
    if shape.pattern is not None:
        matches = _pattern(shape.pattern).fullmatch
        return lambda value: type(value) is str and low <= len(value) <= high and matches(value) is not None
    if name in _BYTES:
        return lambda value: type(value) is str and low <= size_utf8(value) <= high
    return lambda value: type(value) is str and low <= len(value) <= high


def _number_fits(shape: Shape) -> Predicate:
    low = float("-inf") if shape.min is None else shape.min
    high = _bound(shape.max)
    if shape.type in _INTEGERS:
        return lambda value: type(value) is int and low <= value <= high
    return lambda value: type(value) in (int, float) and low <= value <= high


def _bound(value: float | None) -> float:
    return float("inf") if value is None else value


def _pattern(text: str) -> re.Pattern[str]:
    """A pattern of the model, written for Java."""
    return re.compile(_LINEAR.get(text, text).replace(r"\p{ASCII}", r"[\x00-\x7f]"))


# --- the slow way: what is wrong?


def _examined(model: Model, name: str, value: Any) -> Mapping[str, Any]:
    found: list[str] = []
    request: Mapping[str, Any] = _examine(model, name, value, "", found)
    if found:
        count = f"{len(found)} validation error{'s' if len(found) > 1 else ''} detected: "
        raise ValidationError(count + "; ".join(found))
    return request


def _examine(model: Model, name: str, value: Any, path: str, found: list[str]) -> Any:
    """The value with nulls and unknown members dropped; constraint violations are added to `found`."""
    shape = model.shapes[name]
    if shape.type == "structure":
        return _examine_structure(model, shape, value, path, found)
    if shape.type == "list":
        return _examine_list(model, name, shape, value, path, found)
    value = _typed(shape, value)
    found.extend(_violations(name, shape, value, path))
    return value


def _examine_structure(model: Model, shape: Shape, value: Any, path: str, found: list[str]) -> dict[str, Any]:
    if type(value) is not dict:
        raise _cannot_be(value, "a Structure")
    prefix = f"{path}." if path else ""
    kept: dict[str, Any] = {}
    for key, member in shape.members.items():
        place = prefix + key[:1].lower() + key[1:]
        given = value.get(key)
        if given is not None:
            kept[key] = _examine(model, member, given, place, found)
        elif key in shape.required:
            found.append(_complaint("Value null", place, "Member must not be null"))
    return kept


def _examine_list(model: Model, name: str, shape: Shape, value: Any, path: str, found: list[str]) -> list[Any]:
    if type(value) is not list:
        raise _cannot_be(value, "a List")
    found.extend(_violations(name, shape, value, path))
    kept = []
    for number, item in enumerate(value, 1):
        place = f"{path}.{number}.member"
        if item is None:
            found.append(_complaint("Value null", place, "Member must not be null"))
        else:
            kept.append(_examine(model, shape.member, item, place, found))
    return kept


def _typed(shape: Shape, value: Any) -> Any:
    """A scalar of the right JSON type; a whole float passes for an integer. Raises SerializationException."""
    if shape.type == "string" and type(value) is str:
        return value
    if shape.type == "boolean" and type(value) is bool:
        return value
    if shape.type in _INTEGERS and type(value) is float and value.is_integer():
        return int(value)
    if shape.type in _INTEGERS and type(value) is int:
        return value
    if shape.type in ("float", "double") and type(value) in (int, float):
        return value
    raise _cannot_be(value, {"integer": "an Integer"}.get(shape.type, f"a {shape.type.title()}"))


def _cannot_be(value: Any, what: str) -> ServiceError:
    kind = {str: "STRING_VALUE", bool: "TRUE_VALUE" if value is True else "FALSE_VALUE", type(None): "NULL_VALUE"}
    kind |= {int: "NUMBER_VALUE", float: "DECIMAL_VALUE", dict: "START_OBJECT", list: "START_ARRAY"}
    return ServiceError("SerializationException", f"{kind[type(value)]} can not be converted to {what}")


def _violations(name: str, shape: Shape, value: Any, path: str) -> list[str]:
    subject = "Value" if shape.sensitive else f"Value '{_shown(value)}'"
    return [_complaint(subject, path, rule) for rule in _broken_rules(name, shape, value)]


def _complaint(subject: str, path: str, rule: str) -> str:
    return f"{subject} at '{path}' failed to satisfy constraint: {rule}"


def _broken_rules(name: str, shape: Shape, value: Any) -> list[str]:
    measured = type(value) in (str, list)
    noun = "length" if measured else "value"
    size = (size_utf8(value) if name in _BYTES else len(value)) if measured else value
    rules = []
    if shape.pattern is not None and not _pattern(shape.pattern).fullmatch(value):
        rules.append(f"Member must satisfy regular expression pattern: {shape.pattern}")
    if shape.max is not None and size > shape.max:
        rules.append(f"Member must have {noun} less than or equal to {shape.max:g}")
    if shape.min is not None and size < shape.min:
        rules.append(f"Member must have {noun} greater than or equal to {shape.min:g}")
    if shape.enum and value not in shape.enum:
        rules.append(f"Member must satisfy enum value set: [{', '.join(_java_order(shape.enum))}]")
    return rules


def _shown(value: Any) -> str:
    """A value as Java's toString would print it."""
    if type(value) is bool:
        return str(value).lower()
    if type(value) is list:
        return f"[{', '.join(map(_shown, value))}]"
    if type(value) is dict:
        return "{" + ", ".join(f"{key}={_shown(member)}" for key, member in value.items()) + "}"
    return str(value)


def _java_order(words: tuple[str, ...]) -> list[str]:
    """The order in which AWS lists an enumeration: that of a Java hash table with 32 buckets, later entries first."""

    def bucket(word: str) -> int:
        code = 0
        for char in word:
            code = (code * 31 + ord(char)) & 31
        return code

    return sorted(words, key=lambda word: (bucket(word), -words.index(word)))
